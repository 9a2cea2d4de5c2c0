/* `simulate`: the chip's timeline, as JSON and as a table. */
#include <stdio.h>
#include <string.h>

#include "simulate.h"
#include "vitcod/functional.h"

static vc_status add_run(json_t *result, const vc_simulation *s, const vc_simulation_options *how,
                         const char *name)
{
    vc_chip_result r;
    VC_TRY(vc_simulation_run(&r, s, how));
    json_object_set_new(result, name, vc_chip_result_json(&r, &s->chip->chip, &s->chip->energy));
    vc_chip_result_close(&r);
    return VC_OK;
}

static vc_status run_attention(json_t *result, const vc_simulation *s,
                               const vc_simulation_options *how, const vc_functional *data)
{
    vc_functional_counts n;
    VC_TRY(add_run(result, s, how, "attention"));
    if (!how->values)
        return VC_OK;
    VC_TRY(vc_functional_check(&n, data, &s->workload, s->plan));
    json_object_set_new(result, "functional",
                        json_pack("{s:b, s:I, s:I}", "bit_exact", 1, "values", (json_int_t)n.values,
                                  "layers", (json_int_t)n.layers));
    return VC_OK;
}

/* Traces are of all that runs. */
static vc_status run_all(json_t *result, const vc_simulation *s, const cli_simulate_options *o,
                         int end_to_end)
{
    vc_functional data = {0};
    if (o->functional)
        VC_TRY(vc_functional_open(&data, &s->workload, o->seed));
    const vc_simulation_options attention = {.attention_only = 1,
                                             .values = data.values,
                                             .trace = end_to_end ? NULL : o->trace,
                                             .dram_trace = end_to_end ? NULL : o->dram_trace},
                                all = {.trace = o->trace, .dram_trace = o->dram_trace};
    vc_status status = run_attention(result, s, &attention, &data);
    vc_functional_close(&data);
    if (status == VC_OK && end_to_end)
        status = add_run(result, s, &all, "end_to_end");
    return status;
}

vc_status cli_simulate_chip(json_t *result, const vc_simulation *s, const cli_simulate_options *o,
                            int end_to_end)
{
    const vc_accelerator *chip = s->chip;
    VC_TRY(run_all(result, s, o, end_to_end));
    const json_t *whole = json_object_get(result, end_to_end ? "end_to_end" : "attention");
    json_object_set(result, "energy_uj", json_object_get(whole, "energy_uj"));
    json_object_set_new(result, "area_mm2",
                        json_real(vc_chip_area_mm2(&chip->chip, &chip->energy)));
    json_object_set_new(result, "accelerator", vc_accelerator_json(chip));
    if (chip->chip.kind->bound) { /* rivals do other work */
        const vc_bound_config config = vc_accelerator_bound_config(chip);
        json_t *bound = json_object();
        if (cli_simulate_bound(bound, &s->workload, &config, end_to_end) == VC_OK)
            json_object_set(result, "bound", bound);
        json_decref(bound);
    }
    return VC_OK;
}

/* ---- text */

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void print_operators(const json_t *run)
{
    size_t i;
    json_t *op;
    printf("  %-12s %12s %7s %9s %12s\n", "", "cycles", "share", "MACs used", "DRAM bytes");
    json_array_foreach (json_object_get(run, "operators"), i, op)
        printf("  %-12s %12.0f %6.1f%% %8.1f%% %12.0f\n",
               json_string_value(json_object_get(op, "operator")), number(op, "cycles"),
               100.0 * number(op, "cycles") / number(run, "cycles"),
               100.0 * number(op, "mac_utilisation"), number(op, "dram_bytes"));
}

/* Where the lines' time went: of all lines' cycles together. */
static void print_engines(const json_t *run)
{
    const char *name, *key;
    json_t *engine, *value;
    double lines = 0.0;
    json_object_foreach (json_object_get(run, "engines"), name, engine)
        json_object_foreach (engine, key, value)
            lines += strstr(key, "_line_cycles") ? json_number_value(value) : 0.0;
    json_object_foreach (json_object_get(run, "engines"), name, engine) {
        const int is_lines = json_object_get(engine, "busy_line_cycles") != NULL;
        const double all = is_lines ? lines : number(run, "cycles");
        printf("  %-8s", name);
        json_object_foreach (engine, key, value)
            if (json_number_value(value) > 0.0)
                printf(" %.*s %.1f%%", (int)strcspn(key, "_"), key,
                       100.0 * json_number_value(value) / all);
        puts(is_lines ? " (of all lines)" : "");
    }
}

static void print_energy(const json_t *run)
{
    const char *key;
    json_t *value;
    printf("  %.2f uJ:", number(run, "energy_uj"));
    json_object_foreach (json_object_get(run, "energy"), key, value)
        if (json_number_value(value) > 0.0)
            printf(" %.*s %.2f", (int)strlen(key) - 3, key, json_number_value(value));
    putchar('\n');
}

static void print_run(const json_t *result, const char *name, const char *title)
{
    const json_t *run = json_object_get(result, name),
                 *bound = json_object_get(json_object_get(result, "bound"), name);
    if (!run)
        return;
    printf("%s: %.0f cycles, %.1f us", title, number(run, "cycles"), number(run, "time_us"));
    if (bound)
        printf("; no schedule needs fewer than %.0f", number(bound, "cycles"));
    putchar('\n');
    print_operators(run);
    print_engines(run);
    print_energy(run);
}

void cli_print_chip(const json_t *result)
{
    print_run(result, "attention", "attention");
    print_run(result, "end_to_end", "end to end");
    printf("area %.2f mm2\n", number(result, "area_mm2"));
    const json_t *functional = json_object_get(result, "functional");
    if (functional)
        printf("functional: %.0f results of %.0f layers are the reference's, bit for bit\n",
               number(functional, "values"), number(functional, "layers"));
}
