#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"
#include "vitcod/file_kind.h"
#include "vitcod/plan.h"
#include "vitcod/plural.h"
#include "vitcod/safetensors.h"

static const char format[] = "vitcod-plan";

static void member_name(char name[VC_PLAN_NAME], const char *prefix, size_t layer,
                        const vc__plan_member *member)
{
    snprintf(name, VC_PLAN_NAME, "%slayers.%zu.%s", prefix, layer, member->name);
}

static const vc_tensor *find(const vc_tensor_file *file, const char *prefix, size_t layer,
                             const vc__plan_member *member)
{
    char name[VC_PLAN_NAME];
    member_name(name, prefix, layer, member);
    return vc_tensor_file_find(file, name);
}

static int begins(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* ---- reading */

static vc_status size_of(size_t *out, const vc_tensor_file *file, const char *prefix, size_t layer,
                         size_t member, size_t dimension)
{
    const vc__plan_member *m = &vc__plan_members[member];
    const vc_tensor *tensor = find(file, prefix, layer, m);
    char name[VC_PLAN_NAME], text[VC_SHAPE_TEXT];
    member_name(name, prefix, layer, m);
    if (!tensor)
        return vc_fail(VC_EFORMAT, "%s: no tensor '%s' of a plan", vc_tensor_file_path(file), name);
    if (tensor->rank != m->rank)
        return vc_fail(VC_EFORMAT, "%s: '%s' is %s, wanted rank %zu", vc_tensor_file_path(file),
                       name, vc_shape_text(text, tensor->rank, tensor->shape), m->rank);
    *out = tensor->shape[dimension];
    return VC_OK;
}

static vc_status read_arrays(vc_plan_layer *out, const vc_tensor_file *file, const char *prefix,
                             size_t index, size_t kept)
{
    for (size_t i = 0; i < VC__PLAN_MEMBERS; i++) {
        const vc__plan_member *m = &vc__plan_members[i];
        const vc_tensor *found;
        char name[VC_PLAN_NAME];
        if (m->optional && !find(file, prefix, index, m))
            continue;
        const vc_tensor wanted = vc__plan_array(out, m, kept);
        member_name(name, prefix, index, m);
        VC_TRY(vc_tensor_file_get(&found, file, name, m->dtype, m->rank, wanted.shape));
        if (!wanted.data)
            VC_TRY(vc__plan_array_open(out, m, kept));
        memcpy(vc__plan_array(out, m, kept).data, found->data,
               vc_tensor_count(found) * vc_dtype_bytes(m->dtype));
    }
    return VC_OK;
}

/* A layer has all members of summaries or none of them. */
static vc_status summary_sizes(vc_pooling *out, const vc_tensor_file *file, const char *prefix,
                               size_t index)
{
    size_t starts, bias = 0;
    int found = 0;
    *out = (vc_pooling){0};
    for (size_t m = VC__POOL_START; m <= VC__SUMMARY_BIAS; m++)
        found |= find(file, prefix, index, &vc__plan_members[m]) != NULL;
    if (!found)
        return VC_OK;
    VC_TRY(size_of(&starts, file, prefix, index, VC__POOL_START, 0));
    VC_TRY(size_of(&out->entries, file, prefix, index, VC__POOL_KEYS, 0));
    VC_TRY(size_of(&bias, file, prefix, index, VC__SUMMARY_BIAS, 2));
    if (starts < 2 || bias != starts - 1 || out->entries > INT32_MAX)
        return vc_fail(
            VC_EFORMAT,
            "%s: %slayers.%zu has a pool_start of %zu and a summary_bias of %zu columns, "
            "wanted one start more than columns, of which there is at least one",
            vc_tensor_file_path(file), prefix, index, starts, bias);
    out->count = starts - 1;
    if (find(file, prefix, index, &vc__plan_members[VC__POOL_QUERY]))
        return size_of(&out->dim, file, prefix, index, VC__POOL_QUERY, 1);
    return VC_OK;
}

static vc_status read_layer(vc_plan_layer *out, const vc_tensor_file *file, const char *prefix,
                            size_t index)
{
    const char *path = vc_tensor_file_path(file);
    size_t h, q, k, kept;
    vc_pooling pooling;
    VC_TRY(size_of(&h, file, prefix, index, VC__QUERY_ORDER, 0));
    VC_TRY(size_of(&q, file, prefix, index, VC__QUERY_ORDER, 1));
    VC_TRY(size_of(&k, file, prefix, index, VC__KEY_ORDER, 1));
    VC_TRY(size_of(&kept, file, prefix, index, VC__ROWS, 0));
    VC_TRY(summary_sizes(&pooling, file, prefix, index));
    if (h == 0 || q == 0 || k == 0 || kept > INT32_MAX)
        return vc_fail(VC_EFORMAT, "%s: %slayers.%zu has %zu heads, %zu queries, %zu keys", path,
                       prefix, index, h, q, k);
    VC_TRY(vc__plan_layer_open(out, h, q, k, kept));
    out->pooling = pooling;
    VC_TRY(read_arrays(out, file, prefix, index, kept));
    return vc__plan_layer_check(out, kept, path, prefix, index);
}

static int has_layer(const vc_tensor_file *file, const char *prefix, size_t layer)
{
    for (size_t m = 0; m < VC__PLAN_MEMBERS; m++)
        if (find(file, prefix, layer, &vc__plan_members[m]))
            return 1;
    return 0;
}

static int is_member(const char *name, const char *prefix, size_t layers)
{
    char known[VC_PLAN_NAME];
    size_t layer;
    if (sscanf(name + strlen(prefix), "layers.%zu.", &layer) != 1 || layer >= layers)
        return 0;
    for (size_t m = 0; m < VC__PLAN_MEMBERS; m++) {
        member_name(known, prefix, layer, &vc__plan_members[m]);
        if (strcmp(name, known) == 0)
            return 1;
    }
    return 0;
}

/* Refuses tensors that would be ignored silently. */
static vc_status check_unknown(const vc_tensor_file *file, const char *prefix, size_t layers)
{
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        const char *name = vc_tensor_file_at(file, i)->name;
        if (begins(name, prefix) && !is_member(name, prefix, layers))
            return vc_fail(VC_EFORMAT, "%s: tensor '%s' is no part of a plan of %zu %s",
                           vc_tensor_file_path(file), name, layers,
                           vc_plural(layers, "layer", "layers"));
    }
    return VC_OK;
}

static vc_status read_threshold(size_t *out, const vc_tensor_file *file, const char *prefix)
{
    char key[VC_PLAN_NAME], *end;
    snprintf(key, sizeof key, "%sthreshold", prefix);
    const char *text = vc_tensor_file_metadata(file, key);
    errno = 0;
    *out = text ? strtoull(text, &end, 10) : 0;
    if (!text || end == text || *end != '\0' || errno != 0 || strchr(text, '-'))
        return vc_fail(VC_EFORMAT, "%s: metadata '%s' of a plan is %s%s%s, wanted a whole number",
                       vc_tensor_file_path(file), key, text ? "'" : "", text ? text : "missing",
                       text ? "'" : "");
    return VC_OK;
}

/* Of a plan's own file: no model has one whose tokens are reordered. */
static vc_status read_tokens(int *reordered, const vc_tensor_file *file)
{
    const char *text = vc_tensor_file_metadata(file, "tokens");
    *reordered = text && strcmp(text, "reordered") == 0;
    if (!text || *reordered)
        return VC_OK;
    return vc_fail(VC_EFORMAT,
                   "%s: metadata 'tokens' of a plan is '%s', wanted 'reordered' or none",
                   vc_tensor_file_path(file), text);
}

static vc_status read_layers(vc_plan *out, const vc_tensor_file *file, const char *prefix)
{
    size_t layers = 0;
    while (has_layer(file, prefix, layers))
        layers++;
    VC_TRY(read_threshold(&out->threshold, file, prefix));
    if (!*prefix)
        VC_TRY(read_tokens(&out->reordered, file));
    VC_TRY(check_unknown(file, prefix, layers));
    if (layers == 0)
        return vc_fail(VC_EFORMAT, "%s: no tensors '%slayers.0..' of a plan",
                       vc_tensor_file_path(file), prefix);
    out->layers = calloc(layers, sizeof *out->layers);
    if (!out->layers)
        return vc_fail(VC_ENOMEM, "%s: out of memory", vc_tensor_file_path(file));
    for (size_t l = 0; l < layers; l++) {
        out->layer_count = l + 1;
        VC_TRY(read_layer(&out->layers[l], file, prefix, l));
    }
    return VC_OK;
}

vc_plan_place vc_plan_in(const vc_tensor_file *file)
{
    const char *kind = vc_tensor_file_metadata(file, "format");
    if ((kind && strcmp(kind, format) == 0) || has_layer(file, "", 0))
        return VC_PLAN_ALONE;
    int inside = vc_tensor_file_metadata(file, VC_PLAN_PREFIX "threshold") != NULL;
    for (size_t i = 0; !inside && i < vc_tensor_file_count(file); i++)
        inside = begins(vc_tensor_file_at(file, i)->name, VC_PLAN_PREFIX);
    return inside ? VC_PLAN_INSIDE : VC_PLAN_NOWHERE;
}

vc_plan_place vc_plan_is(const char *path)
{
    vc_tensor_file *file;
    if (vc_safetensors_open(&file, path) != VC_OK)
        return VC_PLAN_NOWHERE;
    const vc_plan_place place = vc_plan_in(file);
    vc_tensor_file_close(file);
    return place;
}

static vc_status refuse_others(const char *path)
{
    const vc_file_kind kind = vc_file_kind_of(path);
    return kind == VC_FILE_OTHER || kind == VC_FILE_TENSORS || kind == VC_FILE_MODEL
               ? VC_OK
               : vc_file_refuse_path(path, "a plan, or a model with one inside");
}

vc_status vc_plan_take(vc_plan *out, const vc_tensor_file *file)
{
    const vc_plan_place place = vc_plan_in(file);
    const char *kind = vc_tensor_file_metadata(file, "format");
    *out = (vc_plan){0};
    if (place == VC_PLAN_NOWHERE ||
        (place == VC_PLAN_ALONE && (!kind || strcmp(kind, format) != 0))) {
        VC_TRY(refuse_others(vc_tensor_file_path(file)));
        return vc_fail(VC_EFORMAT,
                       "%s: is not a plan (no metadata 'format': '%s') nor a model with one inside",
                       vc_tensor_file_path(file), format);
    }
    const vc_status status = read_layers(out, file, place == VC_PLAN_ALONE ? "" : VC_PLAN_PREFIX);
    if (status != VC_OK)
        vc_plan_close(out);
    return status;
}

vc_status vc_plan_read(vc_plan *out, const char *path)
{
    *out = (vc_plan){0};
    vc_tensor_file *file;
    VC_TRY(vc_safetensors_open(&file, path));
    const vc_status status = vc_plan_take(out, file);
    vc_tensor_file_close(file);
    return status;
}

/* ---- writing */

size_t vc_plan_tensors(vc_named_tensor *tensors, char (*names)[VC_PLAN_NAME], const vc_plan *plan,
                       const char *prefix)
{
    size_t count = 0;
    for (size_t l = 0; plan && l < plan->layer_count; l++) {
        const size_t kept = vc__plan_layer_kept(&plan->layers[l]);
        for (size_t m = 0; m < VC__PLAN_MEMBERS; m++) {
            const vc_tensor array = vc__plan_array(&plan->layers[l], &vc__plan_members[m], kept);
            if (!array.data)
                continue;
            if (tensors) {
                member_name(names[count], prefix, l, &vc__plan_members[m]);
                tensors[count] = (vc_named_tensor){names[count], array};
            }
            count++;
        }
    }
    return count;
}

vc_status vc_plan_write(const char *path, const vc_plan *plan)
{
    const size_t count = vc_plan_tensors(NULL, NULL, plan, "");
    vc_named_tensor *tensors = calloc(count + 1, sizeof *tensors);
    char(*names)[VC_PLAN_NAME] = calloc(count + 1, sizeof *names), threshold[32];
    vc_status status = VC_OK;
    if (tensors && names) {
        const vc_metadata metadata[] = {
            {"format", format}, {"threshold", threshold}, {"tokens", "reordered"}};
        snprintf(threshold, sizeof threshold, "%zu", plan->threshold);
        vc_plan_tensors(tensors, names, plan, "");
        status = vc_safetensors_write(path, tensors, count, metadata, plan->reordered ? 3 : 2);
    } else {
        status = vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    free(tensors);
    free(names);
    return status;
}
