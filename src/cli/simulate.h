/* The result of `simulate`. */
#ifndef VC_CLI_SIMULATE_H
#define VC_CLI_SIMULATE_H

#include "cli.h"
#include "vitcod/catalogue.h"
#include "vitcod/plan.h"
#include "vitcod/timeline.h"

/* One of the four. */
typedef struct simulated {
    char plan_hash[VC_PLAN_HASH_TEXT];
    const char *kind, *method;
    bool is_timeline, is_bound, is_control, is_list;
    vc_timeline timeline;
    vc_bounds bound;
    vc_control_result control;
    vc_catalogue list;
} simulated;

extern const vc_record simulate_record;
void simulate_print(const void *result);

#endif
