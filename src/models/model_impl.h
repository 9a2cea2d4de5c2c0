/* Shared inside the models room: what a family of models is. */
#ifndef VC_MODEL_IMPL_H
#define VC_MODEL_IMPL_H

#include "vitcod/blocks.h"
#include "vitcod/gradients.h"
#include "vitcod/model.h"

/* Visits parameters one after the other: counts them, fills `params`, and binds the pointers of a
 * weights struct to `values` or to what the parameters point at. */
typedef struct vc__walk {
    vc_param *params; /* NULL: only counts and binds */
    float *values;    /* NULL: binds to params[i].data when `bind_params`, else to NULL */
    int bind_params;
    size_t param_count, value_count;
} vc__walk;

/* `param` without offset, count and data. `member` may be NULL. */
void vc__walk_param(vc__walk *walk, float **member, const vc_param *param);

/* Positions (others + from's, width) for another grid, (others + to's, width), as vc_model_options
 * says; the first `others` stay as they are. */
vc_status vc__resample_positions(float *out, vc_extent to, const float *in, vc_extent from,
                                 size_t others, size_t width);

typedef struct vc__tokens vc__tokens;

enum { VC__FAMILY_ENTRIES = 6 };
typedef char vc__family_text[64];

/* What value norms are made of. */
typedef struct vc__values {
    vc_rows values;          /* (B * T, H * Dv) of V */
    vc_rows entering;        /* (B * T, C) the tokens that go into the block */
    const float *projection; /* (C, H * Dv) */
    const float *scale;      /* (C) of what is projected, or NULL */
} vc__values;

/* One family: everything that the rest of the program asks of it. What it has not is NULL: only
 * name, title, check, input, layers, layer, recognise, read_config, allocate, release, walk,
 * place, forward and blocks have to be there. */
struct vc__family {
    const char *name;  /* in files and on the command line */
    const char *title; /* in sentences */
    uint64_t number;   /* stands for it in the checkpoints of a training: its own, never changes */

    /* ---- sizes */
    vc_status (*check)(const vc_model_config *config);
    vc_model_input (*input)(const vc_model_config *config);
    /* Unchecked. NULL: images have one size. */
    void (*set_input)(vc_model_config *config, const vc_model_input *input);
    int oblong;                               /* images need not be squares */
    const char *(*preset_name)(size_t index); /* NULL after the last */
    void (*preset)(vc_model_config *out, size_t index);
    /* As vc_model_plain, unchecked. */
    void (*plain)(vc_model_config *out, const vc_plain_sizes *sizes);
    /* As vc_model_set_features, unchecked. */
    vc_status (*features)(vc_model_config *config, const char *what);
    /* As vc_model_compress. */
    vc_status (*compress)(vc_model_config *config, size_t compressed, vc_coded of);
    json_t *(*describe)(const vc_model_config *config); /* as vc_model_describe */

    /* ---- attention; without groups all layers are one. Groups, VC_MOST_GROUPS at most, follow one
     * another, and layers in one have the same heads, queries and keys. */
    size_t (*layers)(const vc_model_config *config);
    vc_attention_layer (*layer)(const vc_model_config *config, size_t layer);
    size_t (*prefix_tokens)(const vc_model_config *config);
    size_t (*groups)(const vc_model_config *config);
    vc_attention_group (*group)(const vc_model_config *config, size_t group);

    /* ---- files */
    /* Puts a file of the family's in another form into the one that is read (renaming.h); any
     * other stays as it is. NULL: there is one form. */
    vc_status (*adapt)(vc_tensor_file **file);
    int (*recognise)(const vc_tensor_file *file);
    /* What a file's metadata says of the sizes that its tensors do not tell: how many entries were
     * made, VC__FAMILY_ENTRIES at most; `texts` is room for what they say. NULL: nothing. */
    size_t (*metadata)(vc_metadata *entries, vc__family_text *texts, const vc_model_config *config);
    /* 1: the file came without the statistics of its norms, so that it cannot be trained. NULL:
     * never. */
    int (*folded)(const vc_model_config *config);
    int writes_heads; /* the shapes in a file do not tell how many heads there are */
    /* Sizes from a checkpoint; the auto-encoder's, where there is one, may come from another. */
    vc_status (*read_config)(vc_model_config *out, const vc_tensor_file *file,
                             const vc_tensor_file *autoencoder, const vc_model_options *options);

    /* ---- parameters */
    vc_status (*allocate)(vc_model *model); /* model->state */
    void (*release)(vc_model *model);
    void (*walk)(vc__walk *walk, vc_model *model);
    /* vc_param.positions from a checkpoint of another image size, and whether its grid of tokens is
     * another than the model's; needed where there are some. */
    int (*resamples)(const vc_model_config *config);
    vc_status (*resample)(float *out, const vc_model *model, const vc_tensor *from);
    /* What follows from the parameters' values, once they are there. */
    vc_status (*finish)(vc_model *model);
    const vc_coder *(*coder)(const vc_model *model, size_t layer);
    /* Added to a layer's scores, (H, Tq, Tk). */
    const float *(*bias)(const vc_model *model, size_t layer);

    /* ---- running */
    void (*place)(vc_acts *acts, const vc_model *model); /* acts->state, in the arena */
    void (*forward)(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                    const vc_tap *tap);
    /* The same of one image that loses tokens on its way (token_impl.h). */
    void (*forward_tokens)(vc_acts *acts, const vc_model *model, const float *image,
                           vc__tokens *tokens);
    /* Adds all operators, in the order in which they run; without a model their sizes alone. */
    void (*blocks)(vc_block_list *list, const vc_model_config *config, const vc_model *model);
    /* What other rooms look at: see vc_ability. */
    vc__values (*values)(const vc_acts *acts, const vc_model *model, size_t layer);
    vc_rows (*block_output)(const vc_acts *acts, const vc_model *model, size_t layer);
    vc_rows (*heads_output)(const vc_acts *acts, const vc_model *model, size_t layer);
    size_t (*norms)(const vc_model_config *config);
    vc_model_norm_view (*norm)(const vc_model *model, const vc_acts *acts, size_t index);

    /* ---- training */
    /* As vc_model_observe, vc_model_settle, vc_model_refresh. Without them the forward pass keeps
     * everything, there are no running statistics, and inference runs on the parameters. */
    void (*observe)(vc_acts *acts, const vc_model *model, const float *images, size_t batch);
    void (*settle)(vc_model *model, const vc_acts *acts, size_t batch);
    int observes_settled; /* vc_acts.settled is followed */
    void (*refresh)(vc_model *model);
    /* Gradients of activations and views on the flat block: grads->state, in the arena. The family
     * cannot be trained without these three. */
    void (*place_grads)(vc_grads *grads, const vc_model *model, size_t batch);
    vc_distances (*backward)(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                             size_t batch, float reconstruction, const vc_lesson *lesson);
    int (*not_finite)(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts);
    int makes_again;    /* follows vc_acts.keep to the last word */
    size_t least_share; /* as vc_model_least_share; 0: one */
    int drops_alike;    /* stochastic depth: every branch as often, else growing with the depth */
};

/* The families in the order in which a file is asked whether it is theirs; NULL after the last. */
const vc__family *vc__family_at(size_t index);
const char *vc__titles(char text[VC_FAMILIES_TEXT]); /* "a DeiT or a LeViT" */

/* A model of this shape whose parameters have no values yet. */
vc_status vc__model_begin(vc_model **out, const vc_model_config *config);
/* Gives it a flat block of its own, zeroed. */
vc_status vc__model_allocate(vc_model *model);

/* To be called when all parameters have their values. */
vc_status vc__model_finish(vc_model *model);

/* A walk through the family's parameters in `values`, laid out as the model's flat block. */
vc__walk vc__family_walk(const vc_model *model, float *values);

/* ---- parameters of the plan (plan_params.c) */

/* Lays the flat block out anew for model->restriction. The family's parameters keep their values,
 * the plan's get those of the plan. On failure nothing has changed. Without a flat block nothing is
 * done. */
vc_status vc__lay_out_params(vc_model *model);
/* The plan takes the values of its parameters. */
void vc__refresh_summaries(vc_model *model);

/* Restricts a model to `r` instead of any earlier restriction. On failure nothing has changed. */
vc_status vc__take_restriction(vc_model *model, vc_restriction *r);
/* Lets go of masks or plan. */
void vc__drop_restriction(vc_model *model);
/* Biases have changed: the restriction's are made anew. */
void vc__refresh_biases(vc_model *model);

/* One attention: what lies between the projections. */
typedef struct vc__attention_io {
    const float *q, *k, *v; /* as projected */
    float *encoded[2];      /* (B, T, Z, D) of Q and K, where they are compressed */
    float *decoded[2];      /* (B, T, H, D) */
    float *probs, *out;
    const float *bias;        /* as the layer lists its values (vc_attention), or NULL */
    vc_attention_shape shape; /* with the projections' strides */
} vc__attention_io;

void vc__attention_forward(vc_acts *acts, const vc_model *model, size_t layer,
                           const vc__attention_io *io, const vc_tap *tap);
/* What is added to a layer's scores, as the layer lists its values; NULL: nothing. */
const float *vc__arranged_bias(const vc_model *model, size_t layer);

/* The auto-encoders of a config (coders.c): `width` heads for what is coded, 0 for the rest;
 * widths from the encoders' tensors called `names`; VC_EINVAL for what is no compression of
 * `heads` to one width. */
void vc__set_coders(size_t out[2], size_t width, vc_coded of);
vc_status vc__read_coders(size_t out[2], const vc_tensor_file *file, const char *const names[2],
                          size_t heads);
vc_status vc__check_coders(const size_t compressed[2], size_t heads);

/* Floats of a layer's probabilities for a batch. */
size_t vc__probs_count(const vc_model *model, size_t layer, size_t batch);

/* Tensors that follow from the sizes or count what was seen: not parameters. */
int vc__is_buffer(const char *name);

/* In the metadata of a file whose BatchNorms are folded into products. */
#define VC__BATCH_NORM "batch_norm"
#define VC__FOLDED "folded"

/* Reading metadata; a key that is missing leaves `out` as it is. */
vc_status vc__read_count(size_t *out, const vc_tensor_file *file, const char *key);
vc_status vc__read_channels(float *out, const vc_tensor_file *file, const char *key,
                            size_t channels);
void vc__default_normalisation(float *mean, float *std, size_t channels);
/* Mean and deviation of the input, else the default, checked. */
vc_status vc__read_normalisation(float *mean, float *std, const vc_tensor_file *file,
                                 size_t channels);
/* How images are resized and normalised, from a file, its name and the options, once the family has
 * read its sizes; as metadata of a file to write, whose texts live in `text`. */
vc_status vc__read_looks(vc_model_config *config, const vc_tensor_file *file,
                         const vc_model_options *options);
/* The same of a model that timm has under this name. */
void vc__looks_of_name(vc_model_config *config, const char *name);
/* Whether the file's model has a name (`arch` in the metadata, or the file's) that tells how it
 * wants images, and one with `part` in it; whether what the file says of `what` was guessed. */
int vc__is_known(const vc_tensor_file *file);
int vc__is_called(const vc_tensor_file *file, const char *part);
int vc__was_guessed(const vc_tensor_file *file, const char *what);
enum { VC__LOOKS_ENTRIES = 4 };
typedef struct vc__looks_text {
    char crop[32], guessed[80];
} vc__looks_text;
size_t vc__describe_looks(vc_metadata *entries, vc__looks_text *text,
                          const vc_model_config *config);
/* A required tensor of known rank whose sizes are not known yet. */
vc_status vc__find_shape(const size_t **shape, const vc_tensor_file *file, const char *name,
                         size_t rank);

/* Which files a model in place is of; NULL if one of them may still change without a trace, or
 * memory is short. */
vc_model_origin *vc__origin_of(const vc_model *model, const char *path,
                               const vc_model_options *options);
void vc__origin_free(vc_model_origin *origin);
/* Sets origin->hash if it is remembered that these values were whole and finite, and their hash. */
void vc__origin_recall(vc_model_origin *origin);
void vc__origin_remember(const vc_model_origin *origin, uint64_t hash);

/* The names of classes in a file's metadata 'class_names', and as they are written there: malloc'd,
 * NULL without names. */
vc_status vc__read_class_names(vc_model *model, const vc_tensor_file *file);
vc_status vc__class_names_text(char **out, const vc_model *model);
void vc__release_class_names(vc_model *model);

/* The side of a square of tokens, rounded up. */
size_t vc__side_of(size_t tokens);

/* int8 checkpoints: a tensor of scales; a matrix of the file as floats. */
enum { VC__SCALE_NAME = 96 };
int vc__is_scale(const vc_tensor_file *file, const char *name);
vc_status vc__dequantize(float *out, const vc_tensor_file *file, const char *name);
/* Writes tensors with what a model says about itself. */
vc_status vc__write_tensors(const char *path, const vc_model *model, const vc_named_tensor *tensors,
                            size_t count);

/* ---- a block list, for a family's function: values and operators, of which the last may be
 * changed */

#define VC__NO_LAYER SIZE_MAX /* outside the layers */

int vc__block_value(vc_block_list *list, size_t rows, size_t width);
vc_block_op *vc__block_op(vc_block_list *list, vc_op_kind kind, size_t layer, int to, int from);
/* A product; one on a chip too, of all rows. */
vc_block_op *vc__block_linear(vc_block_list *list, vc_op_kind kind, size_t layer, int to, int from,
                              const vc_linear *linear);
/* Room that lives as long as the list; NULL: there is none. */
float *vc__block_floats(vc_block_list *list, size_t count);

#endif
