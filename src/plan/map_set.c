#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/file_kind.h"
#include "vitcod/maps.h"
#include "vitcod/memory_limit.h"
#include "vitcod/safetensors.h"

static vc_status check_maps(const vc_tensor *t, const char *path)
{
    char text[VC_SHAPE_TEXT];
    if ((t->dtype == VC_F32 || t->dtype == VC_F64 || t->dtype == VC_F16) && t->rank == 4 &&
        vc_tensor_count(t) > 0)
        return VC_OK;
    if (vc_file_kind_of(path) == VC_FILE_MASK)
        VC_TRY(vc_file_refuse_path(path, "averaged attention"));
    return vc_fail(VC_EFORMAT,
                   "%s: %s %s, wanted averaged attention (layers, heads, queries, keys) of floats",
                   path, vc_dtype_name(t->dtype), vc_shape_text(text, t->rank, t->shape));
}

static vc_status convert(vc_map_set *m, size_t g, const vc_tensor *t, const char *path)
{
    const size_t count = vc_tensor_count(t);
    float *to = m->converted[g] = vc_memory_take(count, sizeof *to, path);
    if (!to)
        return VC_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const double value = vc_tensor_value(t, i);
        to[i] = (float)value;
        m->rounded |= (double)to[i] != value;
    }
    return VC_OK;
}

static vc_status take(vc_map_set *m, size_t g, const vc_tensor *t, const char *path)
{
    VC_TRY(check_maps(t, path));
    if (t->dtype != VC_F32)
        VC_TRY(convert(m, g, t, path));
    m->maps[g] = (vc_maps){t->shape[0], t->shape[1], t->shape[2], t->shape[3],
                           t->dtype == VC_F32 ? t->data : m->converted[g]};
    return VC_OK;
}

static vc_status open_groups(vc_map_set *m)
{
    for (size_t g = 0; g < m->files.count; g++) {
        const vc_group_file *file = &m->files.files[g];
        const char *path = file->path;
        VC_TRY(vc_npy_open_member(&m->npys[g], path, file->member[0] ? file->member : NULL));
        VC_TRY(take(m, g, &m->npys[g].tensor, path));
    }
    return VC_OK;
}

/* ---- all of them in one file */

int vc_maps_in(const vc_tensor_file *file)
{
    const char *format = vc_tensor_file_metadata(file, "format");
    return format && strcmp(format, VC_MAPS_FORMAT) == 0;
}

/* Names as in "dpt0,subsample0"; one group has none. */
static vc_status name_groups(vc_group_files *out, const char *names, const char *path)
{
    out->files = calloc(VC_MOST_GROUPS, sizeof *out->files);
    if (!out->files)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    for (size_t length = 0;; names += length + 1) {
        vc_group_file *file = &out->files[out->count];
        length = strcspn(names, ",");
        if (out->count == VC_MOST_GROUPS || length >= sizeof file->name)
            return vc_fail(VC_EFORMAT,
                           "%s: metadata 'groups' names more than %d groups, or one "
                           "with more than %zu letters",
                           path, VC_MOST_GROUPS, sizeof file->name - 1);
        memcpy(file->name, names, length);
        snprintf(file->path, sizeof file->path, "%s", path);
        out->count++;
        if (!names[length])
            return VC_OK;
    }
}

static vc_status open_inside(vc_map_set *m, const char *path)
{
    const char *names = vc_tensor_file_metadata(m->file, "groups");
    VC_TRY(name_groups(&m->files, names ? names : "", path));
    for (size_t g = 0; g < m->files.count; g++) {
        char name[32];
        snprintf(name, sizeof name, "attention.%zu", g);
        const vc_tensor *t = vc_tensor_file_find(m->file, name);
        if (!t)
            return vc_fail(VC_EFORMAT, "%s: no tensor '%s'", path, name);
        VC_TRY(take(m, g, t, path));
    }
    return VC_OK;
}

int vc_maps_are_in(const char *path)
{
    vc_tensor_file *file;
    if (vc_safetensors_open(&file, path) != VC_OK)
        return 0;
    const int are = vc_maps_in(file);
    vc_tensor_file_close(file);
    return are;
}

static vc_status open_any(vc_map_set *m, const char *path)
{
    if (!vc_safetensors_is(path)) {
        VC_TRY(vc_group_files_find(&m->files, path, "attention_score"));
        return open_groups(m);
    }
    VC_TRY(vc_safetensors_open(&m->file, path));
    if (!vc_maps_in(m->file)) {
        VC_TRY(vc_file_refuse_path(path, "averaged attention"));
        return vc_fail(VC_EFORMAT,
                       "%s: is safetensors and no averaged attention (no metadata 'format': '%s')",
                       path, VC_MAPS_FORMAT);
    }
    return open_inside(m, path);
}

vc_status vc_map_set_read(vc_map_set *out, const char *path)
{
    *out = (vc_map_set){0};
    const vc_status status = open_any(out, path);
    if (status != VC_OK)
        vc_map_set_close(out);
    return status;
}

void vc_map_set_close(vc_map_set *m)
{
    for (size_t g = 0; g < m->files.count; g++) {
        if (!m->file)
            vc_npy_close(&m->npys[g]);
        free(m->converted[g]);
    }
    vc_group_files_close(&m->files);
    vc_tensor_file_close(m->file);
    *m = (vc_map_set){0};
}
