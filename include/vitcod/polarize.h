/* Polarization: reordering tokens so that the dense columns come first. */
#ifndef VITCOD_POLARIZE_H
#define VITCOD_POLARIZE_H

#include "vitcod/plan.h"

/* A column of a 197 x 197 map that keeps more entries than this is a global token: the threshold that
 * ViTCoD's published code ships. */
#define VC_POLARIZE_THRESHOLD 50

/* A token is global when its column keeps more than `threshold` entries. For the i-th global token g, ascending, positions i and g are swapped, on rows and columns; in a map that
 * is not square on columns alone. VC_EINVAL for a mask with an empty row. */
vc_status vc_polarize(vc_plan *out, const vc_mask *mask, size_t threshold, const char *path);

/* The same for a model with several groups of layers: one plan, group after group. The threshold is
 * that of the first group, and less in others as they have fewer queries. */
vc_status vc_polarize_groups(vc_plan *out, const vc_mask *masks, size_t count, size_t threshold,
                             const char *path);

/* What a plan costs, in any unit: less is better. It may be completed first, with shares. */
typedef vc_status vc_plan_cost(void *context, double *cost, vc_plan *plan);

enum { VC_POLARIZE_GRID = 16, VC_POLARIZE_FINE = 4, VC_POLARIZE_MOST_TRIES = 23 };

/* The plan of the threshold that costs least, of a grid over 0 to the queries and of the neighbourhood of the grid's
 * best, at most VC_POLARIZE_MOST_TRIES; plan.threshold says which. */
vc_status vc_polarize_search(vc_plan *out, double *cost, const vc_mask *masks, size_t count,
                             vc_plan_cost *measure, void *context, const char *path);

#endif
