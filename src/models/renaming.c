#include "renaming.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/tensor_file_change.h"

static char *keep_text(vc__renaming *to, const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *out = vc_arena_take(&to->arena, bytes);
    return out ? memcpy(out, text, bytes) : NULL;
}

void vc__rename_add(vc__renaming *to, const char *name, const vc_tensor *tensor)
{
    assert(to->count < to->room);
    char *kept = keep_text(to, name);
    if (to->tensors)
        to->tensors[to->count] = (vc_named_tensor){kept, *tensor};
    to->count++;
}

float *vc__rename_floats(vc__renaming *to, size_t count)
{
    return vc_arena_floats(&to->arena, count);
}

void vc__rename_say(vc__renaming *to, const char *key, const char *value)
{
    assert(to->metadata_count < VC__RENAMING_METADATA);
    to->metadata[to->metadata_count++] = (vc_metadata){key, keep_text(to, value)};
}

void vc__rename_note(vc__renaming *to, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert(to->note_count < VC__RENAMING_NOTES);
    to->notes[to->note_count++] = keep_text(to, text);
}

static vc_status pass(vc__renaming *to, vc__rename_all all, void *context)
{
    to->count = to->metadata_count = to->note_count = 0;
    to->tensors = vc_arena_take(&to->arena, to->room * sizeof *to->tensors);
    return all(to, context);
}

static void release(void *memory)
{
    vc_arena_close(memory);
    free(memory);
}

vc_status vc__rename(vc_tensor_file **file, vc__rename_all all, void *context, size_t per_tensor)
{
    vc__renaming to = {.from = *file, .room = per_tensor * vc_tensor_file_count(*file)};
    vc_arena *memory = malloc(sizeof *memory);
    if (!memory)
        return vc_fail(VC_ENOMEM, "%s: out of memory", vc_tensor_file_path(*file));
    vc_status status = pass(&to, all, context);
    if (status == VC_OK)
        status = vc_arena_reserve(&to.arena);
    if (status == VC_OK)
        status = pass(&to, all, context);
    *memory = to.arena;
    if (status != VC_OK) {
        release(memory);
        return status;
    }
    const vc_tensor_file_change change = {.tensors = to.tensors,
                                          .count = to.count,
                                          .metadata = to.metadata,
                                          .metadata_count = to.metadata_count,
                                          .notes = to.notes,
                                          .note_count = to.note_count,
                                          .memory = memory,
                                          .release = release};
    return vc_tensor_file_change_to(file, &change);
}
