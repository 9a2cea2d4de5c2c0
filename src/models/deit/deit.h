/* DeiT (Touvron et al. 2021) and the plain ViTs that vary it, of any size, with ViTCoD's head
 * auto-encoder. */
#ifndef VC_DEIT_H
#define VC_DEIT_H

#include <assert.h>

#include "vitcod/attention.h"
#include "vitcod/model.h"

/* What lies between the products of the MLP. */
typedef enum vc__deit_between {
    VC__DEIT_GELU,
    VC__DEIT_QUICK_GELU,
    VC__DEIT_SWIGLU /* `hidden` values, gates and what they gate, become half as many */
} vc__deit_between;

/* What classifiers read. */
typedef enum vc__deit_pool {
    VC__DEIT_POOL_CLASS,  /* each its class token */
    VC__DEIT_POOL_AVERAGE /* the mean of the patches' tokens */
} vc__deit_pool;

/* What it gives for an image. */
typedef enum vc__deit_output {
    VC__DEIT_LOGITS, /* or, without classes, what is pooled */
    VC__DEIT_POOLED, /* what a head reads; of two heads the mean */
    VC__DEIT_CLASS,  /* the class token, normed */
    VC__DEIT_TOKENS  /* all tokens, normed */
} vc__deit_output;

typedef struct VC_MODEL_SIZES_STRUCT vc__deit_config {
    vc_extent image, patch;             /* in pixels */
    size_t channels, classes;           /* of an image */
    size_t width, depth, heads, hidden; /* C, L, H, values inside the MLP */
    size_t compressed_heads[2];         /* of the auto-encoders of Q and K; 0: there is none */
    int distilled;                      /* a second token and head; logits are averaged */
    float mean[VC_MODEL_CHANNELS], std[VC_MODEL_CHANNELS]; /* of the input, pixels in 0..1 */

    /* What other plain ViTs have (timm's VisionTransformer); all 0: a DeiT. */
    double eps;             /* of every LayerNorm; 0: 1e-6 */
    size_t registers;       /* tokens behind the class tokens that no classifier reads */
    size_t unplaced;        /* of class tokens and registers the last so many have no position */
    size_t representation;  /* values of pre_logits, a product with tanh before the head; 0: none */
    vc__deit_output output; /* of this run: no file says it */
    vc_extent file_grid;    /* of the positions in the file that it is read from; 0: its own */
    vc__deit_between mlp;
    vc__deit_pool pool;
    int projection;         /* the head makes an embedding, as CLIP's: `classes` are its values */
    int without_class;      /* there is no class token */
    int fc_norm;            /* the last norm is called fc_norm, and takes what was pooled */
    int norm_pre;           /* a norm in front of the blocks */
    int layer_scale;        /* each branch is multiplied by a vector, ls1 and ls2 */
    int without_qkv_bias;   /* the products have no bias */
    int without_patch_bias; /* nor has the product of the patches */
} vc__deit_config;

/* DeiT-Tiny's sizes. */
vc__deit_config vc__deit_config_default(void);
vc_status vc__deit_config_check(const vc__deit_config *config);
vc_extent vc__deit_grid(const vc__deit_config *config); /* of patches */
size_t vc__deit_tokens(const vc__deit_config *config);  /* prefix and patches */
vc_patches vc__deit_patches(const vc__deit_config *config);
size_t vc__deit_patch_values(const vc__deit_config *config); /* channels * pixels */
/* Class token, distillation token: 0 to 2. */
size_t vc__deit_class_tokens(const vc__deit_config *config);
/* Those and the registers. */
size_t vc__deit_prefix_tokens(const vc__deit_config *config);
/* Tokens that have a position of their own: those of the prefix first. */
size_t vc__deit_positions(const vc__deit_config *config);
/* 1 or 2, each with a class token of its own. */
size_t vc__deit_classifiers(const vc__deit_config *config);
/* What of the last block's tokens is read, and how. */
typedef struct vc__deit_reading {
    vc__deit_output output;
    size_t first, count;       /* tokens, as they leave the last block */
    size_t normed;             /* that many are normed: one if their mean is taken before */
    int mean_first, mean_last; /* the mean is taken before or behind the norm */
    int norm;                  /* 0: they are taken as they are */
} vc__deit_reading;
vc__deit_reading vc__deit_reading_of(const vc__deit_config *config);
float vc__deit_eps(const vc__deit_config *config);
size_t vc__deit_inner(const vc__deit_config *config);    /* values that FC2 takes */
size_t vc__deit_features(const vc__deit_config *config); /* values that a head takes */
size_t vc__deit_outputs(const vc__deit_config *config);  /* values for an image */

typedef struct vc__deit_block { /* C width, M hidden, H heads, Z compressed heads */
    float *norm1_w, *norm1_b;   /* (C) */
    float *qkv_w, *qkv_b;       /* (3C, C), (3C) */
    vc_coder coder[2];          /* of Q and of K; NULLs where there is none */
    float *proj_w, *proj_b;     /* (C, C), (C) */
    float *norm2_w, *norm2_b;   /* (C) */
    float *fc1_w, *fc1_b;       /* (M, C), (M) */
    float *fc2_w, *fc2_b;       /* (C, inner), (C) */
    float *scale[2];            /* (C) of attention and of the MLP; NULLs without LayerScale */
} vc__deit_block;

typedef struct vc__deit_weights {
    float *cls_token, *dist_token;  /* (1, 1, C) */
    float *reg_token;               /* (1, registers, C) */
    float *pos_embed;               /* (1, positions, C) */
    float *patch_w, *patch_b;       /* (C, channels, height, width), (C) */
    float *norm_pre_w, *norm_pre_b; /* (C) */
    float *norm_w, *norm_b;         /* (C) the last one, or the next pair */
    float *fc_norm_w, *fc_norm_b;
    float *pre_w, *pre_b;   /* (F, C), (F) */
    float *head_w, *head_b; /* (classes, F), (classes) */
    float *head_dist_w, *head_dist_b;
    vc__deit_block *blocks; /* (L) */
} vc__deit_weights;

/* What the forward pass leaves behind in one layer. (B, T, ..) each; T tokens, D = C / H. */
typedef struct vc__deit_layer_acts {
    float *input;                 /* (C) the residual stream going in */
    float *mean1, *rstd1, *norm1; /* (), (), (C) */
    float *qkv;                   /* (3, H, D) */
    float *encoded[2];            /* (Z, D) Q and K; NULL without an auto-encoder of theirs */
    float *decoded[2];            /* (H, D) */
    float *probs;                 /* (B, H, T, T), or the plan's form */
    float *attention;             /* (H, D) */
    float *middle;                /* (C) the residual stream after attention */
    float *mean2, *rstd2, *norm2;
    float *fc1, *gelu; /* (M), (inner) */
    float *branch[2];  /* (C) before LayerScale; NULL without */
} vc__deit_layer_acts;

typedef struct vc__deit_acts {
    float *patches;  /* (B, P, patch_values) */
    float *embedded; /* (B, T, C) before norm_pre; NULL without */
    float *embedded_mean, *embedded_rstd;
    float *tokens;   /* (B, T, C) what leaves the last block */
    float *class_in; /* (B, normed, C) what the last norm takes */
    float *class_mean, *class_rstd, *class_norm;
    float *pooled;   /* (B, C) what pre_logits takes; NULL without */
    float *head_in;  /* (classifiers, B, features) */
    float *head_out; /* (classifiers, B, classes) */
    vc__deit_layer_acts *layers;
} vc__deit_acts;

/* Attention as it lies in a layer's activations: Q and K decoded, where they have an
 * auto-encoder. */
vc_attention_shape vc__deit_attention_shape(const vc__deit_config *config, size_t batch);

/* ---- a model of this family */

extern const vc__family vc__deit;

vc_model_config vc__deit_model(const vc__deit_config *sizes);
vc_status vc__deit_create(vc_model **out, const vc__deit_config *config, uint64_t seed);
/* Views on another flat block of the same layout (gradients); `blocks` holds L entries. */
vc__deit_weights vc__deit_views(const vc_model *model, float *values, vc__deit_block *blocks);

_Static_assert(sizeof(vc__deit_config) <= VC_MODEL_SIZES, "a DeiT's sizes have room in a config");

static inline const vc__deit_config *vc__deit_sizes_of(const vc_model_config *config)
{
    assert(config->family == &vc__deit);
    return (const void *)config->sizes.bytes;
}

static inline vc__deit_config *vc__deit_sizes_in(vc_model_config *config)
{
    assert(config->family == &vc__deit);
    return (void *)config->sizes.bytes;
}

static inline vc__deit_weights *vc__deit_weights_of(const vc_model *model)
{
    assert(model->config.family == &vc__deit);
    return model->state;
}

/* The last norm, whatever it is called. */
static inline float *vc__deit_gain(const vc__deit_weights *weights)
{
    return weights->fc_norm_w ? weights->fc_norm_w : weights->norm_w;
}

static inline float *vc__deit_shift(const vc__deit_weights *weights)
{
    return weights->fc_norm_b ? weights->fc_norm_b : weights->norm_b;
}

static inline vc__deit_acts *vc__deit_acts_of(const vc_acts *acts)
{
    return acts->state;
}

#endif
