#define _GNU_SOURCE
#include "shards_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor_file_impl.h"
#include "vitcod/json.h"
#include "vitcod/plural.h"

enum { MOST_SHARDS = 1024, MOST_INDEX_BYTES = 64 << 20 };

typedef struct shards {
    json_t *index, *files; /* files: name to number */
    vc_tensor_file *open[MOST_SHARDS];
    size_t count;
} shards;

static void close_shards(void *context)
{
    shards *s = context;
    for (size_t i = 0; i < s->count; i++)
        vc_tensor_file_close(s->open[i]);
    json_decref(s->index);
    json_decref(s->files);
    free(s);
}

int vc__shards_begin(const vc_mapped_file *file)
{
    static const char key[] = "\"weight_map\"";
    return file->bytes <= MOST_INDEX_BYTES && memchr(file->data, '{', file->bytes) == file->data &&
           memmem(file->data, file->bytes, key, sizeof key - 1) != NULL;
}

/* The name of a file beside the index. */
static int is_plain_name(const char *name)
{
    return name && *name && *name != '.' && !strchr(name, '/');
}

static char *path_beside(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    char *out = malloc(folder + strlen(name) + 1);
    if (out) {
        memcpy(out, path, folder);
        strcpy(out + folder, name);
    }
    return out;
}

/* What was chosen inside the files is the same for all of them, and is said once. */
static vc_status take_choice(vc_tensor_file *out, const shards *s)
{
    out->kind = s->open[0]->kind;
    for (size_t f = 1; f < s->count; f++)
        if (s->open[f]->kind != out->kind)
            return vc_fail(VC_EFORMAT, "%s: some of its files hold %s, others do not", out->path,
                           vc_weights_kind_text(VC_WEIGHTS_EMA));
    for (size_t i = 0; i < s->open[0]->note_count; i++)
        VC_TRY(vc__tensor_file_note(out, "%s", s->open[0]->notes[i]));
    return VC_OK;
}

static vc_status
open_shard(shards *s, const vc_tensor_file *out, const char *name, vc_weights_kind kind,
           vc_status (*open)(vc_tensor_file **out, const char *path, vc_weights_kind kind))
{
    if (!is_plain_name(name))
        return vc_fail(VC_EFORMAT, "%s: names '%.100s', wanted a file beside it", out->path,
                       name ? name : "no text");
    if (json_object_get(s->files, name))
        return VC_OK;
    if (s->count == MOST_SHARDS)
        return vc_fail(VC_EFORMAT, "%s: more than %d files", out->path, MOST_SHARDS);
    char *path = path_beside(out->path, name);
    if (!path)
        return vc_fail(VC_ENOMEM, "%s: out of memory", out->path);
    const vc_status status = open(&s->open[s->count], path, kind);
    free(path);
    VC_TRY(status);
    vc_json_set(&s->files, name, json_integer((json_int_t)s->count));
    if (!s->files) {
        vc_tensor_file_close(s->open[s->count]);
        return vc_fail(VC_ENOMEM, "%s: out of memory", out->path);
    }
    s->count++;
    return VC_OK;
}

/* Every tensor of the index, from the file that it names. */
static vc_status take_tensors(vc_tensor_file *out, const shards *s, const json_t *map)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)map, name, value) {
        const char *file = json_string_value(value);
        const json_int_t at = json_integer_value(json_object_get(s->files, file));
        const vc_tensor *tensor = vc_tensor_file_find(s->open[at], name);
        if (!tensor)
            return vc_fail(VC_EFORMAT, "%s: '%s' is not in '%s'", out->path, name, file);
        out->tensors[out->count++] = (vc_named_tensor){name, *tensor};
    }
    size_t there = 0;
    for (size_t i = 0; i < s->count; i++)
        there += s->open[i]->count;
    if (there != out->count)
        return vc_fail(VC_EFORMAT, "%s: names %zu tensors, its files hold %zu", out->path,
                       out->count, there);
    return VC_OK;
}

/* What any of the files says; of two that say the same thing, the first. */
static void take_metadata(vc_tensor_file *out, const shards *s)
{
    for (size_t f = 0; f < s->count; f++)
        for (size_t i = 0; i < s->open[f]->metadata_count; i++) {
            const vc_metadata *said = &s->open[f]->metadata[i];
            if (!vc_tensor_file_metadata(out, said->key))
                out->metadata[out->metadata_count++] = *said;
        }
}

static vc_status open_all(vc_tensor_file *out, shards *s, vc_weights_kind kind,
                          vc_status (*open)(vc_tensor_file **out, const char *path,
                                            vc_weights_kind kind))
{
    VC_TRY(vc_json_read(&s->index, out->path));
    const json_t *map = json_object_get(s->index, "weight_map");
    s->files = json_object();
    if (!s->files)
        return vc_fail(VC_ENOMEM, "%s: out of memory", out->path);
    if (!json_is_object(map) || json_object_size(map) == 0)
        return vc_fail(VC_EFORMAT, "%s: 'weight_map' is no object of tensors and files", out->path);
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)map, name, value)
        VC_TRY(open_shard(s, out, json_string_value(value), kind, open));
    size_t metadata = 0;
    for (size_t i = 0; i < s->count; i++)
        metadata += s->open[i]->metadata_count;
    VC_TRY(vc__tensor_file_reserve(out, json_object_size(map), metadata));
    VC_TRY(take_tensors(out, s, map));
    take_metadata(out, s);
    out->is_index = 1;
    VC_TRY(take_choice(out, s));
    VC_TRY(vc__tensor_file_finish(out));
    return vc__tensor_file_note(out, "weights from %zu %s", s->count,
                                vc_plural(s->count, "file", "files"));
}

vc_status vc__shards_open(vc_tensor_file **out, const char *path, vc_weights_kind kind,
                          vc_status (*open)(vc_tensor_file **out, const char *path,
                                            vc_weights_kind kind))
{
    *out = NULL;
    shards *s = calloc(1, sizeof *s);
    if (!s)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    VC_TRY(vc__tensor_file_begin(out, path, s, close_shards));
    const vc_status status = open_all(*out, s, kind, open);
    if (status != VC_OK) {
        vc_tensor_file_close(*out);
        *out = NULL;
    }
    return status;
}
