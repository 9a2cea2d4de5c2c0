#include "vitcod/vitcod_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"
#include "vitcod/file.h"
#include "vitcod/group_files.h"
#include "vitcod/npy.h"

static const char map_prefix[] = "reodered_", count_prefix[] = "global_token_";

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int vc_vitcod_is_reordered(const char *path)
{
    return strncmp(base_name(path), map_prefix, strlen(map_prefix)) == 0;
}

int vc_vitcod_is_counts(const char *path)
{
    return strncmp(base_name(path), count_prefix, strlen(count_prefix)) == 0;
}

/* ---- reading */

static vc_status path_of_counts(char out[VC_GROUP_PATH], const char *path)
{
    const char *name = base_name(path);
    const int length = snprintf(out, VC_GROUP_PATH, "%.*s%s%s", (int)(name - path), path,
                                count_prefix, name + strlen(map_prefix));
    return length < VC_GROUP_PATH ? VC_OK : vc_fail(VC_EINVAL, "%s: the path is too long", path);
}

static vc_status take_counts(int32_t *globals, const vc_tensor *t, const vc_mask *mask,
                             const char *path)
{
    char text[VC_SHAPE_TEXT];
    if (t->rank != 2 || t->shape[0] != mask->layers || t->shape[1] != mask->heads)
        return vc_fail(VC_EFORMAT, "%s: %s, wanted global tokens (layers, heads): (%zu, %zu)", path,
                       vc_shape_text(text, t->rank, t->shape), mask->layers, mask->heads);
    for (size_t i = 0; i < mask->layers * mask->heads; i++) {
        const double value = vc_tensor_value(t, i);
        if (!(value >= 0.0 && value <= (double)mask->keys) || value != floor(value))
            return vc_fail(VC_EFORMAT,
                           "%s: layer %zu head %zu has %g global tokens, wanted a whole number "
                           "from 0 to %zu",
                           path, i / mask->heads, i % mask->heads, value, mask->keys);
        globals[i] = (int32_t)value;
    }
    return VC_OK;
}

/* Raises the threshold to what the columns behind the global ones keep at most. */
static vc_status check_columns(size_t *threshold, const vc_mask *mask, size_t head, size_t globals,
                               const char *path)
{
    const uint8_t *pruned = mask->pruned + head * mask->queries * mask->keys;
    size_t least = mask->queries, most = 0;
    for (size_t k = 0; k < mask->keys; k++) {
        size_t kept = 0;
        for (size_t q = 0; q < mask->queries; q++)
            kept += !pruned[q * mask->keys + k];
        if (k < globals)
            least = kept < least ? kept : least;
        else
            most = kept > most ? kept : most;
    }
    *threshold = most > *threshold ? most : *threshold;
    if (globals == 0 || most <= least)
        return VC_OK;
    return vc_fail(VC_EINVAL,
                   "%s: layer %zu head %zu keeps %zu entries of one of its %zu global tokens and "
                   "%zu of another one, wanted a mask with the global tokens in front",
                   path, head / mask->heads, head % mask->heads, least, globals, most);
}

static vc_status assemble(vc_plan *out, const vc_mask *mask, const vc_tensor *counts,
                          const char *path, const char *counts_path)
{
    const size_t maps = mask->layers * mask->heads, queries = mask->queries, keys = mask->keys;
    size_t threshold = 0;
    VC_TRY(vc_mask_check_rows(mask, path));
    int32_t *room = calloc(maps * (queries + keys + 1), sizeof *room);
    if (!room)
        return vc_fail(VC_ENOMEM, "out of memory for the order of %zu heads", maps);
    const vc_token_order order = {room, room + maps * queries, room + maps * (queries + keys)};
    vc__number_tokens(order.queries, maps, queries);
    vc__number_tokens(order.keys, maps, keys);
    vc_status status = take_counts(order.globals, counts, mask, counts_path);
    for (size_t h = 0; status == VC_OK && h < maps; h++)
        status = check_columns(&threshold, mask, h, (size_t)order.globals[h], path);
    if (status == VC_OK)
        status = vc_plan_assemble(out, mask, &order, threshold);
    if (status == VC_OK)
        out->reordered = 1;
    free(room);
    return status;
}

vc_status vc_vitcod_read(vc_plan *out, const char *path)
{
    char counts_path[VC_GROUP_PATH];
    vc_npy counts;
    vc_mask mask;
    *out = (vc_plan){0};
    VC_TRY(path_of_counts(counts_path, path));
    VC_TRY(vc_mask_read(&mask, path));
    vc_status status = vc_npy_open(&counts, counts_path);
    if (status == VC_OK) {
        status = assemble(out, &mask, &counts.tensor, path, counts_path);
        vc_npy_close(&counts);
    }
    vc_mask_close(&mask);
    return status;
}

/* ---- writing */

static void fill(double *map, const vc_plan_layer *layer, size_t head)
{
    const int32_t *start = layer->column_start + head * (layer->keys + 1);
    for (size_t i = 0; i < layer->queries * layer->keys; i++)
        map[i] = 1.0;
    for (size_t k = 0; k < layer->keys; k++)
        for (int32_t i = start[k]; i < start[k + 1]; i++)
            map[(size_t)layer->rows[i] * layer->keys + k] = 0.0;
}

static vc_status write_pair(const char *map_path, const char *count_path,
                            const vc_plan_layer *layers, const vc_mask *mask)
{
    const size_t maps = mask->layers * mask->heads, entries = mask->queries * mask->keys;
    double *room = malloc((maps * entries + maps) * sizeof *room);
    if (!room)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu values", map_path, maps * entries);
    double *counts = room + maps * entries;
    for (size_t h = 0; h < maps; h++) {
        const vc_plan_layer *layer = &layers[h / mask->heads];
        fill(room + h * entries, layer, h % mask->heads);
        counts[h] = (double)layer->global_tokens[h % mask->heads];
    }
    const vc_tensor map = {VC_F64, 4, {mask->layers, mask->heads, mask->queries, mask->keys}, room};
    const vc_tensor count = {VC_F64, 2, {mask->layers, mask->heads}, counts};
    vc_status status = vc_npy_write(map_path, &map);
    if (status == VC_OK)
        status = vc_npy_write(count_path, &count);
    free(room);
    return status;
}

/* DIRECTORY/reodered_info_0.95.npy */
static vc_status path_in(char out[VC_GROUP_PATH], const char *directory, const char *prefix,
                         const char *group, const char *source)
{
    const char *name = base_name(source), *dot = strrchr(name, '.');
    const int stem = dot ? (int)(dot - name) : (int)strlen(name);
    const int length =
        group[0] ? snprintf(out, VC_GROUP_PATH, "%s/%smask_%s.npy", directory, prefix, group)
                 : snprintf(out, VC_GROUP_PATH, "%s/%s%.*s.npy", directory, prefix, stem, name);
    return length < VC_GROUP_PATH ? VC_OK
                                  : vc_fail(VC_EINVAL, "%s: the path is too long", directory);
}

vc_status vc_vitcod_write(const char *directory, const vc_plan *plan, const vc_mask_set *masks,
                          const char *source)
{
    const vc_plan_layer *layers = plan->layers;
    VC_TRY(vc_directory_make(directory));
    for (size_t g = 0; g < masks->count; g++) {
        char map_path[VC_GROUP_PATH], count_path[VC_GROUP_PATH];
        VC_TRY(path_in(map_path, directory, map_prefix, masks->names[g].text, source));
        VC_TRY(path_in(count_path, directory, count_prefix, masks->names[g].text, source));
        VC_TRY(write_pair(map_path, count_path, layers, &masks->masks[g]));
        layers += masks->masks[g].layers;
    }
    return VC_OK;
}
