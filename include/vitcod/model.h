/* Vision Transformers with fixed sparse attention. Models of all families are opened, run and
 * lowered in the same way.
 *
 * Each family has one table of parameters. It decides the layout in memory, the names and shapes in
 * files, the initialisation and the groups of the optimiser. */
#ifndef VITCOD_MODEL_H
#define VITCOD_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/arena.h"
#include "vitcod/attention.h"
#include "vitcod/autoencoder.h"
#include "vitcod/extent.h"
#include "vitcod/interpolation.h"
#include "vitcod/json.h"
#include "vitcod/ops.h"
#include "vitcod/plan.h"
#include "vitcod/weights.h"
#include "vitcod/workload.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A family of models (DeiT, LeViT): a row of functions that only the family knows. To learn
 * something about a model, call the functions below; never ask which family it is. */
typedef struct vc__family vc__family;

enum { VC_MODEL_CHANNELS = 4, VC_MODEL_SIZES = 512 };

/* The struct of a family's sizes must have this attribute, because it is stored in the bytes of a
 * vc_model_config. */
#define VC_MODEL_SIZES_STRUCT __attribute__((may_alias))

/* How a model wants images resized, and what of its sizes nobody told. */
typedef struct vc_model_looks {
    vc_interpolation interpolation;
    double crop_pct;   /* share of the shorter side that it sees; 0: 0.875 */
    unsigned guessed;  /* VC_GUESSED_ */
    char known_as[48]; /* the name whose values were taken, or empty */
} vc_model_looks;

enum {
    VC_GUESSED_HEADS = 1,         /* width / 64 */
    VC_GUESSED_NORMALISATION = 2, /* mean and std */
    VC_GUESSED_RESIZING = 4,      /* interpolation and crop_pct */
    VC_GUESSED_ACTIVATION = 8     /* GELU */
};

/* All sizes of a model, copied as a value. */
typedef struct vc_model_config {
    const vc__family *family;
    vc_model_looks looks;
    union {
        size_t aligned;
        unsigned char bytes[VC_MODEL_SIZES];
    } sizes; /* the struct of the family */
} vc_model_config;

/* "deit", "levit" */
const char *vc_model_family(const vc_model_config *config);
const char *vc_model_family_title(const vc_model_config *config); /* "DeiT", "LeViT" */
/* A number that identifies the family in checkpoints of training. */
uint64_t vc_model_family_number(const vc_model_config *config);

/* The sizes of a model that timm has under this name, and how it wants images. */
vc_status vc_model_preset(vc_model_config *out, const char *name);

/* Those names, from 0 until NULL. */
const char *vc_model_preset_name(size_t index);

/* Changes the sizes to those for images of `image` pixels. VC_EINVAL if that does not fit, and for
 * images that are no squares where the family takes only those. */
vc_status vc_model_resize(vc_model_config *config, vc_extent image);

/* The input of a model, and how many classes it distinguishes. */
typedef struct vc_model_input {
    size_t height, width, channels; /* of an image, in pixels */
    /* Not 0: what it takes is no picture but a sequence of 2-D poses of so many joints, and what it
     * gives the pose in 3-D of the frame in the middle. `height` frames of `width` = 2 * joints
     * values, x and y of each joint, in one channel; `outputs` are x, y, z of each. */
    size_t joints;
    size_t classes;     /* 0: the model does not classify */
    size_t classifiers; /* heads: 1, or 2 whose logits are averaged; or 0 */
    size_t outputs;     /* values per image in vc_acts.logits: the classes */
    float mean[VC_MODEL_CHANNELS], std[VC_MODEL_CHANNELS]; /* value = (pixel / 255 - mean) / std */
    /* resized so that this share of the shorter side is the image's (timm's crop_pct) */
    double crop_pct;
    vc_interpolation interpolation;
} vc_model_input;

vc_model_input vc_model_input_of(const vc_model_config *config);
size_t vc_model_image_values(const vc_model_config *config); /* channels * height * width */
/* VC_EUNSUPPORTED for a model without classes, or one that takes no pictures. */
vc_status vc_model_check_classifier(const vc_model_config *config);
/* Sets everything but the classifiers and outputs, which the family decides. VC_EINVAL for sizes
 * that do not fit. */
vc_status vc_model_set_input(vc_model_config *config, const vc_model_input *input);

/* Freely chosen sizes for a plain vision transformer, such as a DeiT, whose blocks are all alike. A
 * size of 0 is that of DeiT-Tiny, but `hidden` is four times the width. VC_EINVAL for sizes that do
 * not fit. */
typedef struct vc_plain_sizes {
    size_t patch; /* pixels along a side */
    size_t width, depth, heads, hidden;
    int distilled; /* a second token and head */
} vc_plain_sizes;

vc_status vc_model_plain(vc_model_config *out, const vc_plain_sizes *sizes,
                         const vc_model_input *input);

/* The model gives features instead of logits, and tells no classes apart: `what` is cls (the class
 * token behind the last norm), pool (what the head reads) or tokens (all of them behind the last
 * norm, one after the other). Without a head pool is what it gives anyway. VC_EUNSUPPORTED for a
 * family that has none, VC_EINVAL for what the model has not. */
vc_status vc_model_set_features(vc_model_config *config, const char *what);

/* The family's own sizes as a JSON object, for people: tokens, widths, depths, heads. */
json_t *vc_model_describe(const vc_model_config *config);

/* Abilities that not every family has. */
typedef enum vc_ability {
    VC_ABILITY_VALUES,      /* the norm of what a key adds: vc_model_value_norms */
    VC_ABILITY_BLOCKS,      /* the output of blocks, for a student to learn */
    VC_ABILITY_NORMS,       /* LayerNorms before products: vc_model_norm */
    VC_ABILITY_TOKENS,      /* fewer tokens from layer to layer: token_reduction.h */
    VC_ABILITY_LEARNS,      /* a backward pass */
    VC_ABILITY_MAKES_AGAIN, /* a backward pass with less memory: vc_keep */
} vc_ability;

int vc_model_can(const vc_model_config *config, vc_ability ability);
/* The families that have an ability, in words: "a deit", "a deit or a levit". */
enum { VC_FAMILIES_TEXT = 160 };
const char *vc_families_that_can(char text[VC_FAMILIES_TEXT], vc_ability ability);

/* The sizes of an attention. Attentions are numbered in the order in which they run. */
typedef struct vc_attention_layer {
    size_t heads, queries, keys;
    size_t head_dim, value_dim; /* values per head of Q and K, of V */
    size_t width;               /* values of a token that leaves the block */
    vc_extent grid;             /* of the keys behind the prefix; {0, 0}: they are no grid */
    size_t compressed[2];       /* heads that Q and K are compressed to; 0: they are not */
    int compressible;           /* 1: it can have ViTCoD's auto-encoder */
    size_t group;
} vc_attention_layer;

/* Adds an auto-encoder of Q, K or both to the sizes, with `compressed` heads (0: ViTCoD's widths);
 * VC_CODED_NONE removes it. VC_EINVAL for more heads than the model has, and for a LeViT for any
 * width but ViTCoD's. VC_EUNSUPPORTED for a family without auto-encoders. */
vc_status vc_model_compress(vc_model_config *config, size_t compressed, vc_coded of);

/* Whether Q or K of any layer are compressed. */
int vc_model_is_compressed(const vc_model_config *config);

/* Which of Q and K are compressed: "qk", "q", "k" or "", and the width, or 0. */
const char *vc_coded_word(vc_coded of);
const char *vc_model_coded_word(const size_t compressed[2]);
size_t vc_model_coded_width(const size_t compressed[2]);

/* The number of parameters. */
vc_status vc_model_parameters(size_t *out, const vc_model_config *config);

size_t vc_model_layers(const vc_model_config *config);
vc_attention_layer vc_model_layer(const vc_model_config *config, size_t layer);

/* Layers of one shape, whose maps and masks share a file. */
typedef struct vc_attention_group {
    char name[32]; /* empty where all layers are one group */
    size_t first, count;
} vc_attention_group;

/* The number of tokens before those of the image (class tokens, registers), the same in every
 * layer. */
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
    VC_INIT_SCALE,   /* 1e-4, as LayerScale begins (Touvron et al. 2022) */
} vc_init;

/* Whose parameter it is. A plan's are there while a model whose parameters can be learnt is
 * restricted to it. They are written with the plan. */
typedef enum vc_param_origin {
    VC_OF_FAMILY,
    VC_OF_SUMMARY_BIAS, /* (H, Tq, G); 0 for a summary that a row does not see */
    VC_OF_POOLING,      /* (entries): its weights */
    VC_OF_POOL_QUERY,   /* (H, dim) */
} vc_param_origin;

typedef struct vc_param {
    char name[80];  /* timm's */
    char alias[80]; /* in the checkpoints of the first release; empty: the same */
    size_t rank, shape[4];
    size_t offset, count; /* in floats, in the flat block */
    float *data;          /* in the flat block or in a mapped file */
    int decay;            /* weight decay applies: matrices; not biases, norms, tokens, positions */
    int autoencoder;      /* belongs to the auto-encoder */
    int statistic;        /* a running mean or variance: observed, not learnt by gradients */
    int positions;        /* of tokens on a grid: (1, T, C), those of no patch first */
    vc_param_origin origin;
    vc_init init;
} vc_param;

/* A restriction of attention. */
typedef struct vc_restriction {
    vc_plan plan;         /* made from masks it is plain (vc_plan_of_masks) */
    int of_masks;         /* 1: made from masks; training computes all entries */
    vc_pattern *patterns; /* per layer, as training computes them */
    float **biases;       /* per layer: vc_model_bias as the pattern lists values, or NULL */
    /* Per layer, as the patterns read them: the plan's own, or parameters of the model. */
    vc_pooling *poolings;
    float **summary_biases;
} vc_restriction;

/* Which values a model has, without looking at them: its files, as the system tells them apart, and
 * what was chosen of them. */
typedef struct vc_model_origin {
    char *text;
    uint64_t name; /* a hash of the paths and choices alone, the same after a file has changed */
    uint64_t hash; /* vc_model_hash, where it is known; 0 */
} vc_model_origin;

typedef struct vc_model {
    vc_model_config config;
    vc_param *params;
    size_t param_count, value_count;
    /* The flat block of all parameters, those of the plan's summaries first; NULL when they lie in
     * files. */
    float *values;
    vc_tensor_file *files[2]; /* the checkpoint, the auto-encoder's; NULL when not in use */
    void *state;              /* the family's: views on the parameters, and what it makes of them */
    vc_model_origin *origin;  /* with `files`: which they are; NULL where that is not known, as of
                               * weights in several files */
    vc_arena converted; /* beside `files`: positions for another size, matrices that were int8 */
    vc_restriction *restriction; /* NULL: attention sees everything */
    int of_int8;                 /* 1: its file has matrices in int8 */
    char **notes;                /* (note_count) see vc_model_note */
    size_t note_count;
    char **class_names; /* (class_name_count) see vc_model_class_name */
    size_t class_name_count;
} vc_model;

/* Tells models apart, by their sizes and values. As text 16 digits. */
uint64_t vc_model_hash(const vc_model *model);

typedef struct vc_model_options {
    size_t heads;              /* where the metadata does not say; 0: width / 64 as in all DeiTs */
    const float *mean, *std;   /* per channel; NULL: the file's */
    double crop_pct;           /* 0: the file's */
    const char *interpolation; /* bicubic, bilinear; NULL: the file's */
    const char *features;      /* instead of logits, as vc_model_set_features; NULL: none */
    const char *activation;    /* gelu, quick_gelu, where the file does not say; NULL: gelu */
    const char *autoencoder;   /* a file with the encoders and decoders, or NULL */
    vc_weights_kind weights;   /* raw or averaged ones, where the file has both */
    int in_place;              /* use the weights where they lie in the mapped file: no training */
    /* 1: that all values are finite, and their hash, is remembered in the user's cache, so that
     * another process need not read them; with in_place. */
    int remember;
    int without_plan; /* leave the plan inside the file alone, right or wrong */
    /* In pixels; {0, 0}: the checkpoint's. A DeiT's position embeddings are interpolated,
     * as timm 0.9.16 does it (layers/pos_embed.py, resample_abs_pos_embed): class tokens keep
     * theirs, and the grid goes through PyTorch's bicubic with antialias, align_corners false.
     * That is Keys' kernel with a = -0.5, from / to times as wide when the grid shrinks, its
     * weights scaled to sum to 1 at the edges. (Without antialias, as DeiT's published code
     * interpolates, PyTorch's a is -0.75.) In double, rounded once: within half a unit in the
     * last place. A LeViT has no other size than its checkpoint's: VC_EUNSUPPORTED. */
    vc_extent image_size;
} vc_model_options;

/* Says that these values have been copied and need not stay in memory if they are in a mapped file.
 * They come back when they are read again. */
void vc_model_forget(const vc_model *model, const float *values, size_t count);

/* Reads a checkpoint. Sizes are found from shapes and metadata. VC_EINVAL for a NaN in a weight. If
 * there is a plan inside the file it must fit, and attention is restricted to it. */
vc_status vc_model_open(vc_model **out, const char *path, const vc_model_options *options);
/* A new model with random weights. */
vc_status vc_model_create(vc_model **out, const vc_model_config *config, uint64_t seed);
/* Makes the same model with heads for other classes, initialised at random. Mask and plan are moved
 * to it; close `from` afterwards. */
vc_status vc_model_with_classes(vc_model **out, vc_model *from, size_t classes, uint64_t seed);
/* Writes the parameters, with the auto-encoder, and the plan in use, as vc_model_open reads them.
 * Masks are not written. */
vc_status vc_model_write(const char *path, const vc_model *model);
/* The same with matrices in int8 and a scale per output, which is a quarter of the size. The values
 * are those that inference in int8 uses anyway. vc_model_open reads it. */
vc_status vc_model_write_int8(const char *path, const vc_model *model);
/* The guesses in words, "heads 3 (width / 64), .."; empty: there are none. */
enum { VC_GUESSES_TEXT = 256 };
const char *vc_model_guesses(char text[VC_GUESSES_TEXT], const vc_model_config *config);
/* "bicubic", "bilinear" */
const char *vc_interpolation_word(vc_interpolation interpolation);
/* Changes mean, std, interpolation and crop_pct to those of the options that are set. VC_EINVAL for
 * values out of range. */
vc_status vc_model_set_looks(vc_model_config *config, const vc_model_options *options);
/* Sentences on what was chosen, left out or converted when the model's files were opened, each with
 * its file; NULL after the last. */
const char *vc_model_note(const vc_model *model, size_t index);
/* What a class is called, where the model's file or the config.json beside it say that of all; ""
 * where they do not. vc_model_write keeps it; a head for other classes has no names. */
const char *vc_model_class_name(const vc_model *model, size_t index);
/* Calls them otherwise: a name for each class, or none for count 0. The names are copied. */
vc_status vc_model_name_classes(vc_model *model, const char *const *names, size_t count);
/* Names of tensors of a checkpoint opened in place that vc_model_write leaves out, because they
 * follow from the sizes or only count what was seen; NULL after the last. */
const char *vc_model_left_out(const vc_model *model, size_t index);
/* Writes only the encoders and decoders, as vc_model_options.autoencoder reads them. */
vc_status vc_model_write_autoencoder(const char *path, const vc_model *model);
/* The encoders and decoders in a file of weights, each tensor as FOLDER/NAME.npy, where no other
 * file than an npy array is replaced. VC_EFORMAT where there are none, VC_EINVAL for a name that
 * leads out of the folder. */
vc_status vc_model_export_autoencoder(const char *folder, const char *path);
void vc_model_close(vc_model *model);

/* The auto-encoders of Q and of K in a layer, with NULL where there is none. */
const vc_coder *vc_model_coder(const vc_model *model, size_t layer);
/* The same, prepared for a batch whose tokens are `x_stride` floats apart, with encoded (Z, D) and
 * decoded (H, D) tokens that are contiguous. `compressed` is 0 where there is none. */
void vc_model_autoencoders(vc_autoencoder out[2], const vc_attention_layer *layer,
                           const vc_coder coder[2], size_t x_stride, size_t batch);

/* The bias that is added to the scores of a layer, (H, Tq, Tk); NULL: none. */
const float *vc_model_bias(const vc_model *model, size_t layer);

/* Restricts attention to masks (one per group) or to a plan, instead of any earlier restriction.
 * They are copied; the shapes must fit. `path` is for messages. The summaries of a plan become
 * parameters, so the flat block and the list of parameters may move: activations, gradients and
 * optimisers are opened afterwards. */
vc_status vc_model_use_masks(vc_model *model, const vc_mask *masks, size_t count, const char *path);
vc_status vc_model_use_plan(vc_model *model, const vc_plan *plan, const char *path);
/* The same from files: a mask or folder of masks, or a plan. With both NULL nothing changes. */
vc_status vc_model_use_files(vc_model *model, const char *mask, const char *plan);
/* The plan that attention is restricted to; NULL if to masks or not at all. */
const vc_plan *vc_model_plan(const vc_model *model);
/* The same, where masks count as a plain plan; NULL: not restricted. */
const vc_plan *vc_model_entries(const vc_model *model);
/* A layer as training computes it; NULL: not restricted. */
const vc_pattern *vc_model_pattern(const vc_model *model, size_t layer);
vc_status vc_model_check_plan(const vc_model_config *config, const vc_plan *plan, const char *path);

/* ---- running */

/* What a forward pass keeps for the backward pass, which makes again what is not kept, with the
 * same bits. Only VC_KEEP_ALL is for other uses of what was kept. */
typedef enum vc_keep {
    VC_KEEP_NOTHING, /* for no backward pass */
    VC_KEEP_ALL,
    VC_KEEP_LESS,  /* without norms, activations and the probabilities of dense attention */
    VC_KEEP_LEAST, /* what blocks take, and one block */
} vc_keep;

typedef struct vc_acts {
    size_t batch;  /* the largest number of images */
    vc_keep keep;  /* which of a layer's buffers are its own */
    size_t tapped; /* 1 + the layer whose tap is running; 0: none */
    /* 1: vc_model_observe takes the running statistics of BatchNorms, which then are constants and
     * stay as they are; for models of vc_model_observes_settled. */
    int settled;
    float *logits; /* (B, outputs) */
    /* (classifiers, B, classes) what the logits are the mean of, of the last vc_model_observe */
    float *head_logits;
    /* (B, frames, outputs) of a model of poses: all frames' poses, of the last vc_model_observe */
    float *frames;
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

/* Allocates activations for the model as it is restricted now, so set masks or plan before.
 * VC_EUNSUPPORTED for keeping less than all without VC_ABILITY_MAKES_AGAIN. */
vc_status vc_acts_open(vc_acts *out, const vc_model *model, size_t batch, vc_keep keep);
void vc_acts_close(vc_acts *acts);

/* What a layer's branch (0: attention, 1: MLP) counts, image by image; NULL: 1. */
const float *vc_acts_branch(const vc_acts *acts, size_t layer, size_t branch);

/* Functions that are called with the attention of each layer during the forward pass. Each may be
 * NULL. */
typedef struct vc_tap {
    /* probs (batch, H, Tq, Tk); what `acts` holds of this layer is there too */
    void (*attention)(void *context, const vc_acts *acts, size_t layer, const float *probs,
                      size_t batch);
    /* q and k (batch * T, H, D) of a compressible layer with `stride` floats between tokens, before
     * the auto-encoder */
    void (*query_key)(void *context, size_t layer, const float *q, const float *k, size_t stride,
                      size_t batch);
    /* what a layer's attention is computed from, behind the auto-encoder, with probs as above */
    void (*scores)(void *context, size_t layer, const vc_attention *attention, const float *probs);
    /* the same without probs, which a model with a plan has as well */
    void (*operands)(void *context, size_t layer, const vc_attention *attention);
    void *context;
} vc_tap;

/* The forward pass. images (batch, channels, height, width), normalised; the result is
 * acts->logits. A tap for attention or scores needs a model without a plan. */
void vc_model_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                      const vc_tap *tap);

/* The forward pass of training. It keeps what the backward pass needs, so activations must have
 * been opened with keep = 1. BatchNorm uses the statistics of this batch, which must have more than
 * one image. Parameters are read as they are now. */
void vc_model_observe(vc_acts *acts, const vc_model *model, const float *images, size_t batch);
/* Whether that computes something else than vc_model_forward: BatchNorm with the batch's own
 * statistics. */
int vc_model_observes_apart(const vc_model_config *config);
/* Whether it can compute the same as vc_model_forward (vc_acts.settled), so that no image depends
 * on the others of its batch. */
int vc_model_observes_settled(const vc_model_config *config);
/* Moves the running statistics towards those of the batch that was just run by vc_model_observe. */
void vc_model_settle(vc_model *model, const vc_acts *acts, size_t batch);
/* Must be called after parameters or running statistics were changed and before the next
 * vc_model_forward: it recomputes what inference derives from them (folded products, biases,
 * the plan's summaries). */
void vc_model_refresh(vc_model *model);

/* The sum over layers of ||Q - Q'|| + ||K - K'|| (Frobenius, over the batch) of the last forward
 * pass, for those with an auto-encoder. */
double vc_model_reconstruction(const vc_acts *acts, const vc_model *model);

/* The tokens of a batch within the activations. */
typedef struct vc_rows {
    const float *data;
    size_t tokens, width, stride; /* of an image; values of a token; floats from one to the next */
    /* So many tokens from `first` on are looked at later; what the others hold changes no logit, as
     * in the last block, of which classifiers read the class tokens alone. */
    size_t read, first;
} vc_rows;

/* For models with VC_ABILITY_BLOCKS, after a forward pass that kept everything: the output of a
 * block, and the outputs of its heads side by side, before the projection. */
vc_rows vc_model_block_output(const vc_acts *acts, const vc_model *model, size_t layer);
vc_rows vc_model_heads_output(const vc_acts *acts, const vc_model *model, size_t layer);

/* A LayerNorm and the product after it. The gain and shift of a channel can be divided by a factor
 * and its column of the weight multiplied by it without changing the result. */
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

/* out (B, H, T): how much the value of a key can change the output of the block: ||W_h v|| divided
 * by the mean norm of the image's tokens that enter the block, so that blocks can be compared.
 * `centred`: of the value minus the mean of the values, which is what a residual leaves out
 * (residual.h). To be called after a forward pass that kept everything, or from a tap of this
 * layer. VC_EUNSUPPORTED without VC_ABILITY_VALUES. */
vc_status vc_model_value_norms(float *out, const vc_acts *acts, const vc_model *model, size_t layer,
                               size_t batch, int centred);

/* The number of floats of scratch that attention needs per thread. */
size_t vc_model_attention_scratch(const vc_model *model, int backward);
/* The number of floats of a layer's probabilities of one image (vc_attention_values). */
size_t vc_model_probabilities(const vc_model *model, size_t layer);

/* Makes the workload of one image through a model whose attention follows `plan` (NULL: dense). */
vc_status vc_model_lower(vc_workload *out, const vc_model_config *config, const vc_plan *plan);

#ifdef __cplusplus
}
#endif

#endif
