/* The result of `simulate`. */
#ifndef VC_CLI_SIMULATE_H
#define VC_CLI_SIMULATE_H

#include "cli.h"
#include "open_model.h"
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

/* An image whose attention is sent through the chip: a vc_timeline_options.fill. */
typedef struct simulate_image {
    const cli_model_options *how;
    const char *image, *path; /* of the plan, for messages */
    const vc_plan *plan;      /* what the chip makes use of; NULL: none */
} simulate_image;
vc_status simulate_take_image(void *context, vc_functional *functional,
                              const vc_workload *workload);

extern const vc_record simulate_record;
void simulate_print(const void *result);

#endif
