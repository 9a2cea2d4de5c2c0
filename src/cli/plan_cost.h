/* What a plan costs on the chip or on this machine: for the search of a threshold. */
#ifndef VC_CLI_PLAN_COST_H
#define VC_CLI_PLAN_COST_H

#include "cli.h"
#include "vitcod/polarize.h"
#include "vitcod/progress.h"

typedef struct cli_plan_target cli_plan_target; /* what --for names: a row of a table */

typedef struct cli_plan_cost {
    const cli_plan_target *target;
    const char *unit; /* of the cost */
    size_t head_dim;
    /* Gives a plan what stands in for what it prunes, or NULL. */
    vc_status (*complete)(const void *context, vc_plan *plan);
    const void *context;
    vc_progress progress; /* of the search */
    size_t tried;
} cli_plan_cost;

/* Sets target and unit; NULL: the usual target. CLI_CONTINUE for a target that is one. */
int cli_check_plan_cost(const cli_command *command, cli_plan_cost *cost, const char *target);

/* "N" or "auto": the search for what costs least. */
int cli_take_threshold(const cli_command *command, size_t *threshold, int *search,
                       const char *text);

/* The threshold that costs least (vc_polarize_search), with progress. vitcod: cycles of
 * attention on the built-in chip. cpu: seconds of attention as inference runs it on the plan's
 * split. */
vc_status cli_search_threshold(vc_plan *out, double *least, const vc_mask_set *set,
                               cli_plan_cost *cost, const char *path);

#endif
