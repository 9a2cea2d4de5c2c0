/* How much memory may be used, and whether what is wanted fits: a system that has none left ends a
 * process without a word, or another one. */
#ifndef VITCOD_MEMORY_LIMIT_H
#define VITCOD_MEMORY_LIMIT_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The bytes that this process may use: what was set; else the environment's VC_MEMORY_LIMIT, as
 * vc_memory_parse reads it; else the least of the machine's memory with its swap, and the limits of
 * the control groups that the process is in. */
size_t vc_memory_limit(void);
void vc_memory_set_limit(size_t bytes);

/* VC_EINVAL for a VC_MEMORY_LIMIT that vc_memory_parse refuses, which vc_memory_limit takes for
 * none. To be called once, at the start. */
vc_status vc_memory_check(void);

/* Reads "750MiB", "1.5GiB" or a number of bytes. VC_EINVAL for anything else, and for less than
 * 1 MiB. */
vc_status vc_memory_parse(size_t *bytes, const char *text);

/* VC_ENOMEM, with both numbers, if so much more would be beyond the limit, or beyond what the
 * process's own limits (RLIMIT_AS, RLIMIT_DATA) leave. To be called before a large block is asked
 * for. */
vc_status vc_memory_allow(size_t bytes);

/* malloc of count x each bytes, if that is allowed: NULL with a message of vc_fail if it is not, or
 * overflows. `what` is named: "PATH: a layer's map". */
void *vc_memory_take(size_t count, size_t each, const char *what);

#ifdef __cplusplus
}
#endif

#endif
