/* LeViT (Graham et al. 2021): a convolutional stem, stages of attention with biases learnt by
 * offset, joined by attention whose queries are every second token, BatchNorm after every
 * product; with ViTCoD's head auto-encoder in the stages' own attention. */
#ifndef VC_LEVIT_H
#define VC_LEVIT_H

#include <assert.h>

#include "vitcod/attention.h"
#include "vitcod/model.h"

enum { VC__LEVIT_STAGES = 3, VC__LEVIT_STEM = 4 };
#define VC__LEVIT_EPS 1e-5f     /* of every BatchNorm, as in PyTorch */
#define VC__LEVIT_MOMENTUM 0.1f /* of its running statistics, as in PyTorch */

typedef struct vc__levit_attention {          /* H heads */
    size_t heads, key_dim, value_dim, hidden; /* hidden: values inside the MLP that follows */
} vc__levit_attention;

typedef struct vc__levit_stage {
    size_t width, depth; /* C, attentions */
    vc__levit_attention own;
    size_t compressed_heads[2];      /* of the auto-encoders of Q and K; 0: there is none */
    vc__levit_attention subsampling; /* leads into this stage; zero in the first */
} vc__levit_stage;

typedef struct VC_MODEL_SIZES_STRUCT vc__levit_config {
    size_t image, channels, classes; /* square images, in pixels */
    size_t stem[VC__LEVIT_STEM]; /* channels after each convolution; the last is stage 0's width */
    vc__levit_stage stages[VC__LEVIT_STAGES];
    int distilled; /* a second head; logits are averaged */
    int silu;      /* in place of hardswish */
    int folded;    /* BatchNorm came folded into the products: no statistics, no training */
    float mean[VC_MODEL_CHANNELS], std[VC_MODEL_CHANNELS]; /* of the input, pixels in 0..1 */
} vc__levit_config;

vc_status vc__levit_config_check(const vc__levit_config *config);
/* The sizes are those of a model of timm's that has SiLU: its checkpoints do not say so. */
int vc__levit_is_silu(const vc__levit_config *config);
size_t vc__levit_side(const vc__levit_config *config, size_t stage); /* tokens along a side */

/* The windows of a convolution of the stem: of images with channels first, then of what the one
 * before it makes. */
vc_window vc__levit_window(const vc__levit_config *config, size_t convolution);

/* One attention and the MLP behind it. */
typedef struct vc__levit_shape {
    vc__levit_attention attention;
    int subsampling; /* queries are every second token along both sides */
    size_t width_in, width_out, side_in, side_out;
    size_t keys, values; /* of all heads together */
    size_t projected;    /* values per token: Q, K and V; subsampling: K and V */
} vc__levit_shape;

vc__levit_shape vc__levit_block_shape(const vc__levit_config *config, size_t block);
/* Which bias a query and a key share, tokens counted row by row: |dy| * side_in + |dx| (timm
 * numbers offsets in the order in which the first query meets them, which is this one). */
size_t vc__levit_offset(const vc__levit_shape *shape, size_t query, size_t key);
/* With the strides of sorted projections. */
vc_attention_shape vc__levit_attention_shape(const vc__levit_shape *shape, size_t batch);

/* A product without bias, then BatchNorm. */
typedef struct vc__levit_normed {
    float *weight;                            /* (outputs, inputs), or (outputs, inputs, 3, 3) */
    float *norm_w, *norm_b, *mean, *variance; /* (outputs); running ones */
} vc__levit_normed;

/* An attention and the MLP behind it. */
typedef struct vc__levit_block {
    float *biases;       /* (H, side^2): by |dy| * side + |dx| between query and key */
    vc__levit_normed in; /* Q, K, V of every head in turn; subsampling: K, V */
    vc__levit_normed q;  /* subsampling alone */
    vc__levit_normed proj, fc1, fc2;
    vc_coder coder[2]; /* of Q and of K; NULLs where there is none */
} vc__levit_block;

typedef struct vc__levit_head {
    float *norm_w, *norm_b, *mean, *variance; /* (C) before the product */
    float *weight, *bias;                     /* (classes, C), (classes) */
} vc__levit_head;

typedef struct vc__levit_weights {
    vc__levit_normed stem[VC__LEVIT_STEM];
    vc__levit_block *blocks; /* in the order in which they run */
    vc__levit_head head, head_dist;
} vc__levit_weights;

/* For inference: BatchNorm folded into the products, heads sorted (all of Q, then K, then V). */
typedef struct vc__levit_folded_block {
    vc_linear in, q, proj, fc1, fc2;
    float *bias;   /* (H, Tq, Tk) */
    size_t *order; /* (in.outputs): which of the parameter's outputs each of in's is */
} vc__levit_folded_block;

typedef struct vc__levit_folded {
    vc_linear stem[VC__LEVIT_STEM]; /* inputs ordered (3, 3, channels) */
    vc__levit_folded_block *blocks;
    vc_linear head; /* the mean of both, where there are two */
} vc__levit_folded;

typedef struct vc__levit_acts {
    float *windows;                 /* of the stem's convolutions */
    float *stream[2];               /* (B, T, C) tokens, in turn with what becomes of them */
    float *in, *queries;            /* what comes out of the products of those names */
    float *thinned;                 /* (B, T', C) every second token */
    float *encoded[2], *decoded[2]; /* of Q and K */
    float *probs, *attention, *hidden, *mean;
} vc__levit_acts;

/* A product and its BatchNorm in training. Weights are the parameters, or copies: a
 * convolution's inputs ordered (3, 3, channels), the outputs of `in` sorted. */
typedef struct vc__levit_normed_acts {
    const float *weight, *norm_w, *norm_b;
    float *sorted, *sorted_w, *sorted_b; /* room for copies; NULL where there are none */
    float *product;                      /* (rows, outputs) */
    float *mean, *variance;              /* (outputs) of the product, not unbiased */
} vc__levit_normed_acts;

typedef struct vc__levit_block_acts {
    vc__levit_normed_acts in, q, proj, fc1, fc2;
    float *projected, *queries;        /* (B, T, .) behind the norms of in and q */
    float *thinned;                    /* (B, T', C) */
    float *encoded[2], *decoded[2];    /* of Q and K */
    float *probs, *attention, *active; /* active: attention behind the activation (B, Tq, H, Dv) */
    float *middle;                     /* (B, Tq, C') what the MLP takes */
    float *fc1_out, *hidden;           /* (B, Tq, hidden) before the activation, behind it */
    float *output;                     /* (B, Tq, C') */
} vc__levit_block_acts;

/* What training keeps of a forward pass on the batch's own statistics. */
typedef struct vc__levit_kept {
    float *windows[VC__LEVIT_STEM], *stem_out[VC__LEVIT_STEM]; /* behind the norm */
    float *stem_active[VC__LEVIT_STEM]; /* behind the activation; the last has none */
    vc__levit_normed_acts stem[VC__LEVIT_STEM];
    vc__levit_block_acts *blocks;
    float *bias,
        *arranged_bias; /* of the layer that is running, dense and as its pattern lists it */
    float *mean;        /* (B, C) over the tokens */
    float *head_mean[2], *head_variance[2]; /* (C) of that, for head and head_dist */
    float *head_in[2];                      /* (B, C) behind their norms */
} vc__levit_kept;

/* ---- a model of this family */

typedef struct vc__levit_state {
    vc__levit_weights weights;
    vc__levit_folded folded; /* in the arena */
    vc_arena arena;
} vc__levit_state;

typedef struct vc__levit_running {
    vc__levit_acts acts;
    vc__levit_kept kept;
} vc__levit_running;

extern const vc__family vc__levit;

vc_model_config vc__levit_model(const vc__levit_config *sizes);
/* Views on another flat block of the same layout (gradients); `blocks` holds an entry for each
 * attention. */
vc__levit_weights vc__levit_views(const vc_model *model, float *values, vc__levit_block *blocks);

_Static_assert(sizeof(vc__levit_config) <= VC_MODEL_SIZES, "a LeViT's sizes have room in a config");

static inline const vc__levit_config *vc__levit_sizes_of(const vc_model_config *config)
{
    assert(config->family == &vc__levit);
    return (const void *)config->sizes.bytes;
}

static inline vc__levit_config *vc__levit_sizes_in(vc_model_config *config)
{
    assert(config->family == &vc__levit);
    return (void *)config->sizes.bytes;
}

static inline vc__levit_weights *vc__levit_weights_of(const vc_model *model)
{
    assert(model->config.family == &vc__levit);
    return &((vc__levit_state *)model->state)->weights;
}

static inline vc__levit_folded *vc__levit_folded_of(const vc_model *model)
{
    assert(model->config.family == &vc__levit);
    return &((vc__levit_state *)model->state)->folded;
}

static inline vc__levit_acts *vc__levit_acts_of(const vc_acts *acts)
{
    return &((vc__levit_running *)acts->state)->acts;
}

static inline vc__levit_kept *vc__levit_kept_of(const vc_acts *acts)
{
    return &((vc__levit_running *)acts->state)->kept;
}

#endif
