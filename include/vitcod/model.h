/* DeiT (Touvron et al. 2021), of any size, with ViTCoD's head auto-encoder and fixed sparse attention.
 *
 * One table of parameters (src/models/deit_params.c) drives the layout in memory, names and shapes in
 * files (timm's), initialisation and the optimiser's groups. */
#ifndef VITCOD_MODEL_H
#define VITCOD_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/arena.h"
#include "vitcod/attention.h"
#include "vitcod/autoencoder.h"
#include "vitcod/ops.h"
#include "vitcod/plan.h"
#include "vitcod/workload.h"

enum { VC_MODEL_CHANNELS = 4 };
#define VC_DEIT_EPS 1e-6f /* of every LayerNorm, as in timm */

typedef struct vc_deit_config {
    size_t image, patch, channels, classes; /* square images and patches, in pixels */
    size_t width, depth, heads, hidden;     /* C, L, H, values inside the MLP */
    size_t compressed_heads;                /* of the auto-encoder; 0: there is none */
    int distilled;                          /* a second token and head; logits are averaged */
    float mean[VC_MODEL_CHANNELS], std[VC_MODEL_CHANNELS]; /* of the input, pixels in 0..1 */
} vc_deit_config;

/* DeiT-Tiny's sizes. */
vc_deit_config vc_deit_config_default(void);
vc_status vc_deit_config_check(const vc_deit_config *config);
size_t vc_deit_tokens(const vc_deit_config *config); /* patches + class (+ distillation) token */
size_t vc_deit_class_tokens(const vc_deit_config *config); /* 1 or 2 */

typedef struct vc_block_weights { /* C width, M hidden, H heads, Z compressed heads */
    float *norm1_w, *norm1_b;     /* (C) */
    float *qkv_w, *qkv_b;         /* (3C, C), (3C) */
    float *encoder_q_w, *encoder_q_b, *decoder_q_w, *decoder_q_b; /* (Z, H) (Z) (H, Z) (H) */
    float *encoder_k_w, *encoder_k_b, *decoder_k_w, *decoder_k_b;
    float *proj_w, *proj_b;   /* (C, C), (C) */
    float *norm2_w, *norm2_b; /* (C) */
    float *fc1_w, *fc1_b;     /* (M, C), (M) */
    float *fc2_w, *fc2_b;     /* (C, M), (C) */
} vc_block_weights;

typedef struct vc_deit_weights {
    float *cls_token, *dist_token; /* (1, 1, C) */
    float *pos_embed;              /* (1, T, C) */
    float *patch_w, *patch_b;      /* (C, channels, patch, patch), (C) */
    float *norm_w, *norm_b;        /* (C) */
    float *head_w, *head_b;        /* (classes, C), (classes) */
    float *head_dist_w, *head_dist_b;
    vc_block_weights *blocks; /* (L) */
} vc_deit_weights;

typedef enum vc_init { VC_INIT_ZERO, VC_INIT_ONE, VC_INIT_NORMAL, VC_INIT_FAN_IN } vc_init;

typedef struct vc_param {
    char name[64]; /* timm's */
    size_t rank, shape[4];
    size_t offset, count; /* in floats, in the flat block */
    int decay;            /* weight decay applies: matrices; not biases, norms, tokens, positions */
    int autoencoder;      /* belongs to the auto-encoder */
    vc_init init;
} vc_param;

typedef struct vc_model {
    vc_deit_config config;
    vc_param *params;
    size_t param_count, value_count;
    float *values;           /* the flat block of all parameters */
    vc_deit_weights weights; /* views on it */
    uint8_t *pruned;         /* (L, H, T, T) or NULL */
    vc_sparse_layer *sparse; /* (L) or NULL; at most one of mask and plan is set */
    vc_packed **packed;      /* per block QKV, projection, fc1, fc2; NULL while training */
} vc_model;

typedef struct vc_model_options {
    size_t heads;            /* where the metadata does not say; 0: width / 64 as in all DeiTs */
    const char *autoencoder; /* safetensors with the encoders and decoders, or NULL */
} vc_model_options;

/* Reads a checkpoint; sizes come from shapes and metadata. A NaN in a weight is VC_EINVAL. */
vc_status vc_model_open(vc_model **out, const char *path, const vc_model_options *options);
/* A new model with random weights. */
vc_status vc_model_create(vc_model **out, const vc_deit_config *config, uint64_t seed);
vc_status vc_model_write(const char *path, const vc_model *model);
/* The encoders and decoders alone, as vc_model_options.autoencoder reads them. */
vc_status vc_model_write_autoencoder(const char *path, const vc_model *model);
void vc_model_close(vc_model *model);

/* Views on another flat block of the same layout (gradients); `blocks` holds L entries. */
vc_deit_weights vc_model_views(const vc_model *model, float *values, vc_block_weights *blocks);

/* Restricts attention; both check that the shapes fit. `path` is for messages. */
vc_status vc_model_use_mask(vc_model *model, const vc_mask *mask, const char *path);
vc_status vc_model_use_plan(vc_model *model, const vc_plan *plan, const char *path);
vc_status vc_model_check_plan(const vc_model *model, const vc_plan *plan, const char *path);

/* Packs the weights for inference; they must not change afterwards. */
vc_status vc_model_pack(vc_model *model);

/* What the forward pass leaves behind in one layer. (B, T, ..) each; T tokens, D = C / H. */
typedef struct vc_layer_acts {
    float *input;                 /* (C) the residual stream going in */
    float *mean1, *rstd1, *norm1; /* (), (), (C) */
    float *qkv;                   /* (3, H, D) */
    float *encoded;               /* (2, Z, D) Q then K; NULL without auto-encoder */
    float *decoded;               /* (2, H, D) */
    float *probs;                 /* (B, H, T, T), or the plan's form */
    float *attention;             /* (H, D) */
    float *middle;                /* (C) the residual stream after attention */
    float *mean2, *rstd2, *norm2;
    float *fc1, *gelu; /* (M) */
} vc_layer_acts;

typedef struct vc_acts {
    size_t batch;    /* room for so many images */
    int keep;        /* 1: every layer has its own buffers, for the backward pass */
    float *patches;  /* (B, P, channels * patch^2) */
    float *tokens;   /* (B, T, C) what leaves the last block */
    float *class_in; /* (B, class tokens, C) */
    float *class_mean, *class_rstd, *class_norm;
    float *head_in;    /* (class tokens, B, C) */
    float *head_out;   /* (class tokens, B, classes) */
    float *logits;     /* (B, classes) */
    float *scratch;    /* of sparse attention */
    double *distances; /* (L, 2) squared distances of Q and K to what is decoded */
    vc_layer_acts *layers;
    vc_arena arena;
} vc_acts;

vc_status vc_acts_open(vc_acts *out, const vc_model *model, size_t batch, int keep);
void vc_acts_close(vc_acts *acts);

/* Looks at a layer's attention while the forward pass runs. Either function may be NULL. */
typedef struct vc_tap {
    void (*attention)(void *context, size_t layer, const float *probs, size_t batch);
    /* q and k (batch * T, H, D) with `stride` floats between tokens, before the auto-encoder */
    void (*query_key)(void *context, size_t layer, const float *q, const float *k, size_t stride,
                      size_t batch);
    void *context;
} vc_tap;

/* images (batch, channels, image, image), normalised; the result is in acts->logits. A tap for
 * attention needs a model without a plan. */
void vc_model_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                      const vc_tap *tap);

/* Sum over layers of ||Q - Q'|| + ||K - K'|| (Frobenius, over the batch) of the last forward pass. */
double vc_model_reconstruction(const vc_acts *acts, const vc_model *model);

/* Where attention reads Q and K in a layer, with or without auto-encoder. */
typedef struct vc_qk_view {
    const float *q, *k;
    size_t stride;
} vc_qk_view;
vc_qk_view vc_model_qk(const vc_layer_acts *acts, const vc_deit_config *config);
/* Floats of scratch that attention on the plan wants for each thread; 0 without a plan. */
size_t vc_model_sparse_scratch(const vc_model *model);
vc_attention_shape vc_model_attention_shape(const vc_deit_config *config, size_t batch);
/* The auto-encoders of Q and of K in a layer. */
void vc_model_autoencoders(vc_autoencoder out[2], const vc_deit_config *config,
                           const vc_block_weights *weights, size_t batch);

/* The operators of one image through a DeiT whose attention follows `plan` (NULL: dense). */
vc_status vc_model_lower(vc_workload *out, const vc_deit_config *config, const vc_plan *plan);

#endif
