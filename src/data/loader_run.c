/* The consumer's side of a loader. */
#include <string.h>

#include "loader_impl.h"

/* Reports a broken image; in training only once, as repetitions meet it again. */
static void report_broken(vc_loader *l, const vc__complaint *c)
{
    char name[VC_SOURCE_NAME];
    if (l->sampler && l->told[c->index])
        return;
    if (l->sampler)
        l->told[c->index] = 1;
    l->broken++;
    if (l->on_broken)
        l->on_broken(l->context, c->index, vc_source_name(name, l->source, c->index), c->message);
}

static void report_all_broken(vc_loader *l, vc__slot *s, size_t i)
{
    for (const vc__complaint *c = s->complaints[i]; c; c = c->next)
        report_broken(l, c);
    vc__complaints_free(s->complaints[i]);
    s->complaints[i] = NULL;
}

/* In evaluation, moves samples into the gaps that broken images leave. Returns how many samples
 * remain. */
static size_t close_gaps(vc_loader *l, vc__slot *s, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const int missing = s->complaints[i] && !l->sampler;
        report_all_broken(l, s, i);
        if (missing)
            continue;
        if (kept < i)
            memcpy(s->x + kept * l->values, s->x + i * l->values, l->values * sizeof *s->x);
        s->labels[kept] = s->labels[i];
        s->indices[kept++] = s->indices[i];
    }
    return kept;
}

/* Gives the oldest batch's place in the ring to the workers. The caller holds the lock. */
static void release_oldest(vc_loader *l)
{
    vc__slot *s = vc__loader_slot(l, l->oldest);
    s->finished = 0;
    s->ready = 0;
    l->oldest++;
    pthread_cond_broadcast(&l->room);
}

/* Waits for the batch after the one in use; NULL at the end. */
static vc_status take_oldest(vc__slot **out, vc_loader *l)
{
    *out = NULL;
    pthread_mutex_lock(&l->lock);
    if (l->holding)
        release_oldest(l);
    l->holding = 0;
    while (l->oldest < l->batches && l->failure == VC_OK && !vc__loader_slot(l, l->oldest)->ready)
        pthread_cond_wait(&l->ready, &l->lock);
    vc_status status = l->failure;
    if (status == VC_OK && l->oldest < l->batches) {
        *out = vc__loader_slot(l, l->oldest);
        l->holding = 1;
    }
    pthread_mutex_unlock(&l->lock);
    if (status != VC_OK)
        return vc_fail(status, "%s", l->reason);
    return VC_OK;
}

vc_status vc_loader_next(vc_loaded *out, vc_loader *l)
{
    *out = (vc_loaded){0};
    for (;;) {
        vc__slot *s;
        VC_TRY(take_oldest(&s, l));
        if (!s)
            return VC_OK;
        /* `oldest` is changed by this thread only, so it can be read without the lock */
        size_t count = close_gaps(l, s, vc__loader_samples_in(l, l->oldest));
        if (count > 0) {
            *out = (vc_loaded){.x = s->x,
                               .truth = s->truth,
                               .labels = s->labels,
                               .indices = s->indices,
                               .count = count,
                               .partners = l->sampler ? s->partners : s->labels,
                               .lambda = l->sampler ? s->lambda : 1.0};
            return VC_OK;
        }
    }
}
