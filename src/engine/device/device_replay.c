/* All steps of a program for so many images: as single launches at first, and as what a runtime
 * recorded of them from then on, where it can. Times are of single launches. */
#include <stdio.h>
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

/* Launches one by one, now and from now on. */
static vc_status go_single(vc__device *d, const vc_program *p, size_t images,
                           vc__launch_all *launch_all)
{
    char note[1024];
    d->single = 1;
    snprintf(note, sizeof note, "launches are not recorded any more, and run one by one: %s",
             vc_last_error());
    if (d->options.on_note)
        d->options.on_note(note);
    return launch_all(d, p, images);
}

/* What fails while it is recorded did not run; whether it can is seen when it is launched alone. */
static vc_status record_all(vc__replay *replay, vc__device *d, const vc_program *p,
                            vc__launch_all *launch_all)
{
    const vc__runtime *r = d->runtime;
    void *recorded = NULL;
    char why[1024];
    VC_TRY(r->record(d->queue));
    const vc_status status = launch_all(d, p, replay->images);
    snprintf(why, sizeof why, "%s", vc_last_error());
    const vc_status ended = r->recorded(&recorded, d->queue);
    if (status != VC_OK)
        return vc_fail(status, "%s", why);
    VC_TRY(ended);
    replay->recorded = recorded;
    return VC_OK;
}

/* What a library needs to be made ready is made by the first run, which is not recorded. */
vc_status vc__device_replay(vc__device *d, const vc_program *p, size_t images,
                            vc__launch_all *launch_all)
{
    const vc__runtime *r = d->runtime;
    vc__replay *replay = !d->timing && !d->single && r->records && r->records(d->queue)
                             ? replay_for(d, images)
                             : NULL;
    if (!replay || (!replay->recorded && replay->runs++ == 0))
        return launch_all(d, p, images);
    vc_status status = replay->recorded ? VC_OK : record_all(replay, d, p, launch_all);
    if (status == VC_OK)
        status = r->replay(d->queue, replay->recorded);
    return status == VC_OK ? VC_OK : go_single(d, p, images, launch_all);
}
