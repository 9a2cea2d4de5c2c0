/* Polarization: reordering tokens so that columns with many kept entries come first. */
#ifndef VITCOD_POLARIZE_H
#define VITCOD_POLARIZE_H

#include "vitcod/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A column of a 197 x 197 map that keeps more entries than this is a global token: the threshold
 * that ViTCoD's published code ships. */
#define VC_POLARIZE_THRESHOLD 50

/* Makes a plan from a mask. A token is global when its column keeps more than `threshold` entries.
 * For the i-th global token g, in ascending order, positions i and g are swapped: on rows and
 * columns, or in a map that is not square on columns alone. VC_EINVAL for a mask with an empty
 * row. */
vc_status vc_polarize(vc_plan *out, const vc_mask *mask, size_t threshold, const char *path);

/* The same for a model with several groups of layers: one plan holds all groups, one after the
 * other. The threshold is for the first group; for the others it is scaled by their number of
 * queries. */
vc_status vc_polarize_groups(vc_plan *out, const vc_mask *masks, size_t count, size_t threshold,
                             const char *path);

/* Returns in *cost what a plan costs, in any unit; less is better. It may add kept shares to the
 * plan first (kept_share.h). */
typedef vc_status vc_plan_cost(void *context, double *cost, vc_plan *plan);

enum { VC_POLARIZE_GRID = 16, VC_POLARIZE_FINE = 4, VC_POLARIZE_MOST_TRIES = 23 };

/* Finds the threshold whose plan costs least: over a grid from 0 to the number of queries, then in
 * the neighbourhood of the best of the grid, at most VC_POLARIZE_MOST_TRIES in all. The threshold
 * found is plan.threshold. */
vc_status vc_polarize_search(vc_plan *out, double *cost, const vc_mask *masks, size_t count,
                             vc_plan_cost *measure, void *context, const char *path);

#ifdef __cplusplus
}
#endif

#endif
