#include "vitcod/sampler.h"
#include "vitcod/plural.h"

#include <assert.h>
#include <stdlib.h>

enum { STREAM_ORDER = 1, STREAM_SAMPLE = 5, STREAM_MIX = 6 };

vc_sampler_options vc_sampler_options_default(void)
{
    return (vc_sampler_options){.batch = 1, .repetitions = 3, .ranks = 1};
}

static vc_status check_options(const vc_sampler_options *o)
{
    if (o->repetitions < 1 || o->repetitions > VC_SAMPLER_MAX_REPETITIONS)
        return vc_fail(VC_EINVAL, "%zu repetitions of %s, wanted 1 to %d", o->repetitions,
                       o->joints ? "a frame" : "an image", (int)VC_SAMPLER_MAX_REPETITIONS);
    const size_t most =
        UINT32_MAX / o->repetitions; /* repetitions of replacements must fit 32 bits */
    if (o->images < 1 || o->images > most)
        return vc_fail(VC_EINVAL, "an order of %zu %s, wanted 1 to %zu", o->images,
                       vc_samples(o->joints, o->images), most);
    if (o->ranks < 1 || o->rank >= o->ranks)
        return vc_fail(VC_EINVAL, "rank %zu of %zu, wanted a rank below their number", o->rank,
                       o->ranks);
    const size_t all = o->ranks * (o->parts > 0 ? o->parts : 1);
    if (all > 1 && (o->batch % all != 0 || o->batch / all % 2 != 0))
        return vc_fail(VC_EINVAL, "a batch of %zu for %zu %s, wanted a multiple of %zu", o->batch,
                       all, o->parts > 1 ? "parts" : "ranks", 2 * all);
    return VC_OK;
}

vc_status vc_sampler_open(vc_sampler *out, const vc_sampler_options *o)
{
    *out = (vc_sampler){.options = *o};
    VC_TRY(check_options(o));
    out->images = o->limit > 0 && o->limit < o->images ? o->limit : o->images;
    size_t samples = out->images;
    if (o->repetitions > 1 && samples / VC_SAMPLER_ROUND * VC_SAMPLER_ROUND >= o->batch)
        samples = samples / VC_SAMPLER_ROUND * VC_SAMPLER_ROUND;
    out->steps = o->batch > 0 ? samples / o->batch : 0;
    out->parts = o->parts > 0 ? o->parts : 1;
    out->share = o->batch / (o->ranks * out->parts);
    if (out->steps == 0)
        return vc_fail(VC_EINVAL, "a batch of %zu from %zu %s, wanted at least one whole batch",
                       o->batch, out->images, vc_samples(o->joints, out->images));
    out->order = malloc(o->images * sizeof *out->order);
    if (!out->order)
        return vc_fail(VC_ENOMEM, "out of memory for an order of %zu %s", o->images,
                       vc_samples(o->joints, o->images));
    vc_sampler_set_epoch(out, 0);
    return VC_OK;
}

void vc_sampler_close(vc_sampler *sampler)
{
    free(sampler->order);
    *sampler = (vc_sampler){0};
}

static void draw_order(uint32_t *order, size_t count, uint64_t seed, uint64_t epoch)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    vc_rng rng = vc_rng_open(seed, STREAM_ORDER, epoch);
    vc_rng_shuffle(&rng, order, count);
}

void vc_sampler_set_epoch(vc_sampler *sampler, uint64_t epoch)
{
    sampler->epoch = epoch;
    draw_order(sampler->order, sampler->options.images, sampler->options.seed, epoch);
}

/* The position in the global batch of a position in this rank's parts. */
static size_t global_position(const vc_sampler *s, size_t position)
{
    const vc_sampler_options *o = &s->options;
    const size_t all = o->ranks * s->parts, i = position % s->share;
    const size_t rank = position / s->share * o->ranks + o->rank;
    if (i < s->share / 2)
        return i * all + rank;
    return o->batch - 1 - ((s->share - 1 - i) * all + rank);
}

vc_sample vc_sampler_at(const vc_sampler *s, size_t step, size_t position, size_t further)
{
    const size_t repetitions = s->options.repetitions;
    assert(step < s->steps && position < s->parts * s->share && further < s->images);
    const size_t at = step * s->options.batch + global_position(s, position);
    const size_t image = (at / repetitions + further) % s->images;
    return (vc_sample){.index = s->order[image],
                       .repetition = (uint32_t)(at % repetitions + further * repetitions)};
}

/* A stream has two numbers beside the seed: the purpose, with the epoch in its higher bits, and the
 * image, with the repetition in its higher bits. */
vc_rng vc_sampler_sample_rng(const vc_sampler *s, vc_sample sample)
{
    return vc_rng_open(s->options.seed, STREAM_SAMPLE + (s->epoch << 8),
                       sample.index + ((uint64_t)sample.repetition << 32));
}

vc_rng vc_sampler_mix_rng(const vc_sampler *s, size_t step)
{
    return vc_rng_open(s->options.seed, STREAM_MIX + (s->epoch << 8), step);
}
