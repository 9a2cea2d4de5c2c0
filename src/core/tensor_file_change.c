/* A tensor file that stands before another one, whose values it shows under other names. */
#include "vitcod/tensor_file_change.h"

#include <stdlib.h>
#include <string.h>

#include "tensor_file_impl.h"

typedef struct changed {
    vc_tensor_file *from; /* NULL until the change is complete */
    void *memory;
    void (*release)(void *memory);
} changed;

static void close_changed(void *backing)
{
    changed *c = backing;
    vc_tensor_file_close(c->from);
    if (c->release)
        c->release(c->memory);
    free(c);
}

static vc_status take(vc_tensor_file *to, const vc_tensor_file *from,
                      const vc_tensor_file_change *change)
{
    VC_TRY(
        vc__tensor_file_reserve(to, change->count, change->metadata_count + from->metadata_count));
    for (size_t i = 0; i < change->count; i++)
        to->tensors[to->count++] = change->tensors[i];
    for (size_t i = 0; i < change->metadata_count; i++)
        to->metadata[to->metadata_count++] = change->metadata[i];
    for (size_t i = 0; i < from->metadata_count; i++)
        to->metadata[to->metadata_count++] = from->metadata[i];
    for (size_t i = 0; i < from->note_count; i++)
        VC_TRY(vc__tensor_file_note(to, "%s", from->notes[i]));
    for (size_t i = 0; i < change->note_count; i++)
        VC_TRY(vc__tensor_file_note(to, "%s", change->notes[i]));
    to->kind = from->kind;
    to->is_index = from->is_index;
    to->mapped = from->mapped;
    return vc__tensor_file_finish(to);
}

vc_status vc_tensor_file_change_to(vc_tensor_file **file, const vc_tensor_file_change *change)
{
    vc_tensor_file *to;
    changed *c = calloc(1, sizeof *c);
    if (!c) {
        if (change->release)
            change->release(change->memory);
        return vc_fail(VC_ENOMEM, "%s: out of memory", (*file)->path);
    }
    *c = (changed){NULL, change->memory, change->release};
    VC_TRY(vc__tensor_file_begin(&to, (*file)->path, c, close_changed));
    const vc_status status = take(to, *file, change);
    if (status != VC_OK) {
        vc_tensor_file_close(to);
        return status;
    }
    c->from = *file;
    *file = to;
    return VC_OK;
}
