/* Summaries: keys and values pooled over blocks of the image, which stand in for the pruned
 * entries of a plan (not in the paper). How keys are pooled, what is averaged over images for it,
 * and the bias of a summary's score. docs/calibration.md has the formulas. */
#ifndef VITCOD_SUMMARIES_H
#define VITCOD_SUMMARIES_H

#include "vitcod/maps.h"
#include "vitcod/plan.h"
#include "vitcod/turns.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- poolings */

/* Blocks along the two sides of the image; 0 x 0: no summaries. */
typedef struct vc_summary_grid {
    size_t y, x;
    int queried; /* 1: pooled by queries (plan.h), "3x3q" */
    /* above 1: a block's mean is moved away from that of all, "3x3s1.5"; else 0 */
    double sharpness;
} vc_summary_grid;

int vc_summary_grid_equal(vc_summary_grid a, vc_summary_grid b);

/* The text "3x3" or "none" is for all layers, "3x3*9,1x1q*3" for the first nine and the last three.
 * `out` (layers) may be NULL: then only the syntax is checked. VC_EINVAL for anything else. */
vc_status vc_summary_grids_parse(vc_summary_grid *out, size_t layers, const char *text);
/* The shortest text for it. */
enum { VC_SUMMARY_TEXT = 4096 }; /* for any 200 layers */
const char *vc_summary_grids_text(char text[VC_SUMMARY_TEXT], const vc_summary_grid *grids,
                                  size_t layers);

/* Means over blocks of a grid of tokens: row y lies in block y * grid.y / side_y (14 rows in three
 * blocks: 5, 5, 4), and the same along x. The tokens in front of the grid (class tokens) are in no
 * block. With a sharpness s a summary is s times the mean of its block plus 1 - s times that of the
 * whole grid: it has weights for all tokens, and above 0 are those of its block. Without queries,
 * which the caller may set. VC_EINVAL where the grid of tokens has fewer
 * rows or columns than blocks are wanted. */
vc_status vc_pooling_grid(vc_pooling *out, size_t side_y, size_t side_x, size_t prefix_tokens,
                          vc_summary_grid grid);

/* ---- statistics */

/* The mean over images of exp(q_i . kbar_j / sqrt(D)) / Z_i for one layer, where kbar_j is the
 * pooled key of the head and Z_i the sum of the dense row's exponentials: the attention that a row
 * would give to a summary beside all its keys. It does not depend on what is pruned. */
typedef struct vc_summary_stats {
    size_t heads, queries, keys;
    vc_pooling pooling;
    uint64_t images;
    double *sum; /* (H, Tq, G) */
} vc_summary_stats;

/* The pooling is copied; without summaries the statistics are empty and can be added to. */
vc_status vc_summary_stats_open(vc_summary_stats *out, size_t heads, size_t queries, size_t keys,
                                const vc_pooling *pooling);
void vc_summary_stats_close(vc_summary_stats *stats);

/* What one attention computed for a batch. Token t of image b, head h of q starts at q + (b * Tq +
 * t) * q_stride + h * D, and of k likewise. */
typedef struct vc_summary_scores {
    size_t batch, head_dim;
    const float *q, *k;
    size_t q_stride, k_stride;
    const float *bias;  /* added to the scores, (H, Tq, Tk), or NULL */
    const float *probs; /* the softmax, (B, H, Tq, Tk) */
    /* Processes that share the batches add to what the one before has, see comm.h; NULL: alone. */
    const vc_turns *turns;
} vc_summary_scores;

/* Sums in double, image by image, so that they depend neither on the batch size nor on threads. */
vc_status vc_summary_stats_add(vc_summary_stats *stats, const vc_summary_scores *scores);

/* ---- bias */

/* out (H, Tq, G): log(M_ij / E_ij). M_ij is the averaged attention (H, Tq, Tk) of those keys of
 * block j (of weights above 0) that row i has pruned (H, Tq, Tk), E_ij the mean of the
 * statistics. -INFINITY where
 * nothing is pruned, or what is pruned never has attention. At least one image must have been
 * added. */
void vc_summary_bias(float *out, const float *attention, const uint8_t *pruned,
                     const vc_summary_stats *stats);

/* Gives the layers of a plan the summaries of `stats` (a plan's layers; those without summaries get
 * none), and takes away kept shares. `maps` hold the averaged attention, group by group in the
 * order of the plan's layers. VC_EINVAL when shapes differ; `path` names the maps in messages. */
vc_status vc_plan_add_summaries(vc_plan *plan, const vc_summary_stats *const *stats,
                                const vc_maps *maps, size_t count, const char *path);

#ifdef __cplusplus
}
#endif

#endif
