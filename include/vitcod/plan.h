/* The plan: a mask after polarization, as kernels and simulator read it.
 *
 * For each layer and head the tokens are reordered so that the global tokens come first. Column j
 * of the reordered map holds key key_order[j], row i holds query query_order[i]. The first
 * `global_tokens` columns are the denser part, a panel of all queries x global tokens; the other
 * columns are the sparser part. Both are stored as one CSC matrix over reordered indices
 * (ViTCoD, HPCA 2023, section IV-B: split and conquer). */
#ifndef VITCOD_PLAN_H
#define VITCOD_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/mask.h"
#include "vitcod/tensor_file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A sparse (count, Tk) matrix that pools the keys and values of a layer to summaries: summary j is
 * the sum of weights[e] times token keys[e] for e from start[j] to start[j + 1] - 1. */
typedef struct vc_pooling {
    size_t count;   /* G, the number of summaries; 0: none, and the rest is NULL */
    size_t entries; /* start[count] */
    int32_t *start; /* (G + 1) */
    int32_t *keys;  /* (entries) tokens in their original order, ascending in a summary */
    float *weights; /* (entries) */
    /* Pooling by attention (Lee et al., ICML 2019, section 3.2, with one seed per head): a query u
     * of the head makes the weights depend on the image. Those of a summary are the softmax of
     * log(weights[e]) + u . k_e / sqrt(dim) over its entries e, so they add up to 1, and all
     * weights[e] are above 0. Without queries they are the weights as they are. */
    size_t dim;   /* of a query: head_dim; 0: no queries */
    float *query; /* (H, dim) or NULL */
} vc_pooling;

typedef struct vc_plan_layer {
    size_t heads, queries, keys;
    int32_t *query_order;   /* (H, Tq) a permutation per head */
    int32_t *key_order;     /* (H, Tk) a permutation per head */
    int32_t *global_tokens; /* (H) 0 .. Tk */
    int32_t *column_start;  /* (H, Tk + 1) positions in `rows`, ascending through all heads */
    int32_t *rows;          /* (kept entries) reordered row indices, ascending in a column */
    /* NULL, or the residual of the pruned entries: query i (not reordered) gets kept_share[i] times
     * its sparse attention and 1 - kept_share[i] times the mean of all values. (H, Tq) in 0..1. */
    float *kept_share;
    /* Summaries (not in the paper): keys and values pooled anew for each image, the same for all
     * heads, which stand in for what is pruned. In one softmax with its kept entries, query i (not
     * reordered) of head h sees summary j with the score q_i . kbar_j / sqrt(head_dim) +
     * summary_bias[h, i, j]. A layer has summaries or kept shares, not both. */
    vc_pooling pooling;
    float *summary_bias; /* (H, Tq, G), of natural logarithms; -INFINITY: not seen by this row */
} vc_plan_layer;

typedef struct vc_plan {
    size_t layer_count;
    vc_plan_layer *layers;
    size_t threshold; /* theta_d: a column with more kept entries is a global token */
    int reordered;    /* 1: tokens are numbered in the plan's order, and which they were is not
                         known (vitcod_files.h): it can be simulated, a model cannot have it */
} vc_plan;

/* Which tokens go where in one head, decided by the algorithm. */
typedef struct vc_token_order {
    int32_t *queries; /* (L, H, Tq) */
    int32_t *keys;    /* (L, H, Tk) */
    int32_t *globals; /* (L, H) */
} vc_token_order;

/* Builds the CSC form of a mask under a token order. */
vc_status vc_plan_assemble(vc_plan *out, const vc_mask *mask, const vc_token_order *order,
                           size_t threshold);
void vc_plan_close(vc_plan *plan);
vc_status vc_plan_copy(vc_plan *out, const vc_plan *plan);

/* Of a layer of `heads` heads, with its queries. */
vc_status vc_pooling_copy(vc_pooling *out, const vc_pooling *pooling, size_t heads);
void vc_pooling_close(vc_pooling *pooling);

/* Gives a layer summaries; pooling and bias (H, Tq, G) are copied. VC_EINVAL for indices outside
 * the layer, for weights or biases that are not finite (-INFINITY is allowed in a bias), and for a
 * layer with kept shares. */
vc_status vc_plan_layer_add_summaries(vc_plan_layer *layer, const vc_pooling *pooling,
                                      const float *bias);

/* The scores that a layer's summaries count as: H * Tq * G, and H for each entry of the pooling
 * beyond one per key. An entry takes as many products as one score in each head, so a pooling in
 * which tokens are in many summaries is not for free; means over blocks are not charged. */
uint64_t vc_pooling_scores(const vc_pooling *pooling, size_t heads, size_t queries, size_t keys);

/* Takes the summaries of all layers away. */
void vc_plan_drop_summaries(vc_plan *plan);

/* What a plan does about what is pruned: "kept entries alone" (nothing, as in the paper, whatever
 * rule chose them), "with a residual" or "with summaries"; "dense" for NULL. */
const char *vc_plan_method(const vc_plan *plan);

/* The same entries with tokens in their own order and none global. */
vc_status vc_plan_plain(vc_plan *out, const vc_plan *plan);
/* Masks, group after group, as such a plan. */
vc_status vc_plan_of_masks(vc_plan *out, const vc_mask *masks, size_t count);

/* The masks of a plan, one for each run of layers of one shape; several are numbered. */
vc_status vc_plan_masks(vc_mask_set *out, const vc_plan *plan);
/* Gives a plan the kept shares and summaries of another one of the same layers. */
vc_status vc_plan_copy_rest(vc_plan *to, const vc_plan *from);

/* Moves the layers of `more` behind those of `plan`, and closes it, even when it fails. */
vc_status vc_plan_append(vc_plan *plan, vc_plan *more);

/* The mask a layer came from, in original token order: pruned (H, Tq, Tk). */
void vc_plan_layer_mask(uint8_t *pruned, const vc_plan_layer *layer);

/* Kept entries of one head: in all columns, or in those of the sparser part. */
size_t vc_plan_kept(const vc_plan_layer *layer, size_t head);
size_t vc_plan_kept_sparser(const vc_plan_layer *layer, size_t head);

/* Entries of all layers and heads: there, kept, and kept in the denser part; and the scores of the
 * summaries (vc_pooling_scores). */
typedef struct vc_plan_entries {
    uint64_t all, kept, denser, summaries;
} vc_plan_entries;
vc_plan_entries vc_plan_count(const vc_plan *plan);

/* Kept entries and scores of summaries of all layers, as a share of all entries. */
double vc_plan_kept_share(const vc_plan *plan);

/* FNV-1a over orders, global tokens, entries, shares and summaries; written into results. */
uint64_t vc_plan_hash(const vc_plan *plan);
/* The same in 16 digits of base 16, as results have it. */
enum { VC_PLAN_HASH_TEXT = 17 };
void vc_plan_hash_text(char text[VC_PLAN_HASH_TEXT], const vc_plan *plan);

/* ---- files
 *
 * A plan's own file is safetensors: `layers.<l>.<member>` for every array of vc_plan_layer (of its
 * pooling: pool_start, pool_keys, pool_weights, pool_query), 'threshold' in the metadata, 'for':
 * 'cpu' where it is, 'tokens': 'reordered' where they are, and 'format': 'vitcod-plan'. A model's
 * file holds its plan under the same names behind a prefix. */

#define VC_PLAN_PREFIX "vitcod.plan."
enum { VC_PLAN_NAME = 96 };

typedef enum vc_plan_place {
    VC_PLAN_NOWHERE,
    VC_PLAN_ALONE, /* the file is a plan's */
    VC_PLAN_INSIDE /* there is a model around it */
} vc_plan_place;

/* Where a file holds a plan at all, right or wrong. */
vc_plan_place vc_plan_is(const char *path);
vc_plan_place vc_plan_in(const vc_tensor_file *file);

/* A plan's own file, or that of a model with one inside. Checks every index; a row without a kept
 * entry is VC_EINVAL, anything inconsistent, and a tensor that would be ignored, VC_EFORMAT. */
vc_status vc_plan_read(vc_plan *out, const char *path);
vc_status vc_plan_take(vc_plan *out, const vc_tensor_file *file);
vc_status vc_plan_write(const char *path, const vc_plan *plan);

/* The plan, or none for NULL, as tensors of a file, which point into it; with `tensors` NULL only
 * their number. */
size_t vc_plan_tensors(vc_named_tensor *tensors, char (*names)[VC_PLAN_NAME], const vc_plan *plan,
                       const char *prefix);

#ifdef __cplusplus
}
#endif

#endif
