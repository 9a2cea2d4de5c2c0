/* `simulate`: the chip's timeline, as a table, as JSON, as a trace, and with data in it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "point.h"
#include "simulate.h"
#include "vitcod/accelerator.h"
#include "vitcod/chip_trace.h"
#include "vitcod/dram_trace.h"
#include "vitcod/rng.h"

/* ---- int8 data to send through */

typedef struct flow {
    vc_chip_values *values; /* (layers) */
    size_t layers;
    void **blocks; /* (layers) */
} flow;

static size_t layer_count(const vc_workload *workload)
{
    size_t count = 0;
    for (size_t i = 0; i < workload->count; i++)
        if (workload->ops[i].kind == VC_OP_SDDMM)
            count = (size_t)workload->ops[i].layer + 1;
    return count;
}

static void close_flow(flow *f)
{
    for (size_t l = 0; f->blocks && l < f->layers; l++)
        free(f->blocks[l]);
    free(f->blocks);
    free(f->values);
    *f = (flow){0};
}

/* Uniform int8 numbers; scores spread as those of a trained model do. */
static vc_status fill_layer(flow *f, size_t l, const vc_attention_sizes *s, size_t seed)
{
    const size_t q = s->heads * s->queries * s->head_dim, k = s->heads * s->keys * s->head_dim,
                 v = s->heads * s->keys * s->value_dim, out = s->heads * s->queries * s->value_dim;
    vc_rng rng = vc_rng_open(seed, 7, l);
    int32_t *sums = f->blocks[l] = malloc(2 * out * sizeof *sums + q + k + v);
    if (!sums)
        return vc_fail(VC_ENOMEM, "out of memory for a layer's data");
    int8_t *bytes = (int8_t *)(sums + 2 * out);
    for (size_t i = 0; i < q + k + v; i++)
        bytes[i] = (int8_t)((int)vc_rng_below(&rng, 255) - 127);
    const double deviation = 73.3 * 73.3 * sqrt((double)s->head_dim); /* of a score */
    f->values[l] = (vc_chip_values){.q = bytes,
                                    .k = bytes + q,
                                    .v = bytes + q + k,
                                    .score_scale = (float)(2.0 / deviation),
                                    .out = sums};
    return VC_OK;
}

static vc_status open_flow(flow *f, const vc_workload *workload, size_t seed)
{
    f->layers = layer_count(workload);
    f->values = calloc(f->layers + 1, sizeof *f->values);
    f->blocks = calloc(f->layers + 1, sizeof *f->blocks);
    if (!f->values || !f->blocks)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < workload->count; i++) {
        const vc_op *op = &workload->ops[i];
        if (op->kind == VC_OP_SDDMM)
            VC_TRY(fill_layer(f, (size_t)op->layer, &op->sizes, seed));
    }
    return VC_OK;
}

/* The layer's results against plain loops, bit for bit. */
static vc_status check_layer(const flow *f, const vc_op *op, const vc_plan *plan)
{
    const vc_attention_sizes *s = &op->sizes;
    const size_t l = (size_t)op->layer, out = s->heads * s->queries * s->value_dim;
    vc_chip_values values = f->values[l];
    const int32_t *have = values.out;
    int32_t *want = values.out + out;
    uint8_t *pruned = plan ? malloc(s->heads * s->queries * s->keys) : NULL;
    if (plan && !pruned)
        return vc_fail(VC_ENOMEM, "out of memory for a layer's mask");
    if (plan)
        vc_plan_layer_mask(pruned, &plan->layers[l]);
    const vc_status status = vc_quantized_attention(want, s, &values, pruned);
    free(pruned);
    VC_TRY(status);
    for (size_t i = 0; i < out; i++)
        if (have[i] != want[i])
            return vc_fail(VC_EINVAL,
                           "layer %zu: result %zu is %d, wanted %d: the schedule lost something", l,
                           i, have[i], want[i]);
    return VC_OK;
}

static vc_status check_flow(json_t *result, const flow *f, const vc_workload *workload,
                            const vc_plan *plan)
{
    size_t checked = 0, layers = 0;
    for (size_t i = 0; i < workload->count; i++)
        if (workload->ops[i].kind == VC_OP_SDDMM) {
            VC_TRY(check_layer(f, &workload->ops[i], plan));
            layers++;
            checked += workload->ops[i].sizes.heads * workload->ops[i].sizes.queries *
                       workload->ops[i].sizes.value_dim;
        }
    json_object_set_new(result, "functional",
                        json_pack("{s:b, s:I, s:I}", "bit_exact", 1, "values", (json_int_t)checked,
                                  "layers", (json_int_t)layers));
    return VC_OK;
}

/* ---- one run */

static vc_status run_chip(json_t *result, const char *name, const vc_workload *workload,
                          const vc_plan *plan, const vc_chip_options *options,
                          const vc_energy_table *table)
{
    vc_chip_result r;
    VC_TRY(vc_chip_simulate(&r, workload, plan, options));
    json_object_set_new(result, name, vc_chip_result_json(&r, options->config, table));
    vc_chip_result_close(&r);
    return VC_OK;
}

/* The same, with the traces that are asked for. */
static vc_status run_timeline(json_t *result, const char *name, const vc_workload *workload,
                              const vc_plan *plan, vc_chip_options *options,
                              const vc_energy_table *table, const cli_simulate_options *o)
{
    if (!o->trace)
        return run_chip(result, name, workload, plan, options, table);
    vc_chip_trace *trace;
    const int dram = options->memory->model == VC_MEMORY_DRAM;
    VC_TRY(vc_chip_trace_open(&trace, o->trace, options->config->clock_hz,
                              dram ? &options->memory->dram : NULL));
    options->watch = vc_chip_trace_span;
    options->command_watch = dram ? vc_chip_trace_command : NULL;
    options->watcher = options->command_watcher = trace;
    const vc_status status = run_chip(result, name, workload, plan, options, table);
    const vc_status closed = vc_chip_trace_close(trace);
    options->watch = NULL;
    options->command_watch = NULL;
    return status != VC_OK ? status : closed;
}

static vc_status run_traced(json_t *result, const char *name, const vc_workload *workload,
                            const vc_plan *plan, vc_chip_options *options,
                            const vc_energy_table *table, const cli_simulate_options *o)
{
    if (!o->dram_trace)
        return run_timeline(result, name, workload, plan, options, table, o);
    if (options->memory->model != VC_MEMORY_DRAM)
        return vc_fail(VC_EINVAL, "--dram-trace: the memory's model is bandwidth, wanted dram");
    vc_dram_trace *trace;
    VC_TRY(vc_dram_trace_open(&trace, o->dram_trace));
    options->request_watch = vc_dram_trace_request;
    options->request_watcher = trace;
    const vc_status status = run_timeline(result, name, workload, plan, options, table, o);
    const vc_status closed = vc_dram_trace_close(trace);
    options->request_watch = NULL;
    return status != VC_OK ? status : closed;
}

/* What no schedule on this chip beats. */
static void add_bounds(json_t *result, const vc_workload *workload, const vc_accelerator *chip,
                       int end_to_end)
{
    const vc_bound_config config = vc_accelerator_bound_config(chip);
    json_t *bound = json_object();
    if (cli_simulate_bound(bound, workload, &config, end_to_end) == VC_OK)
        json_object_set(result, "bound", bound);
    json_decref(bound);
}

vc_status cli_open_chip(vc_accelerator *out, const char *config, const char *memory)
{
    VC_TRY(vc_accelerator_open(out, config ? config : "vitcod"));
    return memory ? vc_memory_config_read(&out->memory, memory) : VC_OK;
}

vc_status cli_simulate_chip(json_t *result, const vc_workload *workload, const vc_plan *plan,
                            const vc_accelerator *chip, const cli_simulate_options *o,
                            int end_to_end)
{
    flow f = {0};
    vc_status status = o->functional ? open_flow(&f, workload, o->seed) : VC_OK;
    vc_chip_options attention = {
        .config = &chip->chip, .memory = &chip->memory, .attention_only = 1, .values = f.values};
    vc_chip_options all = {.config = &chip->chip, .memory = &chip->memory};
    if (status == VC_OK && !end_to_end)
        status = run_traced(result, "attention", workload, plan, &attention, &chip->energy, o);
    else if (status == VC_OK)
        status = run_chip(result, "attention", workload, plan, &attention, &chip->energy);
    if (status == VC_OK && o->functional)
        status = check_flow(result, &f, workload, plan);
    if (status == VC_OK && end_to_end)
        status = run_traced(result, "end_to_end", workload, plan, &all, &chip->energy, o);
    close_flow(&f);
    VC_TRY(status);
    const json_t *whole = json_object_get(result, end_to_end ? "end_to_end" : "attention");
    json_object_set(result, "energy_uj", json_object_get(whole, "energy_uj"));
    json_object_set_new(result, "area_mm2",
                        json_real(vc_chip_area_mm2(&chip->chip, &chip->energy)));
    json_object_set_new(result, "accelerator", vc_accelerator_json(chip));
    if (chip->chip.kind->bound) /* rivals do other work */
        add_bounds(result, workload, chip, end_to_end);
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
