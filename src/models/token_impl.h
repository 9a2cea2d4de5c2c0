/* Shared by the files of token reduction. */
#ifndef VC_TOKEN_IMPL_H
#define VC_TOKEN_IMPL_H

#include "model_impl.h"
#include "vitcod/token_reduction.h"

/* A layer between attention and MLP: n tokens of one image. */
typedef struct vc__token_layer {
    float *x; /* (n, width) the residual stream */
    size_t width;
    const float *probs; /* (H, n, n) */
    const float *keys;  /* that of token t in head h is at keys + t * key_stride + h * D */
    size_t key_stride, heads, head_dim;
} vc__token_layer;

/* The tokens of one image on their way through the layers. T: all of them. */
struct vc__tokens {
    const struct vc__token_rule *rule;
    const vc_token_schedule *schedule;
    size_t prefix; /* class tokens and registers, which come first */
    size_t now;    /* n */
    double *worth; /* (T) what the rule knows of each token: its importance, or its patches */
    /* what a step needs */
    double *score, *moved_worth; /* (T) */
    unsigned char *marked;       /* (T) */
    size_t *partner, *order;     /* (T) */
    float *moved;                /* (T, C) */
    float *metric, *similarity;  /* (T, D), (T, T) */
    float *bias;                 /* (H, T, T) */
};

/* One rule; the list of them is in token_reduction.c. */
typedef struct vc__token_rule {
    const char *name;
    double worth;       /* of a token at the start */
    int counts_patches; /* 1: the worth is a number of patches; attention adds its logarithm */
    /* The patches' tokens of a layer, unrounded; depth: of the layer, 0 to 1. */
    double (*patches)(double patches, double keep, double depth);
    size_t (*most)(size_t patches);                   /* of so many, that can go in one layer */
    uint64_t (*macs)(size_t tokens, size_t head_dim); /* of choosing; NULL: none */
    /* Leaves `to` of the tokens, which may be all. */
    void (*reduce)(vc__tokens *tokens, const vc__token_layer *layer, size_t to);
} vc__token_rule;

extern const vc__token_rule vc__prune_tokens, vc__merge_tokens;

/* For a family's forward pass: what attention adds to a layer's scores, (H, n, n), or NULL; and the
 * step behind it, after which `now` tokens are left. */
const float *vc__tokens_bias(vc__tokens *tokens, size_t heads);
void vc__tokens_reduce(vc__tokens *tokens, size_t layer, const vc__token_layer *view);

/* mean (width) of the patches' tokens that are left, x (now - prefix, width), each as often as it
 * stands for patches. */
void vc__tokens_mean(float *mean, const float *x, const vc__tokens *tokens, size_t width);

/* marked (count): 1 for the `most` highest scores, of equal ones the first, else 0. */
void vc__mark_highest(unsigned char *marked, const double *scores, size_t count, size_t most);
/* The class tokens, then those that `order` names from there on, become the `count` there are. */
void vc__gather_tokens(vc__tokens *tokens, const vc__token_layer *layer, size_t count);

#endif
