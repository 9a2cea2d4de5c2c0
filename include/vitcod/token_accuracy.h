/* What fewer tokens from layer to layer do to a model: a runner beside the same model with all. */
#ifndef VITCOD_TOKEN_ACCURACY_H
#define VITCOD_TOKEN_ACCURACY_H

#include "vitcod/evaluate.h"
#include "vitcod/record.h"
#include "vitcod/token_reduction.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_token_accuracy {
    vc_token_reduction how;
    vc_token_pass *pass;
    const vc_model *model;
    vc_acts dense;       /* the same images with all tokens */
    float *logits;       /* (batch, outputs) with fewer */
    size_t images, same; /* seen; of which both name the same class */
    double divergence;   /* summed over the images */
} vc_token_accuracy;

/* As vc_token_pass_open. On failure *out is zeroed. */
vc_status vc_token_accuracy_open(vc_token_accuracy *out, const vc_model *model,
                                 const vc_token_reduction *how, size_t batch);
void vc_token_accuracy_close(vc_token_accuracy *accuracy);

/* Runs both, and returns the logits with fewer tokens. */
vc_runner vc_token_accuracy_runner(vc_token_accuracy *accuracy);

/* The same as results have it. The list is that of `accuracy`. */
typedef struct vc_token_result {
    const char *rule;
    double keep;
    const size_t *tokens; /* (layers) */
    size_t layers;
    uint64_t macs;
    double macs_share, scores_share;
    double same_class_percent, divergence;
} vc_token_result;
extern const vc_record vc_token_result_record;
vc_token_result vc_token_result_of(const vc_token_accuracy *accuracy);

#ifdef __cplusplus
}
#endif

#endif
