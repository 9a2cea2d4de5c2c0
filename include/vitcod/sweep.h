/* A sweep: a space of models, masks, chips and memories, point by point, and its file of results.
 */
#ifndef VITCOD_SWEEP_H
#define VITCOD_SWEEP_H

#include <stdint.h>

#include "vitcod/progress.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_sweep vc_sweep; /* an open space */

/* Reads a space (examples/sweep.yaml shows how), and the models, masks and chips that it names.
 * VC_EFORMAT naming file, line and key. seed: of a random order of points. */
vc_status vc_sweep_open(vc_sweep **out, const char *path, uint64_t seed);
void vc_sweep_close(vc_sweep *sweep);

uint64_t vc_sweep_points(const vc_sweep *sweep);

/* A point's result as a line of JSON, without its end: the values that it stands for, what vc_point
 * has and the chip's area; of a point that is impossible the reason. Where the machine, and not the
 * point, is why there is none (VC_ENOMEM, VC_EIO, ..), there is no line. */
enum { VC_SWEEP_LINE = 16384 };
vc_status vc_sweep_point(char line[VC_SWEEP_LINE], const vc_sweep *sweep, uint64_t point);

extern const vc_record vc_sweep_line_record; /* what such a line has */

typedef struct vc_sweep_done {
    uint64_t before, now; /* points that the file had, and that were computed */
    uint64_t impossible;  /* of both */
    uint64_t first;       /* of them, */
    char reason[512];     /* and why it is */
} vc_sweep_done;

/* Computes the points that the file has not, on all threads and all processes (comm.h), and adds a
 * line for each behind one that says what the sweep is, and which command made the file (NULL:
 * none). VC_EINVAL where the file is of another
 * sweep or in use; the status of vc_sweep_point where a point has no result, once what was computed
 * beside it is in the file. In the first process alone an error is complete, and the others must
 * be ended (vc_comm_abort). `progress` (NULL: none) is of the points, whose number it gets, and
 * moves in the first process. */
vc_status vc_sweep_run(vc_sweep_done *out, const vc_sweep *sweep, const char *path,
                       const char *command, vc_progress *progress);

/* Points of a file that no other beats in latency, energy and area, by latency. A batch counts with
 * the latency of all its images and the energy of one. */
vc_status vc_sweep_pareto(json_t **out, const char *path);

/* A key that `axes` may have. */
typedef struct vc_sweep_axis {
    char key[64], values[128]; /* values: words, or a range */
    const char *meaning;
} vc_sweep_axis;
extern const vc_record vc_sweep_axis_record;

/* All keys, in the order in which points count; the caller frees them. */
vc_status vc_sweep_axes(vc_sweep_axis **out, size_t *count);

#ifdef __cplusplus
}
#endif

#endif
