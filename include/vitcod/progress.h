/* How far something is: a line with the time left on stderr, where that is a terminal; or, for
 * programs, lines on the descriptor that the variable VC_PROGRESS names. */
#ifndef VITCOD_PROGRESS_H
#define VITCOD_PROGRESS_H

#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_progress {
    const char *label; /* outlives the progress */
    size_t total, before;
    double started, drawn; /* seconds, see clock.h */
    int visible;
    int file; /* that VC_PROGRESS names, with visible 0; else 0 */
} vc_progress;

/* VC_EINVAL where VC_PROGRESS names no open descriptor above 2. */
vc_status vc_progress_check(void);

vc_progress vc_progress_begin(const char *label, size_t total);

/* Redraws the line, at most ten times a second and not in the first two seconds. `note` may be
 * NULL. To a descriptor goes "label, done, total, note" with tabs between them, as often, from the
 * start on and when all is done. */
void vc_progress_update(vc_progress *progress, size_t done, const char *note);

/* So much was done before, as by a run that was stopped; the time left goes by the rest. */
void vc_progress_go_on(vc_progress *progress, size_t before);

/* Clears the line. */
void vc_progress_end(vc_progress *progress);

#ifdef __cplusplus
}
#endif

#endif
