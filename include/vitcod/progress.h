/* A progress line with the time left, on stderr, and only when that is a terminal. */
#ifndef VITCOD_PROGRESS_H
#define VITCOD_PROGRESS_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_progress {
    const char *label; /* outlives the progress */
    size_t total, before;
    double started, drawn; /* seconds, see clock.h */
    int visible;
} vc_progress;

vc_progress vc_progress_begin(const char *label, size_t total);

/* Redraws the line, at most ten times a second and not in the first two seconds. `note` may be
 * NULL. */
void vc_progress_update(vc_progress *progress, size_t done, const char *note);

/* So much was done before, as by a run that was stopped; the time left goes by the rest. */
void vc_progress_go_on(vc_progress *progress, size_t before);

/* Clears the line. */
void vc_progress_end(vc_progress *progress);

#ifdef __cplusplus
}
#endif

#endif
