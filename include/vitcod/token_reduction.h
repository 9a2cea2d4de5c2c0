/* Fewer tokens from layer to layer, chosen anew for every image: the forward pass of a model that
 * was not trained for it. Between attention and MLP of a layer some patches' tokens go; class
 * tokens always stay.
 *
 *   prune   Cascade token pruning (SpAtten: Wang et al., HPCA 2021, section III-A). The tokens with
 *           the least importance go; importance is the attention that a token received, summed over
 *           heads, queries and all layers so far.
 *   merge   Token merging (ToMe: Bolya et al., ICLR 2023, section 3). Every other token seeks the
 *           one with the most similar key (cosine, of keys averaged over the heads) among the rest;
 *           the most similar pairs become one token, the average weighted by how many patches each
 *           stands for, whose logarithm attention adds to the scores from then on.
 *
 * How many tokens a layer has is a matter of the model and of `keep` alone: of P patches layer l of
 * L, from 0, has P * keep^(l / (L - 1)) when pruning (a constant share goes; not in the paper), and
 * P - P * (1 - keep) * l / (L - 1) when merging (a constant number goes, as in ToMe), rounded. */
#ifndef VITCOD_TOKEN_REDUCTION_H
#define VITCOD_TOKEN_REDUCTION_H

#include "vitcod/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_token_reduction {
    const char *rule; /* "prune" or "merge" */
    double keep;      /* share of the patches' tokens that the last layer has: above 0, at most 1 */
} vc_token_reduction;

/* VC_EINVAL for a rule that is unknown, or a share out of range. */
vc_status vc_token_reduction_check(const vc_token_reduction *how);

/* What a model does with an image, without looking at one. */
typedef struct vc_token_schedule {
    size_t *tokens; /* (L + 1) of each layer's attention, class tokens included; the last layer's
                     * once more, as it lets none go */
    size_t layers;  /* L */
    uint64_t macs, dense_macs; /* of all products; those that merging needs to compare keys too */
    double scores_share;       /* of attention's scores: the mean of (tokens / all tokens)^2 */
} vc_token_schedule;

/* VC_EUNSUPPORTED without VC_ABILITY_TOKENS. VC_EINVAL when a layer would have to merge more than
 * half of its tokens. */
vc_status vc_token_schedule_open(vc_token_schedule *out, const vc_model_config *config,
                                 const vc_token_reduction *how);
void vc_token_schedule_close(vc_token_schedule *schedule);

typedef struct vc_token_pass vc_token_pass;

/* The model has to stay open. VC_EUNSUPPORTED for a model whose attention is restricted, or whose
 * Q or K are compressed. */
vc_status vc_token_pass_open(vc_token_pass **out, const vc_model *model,
                             const vc_token_reduction *how);
void vc_token_pass_close(vc_token_pass *pass);

const vc_token_schedule *vc_token_pass_schedule(const vc_token_pass *pass);

/* logits (batch, outputs) of images (batch, channels, height, width). With keep = 1 they are, to
 * the bit, those that vc_model_forward computes of one image at a time. */
void vc_token_pass_run(vc_token_pass *pass, float *logits, const float *images, size_t batch);

#ifdef __cplusplus
}
#endif

#endif
