#include "vitcod/loader.h"

#include <math.h>
#include <stdlib.h>

#include "loader_impl.h"
#include "source_impl.h"
#include "vitcod/threads.h"

vc_loader_options vc_loader_options_default(void)
{
    return (vc_loader_options){.size = {224, 224},
                               .channels = 3,
                               .std = {1.0f, 1.0f, 1.0f, 1.0f},
                               .crop_fraction = 0.875,
                               .batch = 1};
}

static vc_status check_range(const char *what, size_t value, size_t most)
{
    if (value < 1 || value > most)
        return vc_fail(VC_EINVAL, "%s %zu, wanted 1 to %zu", what, value, most);
    return VC_OK;
}

static vc_status make_windows(vc__recipe *out, const vc_loader_options *o, vc_source *source)
{
    const size_t joints = vc_source_joints(source);
    if (joints != o->joints || o->frames == 0)
        return vc_fail(VC_EINVAL, "%s: %s of %zu joints, wanted %s of %zu",
                       vc_source_path(source, 0), joints ? "poses" : "images", joints,
                       o->joints ? "poses" : "images", o->joints);
    *out = (vc__recipe){.frames = o->frames, .joints = joints, .channels = 1};
    return VC_OK;
}

static vc_status make_recipe(vc__recipe *out, const vc_loader_options *o, vc_source *source)
{
    if (o->frames > 0 || vc_source_joints(source) > 0)
        return make_windows(out, o, source);
    VC_TRY(check_range("an image side of", o->size.height, VC_RESIZE_MAX));
    VC_TRY(check_range("an image side of", o->size.width, VC_RESIZE_MAX));
    VC_TRY(check_range("channels:", o->channels, VC_MAX_CHANNELS));
    char text[VC_EXTENT_TEXT];
    const double height = floor((double)o->size.height / o->crop_fraction),
                 width = floor((double)o->size.width / o->crop_fraction);
    if (!(o->crop_fraction > 0.0 && o->crop_fraction <= 1.0) || height > VC_RESIZE_MAX ||
        width > VC_RESIZE_MAX)
        return vc_fail(VC_EINVAL, "a crop of %s pixels as %g of the shorter side, wanted %s",
                       vc_extent_words(text, o->size), o->crop_fraction,
                       "0 < fraction <= 1 and at most 8192 pixels");
    for (size_t c = 0; c < o->channels; c++)
        if (!(o->std[c] > 0.0f && isfinite(o->std[c]) && isfinite(o->mean[c])))
            return vc_fail(VC_EINVAL, "channel %zu has mean %g and standard deviation %g", c,
                           (double)o->mean[c], (double)o->std[c]);
    *out = (vc__recipe){.size = o->size,
                        .resize = {(size_t)height, (size_t)width},
                        .interpolation = o->interpolation,
                        .channels = o->channels};
    vc_normalizer_make(&out->normalizer, o->channels, o->mean, o->std);
    return vc_source_check_channels(source, o->channels);
}

static size_t at_most(size_t value, size_t most)
{
    return value < most ? value : most;
}

/* Whole batches, but for the last of all ranks' batches. */
static size_t samples_of_rank(const vc_loader *l, size_t all)
{
    const size_t batches = (all + l->batch - 1) / l->batch;
    if (l->rank >= batches)
        return 0;
    const size_t own = (batches - l->rank + l->ranks - 1) / l->ranks;
    const int has_last = (own - 1) * l->ranks + l->rank == batches - 1;
    return own * l->batch - (has_last ? batches * l->batch - all : 0);
}

/* Evaluation: the samples come in the order of the source. */
static vc_status plan_evaluation(vc_loader *l, const vc_loader_options *o)
{
    const size_t count = vc_source_count(l->source);
    VC_TRY(check_range("a batch of", o->batch, VC_LOADER_MAX_BATCH));
    if (o->ranks > 0 && o->rank >= o->ranks)
        return vc_fail(VC_EINVAL, "rank %zu of %zu", o->rank, o->ranks);
    const size_t all = o->limit > 0 ? at_most(count, o->limit) : count;
    l->batch = at_most(o->batch, all > 0 ? all : 1);
    l->rank = o->rank;
    l->ranks = o->ranks > 0 ? o->ranks : 1;
    l->total = samples_of_rank(l, all);
    l->changes = o->augment != NULL;
    l->seed = o->seed;
    return o->augment ? vc__recipe_augment(&l->recipe, o->augment, o->mean) : VC_OK;
}

static vc_status plan_training(vc_loader *l, const vc_loader_options *o)
{
    const vc_loader_training *t = o->training;
    const vc_sampler *s = t->sampler;
    if (s->options.images != vc_source_count(l->source))
        return vc_fail(VC_EINVAL, "a sampler of %zu %s for a source of %zu", s->options.images,
                       vc_source_unit(l->source, s->options.images), vc_source_count(l->source));
    if (t->first_step > s->steps)
        return vc_fail(VC_EINVAL, "an epoch of %zu steps from step %zu on", s->steps,
                       t->first_step);
    VC_TRY(check_range("a batch of", s->share, VC_LOADER_MAX_BATCH));
    l->sampler = s;
    l->first_step = t->first_step;
    l->batch = s->share;
    l->total = (s->steps - t->first_step) * s->parts * s->share;
    VC_TRY(vc__source_inflate(l->source));
    return vc__recipe_augment(&l->recipe, &t->augment, o->mean);
}

static vc_status make_plan(vc_loader *l, const vc_loader_options *o)
{
    size_t workers = o->workers > 0 ? o->workers : (size_t)vc_threads_count();
    VC_TRY(make_recipe(&l->recipe, o, l->source));
    VC_TRY(o->training ? plan_training(l, o) : plan_evaluation(l, o));
    VC_TRY(check_range("workers:", workers, VC_LOADER_MAX_WORKERS));
    l->batches = (l->total + l->batch - 1) / l->batch;
    l->workers = at_most(workers, l->total);
    /* one batch at the consumer, one that is next, and enough for all workers beyond that */
    l->depth = at_most(2 + (l->workers + l->batch - 1) / l->batch, l->batches);
    l->values = o->channels * vc_extent_area(o->size);
    if (o->frames > 0) {
        l->values = o->frames * o->joints * 2;
        l->truths = vc_source_has_truth(l->source) ? o->frames * o->joints * 3 : 0;
    }
    l->on_broken = o->on_broken;
    l->context = o->context;
    return VC_OK;
}

static void lay_out_ring(vc_loader *l)
{
    l->ring = vc_arena_take(&l->arena, l->depth * sizeof *l->ring);
    l->threads = vc_arena_take(&l->arena, l->workers * sizeof *l->threads);
    l->told = vc_arena_take(&l->arena, l->sampler ? vc_source_count(l->source) : 0);
    for (size_t i = 0; i < l->depth; i++) {
        vc__slot s = {.x = vc_arena_floats(&l->arena, l->batch * l->values),
                      .truth = l->truths ? vc_arena_floats(&l->arena, l->batch * l->truths) : NULL,
                      .labels = vc_arena_take(&l->arena, l->batch * sizeof *s.labels),
                      .indices = vc_arena_take(&l->arena, l->batch * sizeof *s.indices),
                      .partners = vc_arena_take(&l->arena, l->batch * sizeof *s.partners),
                      .complaints = vc_arena_take(&l->arena, l->batch * sizeof *s.complaints)};
        if (l->ring)
            l->ring[i] = s;
    }
}

static vc_status start_workers(vc_loader *l)
{
    for (; l->started < l->workers; l->started++)
        if (pthread_create(&l->threads[l->started], NULL, vc__loader_work, l) != 0)
            return vc_fail(VC_ENOMEM, "the system refuses to start thread %zu of %zu", l->started,
                           l->workers);
    return VC_OK;
}

static vc_status set_up(vc_loader *l, const vc_loader_options *options)
{
    VC_TRY(make_plan(l, options));
    lay_out_ring(l);
    VC_TRY(vc_arena_reserve(&l->arena));
    lay_out_ring(l);
    return start_workers(l);
}

vc_status vc_loader_open(vc_loader **out, vc_source *source, const vc_loader_options *options)
{
    vc_loader *l = calloc(1, sizeof *l);
    *out = NULL;
    if (!l)
        return vc_fail(VC_ENOMEM, "out of memory for a loader");
    l->source = source;
    pthread_mutex_init(&l->reading, NULL);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->room, NULL);
    pthread_cond_init(&l->ready, NULL);
    vc_status status = set_up(l, options);
    if (status == VC_OK)
        *out = l;
    else
        vc_loader_close(l);
    return status;
}

void vc_loader_close(vc_loader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = 1;
    pthread_cond_broadcast(&l->room);
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; i < l->started; i++)
        pthread_join(l->threads[i], NULL);
    for (size_t i = 0; l->arena.base && i < l->depth * l->batch; i++)
        vc__complaints_free(l->ring[i / l->batch].complaints[i % l->batch]);
    vc_arena_close(&l->arena);
    pthread_cond_destroy(&l->ready);
    pthread_cond_destroy(&l->room);
    pthread_mutex_destroy(&l->lock);
    pthread_mutex_destroy(&l->reading);
    free(l);
}

size_t vc_loader_total(const vc_loader *loader)
{
    return loader->total;
}

size_t vc_loader_broken(const vc_loader *loader)
{
    return loader->broken;
}
