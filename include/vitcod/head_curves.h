/* What it costs a model to keep less of a head, and a budget of scores shared out by it (not in the
 * paper).
 *
 * For a head at a level of sparsity, let d be the change of its output, g the gradient of
 * u . logits for its output, and u a random vector with E[u u^T] = diag(p) - p p^T, p the model's
 * probabilities: the Fisher information of the logits. Then E[(g . d)^2] / 2 is KL(dense || sparse)
 * to second order, for this head alone sparse. One backward pass with one u gives it for all heads
 * and all levels at once, since the kept entries of a head are nested. */
#ifndef VITCOD_HEAD_CURVES_H
#define VITCOD_HEAD_CURVES_H

#include "vitcod/json.h"
#include "vitcod/maps.h"
#include "vitcod/mask.h"
#include "vitcod/summaries.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_CURVE_LEVELS = 16, VC_CURVE_MOST_CHOICES = 16 };

/* A layer while its heads are measured. */
typedef struct vc_curve_layer {
    size_t heads, queries, keys;
    uint8_t *level; /* (H, Tq, Tk) the first level that keeps the entry */
    uint64_t *kept; /* (H, levels) entries, ascending; the last: all */
    /* Of each choice of summaries: NULL where the layer does not have it. */
    const vc_summary_stats *summaries[VC_CURVE_MOST_CHOICES];
    /* (H, Tq, G, levels): exp of the summaries' bias */
    float *factors[VC_CURVE_MOST_CHOICES];
    double *loss; /* (choices, H, levels), sums over images of (g . d)^2 / 2 */
} vc_curve_layer;

typedef struct vc_head_curves {
    size_t layer_count, choices;
    vc_curve_layer *layers;
    uint64_t images;
} vc_head_curves;

/* `maps`: averaged attention, group by group; within a head the entries with most of it are kept,
 * and first of all rows and columns of the tokens before those of the image (class tokens) or,
 * without them, the highest of each row.
 * `summaries` (choices, layers), NULL for choices that a layer lacks; they must outlive the
 * curves. */
vc_status vc_head_curves_open(vc_head_curves *out, const vc_maps *maps, size_t count,
                              const vc_summary_stats *const *summaries, size_t choices,
                              size_t prefix_tokens);
void vc_head_curves_close(vc_head_curves *curves);

/* What one layer's attention computed for a batch, and g: of image b, row i and head h it starts at
 * (b * Tq + i) * out_stride + h * Dv, v likewise with its keys. */
typedef struct vc_head_gradients {
    vc_summary_scores scores;
    const float *v, *dout;
    size_t value_dim, v_stride, out_stride;
} vc_head_gradients;

/* Adds a batch. Images are counted with layer 0. Sums do not depend on threads. */
vc_status vc_head_curves_add(vc_head_curves *curves, size_t layer, const vc_head_gradients *batch);

/* Shares out as many scores as `sparsity` leaves: kept (all heads) entries of each head, and the
 * summaries of each layer, choice (layers), which stay where they are below `choices` and are
 * chosen where they are not. The sum of all losses is least for convex curves (Lagrange); between
 * levels they are straight. Returns the sum in *loss. VC_EINVAL when the least that must be kept is
 * more. */
vc_status vc_head_curves_share(uint64_t *kept, size_t *choice, double *loss,
                               const vc_head_curves *curves, double sparsity);

/* The masks that keep so many entries of each head, in the order of the curves. */
vc_status vc_prune_heads(vc_mask *out, const vc_maps *maps, size_t count, const uint64_t *kept,
                         size_t prefix_tokens);

/* {"images", "heads": [{"layer", "head", "kept": [shares], "loss": [[by choice] levels]}]}; losses
 * are means. NULL: out of memory. */
json_t *vc_head_curves_json(const vc_head_curves *curves);

#ifdef __cplusplus
}
#endif

#endif
