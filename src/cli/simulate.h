/* What `simulate` can do with a plan, and what comes of it. */
#ifndef VC_SIMULATE_H
#define VC_SIMULATE_H

#include "coded.h"
#include "open_model.h"
#include "vitcod/chip_summary.h"
#include "vitcod/control.h"
#include "vitcod/functional.h"
#include "vitcod/simulation.h"

typedef struct cli_simulate_options {
    cli_model_options model;
    size_t threshold, head_dim, embed_dim, compressed;
    vc_coded coded; /* what `compressed` is for */
    double ratio;
    int control, bound, functional;
    const char *of, *trace, *dram_trace, *config, *memory, *layers;
    size_t seed;
} cli_simulate_options;

/* What no schedule beats. */
typedef struct cli_bounds {
    vc_bound attention, end_to_end;
    bool of_model; /* there is an end to end */
    vc_bound_config config;
} cli_bounds;

/* The chip's timeline. */
typedef struct cli_timeline {
    vc_chip_summary attention, end_to_end;
    bool of_model, functional, bit_exact, bounded;
    vc_functional_counts checked;
    double energy_uj, area_mm2;
    json_t *accelerator;
    cli_bounds bound;
} cli_timeline;

/* One of the three. */
typedef struct cli_simulated {
    char plan_hash[VC_PLAN_HASH_TEXT];
    const char *kind;
    bool is_timeline, is_bound, is_control;
    cli_timeline timeline;
    cli_bounds bound;
    vc_control_result control;
} cli_simulated;

extern const vc_record cli_bounds_record, cli_timeline_record;

/* Each fills its part; `path` names the plan. */
vc_status cli_simulate_control(vc_control_result *out, const vc_plan *plan,
                               const cli_simulate_options *o, const char *path);
vc_status cli_simulate_bound(cli_bounds *out, const vc_workload *workload,
                             const vc_bound_config *config, bool of_model);
vc_status cli_simulate_chip(cli_timeline *out, const vc_simulation *simulation,
                            const cli_simulate_options *o, bool of_model);
void cli_close_timeline(cli_timeline *timeline);

void cli_print_timeline(const cli_timeline *timeline);
void cli_print_bounds(const cli_bounds *bounds);
void cli_print_control(const vc_control_result *control);

#endif
