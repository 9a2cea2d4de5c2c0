/* Vision Transformers with fixed sparse attention: opened, run and lowered the same way whatever
 * their family.
 *
 * One table of parameters per family drives the layout in memory, names and shapes in files,
 * initialisation and the optimiser's groups. */
#ifndef VITCOD_MODEL_H
#define VITCOD_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/arena.h"
#include "vitcod/attention.h"
#include "vitcod/autoencoder.h"
#include "vitcod/json.h"
#include "vitcod/ops.h"
#include "vitcod/plan.h"
#include "vitcod/tensor_file.h"
#include "vitcod/workload.h"

/* A family of models (DeiT, LeViT): one row of the registry, which holds all that is its own.
 * Who wants to know something of a model asks the functions below and never which family it is. */
typedef struct vc__family vc__family;

enum { VC_MODEL_CHANNELS = 4, VC_MODEL_SIZES = 512 };

/* A family's struct of sizes has to be one of these: compilers must expect it in the bytes of a
 * config. */
#define VC_MODEL_SIZES_STRUCT __attribute__((may_alias))

/* All sizes of a model, copied as a value. */
typedef struct vc_model_config {
    const vc__family *family;
    union {
        size_t aligned;
        unsigned char bytes[VC_MODEL_SIZES];
    } sizes; /* the family's own struct lies here */
} vc_model_config;

/* "deit", "levit" */
const char *vc_model_family(const vc_model_config *config);
const char *vc_model_family_title(const vc_model_config *config); /* "DeiT", "LeViT" */
/* What stands for the family in the checkpoints of a training. */
uint64_t vc_model_family_number(const vc_model_config *config);

/* The sizes that timm knows by this name, with 1000 classes and ImageNet's normalisation. */
vc_status vc_model_preset(vc_model_config *out, const char *name);
const char *vc_model_preset_name(size_t index); /* NULL after the last */

/* The same sizes for square images of `image` pixels, which must fit: VC_EINVAL. */
vc_status vc_model_resize(vc_model_config *config, size_t image);

/* What a model looks at, and how many classes it tells apart. */
typedef struct vc_model_input {
    size_t height, width, channels; /* of an image, in pixels */
    size_t classes;                 /* 0: it does not classify */
    size_t classifiers; /* heads: 1, or 2 whose logits are averaged; 0 without classes */
    size_t outputs;     /* values of an image in vc_acts.logits: its classes, if any */
    float mean[VC_MODEL_CHANNELS], std[VC_MODEL_CHANNELS]; /* value = (pixel / 255 - mean) / std */
} vc_model_input;

vc_model_input vc_model_input_of(const vc_model_config *config);
size_t vc_model_image_values(const vc_model_config *config); /* channels * height * width */
/* VC_EUNSUPPORTED for a model without classes, or of images that are no squares: files of images
 * and labels are not for it. */
vc_status vc_model_check_classifier(const vc_model_config *config);
/* Takes all of it over but the classifiers and outputs, which come with the family. VC_EINVAL
 * for sizes that do not fit. */
vc_status vc_model_set_input(vc_model_config *config, const vc_model_input *input);

/* Sizes of one's own for a plain vision transformer, a DeiT: its widths are the same in every
 * block. What is 0 is DeiT-Tiny's, but `hidden` four times the width. VC_EINVAL for sizes that
 * do not fit. */
typedef struct vc_plain_sizes {
    size_t patch; /* pixels along a side */
    size_t width, depth, heads, hidden;
    int distilled; /* a second token and head */
} vc_plain_sizes;

vc_status vc_model_plain(vc_model_config *out, const vc_plain_sizes *sizes,
                         const vc_model_input *input);

/* An object with the sizes that are the family's own, for people: tokens, widths, depths, heads. */
json_t *vc_model_describe(const vc_model_config *config);

/* What not every family can do. */
typedef enum vc_ability {
    VC_ABILITY_VALUES, /* it tells what a key's value adds: vc_model_value_norms */
    VC_ABILITY_BLOCKS, /* it tells what leaves a block, so that a student can learn it */
    VC_ABILITY_NORMS,  /* it has LayerNorms before products: vc_model_norm */
    VC_ABILITY_LEARNS, /* it has a backward pass */
} vc_ability;

int vc_model_can(const vc_model_config *config, vc_ability ability);
/* The families that can: "a deit", "a deit or a levit". */
enum { VC_FAMILIES_TEXT = 160 };
const char *vc_families_that_can(char text[VC_FAMILIES_TEXT], vc_ability ability);

/* One attention, in the order in which they run. */
typedef struct vc_attention_layer {
    size_t heads, queries, keys;
    size_t head_dim, value_dim; /* values per head of Q and K, of V */
    size_t width;               /* values of a token that leaves the block */
    size_t compressed[2];       /* heads that Q and K are compressed to; 0: they are not */
    int compressible;           /* ViTCoD's auto-encoder can be put there */
    size_t group;
} vc_attention_layer;

/* Sizes with an auto-encoder of Q, K or both to `compressed` heads; 0: ViTCoD's widths.
 * VC_CODED_NONE takes them away. VC_EINVAL beyond the model's heads, and for a LeViT any width but
 * ViTCoD's; VC_EUNSUPPORTED for a family without auto-encoders. */
vc_status vc_model_compress(vc_model_config *config, size_t compressed, vc_coded of);

/* What `compressed` heads of a layer stand for: "qk", "q", "k" or "", and the width, or 0. */
const char *vc_coded_word(vc_coded of);
const char *vc_model_coded_word(const size_t compressed[2]);
size_t vc_model_coded_width(const size_t compressed[2]);

/* Learnt values. */
vc_status vc_model_parameters(size_t *out, const vc_model_config *config);

size_t vc_model_layers(const vc_model_config *config);
vc_attention_layer vc_model_layer(const vc_model_config *config, size_t layer);

/* Layers of one shape, whose maps and masks share a file. */
typedef struct vc_attention_group {
    char name[32]; /* empty where all layers are one group */
    size_t first, count;
} vc_attention_group;

/* Tokens that stand before those of the image (class tokens), the same in every layer. */
size_t vc_model_prefix_tokens(const vc_model_config *config);

size_t vc_model_groups(const vc_model_config *config);
vc_attention_group vc_model_group(const vc_model_config *config, size_t group);

/* ---- parameters */

typedef enum vc_init {
    VC_INIT_ZERO,
    VC_INIT_ONE,
    VC_INIT_NORMAL,  /* truncated at two deviations of 0.7 / sqrt(inputs) */
    VC_INIT_FAN_IN,  /* of 1 / sqrt(inputs) */
    VC_INIT_NARROW,  /* of 0.02, not truncated */
    VC_INIT_UNIFORM, /* within +-1 / sqrt(inputs) (He et al. 2015, with a slope of sqrt(5)) */
} vc_init;

typedef struct vc_param {
    char name[80];  /* timm's */
    char alias[80]; /* in the checkpoints of the first release; empty: the same */
    size_t rank, shape[4];
    size_t offset, count; /* in floats, in the flat block */
    float *data;          /* in the flat block or in a mapped file */
    int decay;            /* weight decay applies: matrices; not biases, norms, tokens, positions */
    int autoencoder;      /* belongs to the auto-encoder */
    int statistic;        /* a running mean or variance: observed, not learnt by gradients */
    int positions;        /* of tokens on a grid: (1, T, C), class tokens first */
    vc_init init;
} vc_param;

/* What attention is restricted to. */
typedef struct vc_restriction {
    vc_plan plan; /* of masks: a plain one (vc_plan_of_masks) */
    int of_masks; /* then it says nothing about a split, and training computes all entries */
    vc_pattern *patterns; /* per layer, as training computes them */
    float **biases;       /* per layer: vc_model_bias as the pattern lists values, or NULL */
} vc_restriction;

typedef struct vc_model {
    vc_model_config config;
    vc_param *params;
    size_t param_count, value_count;
    float *values;            /* the flat block of all parameters; NULL when they lie in files */
    vc_tensor_file *files[2]; /* the checkpoint, the auto-encoder's; NULL when not in use */
    void *state;              /* the family's: views on the parameters, and what it makes of them */
    vc_arena converted; /* beside `files`: positions for another size, matrices that were int8 */
    vc_restriction *restriction; /* NULL: attention sees everything */
} vc_model;

typedef struct vc_model_options {
    size_t heads;            /* where the metadata does not say; 0: width / 64 as in all DeiTs */
    const char *autoencoder; /* a file with the encoders and decoders, or NULL */
    int in_place;            /* use the weights where they lie in the mapped file: no training */
    int without_plan;        /* leave the plan inside the file alone, right or wrong */
    /* Pixels along a side; 0: the checkpoint's. A DeiT's position embeddings are interpolated,
     * as timm 0.9.16 does it (layers/pos_embed.py, resample_abs_pos_embed): class tokens keep
     * theirs, and the grid goes through PyTorch's bicubic with antialias, align_corners false.
     * That is Keys' kernel with a = -0.5, from / to times as wide when the grid shrinks, its
     * weights scaled to sum to 1 at the edges. (Without antialias, as DeiT's published code
     * interpolates, PyTorch's a is -0.75.) In double, rounded once: within half a unit in the
     * last place. A LeViT has no other size than its checkpoint's: VC_EUNSUPPORTED. */
    size_t image_size;
} vc_model_options;

/* Values that were copied elsewhere need not stay in memory where they lie in a mapped file;
 * they come back when they are read again. */
void vc_model_forget(const vc_model *model, const float *values, size_t count);

/* Reads a checkpoint; sizes come from shapes and metadata. A NaN in a weight is VC_EINVAL.
 * Attention is restricted to the plan inside the file, where there is one, which must fit. */
vc_status vc_model_open(vc_model **out, const char *path, const vc_model_options *options);
/* A new model with random weights. */
vc_status vc_model_create(vc_model **out, const vc_model_config *config, uint64_t seed);
/* The same model with heads for other classes, which start at random. Mask and plan move over;
 * `from` is to be closed. */
vc_status vc_model_with_classes(vc_model **out, vc_model *from, size_t classes, uint64_t seed);
/* Parameters, auto-encoder included, and the plan that is in use, as vc_model_open reads them; a
 * mask is not written. */
vc_status vc_model_write(const char *path, const vc_model *model);
/* The same with its matrices in int8, a scale per output beside each: a quarter of the size, and
 * what inference in int8 makes of them anyway. vc_model_open reads it. */
vc_status vc_model_write_int8(const char *path, const vc_model *model);
/* Tensors of a checkpoint opened in place that vc_model_write leaves out, as they follow from
 * sizes or only count what was seen; NULL after the last. */
const char *vc_model_left_out(const vc_model *model, size_t index);
/* The encoders and decoders alone, as vc_model_options.autoencoder reads them. */
vc_status vc_model_write_autoencoder(const char *path, const vc_model *model);
void vc_model_close(vc_model *model);

/* The auto-encoders of Q and of K in a layer; NULLs where there is none. */
const vc_coder *vc_model_coder(const vc_model *model, size_t layer);
/* The same, ready to run on a batch whose tokens lie `x_stride` floats apart, with tokens
 * encoded (Z, D) and decoded (H, D) one after the other; `compressed` is 0 where there is none. */
void vc_model_autoencoders(vc_autoencoder out[2], const vc_attention_layer *layer,
                           const vc_coder coder[2], size_t x_stride, size_t batch);

/* What is added to a layer's scores, (H, Tq, Tk); NULL: nothing. */
const float *vc_model_bias(const vc_model *model, size_t layer);

/* Restricts attention to masks, one per group, or to a plan, which are copied, in place of what
 * there was; the shapes must fit. `path` is for messages. */
vc_status vc_model_use_masks(vc_model *model, const vc_mask *masks, size_t count, const char *path);
vc_status vc_model_use_plan(vc_model *model, const vc_plan *plan, const char *path);
/* The mask or folder of masks, or the plan, in a file; both NULL: nothing changes. */
vc_status vc_model_use_files(vc_model *model, const char *mask, const char *plan);
/* The plan that it is restricted to; NULL: to nothing, or to masks. */
const vc_plan *vc_model_plan(const vc_model *model);
/* The same, but masks are a plain plan; NULL: it is not restricted. */
const vc_plan *vc_model_entries(const vc_model *model);
/* A layer as training computes it; NULL: it is not restricted. */
const vc_pattern *vc_model_pattern(const vc_model *model, size_t layer);
vc_status vc_model_check_plan(const vc_model_config *config, const vc_plan *plan, const char *path);

/* ---- running */

typedef struct vc_acts {
    size_t batch;  /* room for so many images */
    int keep;      /* 1: every layer has its own buffers, for the backward pass */
    size_t tapped; /* 1 + the layer whose tap is running; 0: none */
    float *logits; /* (B, outputs) */
    /* (classifiers, B, classes) what the logits are the mean of, of the last vc_model_observe */
    float *head_logits;
    float *scratch; /* of attention */
    /* (L, 2, B) what an image's two branches of a block count, in training with stochastic
     * depth; NULL: 1 */
    const float *branches;
    /* Products of the blocks, and of a LeViT's stem in training, in bfloat16; NULL: in float32 */
    vc_half *half;
    double *distances; /* (L, 2) squared distances of Q and K to what is decoded */
    void *state;       /* the family's, in the arena */
    vc_arena arena;
} vc_acts;

/* Room for the model as it is restricted now: masks and plans come first. */
vc_status vc_acts_open(vc_acts *out, const vc_model *model, size_t batch, int keep);
void vc_acts_close(vc_acts *acts);

/* What a layer's branch (0: attention, 1: MLP) counts, image by image; NULL: 1. */
const float *vc_acts_branch(const vc_acts *acts, size_t layer, size_t branch);

/* Looks at a layer's attention while the forward pass runs. Either function may be NULL. */
typedef struct vc_tap {
    /* probs (batch, H, Tq, Tk); what `acts` holds of this layer is there too */
    void (*attention)(void *context, const vc_acts *acts, size_t layer, const float *probs,
                      size_t batch);
    /* q and k (batch * T, H, D) of a compressible layer with `stride` floats between tokens, before
     * the auto-encoder */
    void (*query_key)(void *context, size_t layer, const float *q, const float *k, size_t stride,
                      size_t batch);
    void *context;
} vc_tap;

/* images (batch, channels, height, width), normalised; the result is in acts->logits. A tap for
 * attention needs a model without a plan. */
void vc_model_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                      const vc_tap *tap);

/* The forward pass of training: keeps what the backward pass wants, on activations opened with
 * keep = 1. BatchNorm, where there is one, takes the statistics of this batch, of more than one
 * image; the parameters are read as they are now. */
void vc_model_observe(vc_acts *acts, const vc_model *model, const float *images, size_t batch);
/* Moves the running statistics towards those of the batch that was just observed. */
void vc_model_settle(vc_model *model, const vc_acts *acts, size_t batch);
/* To be called when parameters or running statistics were changed, before the next
 * vc_model_forward: what inference makes of them (folded products, biases) is made anew. */
void vc_model_refresh(vc_model *model);

/* Sum over layers of ||Q - Q'|| + ||K - K'|| (Frobenius, over the batch) of the last forward
 * pass, of what has an auto-encoder. */
double vc_model_reconstruction(const vc_acts *acts, const vc_model *model);

/* A batch's tokens as they lie in the activations. */
typedef struct vc_rows {
    const float *data;
    size_t tokens, width, stride; /* of an image; values of a token; floats from one to the next */
} vc_rows;

/* Of a model that has VC_ABILITY_BLOCKS, after a forward pass that kept everything: the tokens
 * that leave a block, and the heads' outputs side by side, before the projection. */
vc_rows vc_model_block_output(const vc_acts *acts, const vc_model *model, size_t layer);
vc_rows vc_model_heads_output(const vc_acts *acts, const vc_model *model, size_t layer);

/* A LayerNorm and the product behind it: a channel's gain and shift can be divided by what its
 * column of the weight is multiplied with, and nothing changes. */
typedef struct vc_model_norm_view {
    float *gain, *shift; /* (width) */
    float *weight;       /* (outputs, width) */
    size_t width, outputs;
    vc_rows output; /* of the norm; nothing without activations */
} vc_model_norm_view;

/* 0 without VC_ABILITY_NORMS. */
size_t vc_model_norms(const vc_model_config *config);
/* `acts`: of a forward pass that kept everything, or NULL. */
vc_model_norm_view vc_model_norm(const vc_model *model, const vc_acts *acts, size_t index);

/* out (B, H, T): the norm of what a key's value adds to a block behind the projection, ||W_h
 * v||, over the image's mean norm of a token that enters the block: what it adds to counts as
 * much in every block. `centred`: of what it adds beyond the mean of the values, which is what a
 * residual (residual.h) leaves out. Of a forward pass that kept everything, or from a tap of
 * this very layer; VC_EUNSUPPORTED without VC_ABILITY_VALUES. */
vc_status vc_model_value_norms(float *out, const vc_acts *acts, const vc_model *model, size_t layer,
                               size_t batch, int centred);

/* Floats of scratch that attention wants for each thread. */
size_t vc_model_attention_scratch(const vc_model *model, int backward);
/* Floats of a layer's probabilities of one image (vc_attention_values). */
size_t vc_model_probabilities(const vc_model *model, size_t layer);

/* The operators of one image through a model whose attention follows `plan` (NULL: dense). */
vc_status vc_model_lower(vc_workload *out, const vc_model_config *config, const vc_plan *plan);

#endif
