#include <stdlib.h>

#include "vitcod/maps.h"
#include "vitcod/memory_limit.h"

static vc_status check_maps(const vc_tensor *t, const char *path)
{
    char text[VC_SHAPE_TEXT];
    if ((t->dtype == VC_F32 || t->dtype == VC_F64 || t->dtype == VC_F16) && t->rank == 4 &&
        vc_tensor_count(t) > 0)
        return VC_OK;
    return vc_fail(VC_EFORMAT,
                   "%s: %s %s, wanted averaged attention (layers, heads, queries, keys) of floats",
                   path, vc_dtype_name(t->dtype), vc_shape_text(text, t->rank, t->shape));
}

static vc_status convert(vc_map_set *m, size_t g, const char *path)
{
    const vc_tensor *t = &m->npys[g].tensor;
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

static vc_status open_groups(vc_map_set *m)
{
    for (size_t g = 0; g < m->files.count; g++) {
        const vc_tensor *t = &m->npys[g].tensor;
        const char *path = m->files.files[g].path;
        VC_TRY(vc_npy_open(&m->npys[g], path));
        VC_TRY(check_maps(t, path));
        if (t->dtype != VC_F32)
            VC_TRY(convert(m, g, path));
        m->maps[g] = (vc_maps){t->shape[0], t->shape[1], t->shape[2], t->shape[3],
                               t->dtype == VC_F32 ? t->data : m->converted[g]};
    }
    return VC_OK;
}

vc_status vc_map_set_read(vc_map_set *out, const char *path)
{
    *out = (vc_map_set){0};
    VC_TRY(vc_group_files_find(&out->files, path, "attention_score"));
    const vc_status status = open_groups(out);
    if (status != VC_OK)
        vc_map_set_close(out);
    return status;
}

void vc_map_set_close(vc_map_set *m)
{
    for (size_t g = 0; g < m->files.count; g++) {
        vc_npy_close(&m->npys[g]);
        free(m->converted[g]);
    }
    vc_group_files_close(&m->files);
    *m = (vc_map_set){0};
}
