/* The time that an entry of attention takes in the kernels of inference on this machine, by which
 * heads are split and rows are grouped.
 *
 * The costs are measured with the instruction set in use, on heads of 64 values, in some
 * milliseconds. That happens once per process, and the result is kept in a file for later ones, in
 * $XDG_CACHE_HOME/vitcod/ or ~/.cache/vitcod/, by CPU, instruction set, precision and version; a
 * file that cannot be read or written is no error. The environment variable VC_ATTENTION_COSTS
 * gives costs instead, in any unit: "panel entry,row entry,row" and optionally a fourth number, a
 * panel entry in bfloat16. */
#ifndef VITCOD_ATTENTION_COSTS_H
#define VITCOD_ATTENTION_COSTS_H

#include "vitcod/pattern.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vc_costs_source { VC_COSTS_MEASURED, VC_COSTS_CACHED, VC_COSTS_GIVEN } vc_costs_source;

typedef struct vc_attention_costs {
    vc_split_costs costs; /* nanoseconds of one thread, or as they were given */
    vc_costs_source source;
    char cache[4096]; /* path of the file, whether it exists or not; empty: none */
} vc_attention_costs;

const char *vc_costs_source_name(vc_costs_source source); /* "measured", "cached", "given" */

/* The costs for panels in float32 or in bfloat16. VC_EINVAL if VC_ATTENTION_COSTS is not three or
 * four positive numbers. */
vc_status vc_attention_costs_get(vc_attention_costs *out, int bf16);
/* If the options split and have no costs yet (a panel entry of 0), fills in those of this machine:
 * by them panels are chosen, unless a plan says what they are, and rows are grouped. */
vc_status vc_attention_costs_fill(vc_pattern_options *options, int bf16);

#ifdef __cplusplus
}
#endif

#endif
