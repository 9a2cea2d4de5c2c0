#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader_impl.h"
#include "source_impl.h"

/* The next sample, once there is room for it; 0: no more, or told to stop. */
static int claim(size_t *index, vc_loader *l)
{
    pthread_mutex_lock(&l->lock);
    while (!l->stop && l->next < l->total && l->next / l->batch >= l->oldest + l->depth)
        pthread_cond_wait(&l->room, &l->lock);
    int claimed = !l->stop && l->next < l->total;
    if (claimed)
        *index = l->next++;
    pthread_mutex_unlock(&l->lock);
    return claimed;
}

static int claim_and_read(size_t *index, vc_status *status, vc__workspace *work, vc_loader *l)
{
    int ordered = vc__source_is_sequential(l->source);
    *status = VC_OK;
    if (ordered)
        pthread_mutex_lock(&l->reading);
    int claimed = claim(index, l);
    if (claimed && !vc_source_dataset(l->source))
        *status = vc_source_read(&work->encoded, l->source, *index);
    if (ordered)
        pthread_mutex_unlock(&l->reading);
    return claimed;
}

static vc__slot *slot_of(vc_loader *l, size_t batch)
{
    return &l->ring[batch % l->depth];
}

static size_t samples_in(const vc_loader *l, size_t batch)
{
    size_t rest = l->total - batch * l->batch;
    return rest < l->batch ? rest : l->batch;
}

static void finish(vc_loader *l, size_t index, vc_status status)
{
    size_t batch = index / l->batch;
    vc__slot *s = slot_of(l, batch);
    /* the message is this thread's, and there only until the next */
    char *message = status == VC_OK ? NULL : strdup(vc_last_error());
    if (status != VC_OK && !message)
        status = VC_ENOMEM;
    pthread_mutex_lock(&l->lock);
    s->messages[index % l->batch] = message;
    if (status == VC_ENOMEM) {
        l->failure = status;
        snprintf(l->reason, sizeof l->reason, "%s", vc_last_error());
        l->stop = 1;
        pthread_cond_broadcast(&l->room);
    }
    if (++s->finished == samples_in(l, batch) || l->stop)
        pthread_cond_signal(&l->ready);
    pthread_mutex_unlock(&l->lock);
}

void *vc__loader_work(void *argument)
{
    vc_loader *l = argument;
    vc__workspace workspace = {0};
    vc_status status;
    size_t index;
    while (claim_and_read(&index, &status, &workspace, l)) {
        vc__slot *s = slot_of(l, index / l->batch);
        size_t at = index % l->batch;
        s->indices[at] = index;
        s->labels[at] = vc_source_label(l->source, index);
        if (status == VC_OK)
            status = vc__prepare(s->x + at * l->values, &workspace, &l->recipe, l->source, index);
        finish(l, index, status);
    }
    vc__workspace_close(&workspace);
    return NULL;
}

static void tell(vc_loader *l, size_t index, const char *message)
{
    char name[VC_SOURCE_NAME];
    l->broken++;
    if (l->on_broken)
        l->on_broken(l->context, index, vc_source_name(name, l->source, index), message);
}

/* Closes the gaps that broken images leave; the number of whole ones. */
static size_t gather(vc_loader *l, vc__slot *s, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (s->messages[i]) {
            tell(l, s->indices[i], s->messages[i]);
            free(s->messages[i]);
            s->messages[i] = NULL;
            continue;
        }
        if (kept < i)
            memcpy(s->x + kept * l->values, s->x + i * l->values, l->values * sizeof *s->x);
        s->labels[kept] = s->labels[i];
        s->indices[kept++] = s->indices[i];
    }
    return kept;
}

/* Gives the oldest batch's room to the workers. With the lock held. */
static void release(vc_loader *l)
{
    slot_of(l, l->oldest)->finished = 0;
    l->oldest++;
    pthread_cond_broadcast(&l->room);
}

/* Waits for the batch after the one held; NULL at the end. */
static vc_status take_oldest(vc__slot **out, vc_loader *l)
{
    *out = NULL;
    pthread_mutex_lock(&l->lock);
    if (l->holding)
        release(l);
    l->holding = 0;
    while (l->oldest < l->batches && l->failure == VC_OK &&
           slot_of(l, l->oldest)->finished < samples_in(l, l->oldest))
        pthread_cond_wait(&l->ready, &l->lock);
    vc_status status = l->failure;
    if (status == VC_OK && l->oldest < l->batches) {
        *out = slot_of(l, l->oldest);
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
        /* `oldest` changes only in this thread */
        size_t count = gather(l, s, samples_in(l, l->oldest));
        if (count > 0) {
            *out = (vc_loaded){s->x, s->labels, s->indices, count};
            return VC_OK;
        }
    }
}
