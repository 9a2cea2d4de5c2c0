/* What `simulate` prints. */
#ifndef VC_SIMULATE_H
#define VC_SIMULATE_H

#include "vitcod/control.h"
#include "vitcod/timeline.h"

void cli_print_timeline(const vc_timeline *timeline);
void cli_print_bounds(const vc_bounds *bounds);
void cli_print_control(const vc_control_result *control);

#endif
