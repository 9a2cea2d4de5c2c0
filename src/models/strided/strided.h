/* Strided Transformer (Li et al. 2022, "Exploiting Temporal Contexts with Strided Transformer for
 * 3D Human Pose Estimation"): frames of 2-D poses are tokens. A vanilla encoder is followed by a
 * strided one, whose feed-forward is a convolution that leaves every n-th frame, until one is left:
 * the pose in 3-D in the middle of them. With ViTCoD's head auto-encoder. */
#ifndef VC_STRIDED_H
#define VC_STRIDED_H

#include <assert.h>

#include "vitcod/attention.h"
#include "vitcod/gradients.h"
#include "vitcod/model.h"

enum {
    VC__STRIDED_MOST = 8,         /* strided blocks, at most */
    VC__STRIDED_STRIDE = 1000000, /* of one, at most: as texts, all have room in the metadata */
    VC__STRIDED_PLACES = 3        /* that many of them have positions, as published */
};
#define VC__STRIDED_EPS 1e-6f       /* of every norm of tokens, as published */
#define VC__STRIDED_BATCH_EPS 1e-5f /* of every BatchNorm, as in PyTorch */
#define VC__STRIDED_MOMENTUM 0.1f   /* of its running statistics, as published */

typedef struct VC_MODEL_SIZES_STRUCT vc__strided_config {
    size_t frames;                        /* T */
    size_t inputs, outputs;               /* values of a pose: x, y of each joint; x, y, z */
    size_t width, heads, hidden, vanilla; /* C, H, M, vanilla blocks */
    size_t strided, strides[VC__STRIDED_MOST];
    size_t compressed_heads[2]; /* of the auto-encoders of Q and K; 0: there is none */
} vc__strided_config;

vc_status vc__strided_check(const vc__strided_config *config);
size_t vc__strided_blocks(const vc__strided_config *config); /* vanilla ones first */
/* Frames that enter a block; of the number of blocks: those that leave the last. */
size_t vc__strided_tokens(const vc__strided_config *config, size_t block);
/* The windows of a strided block's convolution over what its hidden product makes; and every n-th
 * token of the stream, which what they make is added to. */
vc_span vc__strided_span(const vc__strided_config *config, size_t block);
vc_span vc__strided_short(const vc__strided_config *config, size_t block);
vc_attention_shape vc__strided_attention_shape(const vc__strided_config *config, size_t block,
                                               size_t batch);

typedef struct vc__strided_norm {
    float *gain, *shift; /* (C) */
} vc__strided_norm;

typedef struct vc__strided_batch_norm {
    float *weight, *bias, *mean, *variance; /* (C); running ones */
} vc__strided_batch_norm;

typedef struct vc__strided_block {
    vc__strided_norm norm[2];             /* before attention, before the feed-forward */
    float *weight[4], *bias[4];           /* (C, C), (C) of Q, K, V and the output */
    vc_coder coder[2];                    /* of Q and of K; NULLs where there is none */
    float *fc1_w, *fc1_b, *fc2_w, *fc2_b; /* (M, C), (M), (C, M), (C); strided: (C, M, 3) */
} vc__strided_block;

typedef struct vc__strided_head {
    vc__strided_batch_norm norm;
    float *weight, *bias; /* (outputs, C), (outputs) */
} vc__strided_head;

typedef struct vc__strided_weights {
    float *embed_w, *embed_b; /* (C, inputs), (C) */
    vc__strided_batch_norm embed_norm;
    float *positions;                  /* (1, T, C) */
    float *places[VC__STRIDED_PLACES]; /* (1, T, C), of which blocks use as many as they have */
    vc__strided_head frames, head;     /* of all frames behind the vanilla blocks; of the last */
    vc__strided_block *blocks;
} vc__strided_weights;

/* What the forward pass leaves behind in one block. (B, T, ..) each, T' tokens behind a strided
 * block. */
typedef struct vc__strided_block_acts {
    float *input;                 /* (C) the residual stream going in, positions added */
    float *mean1, *rstd1, *norm1; /* (), (), (C) */
    float *qkv[3];                /* (H, D) each */
    float *encoded[2], *decoded[2];
    float *probs, *attention;
    float *middle; /* (C) the residual stream after attention */
    float *mean2, *rstd2, *norm2;
    float *hidden, *active; /* (M) before and behind ReLU */
    float *windows;         /* (B, T', 3 M); NULL in a vanilla block */
    float *kept;            /* (B, T', C) every n-th of `middle`; NULL in a vanilla block */
} vc__strided_block_acts;

/* A BatchNorm's input, the batch's own statistics, and what it makes. */
typedef struct vc__strided_normed {
    float *in, *out;        /* (rows, C) */
    float *mean, *variance; /* (C) */
} vc__strided_normed;

typedef struct vc__strided_acts {
    float *poses;                /* (B, T, inputs) what was embedded; NULL unless all is kept */
    vc__strided_normed embedded; /* (B, T, C) */
    vc__strided_normed frames;   /* (B, T, C) behind the vanilla blocks; NULLs unless all is kept */
    vc__strided_normed last;     /* (B, C) */
    float *kernel;               /* (C, 3 M) a convolution's, as its windows lie */
    vc__strided_block_acts *blocks;
} vc__strided_acts;

/* What the backward pass needs besides; of several blocks, room for the largest. */
typedef struct vc__strided_grads {
    vc__strided_weights views; /* on the flat block */
    float *stream;             /* (B, T, C) of the residual stream */
    float *spread;             /* (B, T, C) the same, spread over the frames it was taken from */
    float *normed[2];          /* (B, T, C) of what norms make */
    float *qkv[3], *attention; /* (B, T, C) */
    float *hidden;             /* (B, T, M) */
    float *windows;            /* (B, T', 3 M) */
    float *kernel;             /* (C, 3 M) as windows lie */
} vc__strided_grads;

/* ---- a model of this family */

extern const vc__family vc__strided;

vc_model_config vc__strided_model(const vc__strided_config *sizes);

_Static_assert(sizeof(vc__strided_config) <= VC_MODEL_SIZES, "its sizes have room in a config");

static inline const vc__strided_config *vc__strided_sizes_of(const vc_model_config *config)
{
    assert(config->family == &vc__strided);
    return (const void *)config->sizes.bytes;
}

static inline vc__strided_config *vc__strided_sizes_in(vc_model_config *config)
{
    assert(config->family == &vc__strided);
    return (void *)config->sizes.bytes;
}

static inline vc__strided_weights *vc__strided_weights_of(const vc_model *model)
{
    assert(model->config.family == &vc__strided);
    return model->state;
}

static inline vc__strided_acts *vc__strided_acts_of(const vc_acts *acts)
{
    return acts->state;
}

static inline vc__strided_grads *vc__strided_grads_of(const vc_grads *grads)
{
    return grads->state;
}

#endif
