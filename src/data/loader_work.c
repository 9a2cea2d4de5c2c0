/* The workers' side of a loader. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader_impl.h"
#include "source_impl.h"

vc__slot *vc__loader_slot(vc_loader *l, size_t batch)
{
    return &l->ring[batch % l->depth];
}

size_t vc__loader_samples_in(const vc_loader *l, size_t batch)
{
    size_t rest = l->total - batch * l->batch;
    return rest < l->batch ? rest : l->batch;
}

size_t vc__loader_sample_of(const vc_loader *l, size_t at)
{
    return (at / l->batch * l->ranks + l->rank) * l->batch + at % l->batch;
}

void vc__complaints_free(vc__complaint *first)
{
    while (first) {
        vc__complaint *next = first->next;
        free(first);
        first = next;
    }
}

/* Keeps this thread's latest message, which is about an image, in a list. */
static vc_status complain(vc__complaint **list, size_t index)
{
    const char *message = vc_last_error();
    const size_t bytes = strlen(message) + 1;
    vc__complaint *c = malloc(sizeof *c + bytes);
    if (!c)
        return vc_fail(VC_ENOMEM, "out of memory for a message");
    *c = (vc__complaint){.index = index};
    memcpy(c->message, message, bytes);
    while (*list)
        list = &(*list)->next;
    *list = c;
    return VC_OK;
}

/* Claims the next sample, once the ring has room for it. Returns 0 if there are no more samples or
 * the loader is stopping. */
static int claim_sample(size_t *at, vc_loader *l)
{
    pthread_mutex_lock(&l->lock);
    while (!l->stop && l->next < l->total && l->next / l->batch >= l->oldest + l->depth)
        pthread_cond_wait(&l->room, &l->lock);
    int claimed = !l->stop && l->next < l->total;
    if (claimed)
        *at = l->next++;
    pthread_mutex_unlock(&l->lock);
    return claimed;
}

enum { STREAM_CHANGED = 0x63686e67 }; /* random changes outside training */

static vc_status read_sample(vc__workspace *work, vc_loader *l, size_t index)
{
    size_t at = index;
    const vc_source *holder = vc__source_holder(l->source, &at);
    return holder->dataset || holder->frames ? VC_OK
                                             : vc_source_read(&work->encoded, l->source, index);
}

/* Place i of a batch; with a random stream the sample is changed. */
static vc_status prepare(vc__slot *s, size_t i, vc__workspace *work, const vc_loader *l,
                         size_t sample, vc_rng *rng)
{
    float *x = s->x + i * l->values;
    if (l->recipe.frames > 0) {
        vc__prepare_window(x, s->truth ? s->truth + i * l->truths : NULL, &l->recipe, l->source,
                           sample, rng);
        return VC_OK;
    }
    return rng ? vc__prepare_changed(x, work, &l->recipe, l->source, sample, rng)
               : vc__prepare(x, work, &l->recipe, l->source, sample);
}

/* In evaluation a tar archive is read strictly forward, by one worker at a time, each in turn.
 * In training samples come in random order and are read when they are prepared. */
static int claim_and_read(size_t *at, vc_status *status, vc__workspace *work, vc_loader *l)
{
    if (l->sampler)
        return claim_sample(at, l);
    int ordered = vc__source_is_sequential(l->source);
    if (ordered)
        pthread_mutex_lock(&l->reading);
    int claimed = claim_sample(at, l);
    if (claimed)
        *status = read_sample(work, l, vc__loader_sample_of(l, *at));
    if (ordered)
        pthread_mutex_unlock(&l->reading);
    return claimed;
}

/* Prepares sample `at` of those that this rank has, for evaluation. A broken image is only
 * reported; what is returned as a failure ends the loader. */
static vc_status make_plain(vc__slot *s, size_t at, vc_status status, vc__workspace *work,
                            vc_loader *l)
{
    const size_t i = at % l->batch, sample = vc__loader_sample_of(l, at);
    s->indices[i] = sample;
    s->labels[i] = vc_source_label(l->source, sample);
    vc_rng rng = vc_rng_open(l->seed, STREAM_CHANGED, sample);
    if (status == VC_OK)
        status = prepare(s, i, work, l, sample, l->changes ? &rng : NULL);
    if (status == VC_OK || status == VC_ENOMEM)
        return status;
    return complain(&s->complaints[i], sample);
}

/* Prepares sample `at` of the sampler, for training. If its image is broken, the next one in the
 * sampler's order that is not broken replaces it. */
static vc_status make_changed(vc__slot *s, size_t at, vc__workspace *work, vc_loader *l)
{
    const size_t i = at % l->batch, each = l->sampler->parts * l->batch;
    const size_t step = l->first_step + at / each;
    const size_t images = l->sampler->images;
    const size_t most = images < VC_LOADER_MAX_BROKEN ? images : VC_LOADER_MAX_BROKEN;
    for (size_t further = 0; further < most; further++) {
        const vc_sample sample = vc_sampler_at(l->sampler, step, at % each, further);
        vc_rng rng = vc_sampler_sample_rng(l->sampler, sample);
        vc_status status = read_sample(work, l, sample.index);
        if (status == VC_OK)
            status = prepare(s, i, work, l, sample.index, &rng);
        s->indices[i] = sample.index;
        s->labels[i] = vc_source_label(l->source, sample.index);
        if (status == VC_OK || status == VC_ENOMEM)
            return status;
        VC_TRY(complain(&s->complaints[i], sample.index));
    }
    char last[sizeof l->reason];
    snprintf(last, sizeof last, "%s", vc_last_error());
    return vc_fail(VC_EFORMAT, "%zu %s in a row are broken: %s", most,
                   vc_source_unit(l->source, most), last);
}

/* Mixes a complete batch. Called by the worker that finished its last sample. */
static void mix_batch(vc__slot *s, size_t batch, vc_loader *l)
{
    const vc_extent size = l->recipe.size;
    if (l->recipe.frames > 0) {
        memcpy(s->partners, s->labels, l->batch * sizeof *s->partners);
        s->lambda = 1.0;
        return;
    }
    vc_rng rng = vc_sampler_mix_rng(l->sampler, l->first_step + batch / l->sampler->parts);
    const vc_mix drawn = vc_mix_draw(&rng, size.width, size.height, &l->recipe.augment);
    vc_mix_apply(s->x, l->batch, l->recipe.channels, size.height, size.width, &drawn);
    for (size_t i = 0; i < l->batch; i++)
        s->partners[i] = s->labels[l->batch - 1 - i];
    s->lambda = drawn.lambda;
}

/* Counts a sample as finished. Returns 1 if it was the last of its batch. */
static int count_finished(vc_loader *l, vc__slot *s, size_t batch, vc_status status)
{
    pthread_mutex_lock(&l->lock);
    if (status != VC_OK) {
        l->failure = status;
        snprintf(l->reason, sizeof l->reason, "%s", vc_last_error());
        l->stop = 1;
        pthread_cond_broadcast(&l->room);
        pthread_cond_signal(&l->ready);
    }
    const int last = ++s->finished == vc__loader_samples_in(l, batch) && !l->stop;
    pthread_mutex_unlock(&l->lock);
    return last;
}

static void hand_over(vc_loader *l, vc__slot *s, size_t batch)
{
    if (l->sampler)
        mix_batch(s, batch, l);
    pthread_mutex_lock(&l->lock);
    s->ready = 1;
    pthread_cond_signal(&l->ready);
    pthread_mutex_unlock(&l->lock);
}

void *vc__loader_work(void *argument)
{
    vc_loader *l = argument;
    vc__workspace workspace = {0};
    vc_status status = VC_OK;
    size_t at;
    while (claim_and_read(&at, &status, &workspace, l)) {
        const size_t batch = at / l->batch;
        vc__slot *s = vc__loader_slot(l, batch);
        status = l->sampler ? make_changed(s, at, &workspace, l)
                            : make_plain(s, at, status, &workspace, l);
        if (count_finished(l, s, batch, status))
            hand_over(l, s, batch);
    }
    vc__workspace_close(&workspace);
    return NULL;
}
