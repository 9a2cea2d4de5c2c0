/* The sizes of a Strided Transformer, told from a checkpoint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "strided_impl.h"

int vc__strided_recognise(const vc_tensor_file *file)
{
    return vc_tensor_file_find(file, "Transformer_reduce.model.pos_embedding_1") != NULL;
}

size_t vc__strided_metadata(vc_metadata *entries, vc__family_text *texts,
                            const vc_model_config *config)
{
    const vc__strided_config *c = vc__strided_sizes_of(config);
    size_t used = 0;
    _Static_assert(VC__STRIDED_MOST * sizeof "1000000" <= sizeof texts[0], "all have room");
    for (size_t i = 0; i < c->strided && used < sizeof texts[0]; i++)
        used += (size_t)snprintf(texts[0] + used, sizeof texts[0] - used, "%s%zu", i ? " " : "",
                                 c->strides[i]);
    entries[0] = (vc_metadata){"strides", texts[0]};
    return 1;
}

static size_t count_blocks(const vc_tensor_file *file, const char *encoder)
{
    for (size_t count = 0;; count++) {
        char name[80];
        snprintf(name, sizeof name, "%s.model.layers.%zu.self_attn.linears.0.weight", encoder,
                 count);
        if (!vc_tensor_file_find(file, name))
            return count;
    }
}

/* "3 9 13" */
static vc_status parse_strides(vc__strided_config *c, const char *text, const vc_tensor_file *file)
{
    const char *at = text;
    for (size_t i = 0; i < c->strided; i++) {
        char *end;
        const long value = strtol(at, &end, 10);
        if (end == at || value < 1 || value > VC__STRIDED_STRIDE)
            return vc_fail(VC_EFORMAT, "%s: metadata 'strides' is '%s', wanted %zu counts",
                           vc_tensor_file_path(file), text, c->strided);
        c->strides[i] = (size_t)value;
        at = end;
    }
    return at[strspn(at, " ")] == '\0'
               ? VC_OK
               : vc_fail(VC_EFORMAT, "%s: metadata 'strides' is '%s', wanted %zu counts",
                         vc_tensor_file_path(file), text, c->strided);
}

/* No tensor tells them. The published code has one set for so many frames, and no other. */
static vc_status read_strides(vc__strided_config *c, const vc_tensor_file *file)
{
    const char *said = vc_tensor_file_metadata(file, "strides");
    const size_t *published = vc__strided_published(c->frames);
    if (c->strided > VC__STRIDED_MOST)
        return vc_fail(VC_EUNSUPPORTED, "%s: %zu strided blocks, wanted at most %d",
                       vc_tensor_file_path(file), c->strided, VC__STRIDED_MOST);
    if (said)
        return parse_strides(c, said, file);
    if (!published || c->strided != VC__STRIDED_PLACES)
        return vc_fail(VC_EFORMAT,
                       "%s: %zu frames and %zu strided blocks, whose strides no published model "
                       "tells: wanted them as metadata 'strides' of a safetensors file",
                       vc_tensor_file_path(file), c->frames, c->strided);
    memcpy(c->strides, published, VC__STRIDED_PLACES * sizeof *published);
    return VC_OK;
}

/* As published: 8, whatever the width. */
static vc_status read_heads(vc__strided_config *c, const vc_tensor_file *file,
                            const vc_model_options *options)
{
    VC_TRY(vc__read_count(&c->heads, file, "num_heads"));
    if (c->heads && options->heads && options->heads != c->heads &&
        !vc__was_guessed(file, "num_heads"))
        return vc_fail(VC_EINVAL, "%s: has %zu heads, --heads wants %zu", vc_tensor_file_path(file),
                       c->heads, options->heads);
    if (options->heads)
        c->heads = options->heads;
    c->heads = c->heads ? c->heads : 8;
    return VC_OK;
}

static vc_status read_sizes(vc__strided_config *c, const vc_tensor_file *file)
{
    const size_t *embed, *positions, *hidden, *head;
    VC_TRY(vc__find_shape(&embed, file, "encoder.0.weight", 3));
    VC_TRY(vc__find_shape(&positions, file, "Transformer.pos_embedding", 3));
    VC_TRY(vc__find_shape(&hidden, file, "Transformer.model.layers.0.feed_forward.w_1.weight", 2));
    VC_TRY(vc__find_shape(&head, file, "fcn.1.weight", 3));
    *c = (vc__strided_config){.frames = positions[1],
                              .inputs = embed[1],
                              .outputs = head[0],
                              .width = embed[0],
                              .hidden = hidden[0],
                              .vanilla = count_blocks(file, "Transformer"),
                              .strided = count_blocks(file, "Transformer_reduce")};
    return VC_OK;
}

/* What only pictures have. */
static vc_status check_options(const vc_tensor_file *file, const vc_model_options *o)
{
    const char *option = vc_extent_area(o->image_size) ? "--image-size"
                         : o->activation               ? "--activation"
                                                       : NULL;
    return option ? vc_fail(VC_EINVAL,
                            "%s: a Strided Transformer takes poses and has one form, "
                            "without %s",
                            vc_tensor_file_path(file), option)
                  : VC_OK;
}

vc_status vc__strided_read_config(vc_model_config *out, const vc_tensor_file *file,
                                  const vc_tensor_file *autoencoder,
                                  const vc_model_options *options)
{
    static const char *const encoders[2] = {
        "Transformer.model.layers.0.self_attn.encoder_q.weight",
        "Transformer.model.layers.0.self_attn.encoder_k.weight"};
    vc__strided_config *c = vc__strided_sizes_in(out);
    size_t *compressed = c->compressed_heads;
    VC_TRY(check_options(file, options));
    VC_TRY(read_sizes(c, file));
    VC_TRY(read_strides(c, file));
    VC_TRY(read_heads(c, file, options));
    VC_TRY(vc__read_coders(compressed, autoencoder ? autoencoder : file, encoders, c->heads));
    if (autoencoder && !compressed[0] && !compressed[1])
        return vc_fail(VC_EFORMAT, "%s: no tensor '%s' or '%s'", vc_tensor_file_path(autoencoder),
                       encoders[0], encoders[1]);
    return VC_OK;
}
