/* Sizes of a Strided Transformer, and what follows from them. */
#include <string.h>

#include "strided_impl.h"

enum { KERNEL = 3 };

size_t vc__strided_blocks(const vc__strided_config *c)
{
    return c->vanilla + c->strided;
}

size_t vc__strided_tokens(const vc__strided_config *c, size_t block)
{
    size_t tokens = c->frames;
    for (size_t s = 0; c->vanilla + s < block; s++)
        tokens = (tokens - 1) / c->strides[s] + 1;
    return tokens;
}

vc_span vc__strided_span(const vc__strided_config *c, size_t block)
{
    return (vc_span){.tokens = vc__strided_tokens(c, block),
                     .channels = c->hidden,
                     .kernel = KERNEL,
                     .stride = c->strides[block - c->vanilla],
                     .padding = KERNEL / 2};
}

/* Published as a maximum over windows of one. */
vc_span vc__strided_short(const vc__strided_config *c, size_t block)
{
    return (vc_span){.tokens = vc__strided_tokens(c, block),
                     .channels = c->width,
                     .kernel = 1,
                     .stride = c->strides[block - c->vanilla]};
}

vc_attention_shape vc__strided_attention_shape(const vc__strided_config *c, size_t block,
                                               size_t batch)
{
    const size_t tokens = vc__strided_tokens(c, block), dim = c->width / c->heads;
    return (vc_attention_shape){.batch = batch,
                                .heads = c->heads,
                                .queries = tokens,
                                .keys = tokens,
                                .head_dim = dim,
                                .value_dim = dim,
                                .q_stride = c->width,
                                .k_stride = c->width,
                                .v_stride = c->width,
                                .out_stride = c->width};
}

vc_status vc__strided_check(const vc__strided_config *c)
{
    if (!c->frames || !c->inputs || !c->outputs || !c->hidden || !c->vanilla || !c->strided)
        return vc_fail(VC_EINVAL,
                       "a Strided Transformer of %zu frames, %zu values in and %zu out, hidden "
                       "width %zu, %zu vanilla and %zu strided blocks: wanted each above 0",
                       c->frames, c->inputs, c->outputs, c->hidden, c->vanilla, c->strided);
    if (c->inputs % 2 != 0 || c->inputs / 2 * 3 != c->outputs)
        return vc_fail(VC_EINVAL,
                       "poses of %zu values in and %zu out, wanted two and three of each joint",
                       c->inputs, c->outputs);
    if (c->heads == 0 || c->width < 2 || c->width % c->heads != 0)
        return vc_fail(VC_EINVAL, "width %zu with %zu heads, wanted a multiple of the heads",
                       c->width, c->heads);
    if (c->strided > VC__STRIDED_MOST)
        return vc_fail(VC_EUNSUPPORTED, "%zu strided blocks, wanted at most %d", c->strided,
                       VC__STRIDED_MOST);
    for (size_t i = 0; i < c->strided; i++)
        if (c->strides[i] == 0 || c->strides[i] > VC__STRIDED_STRIDE)
            return vc_fail(VC_EINVAL, "stride %zu is %zu, wanted 1 to %d", i, c->strides[i],
                           VC__STRIDED_STRIDE);
    const size_t left = vc__strided_tokens(c, vc__strided_blocks(c));
    if (left != 1)
        return vc_fail(VC_EINVAL, "strides that leave %zu of %zu frames, wanted one", left,
                       c->frames);
    return vc__check_coders(c->compressed_heads, c->heads);
}

/* ---- presets: the published sizes */

static const struct preset {
    const char *name;
    size_t frames, strides[VC__STRIDED_PLACES];
} presets[] = {{"strided_transformer_351", 351, {3, 9, 13}},
               {"strided_transformer_27", 27, {3, 3, 3}}};

enum { PRESETS = sizeof presets / sizeof *presets };

const char *vc__strided_preset_name(size_t index)
{
    return index < PRESETS ? presets[index].name : NULL;
}

void vc__strided_preset(vc_model_config *out, size_t index)
{
    vc__strided_config *c = vc__strided_sizes_in(out);
    *c = (vc__strided_config){.frames = presets[index].frames,
                              .inputs = 17 * 2,
                              .outputs = 17 * 3,
                              .width = 256,
                              .heads = 8,
                              .hidden = 512,
                              .vanilla = 3,
                              .strided = VC__STRIDED_PLACES};
    memcpy(c->strides, presets[index].strides, sizeof presets[index].strides);
}

const size_t *vc__strided_published(size_t frames)
{
    for (size_t i = 0; i < PRESETS; i++)
        if (presets[i].frames == frames)
            return presets[i].strides;
    return NULL;
}
