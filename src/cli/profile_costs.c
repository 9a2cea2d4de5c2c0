#include <stdio.h>

#include "profile.h"

vc_status cli_profile_costs(cli_profile_result *result)
{
    result->of_costs = true;
    return vc_costs_result_open(&result->costs);
}

void cli_print_profile_costs(const void *result)
{
    const vc_costs_result *r = &((const cli_profile_result *)result)->costs;
    for (size_t i = 0; i < r->cost_count; i++) {
        const vc_cost_result *c = &r->costs[i];
        const char *space = *c->unit ? " " : "";
        printf("panels in %s: an entry of a panel %.3g%s%s, of a row %.3g%s%s, a row %.3g%s%s "
               "(%s%s%s)\n",
               c->panel, c->panel_entry, space, c->unit, c->row_entry, space, c->unit, c->row,
               space, c->unit, c->source, *c->cache ? ", " : "", c->cache);
    }
}
