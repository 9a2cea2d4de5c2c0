#include "vitcod/attention_info.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vitcod/maps.h"
#include "vitcod/npy.h"
#include "vitcod/vitcod_files.h"

#define OF_LAYER(member, key, unit, meaning)                                                       \
    VC_FIELD_AS(vc_attention_info_layer, member, key, unit, meaning)

static const vc_field layer_fields[] = {
    {OF_LAYER(group, "group", "", "of layers of one shape, where there are several"), VC_KNOWN},
    {OF_LAYER(heads, "heads", "", "of the layer")},
    {OF_LAYER(queries, "queries", "", "tokens that ask")},
    {OF_LAYER(keys, "keys", "", "tokens that are asked")},
    {OF_LAYER(sparsity, "sparsity", "", "share of entries that is pruned"), VC_KNOWN},
    {OF_LAYER(least_globals, "least_global_tokens", "", "of a plan: in a head"), VC_KNOWN},
    {OF_LAYER(most_globals, "most_global_tokens", "", "of a plan: in a head"), VC_KNOWN},
    {OF_LAYER(summaries, "summaries", "", "of a plan"), VC_KNOWN},
    {OF_LAYER(empty_rows, "empty_rows", "", "of a mask: rows that keep nothing"), VC_KNOWN},
    {OF_LAYER(tied_rows, "tied_rows", "", "of maps: rows with some scores that are equal"),
     VC_KNOWN},
    {OF_LAYER(least_score, "least_score", "", "of maps"), VC_KNOWN},
    {OF_LAYER(most_score, "most_score", "", "of maps"), VC_KNOWN},
    {OF_LAYER(least_row_sum, "least_row_sum", "", "of maps; attention's rows add up to 1"),
     VC_KNOWN},
    {OF_LAYER(most_row_sum, "most_row_sum", "", "of maps"), VC_KNOWN},
};
static const vc_record layer_record = VC_RECORD("layer", vc_attention_info_layer, layer_fields);

static const vc_field mask_fields[] = {
    {VC_FIELD(vc_attention_info, kept, "", "entries that are kept")},
    {VC_FIELD(vc_attention_info, empty_rows, "", "rows that keep nothing: no model can have them")},
    {VC_FIELD(vc_attention_info, plan_hash, "", "of the plan that a model makes of this mask"),
     VC_KNOWN},
};
static const vc_record mask_record = VC_RECORD("mask", vc_attention_info, mask_fields);

static const vc_field fields[] = {
    {VC_FIELD(vc_attention_info, file, "", "file or folder")},
    {VC_FIELD(vc_attention_info, kind, "", "plan, mask or averaged attention")},
    {VC_FIELD_AS(vc_attention_info, dtype, "array_dtype", "", "of the file's values"), VC_KNOWN},
    {VC_FIELD(vc_attention_info, sparsity, "",
              "share of all entries that is pruned; scores of summaries count as kept"),
     VC_KNOWN},
    {VC_FIELD_RECORDS(vc_attention_info, layers, layer_count, "layers", &layer_record,
                      "in the order in which they run")},
    {VC_FIELD_WHOLE(vc_attention_info, &mask_record), VC_WHEN(vc_attention_info, is_mask)},
    {VC_FIELD_INLINE(vc_attention_info, plan, &vc_plan_summary_record),
     VC_WHEN(vc_attention_info, is_plan)},
};
const vc_record vc_attention_info_record =
    VC_RECORD("attention in a file", vc_attention_info, fields);

/* ---- which files */

static int is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

int vc_attention_info_is(const char *path)
{
    return is_directory(path) || vc_npy_is(path) || vc_plan_is(path) == VC_PLAN_ALONE ||
           vc_maps_are_in(path);
}

/* ---- layers */

static vc_status add_layers(vc_attention_info_layer **first, vc_attention_info *info, size_t count)
{
    vc_attention_info_layer *all =
        realloc(info->layers, (info->layer_count + count) * sizeof *info->layers);
    if (!all)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", info->layer_count + count);
    info->layers = all;
    *first = all + info->layer_count;
    info->layer_count += count;
    for (size_t l = 0; l < count; l++)
        (*first)[l] = (vc_attention_info_layer){.sparsity = NAN,
                                                .least_globals = VC_NO_COUNT,
                                                .most_globals = VC_NO_COUNT,
                                                .summaries = VC_NO_COUNT,
                                                .empty_rows = VC_NO_COUNT,
                                                .tied_rows = VC_NO_COUNT,
                                                .least_score = NAN,
                                                .most_score = NAN,
                                                .least_row_sum = NAN,
                                                .most_row_sum = NAN};
    return VC_OK;
}

static void set_shape(vc_attention_info_layer *layer, const char *group, size_t heads,
                      size_t queries, size_t keys)
{
    snprintf(layer->group, sizeof layer->group, "%s", group);
    layer->heads = heads;
    layer->queries = queries;
    layer->keys = keys;
}

/* ---- plans */

static vc_status describe_plan(vc_attention_info *info, vc_plan *plan)
{
    vc_attention_info_layer *to;
    info->kind = "plan";
    info->is_plan = true;
    info->sparsity = 1.0 - vc_plan_kept_share(plan);
    VC_TRY(vc_plan_summarize(&info->plan, plan));
    VC_TRY(add_layers(&to, info, plan->layer_count));
    for (size_t l = 0; l < plan->layer_count; l++, to++) {
        vc_plan_layer *layer = &plan->layers[l];
        const vc_plan alone = {.layer_count = 1, .layers = layer};
        set_shape(to, "", layer->heads, layer->queries, layer->keys);
        to->sparsity = 1.0 - vc_plan_kept_share(&alone);
        to->most_globals = 0;
        for (size_t h = 0; h < layer->heads; h++) {
            const uint64_t globals = (uint64_t)layer->global_tokens[h];
            to->least_globals = globals < to->least_globals ? globals : to->least_globals;
            to->most_globals = globals > to->most_globals ? globals : to->most_globals;
        }
        if (info->plan.has_summaries)
            to->summaries = layer->pooling.count;
    }
    return VC_OK;
}

/* A plan's own file, or ViTCoD's. */
static vc_status open_plan(vc_attention_info *info, const char *path,
                           vc_status (*read)(vc_plan *out, const char *path))
{
    vc_plan plan;
    VC_TRY(read(&plan, path));
    const vc_status status = describe_plan(info, &plan);
    vc_plan_close(&plan);
    return status;
}

/* ---- masks */

static vc_status add_mask(vc_attention_info *info, const vc_mask *mask, const char *group)
{
    vc_attention_info_layer *to;
    const size_t rows = mask->heads * mask->queries, entries = rows * mask->keys;
    VC_TRY(add_layers(&to, info, mask->layers));
    for (size_t l = 0; l < mask->layers; l++, to++) {
        const uint8_t *pruned = mask->pruned + l * entries;
        uint64_t kept = 0;
        to->empty_rows = 0;
        for (size_t r = 0; r < rows; r++) {
            uint64_t of_row = 0;
            for (size_t k = 0; k < mask->keys; k++)
                of_row += !pruned[r * mask->keys + k];
            to->empty_rows += of_row == 0;
            kept += of_row;
        }
        set_shape(to, group, mask->heads, mask->queries, mask->keys);
        to->sparsity = 1.0 - (double)kept / (double)entries;
        info->kept += kept;
        info->empty_rows += to->empty_rows;
    }
    return VC_OK;
}

/* What results of a model under the mask call its plan. */
static vc_status hash_masks(vc_attention_info *info, const vc_mask_set *set)
{
    vc_plan plan;
    vc_status status = vc_plan_of_masks(&plan, set->masks, set->count);
    if (status == VC_OK)
        vc_plan_hash_text(info->plan_hash, &plan);
    vc_plan_close(&plan);
    return status;
}

static vc_status describe_masks(vc_attention_info *info, const vc_mask_set *set)
{
    double entries = 0.0;
    for (size_t g = 0; g < set->count; g++) {
        const vc_mask *mask = &set->masks[g];
        VC_TRY(add_mask(info, mask, set->names[g].text));
        entries += (double)(mask->layers * mask->heads) * (double)(mask->queries * mask->keys);
    }
    info->sparsity = 1.0 - (double)info->kept / entries;
    return info->empty_rows ? VC_OK : hash_masks(info, set);
}

static vc_status open_masks(vc_attention_info *info, const char *path)
{
    vc_mask_set set;
    info->kind = "mask";
    info->is_mask = true;
    VC_TRY(vc_mask_set_read(&set, path));
    const vc_status status = describe_masks(info, &set);
    vc_mask_set_close(&set);
    return status;
}

/* ---- averaged attention */

static int compare_scores(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* A row's sum goes into the layer, and whether some scores are equal; `room` (keys). */
static void add_row(vc_attention_info_layer *to, const float *row, float *room)
{
    double sum = 0.0;
    int tied = 0;
    memcpy(room, row, to->keys * sizeof *room);
    qsort(room, to->keys, sizeof *room, compare_scores);
    for (size_t k = 0; k < to->keys; k++)
        sum += (double)row[k];
    for (size_t k = 1; k < to->keys; k++)
        tied |= room[k] == room[k - 1];
    to->tied_rows += (uint64_t)tied;
    to->least_score = fmin(to->least_score, (double)room[0]); /* the other one where one is NAN */
    to->most_score = fmax(to->most_score, (double)room[to->keys - 1]);
    to->least_row_sum = fmin(to->least_row_sum, sum);
    to->most_row_sum = fmax(to->most_row_sum, sum);
}

static vc_status check_scores(const vc_maps *maps, const char *path)
{
    const size_t count = maps->layers * maps->heads * maps->queries * maps->keys;
    for (size_t i = 0; i < count; i++)
        if (!(maps->values[i] >= 0.0F && isfinite(maps->values[i])))
            return vc_fail(VC_EFORMAT,
                           "%s: (%zu, %zu, %zu, %zu) with %g at flat index %zu, wanted averaged "
                           "attention, which is 0 or more, or a mask of 0 and 1",
                           path, maps->layers, maps->heads, maps->queries, maps->keys,
                           (double)maps->values[i], i);
    return VC_OK;
}

static vc_status add_maps(vc_attention_info *info, const vc_maps *maps, const vc_group_file *file)
{
    vc_attention_info_layer *to;
    const size_t rows = maps->heads * maps->queries;
    VC_TRY(check_scores(maps, file->path));
    VC_TRY(add_layers(&to, info, maps->layers));
    float *room = malloc(maps->keys * sizeof *room);
    if (!room)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu keys", file->path, maps->keys);
    for (size_t l = 0; l < maps->layers; l++, to++) {
        set_shape(to, file->name, maps->heads, maps->queries, maps->keys);
        to->tied_rows = 0;
        for (size_t r = 0; r < rows; r++)
            add_row(to, maps->values + (l * rows + r) * maps->keys, room);
    }
    free(room);
    return VC_OK;
}

static vc_status open_maps(vc_attention_info *info, const char *path)
{
    vc_map_set set;
    info->kind = "averaged attention";
    VC_TRY(vc_map_set_read(&set, path));
    vc_status status = VC_OK;
    for (size_t g = 0; status == VC_OK && g < set.files.count; g++)
        status = add_maps(info, &set.maps[g], &set.files.files[g]);
    vc_map_set_close(&set);
    return status;
}

/* ---- which of them */

static int is_float(vc_dtype dtype)
{
    return dtype == VC_F32 || dtype == VC_F64 || dtype == VC_F16;
}

static int holds_mask(const vc_tensor *t)
{
    const size_t count = vc_tensor_count(t);
    for (size_t i = 0; is_float(t->dtype) && i < count; i++) {
        const double value = vc_tensor_value(t, i);
        if (value != 0.0 && value != 1.0 && value != -INFINITY)
            return 0;
    }
    return 1;
}

/* The array of a file, of an archive of groups the first. */
static vc_status open_first(vc_npy *out, const char *path)
{
    vc_group_files files;
    if (vc_group_files_find(&files, path, "mask") != VC_OK)
        VC_TRY(vc_group_files_find(&files, path, "attention_score"));
    const char *member = files.files[0].member;
    const vc_status status = vc_npy_open_member(out, path, member[0] ? member : NULL);
    vc_group_files_close(&files);
    return status;
}

/* An array says itself what it is. */
static vc_status look_into(vc_attention_info *info, int *is_mask, const char *path)
{
    char shape[VC_SHAPE_TEXT];
    vc_npy npy;
    VC_TRY(open_first(&npy, path));
    const vc_tensor *t = &npy.tensor;
    info->dtype = vc_dtype_name(t->dtype);
    vc_status status = VC_OK;
    if (vc_vitcod_is_counts(path))
        status = vc_fail(VC_EFORMAT,
                         "%s: holds ViTCoD's counts of global tokens, wanted the reodered_ mask "
                         "beside it",
                         path);
    else if (t->rank != 4 || vc_tensor_count(t) == 0)
        status = vc_fail(VC_EFORMAT,
                         "%s: is an array %s %s, wanted a mask or averaged attention (layers, "
                         "heads, queries, keys)",
                         path, info->dtype, vc_shape_text(shape, t->rank, t->shape));
    else
        *is_mask = holds_mask(t);
    vc_npy_close(&npy);
    return status;
}

static int has_first(char path[VC_GROUP_PATH], const char *folder, const char *name)
{
    const int length = snprintf(path, VC_GROUP_PATH, "%s/%s", folder, name);
    return length < VC_GROUP_PATH && access(path, F_OK) == 0;
}

static vc_status look_into_folder(vc_attention_info *info, int *is_mask, const char *path)
{
    char mask[VC_GROUP_PATH], maps[VC_GROUP_PATH], plain[VC_GROUP_PATH];
    const int has_mask =
        has_first(mask, path, "mask_dpt0.npy") || has_first(mask, path, "mask_group0.npy");
    const int has_maps = has_first(maps, path, "attention_score_dpt0.npy") ||
                         has_first(maps, path, "attention_score_group0.npy");
    if (has_mask && has_maps)
        return vc_fail(VC_EINVAL,
                       "%s: is a folder of both masks and averaged attention, wanted one of them, "
                       "or one of its files",
                       path);
    if (!has_mask && !has_maps && !has_first(plain, path, "dpt0.npy") &&
        !has_first(plain, path, "group0.npy"))
        return vc_fail(VC_EFORMAT,
                       "%s: is a folder with neither mask_dpt0.npy nor attention_score_dpt0.npy, "
                       "wanted masks or averaged attention, a file per group of layers",
                       path);
    VC_TRY(look_into(info, is_mask, has_mask ? mask : has_maps ? maps : plain));
    *is_mask = has_mask || (*is_mask && !has_maps);
    return VC_OK;
}

static vc_status open_arrays(vc_attention_info *info, const char *path)
{
    int is_mask = 0;
    VC_TRY(is_directory(path) ? look_into_folder(info, &is_mask, path)
                              : look_into(info, &is_mask, path));
    if (vc_vitcod_is_reordered(path))
        return open_plan(info, path, vc_vitcod_read);
    return is_mask ? open_masks(info, path) : open_maps(info, path);
}

vc_status vc_attention_info_open(vc_attention_info *out, const char *path)
{
    *out = (vc_attention_info){.file = path, .sparsity = NAN};
    const int is_plan = vc_plan_is(path) == VC_PLAN_ALONE,
              is_maps = !vc_npy_is(path) && vc_maps_are_in(path);
    const vc_status status = is_plan   ? open_plan(out, path, vc_plan_read)
                             : is_maps ? open_maps(out, path)
                                       : open_arrays(out, path);
    if (status != VC_OK)
        vc_attention_info_close(out);
    return status;
}

void vc_attention_info_close(vc_attention_info *info)
{
    vc_record_free(&vc_attention_info_record, info);
    *info = (vc_attention_info){0};
}
