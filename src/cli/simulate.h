/* What `simulate` can do with a plan. */
#ifndef VC_SIMULATE_H
#define VC_SIMULATE_H

#include "coded.h"
#include "open_model.h"
#include "vitcod/control.h"
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

/* Each fills a result; `plan` is NULL where attention is dense, `path` names it. */
vc_status cli_simulate_control(json_t *result, const vc_plan *plan, const cli_simulate_options *o,
                               const char *path);
vc_status cli_simulate_bound(json_t *result, const vc_workload *workload,
                             const vc_bound_config *config, int end_to_end);
vc_status cli_simulate_chip(json_t *result, const vc_simulation *simulation,
                            const cli_simulate_options *o, int end_to_end);

void cli_print_formulas(const json_t *result, int control);
void cli_print_chip(const json_t *result);

#endif
