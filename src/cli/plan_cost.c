#include "plan_cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/point.h"
#include "vitcod/profile.h"

struct cli_plan_target {
    const char *name, *unit; /* as --for has it; of the cost */
    vc_status (*cost)(double *out, const vc_plan *plan, size_t head_dim);
};

/* Cycles of attention on the built-in chip. */
static vc_status chip_cost(double *out, const vc_plan *plan, size_t head_dim)
{
    const vc_accelerator built_in = vc_accelerator_default();
    return vc_point_plan_cycles(out, plan, head_dim, &built_in);
}

/* The first is the usual one. */
static const cli_plan_target targets[] = {
    {"vitcod", "cycles", chip_cost},
    {"cpu", "s", vc_profile_plan_attention},
};

int cli_check_plan_cost(const cli_command *command, cli_plan_cost *cost, const char *target)
{
    enum { COUNT = sizeof targets / sizeof *targets };
    char names[64] = "";
    size_t used = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (!target || strcmp(target, targets[i].name) == 0) {
            cost->target = &targets[i];
            cost->unit = targets[i].unit;
            return CLI_CONTINUE;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 i == 0           ? ""
                                 : i + 1 == COUNT ? " or "
                                                  : ", ",
                                 targets[i].name);
    }
    return cli_usage(command, "--for is '%s', wanted %s", target, names);
}

int cli_take_threshold(const cli_command *command, size_t *threshold, int *search, const char *text)
{
    char *end;
    *search = strcmp(text, "auto") == 0;
    if (*search)
        return CLI_CONTINUE;
    const unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || value > 1000000)
        return cli_usage(command, "--threshold is '%s', wanted a count or auto", text);
    *threshold = value;
    return CLI_CONTINUE;
}

static vc_status cost_of(void *context, double *out, vc_plan *plan)
{
    cli_plan_cost *cost = context;
    if (cost->complete)
        VC_TRY(cost->complete(cost->context, plan));
    VC_TRY(cost->target->cost(out, plan, cost->head_dim));
    vc_progress_update(&cost->progress, ++cost->tried, NULL);
    return VC_OK;
}

vc_status cli_search_threshold(vc_plan *out, double *least, const vc_mask_set *set,
                               cli_plan_cost *cost, const char *path)
{
    cost->tried = 0;
    cost->progress = vc_progress_begin("thresholds", VC_POLARIZE_MOST_TRIES);
    const vc_status status =
        vc_polarize_search(out, least, set->masks, set->count, cost_of, cost, path);
    vc_progress_end(&cost->progress);
    return status;
}
