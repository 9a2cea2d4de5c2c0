#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"
#include "vitcod/plan.h"
#include "vitcod/safetensors.h"

/* The tensors of a layer, in file order. */
enum { QUERY_ORDER, KEY_ORDER, GLOBAL_TOKENS, COLUMN_START, ROWS, MEMBERS };
static const char *const member_names[MEMBERS] = {"query_order", "key_order", "global_tokens",
                                                  "column_start", "rows"};
enum { NAME_ROOM = 64 };

static void member_name(char name[NAME_ROOM], size_t layer, int member)
{
    snprintf(name, NAME_ROOM, "layers.%zu.%s", layer, member_names[member]);
}

static vc_status check_permutation(const int32_t *order, size_t count, const char *path,
                                   const char *what)
{
    unsigned char *seen = calloc(count, 1);
    if (!seen)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    vc_status status = VC_OK;
    for (size_t i = 0; i < count && status == VC_OK; i++) {
        if (order[i] < 0 || (size_t)order[i] >= count || seen[order[i]])
            status =
                vc_fail(VC_EFORMAT, "%s: %s is not a permutation of %zu tokens", path, what, count);
        else
            seen[order[i]] = 1;
    }
    free(seen);
    return status;
}

static vc_status check_columns(const vc_plan_layer *layer, size_t kept, const char *path,
                               size_t index)
{
    size_t starts = layer->heads * (layer->keys + 1);
    int32_t previous = 0;
    for (size_t i = 0; i < starts; i++) {
        int32_t at = layer->column_start[i];
        int opens_head = i % (layer->keys + 1) == 0;
        if (at < previous || (size_t)at > kept || (opens_head && at != previous))
            return vc_fail(VC_EFORMAT, "%s: layers.%zu.column_start does not ascend from 0 to %zu",
                           path, index, kept);
        if (!opens_head)
            for (int32_t k = previous; k < at; k++)
                if (layer->rows[k] < 0 || (size_t)layer->rows[k] >= layer->queries ||
                    (k > previous && layer->rows[k] <= layer->rows[k - 1]))
                    return vc_fail(VC_EFORMAT,
                                   "%s: layers.%zu.rows[%d] is %d, wanted ascending "
                                   "rows below %zu",
                                   path, index, k, layer->rows[k], layer->queries);
        previous = at;
    }
    if ((size_t)previous != kept)
        return vc_fail(VC_EFORMAT, "%s: layers.%zu.rows has %zu values, wanted %d", path, index,
                       kept, previous);
    return VC_OK;
}

static vc_status check_rows(const vc_plan_layer *layer, const char *path)
{
    vc_mask mask;
    VC_TRY(vc_mask_open(&mask, 1, layer->heads, layer->queries, layer->keys));
    vc_plan_layer_mask(mask.pruned, layer);
    vc_status status = vc_mask_check_rows(&mask, path);
    vc_mask_close(&mask);
    return status;
}

static vc_status check_layer(const vc_plan_layer *layer, size_t kept, const char *path,
                             size_t index)
{
    for (size_t h = 0; h < layer->heads; h++) {
        if (layer->global_tokens[h] < 0 || (size_t)layer->global_tokens[h] > layer->keys)
            return vc_fail(VC_EFORMAT, "%s: layers.%zu.global_tokens[%zu] is %d, wanted 0 to %zu",
                           path, index, h, layer->global_tokens[h], layer->keys);
        VC_TRY(check_permutation(layer->query_order + h * layer->queries, layer->queries, path,
                                 "query_order"));
        VC_TRY(
            check_permutation(layer->key_order + h * layer->keys, layer->keys, path, "key_order"));
    }
    VC_TRY(check_columns(layer, kept, path, index));
    return check_rows(layer, path);
}

static vc_status read_layer(vc_plan_layer *out, const vc_tensor_file *file, size_t index)
{
    const char *path = vc_tensor_file_path(file);
    char name[NAME_ROOM];
    const vc_tensor *found[MEMBERS];
    member_name(name, index, QUERY_ORDER);
    const vc_tensor *order = vc_tensor_file_find(file, name);
    member_name(name, index, KEY_ORDER);
    const vc_tensor *keys = vc_tensor_file_find(file, name);
    member_name(name, index, ROWS);
    const vc_tensor *rows = vc_tensor_file_find(file, name);
    if (!order || !keys || !rows || order->rank != 2 || keys->rank != 2 || rows->rank != 1)
        return vc_fail(VC_EFORMAT, "%s: layer %zu lacks query_order, key_order or rows of a plan",
                       path, index);
    size_t h = order->shape[0], q = order->shape[1], k = keys->shape[1], kept = rows->shape[0];
    if (h == 0 || q == 0 || k == 0 || kept > INT32_MAX)
        return vc_fail(VC_EFORMAT, "%s: layer %zu has %zu heads, %zu queries, %zu keys", path,
                       index, h, q, k);
    const size_t shapes[MEMBERS][2] = {{h, q}, {h, k}, {h}, {h, k + 1}, {kept}};
    const size_t ranks[MEMBERS] = {2, 2, 1, 2, 1};
    for (int m = 0; m < MEMBERS; m++) {
        member_name(name, index, m);
        VC_TRY(vc_tensor_file_get(&found[m], file, name, VC_I32, ranks[m], shapes[m]));
    }
    VC_TRY(vc__plan_layer_open(out, h, q, k, kept));
    int32_t *const targets[MEMBERS] = {out->query_order, out->key_order, out->global_tokens,
                                       out->column_start, out->rows};
    for (int m = 0; m < MEMBERS; m++)
        memcpy(targets[m], found[m]->data, vc_tensor_count(found[m]) * sizeof(int32_t));
    return check_layer(out, kept, path, index);
}

static vc_status read_layers(vc_plan *out, const vc_tensor_file *file)
{
    const char *path = vc_tensor_file_path(file);
    const char *kind = vc_tensor_file_metadata(file, "format");
    const char *threshold = vc_tensor_file_metadata(file, "threshold");
    size_t tensors = vc_tensor_file_count(file);
    if (!kind || strcmp(kind, "vitcod-plan") != 0 || !threshold)
        return vc_fail(VC_EFORMAT, "%s: is not a plan (no metadata 'format': 'vitcod-plan')", path);
    if (tensors == 0 || tensors % MEMBERS != 0)
        return vc_fail(VC_EFORMAT, "%s: %zu tensors, wanted %d for each layer", path, tensors,
                       MEMBERS);
    out->threshold = strtoull(threshold, NULL, 10);
    out->layers = calloc(tensors / MEMBERS, sizeof *out->layers);
    if (!out->layers)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    for (size_t l = 0; l < tensors / MEMBERS; l++) {
        out->layer_count = l + 1;
        VC_TRY(read_layer(&out->layers[l], file, l));
    }
    return VC_OK;
}

vc_status vc_plan_read(vc_plan *out, const char *path)
{
    *out = (vc_plan){0};
    vc_tensor_file *file;
    VC_TRY(vc_safetensors_open(&file, path));
    vc_status status = read_layers(out, file);
    vc_tensor_file_close(file);
    if (status != VC_OK)
        vc_plan_close(out);
    return status;
}

int vc_plan_is(const char *path)
{
    vc_tensor_file *file;
    char name[NAME_ROOM];
    if (vc_safetensors_open(&file, path) != VC_OK)
        return 0;
    member_name(name, 0, GLOBAL_TOKENS);
    const int found = vc_tensor_file_find(file, name) != NULL;
    vc_tensor_file_close(file);
    return found;
}

vc_status vc_plan_write(const char *path, const vc_plan *plan)
{
    size_t count = plan->layer_count * MEMBERS;
    vc_named_tensor *tensors = calloc(count, sizeof *tensors);
    char(*names)[NAME_ROOM] = calloc(count, sizeof *names);
    if (!tensors || !names) {
        free(tensors);
        free(names);
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    for (size_t l = 0; l < plan->layer_count; l++) {
        const vc_plan_layer *p = &plan->layers[l];
        size_t h = p->heads, kept = (size_t)p->column_start[h * (p->keys + 1) - 1];
        const vc_tensor members[MEMBERS] = {
            {VC_I32, 2, {h, p->queries}, p->query_order},
            {VC_I32, 2, {h, p->keys}, p->key_order},
            {VC_I32, 1, {h}, p->global_tokens},
            {VC_I32, 2, {h, p->keys + 1}, p->column_start},
            {VC_I32, 1, {kept}, p->rows},
        };
        for (int m = 0; m < MEMBERS; m++) {
            size_t i = l * MEMBERS + (size_t)m;
            member_name(names[i], l, m);
            tensors[i] = (vc_named_tensor){names[i], members[m]};
        }
    }
    char threshold[32];
    snprintf(threshold, sizeof threshold, "%zu", plan->threshold);
    const vc_metadata metadata[] = {{"format", "vitcod-plan"}, {"threshold", threshold}};
    vc_status status = vc_safetensors_write(path, tensors, count, metadata, 2);
    free(tensors);
    free(names);
    return status;
}
