/* `simulate --control` and `simulate --bound`. */
#include <stdio.h>
#include <stdlib.h>

#include "simulate.h"

static json_t *control_json(const vc_control_result *r, size_t layers)
{
    json_t *list = json_array();
    for (size_t l = 0; l < layers; l++) {
        const vc_control_layer *c = &r->layers[l];
        json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:I, s:I}", "global_tokens",
                                              (json_int_t)c->global_tokens, "sddmm_denser_cycles",
                                              (json_int_t)c->sddmm_denser, "sddmm_sparser_cycles",
                                              (json_int_t)c->sddmm_sparser, "spmm_denser_cycles",
                                              (json_int_t)c->spmm_denser, "spmm_sparser_cycles",
                                              (json_int_t)c->spmm_sparser));
    }
    return json_pack("{s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:o}", "attention",
                     "preload", (json_int_t)r->preload, "decode", (json_int_t)r->decode, "compute",
                     (json_int_t)r->compute, "total", (json_int_t)r->total, "linear",
                     (json_int_t)r->linear, "linear_compute", (json_int_t)r->linear_compute,
                     "linear_preload", (json_int_t)r->linear_preload, "ffn", (json_int_t)r->ffn,
                     "end_to_end", (json_int_t)r->end_to_end, "layers", list);
}

vc_status cli_simulate_control(json_t *result, const vc_plan *plan, const cli_simulate_options *o,
                               const char *path)
{
    const vc_control_options options = {o->head_dim, o->ratio, o->embed_dim};
    vc_control_result r = {.layers = calloc(plan->layer_count, sizeof *r.layers)};
    vc_status status = r.layers ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
    if (status == VC_OK)
        status = vc_control_compute(&r, plan, &options, path);
    if (status == VC_OK)
        json_object_update_new(result, control_json(&r, plan->layer_count));
    free(r.layers);
    return status;
}

static json_t *bound_json(const vc_bound *b)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "cycles", (json_int_t)b->cycles,
                     "compute_cycles", (json_int_t)b->compute_cycles, "memory_cycles",
                     (json_int_t)b->memory_cycles, "sequential_cycles",
                     (json_int_t)b->sequential_cycles, "macs", (json_int_t)b->macs, "coder_macs",
                     (json_int_t)b->coder_macs, "dram_bytes", b->dram_bytes);
}

static vc_status add_bound(json_t *result, const char *name, const vc_workload *workload,
                           const vc_bound_config *config, int attention_only)
{
    vc_bound b;
    VC_TRY(vc_bound_compute(&b, workload, config, attention_only));
    json_object_set_new(result, name, bound_json(&b));
    return VC_OK;
}

vc_status cli_simulate_bound(json_t *result, const vc_workload *workload,
                             const vc_bound_config *config, int end_to_end)
{
    VC_TRY(add_bound(result, "attention", workload, config, 1));
    if (end_to_end)
        VC_TRY(add_bound(result, "end_to_end", workload, config, 0));
    json_object_set_new(result, "config",
                        json_pack("{s:f, s:f, s:f, s:f, s:f}", "macs_per_cycle",
                                  config->macs_per_cycle, "clock_hz", config->clock_hz,
                                  "bandwidth_bytes_per_s", config->bandwidth, "value_bytes",
                                  config->value_bytes, "index_bytes", config->index_bytes));
    return VC_OK;
}

/* ---- text */

static void print_numbers(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value)
        if (json_is_integer(value))
            printf("  %-20s %lld\n", key, (long long)json_integer_value(value));
        else if (json_is_real(value))
            printf("  %-20s %.0f\n", key, json_real_value(value));
}

void cli_print_formulas(const json_t *result, int control)
{
    puts(control ? "control (published formulas), cycles" : "lower bound, cycles at 500 MHz");
    puts("attention");
    print_numbers(json_object_get(result, "attention"));
    const json_t *all = json_object_get(result, "end_to_end");
    if (json_is_object(all)) {
        puts("end to end");
        print_numbers(all);
    }
    static const char *const totals[] = {"linear", "ffn", "end_to_end"};
    for (size_t i = 0; control && i < 3; i++)
        printf("%-22s %lld\n", totals[i],
               (long long)json_integer_value(json_object_get(result, totals[i])));
}
