/* `simulate --control` and `simulate --bound`. */
#include <stdio.h>
#include <stdlib.h>

#include "simulate.h"

static const vc_field bounds_fields[] = {
    {VC_FIELD_RECORD(cli_bounds, attention, "attention", &vc_bound_record,
                     "between the projections")},
    {VC_FIELD_RECORD(cli_bounds, end_to_end, "end_to_end", &vc_bound_record, "all of the model"),
     VC_WHEN(cli_bounds, of_model)},
    {VC_FIELD_RECORD(cli_bounds, config, "config", &vc_bound_config_record, "of what chip")},
};
const vc_record cli_bounds_record = VC_RECORD("bound", cli_bounds, bounds_fields);

vc_status cli_simulate_control(vc_control_result *out, const vc_plan *plan,
                               const cli_simulate_options *o, const char *path)
{
    const vc_control_options options = {o->head_dim, o->ratio, o->embed_dim};
    out->layers = calloc(plan->layer_count, sizeof *out->layers);
    return out->layers ? vc_control_compute(out, plan, &options, path)
                       : vc_fail(VC_ENOMEM, "out of memory");
}

vc_status cli_simulate_bound(cli_bounds *out, const vc_workload *workload,
                             const vc_bound_config *config, bool of_model)
{
    *out = (cli_bounds){.of_model = of_model, .config = *config};
    VC_TRY(vc_bound_compute(&out->attention, workload, config, 1));
    return of_model ? vc_bound_compute(&out->end_to_end, workload, config, 0) : VC_OK;
}

/* ---- text */

static void print_count(const char *name, uint64_t value)
{
    printf("  %-20s %llu\n", name, (unsigned long long)value);
}

static void print_bound(const vc_bound *b)
{
    print_count("cycles", b->cycles);
    print_count("compute_cycles", b->compute_cycles);
    print_count("memory_cycles", b->memory_cycles);
    print_count("sequential_cycles", b->sequential_cycles);
    print_count("macs", b->macs);
    print_count("coder_macs", b->coder_macs);
    printf("  %-20s %.0f\n", "dram_bytes", b->dram_bytes);
}

void cli_print_bounds(const cli_bounds *bounds)
{
    puts("lower bound, cycles at 500 MHz\nattention");
    print_bound(&bounds->attention);
    if (!bounds->of_model)
        return;
    puts("end to end");
    print_bound(&bounds->end_to_end);
}

void cli_print_control(const vc_control_result *c)
{
    puts("control (published formulas), cycles\nattention");
    print_count("preload", c->preload);
    print_count("decode", c->decode);
    print_count("compute", c->compute);
    print_count("total", c->total);
    printf("%-22s %llu\n", "linear", (unsigned long long)c->linear);
    printf("%-22s %llu\n", "ffn", (unsigned long long)c->ffn);
    printf("%-22s %llu\n", "end_to_end", (unsigned long long)c->end_to_end);
}
