#include "levit_impl.h"

static vc_status check_attention(const vc__levit_attention *a, const char *what, size_t stage)
{
    if (a->heads && a->key_dim && a->value_dim && a->hidden && a->heads <= 1024 &&
        a->key_dim <= 1 << 14 && a->value_dim <= 1 << 14 && a->hidden <= 1 << 20)
        return VC_OK;
    return vc_fail(VC_EINVAL,
                   "stage %zu, %s: %zu heads of %zu and %zu values, %zu in the MLP: wanted sizes "
                   "above 0 and within what is supported",
                   stage, what, a->heads, a->key_dim, a->value_dim, a->hidden);
}

static vc_status check_stage(const vc__levit_config *c, size_t index)
{
    const vc__levit_stage *s = &c->stages[index];
    if (!s->width || s->width > 1 << 16 || s->depth > 1024)
        return vc_fail(VC_EINVAL, "stage %zu: width %zu and depth %zu, wanted 1 to 65536 and 1024",
                       index, s->width, s->depth);
    if (s->depth == 0)
        return vc_fail(VC_EINVAL, "stage %zu has no attention of its own", index);
    VC_TRY(check_attention(&s->own, "own attention", index));
    if (index > 0)
        VC_TRY(check_attention(&s->subsampling, "subsampling", index));
    return vc__check_coders(s->compressed_heads, s->own.heads);
}

/* A bias belongs to every score, so a small file could ask for a lot of memory. */
static vc_status check_scores(const vc__levit_config *c)
{
    const size_t most = (size_t)1 << 27; /* 100 times LeViT-384 at 224 pixels */
    size_t scores = 0;
    for (size_t b = 0; b < vc__levit_blocks(c); b++) {
        const vc__levit_place place = vc__levit_place_of(c, b);
        const vc__levit_span span = vc__levit_span_of(c, place);
        scores += vc__levit_attention_of(c, place)->heads * span.side_in * span.side_in *
                  span.side_out * span.side_out;
        if (scores > most)
            return vc_fail(VC_EINVAL,
                           "an image of %zu pixels makes more than %zu attention scores, the most "
                           "that is supported",
                           c->image, most);
    }
    return VC_OK;
}

vc_status vc__levit_config_check(const vc__levit_config *c)
{
    if (!c->image || !c->channels || !c->classes || c->image > 1 << 14 || c->classes > 1 << 24)
        return vc_fail(VC_EINVAL,
                       "a LeViT of image %zu, channels %zu, classes %zu: wanted sizes above 0 and "
                       "within what is supported",
                       c->image, c->channels, c->classes);
    if (c->image % 16 != 0)
        return vc_fail(VC_EINVAL, "an image of %zu pixels, wanted a multiple of 16", c->image);
    if (c->channels > VC_MODEL_CHANNELS)
        return vc_fail(VC_EINVAL, "%zu image channels, wanted at most %d", c->channels,
                       VC_MODEL_CHANNELS);
    for (size_t i = 0; i < VC__LEVIT_STEM; i++)
        if (!c->stem[i] || c->stem[i] > 1 << 16)
            return vc_fail(VC_EINVAL, "%zu channels in the stem, wanted 1 to 65536", c->stem[i]);
    if (c->stem[VC__LEVIT_STEM - 1] != c->stages[0].width)
        return vc_fail(VC_EINVAL, "a stem of %zu channels before a stage of %zu, wanted the same",
                       c->stem[VC__LEVIT_STEM - 1], c->stages[0].width);
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++)
        VC_TRY(check_stage(c, s));
    return check_scores(c);
}

/* An odd side is halved upwards, as a convolution with stride 2 does. */
static size_t halved(size_t side, size_t times)
{
    for (size_t i = 0; i < times; i++)
        side = (side + 1) / 2;
    return side;
}

size_t vc__levit_side(const vc__levit_config *c, size_t stage)
{
    return halved(c->image, VC__LEVIT_STEM + stage);
}

size_t vc__levit_blocks(const vc__levit_config *c)
{
    size_t blocks = VC__LEVIT_STAGES - 1;
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++)
        blocks += c->stages[s].depth;
    return blocks;
}

vc__levit_place vc__levit_place_of(const vc__levit_config *c, size_t index)
{
    size_t stage = 0;
    while (stage + 1 < VC__LEVIT_STAGES && index >= c->stages[stage].depth) {
        index -= c->stages[stage++].depth;
        if (index == 0)
            return (vc__levit_place){.stage = stage, .subsampling = 1};
        index--;
    }
    return (vc__levit_place){.stage = stage, .block = index};
}

const vc__levit_attention *vc__levit_attention_of(const vc__levit_config *c, vc__levit_place place)
{
    const vc__levit_stage *stage = &c->stages[place.stage];
    return place.subsampling ? &stage->subsampling : &stage->own;
}

vc__levit_span vc__levit_span_of(const vc__levit_config *c, vc__levit_place place)
{
    size_t from = place.subsampling ? place.stage - 1 : place.stage;
    return (vc__levit_span){.width_in = c->stages[from].width,
                            .width_out = c->stages[place.stage].width,
                            .side_in = vc__levit_side(c, from),
                            .side_out = vc__levit_side(c, place.stage)};
}
