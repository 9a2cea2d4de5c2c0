/* A device's memory: all of it is released when it is closed. */
#include <math.h>
#include <stdlib.h>

#include "device_impl.h"

#define MEBI (1024.0 * 1024.0)

static vc_status check_room(const vc__device *d, size_t bytes, const char *what)
{
    const vc_device_info *i = &d->info;
    if (i->largest_bytes > 0 && bytes > i->largest_bytes)
        return vc_fail(VC_ENOMEM,
                       "%s:%zu (%s) has no room for %s: %.1f MiB, wanted at most %.1f in one piece",
                       i->backend, i->index, i->name, what, (double)bytes / MEBI,
                       (double)i->largest_bytes / MEBI);
    if (i->memory_bytes > 0 && bytes + d->bytes > i->memory_bytes)
        return vc_fail(
            VC_ENOMEM,
            "%s:%zu (%s) has no room for %s: %.1f MiB are wanted beside %.1f, and it has "
            "%.1f; wanted fewer images at once or a smaller model",
            i->backend, i->index, i->name, what, (double)bytes / MEBI, (double)d->bytes / MEBI,
            (double)i->memory_bytes / MEBI);
    return VC_OK;
}

vc_status vc__device_check_batch(const vc__device *d, size_t image_bytes)
{
    const vc_device_info *i = &d->info;
    const double wanted = (double)image_bytes * (double)d->options.batch,
                 room = (double)i->memory_bytes - (double)d->bytes;
    if (i->memory_bytes == 0 || wanted <= room)
        return VC_OK;
    return vc_fail(VC_ENOMEM,
                   "%s:%zu (%s) has no room for the values of a batch of %zu images: %.1f MiB are "
                   "wanted beside %.1f of weights and patterns, and it has %.1f; wanted at most "
                   "%.0f images at once",
                   i->backend, i->index, i->name, d->options.batch, wanted / MEBI,
                   (double)d->bytes / MEBI, (double)i->memory_bytes / MEBI,
                   room > 0.0 ? floor(room / (double)image_bytes) : 0.0);
}

vc_status vc__device_fill(vc__memory *out, vc__device *d, const void *from, size_t bytes,
                          const char *what)
{
    *out = (vc__memory){0};
    VC_TRY(check_room(d, bytes, what));
    vc__memory *grown = realloc(d->owned, (d->owned_count + 1) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    d->owned = grown;
    VC_TRY(bytes > 0 ? d->runtime->allocate(out, d->queue, bytes, from)
                     : d->runtime->allocate(out, d->queue, sizeof(float), NULL));
    grown[d->owned_count++] = *out;
    d->bytes += bytes;
    return VC_OK;
}

vc_status vc__device_take(vc__memory *out, vc__device *d, size_t bytes, const char *what)
{
    return vc__device_fill(out, d, NULL, bytes, what);
}
