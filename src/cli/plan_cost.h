/* What a plan costs on the chip or on this machine: for the search of a threshold. */
#ifndef VC_CLI_PLAN_COST_H
#define VC_CLI_PLAN_COST_H

#include "cli.h"
#include "vitcod/maps.h"
#include "vitcod/polarize.h"
#include "vitcod/progress.h"

typedef struct cli_plan_cost {
    const char *target; /* "vitcod" or "cpu" */
    const char *unit;   /* of the cost, once opened */
    size_t head_dim;
    const vc_map_set *maps; /* averaged attention, for plans with a residual; NULL: without */
    const char *maps_path;
    vc_progress progress; /* of the search */
    size_t tried;
} cli_plan_cost;

/* CLI_CONTINUE for a target that is one. */
int cli_check_plan_cost(const cli_command *command, cli_plan_cost *cost);

/* "N" or "auto": the search for what costs least. */
int cli_take_threshold(const cli_command *command, size_t *threshold, int *search,
                       const char *text);

/* The threshold that costs least (vc_polarize_search), with progress. vitcod: cycles of
 * attention on the built-in chip. cpu: seconds of attention as inference runs it on the plan's
 * split; the plan then says that it is for the CPU. */
vc_status cli_search_threshold(vc_plan *out, double *least, const vc_mask_set *set,
                               cli_plan_cost *cost, const char *path);

#endif
