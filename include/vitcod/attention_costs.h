/* What an entry of attention costs the kernels of inference on this machine: what a split by cost goes by.
 *
 * Measured with the instruction set in use on heads of 64 values, in some milliseconds, once per process, and kept in a
 * file for the next one: $XDG_CACHE_HOME/vitcod/ or else ~/.cache/vitcod/, by CPU, instruction set, precision and
 * version. A file that cannot be written or read is no error. The environment variable VC_ATTENTION_COSTS gives them
 * instead, in any unit: "panel entry,row entry,row", or with a fourth number, an entry of a panel in bfloat16. */
#ifndef VITCOD_ATTENTION_COSTS_H
#define VITCOD_ATTENTION_COSTS_H

#include "vitcod/pattern.h"

typedef enum vc_costs_source { VC_COSTS_MEASURED, VC_COSTS_CACHED, VC_COSTS_GIVEN } vc_costs_source;

typedef struct vc_attention_costs {
    vc_split_costs costs; /* nanoseconds of one thread, or as they were given */
    vc_costs_source source;
    char cache[4096]; /* the file that holds them or would; empty: there is no such place */
} vc_attention_costs;

const char *vc_costs_source_name(vc_costs_source source); /* "measured", "cached", "given" */

/* For panels in float32 or in bfloat16. VC_EINVAL for a VC_ATTENTION_COSTS that is not three or four positive numbers. */
vc_status vc_attention_costs_get(vc_attention_costs *out, int bf16);
/* Fills in the costs of this machine where a split by cost has none yet: a panel entry of 0. */
vc_status vc_attention_costs_fill(vc_pattern_options *options, int bf16);

#endif
