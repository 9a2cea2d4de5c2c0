/* All steps of a program for so many images: as single launches at first, and as what a runtime
 * recorded of them from then on, where it can. Times are of single launches. */
#include <stdlib.h>

#include "device_impl.h"

static vc__replay *replay_for(vc__device *d, size_t images)
{
    for (size_t i = 0; i < d->replay_count; i++)
        if (d->replays[i].images == images)
            return &d->replays[i];
    vc__replay *grown = realloc(d->replays, (d->replay_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    d->replays = grown;
    grown[d->replay_count] = (vc__replay){.images = images};
    return &grown[d->replay_count++];
}

/* What a library needs to be made ready is made by the first run, which is not recorded. */
vc_status vc__device_replay(vc__device *d, const vc_program *p, size_t images,
                            vc__launch_all *launch_all)
{
    const vc__runtime *r = d->runtime;
    vc__replay *replay =
        !d->timing && r->records && r->records(d->queue) ? replay_for(d, images) : NULL;
    if (replay && replay->recorded)
        return r->replay(d->queue, replay->recorded);
    if (!replay || replay->runs++ == 0 || !r->record(d->queue))
        return launch_all(d, p, images);
    const vc_status status = launch_all(d, p, images);
    void *recorded = r->recorded(d->queue);
    VC_TRY(status);
    replay->recorded = recorded;
    return recorded ? r->replay(d->queue, recorded) : launch_all(d, p, images);
}
