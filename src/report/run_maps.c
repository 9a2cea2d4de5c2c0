/* Attention, masks and plan of a run, layer by layer. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "run_folder_impl.h"
#include "vitcod/file_kind.h"
#include "vitcod/memory_limit.h"

/* ---- which files */

static int is_in(char path[VC__RUN_PATH], const char *folder, const char *name)
{
    struct stat info;
    return (size_t)snprintf(path, VC__RUN_PATH, "%s/%s", folder, name) < VC__RUN_PATH &&
           stat(path, &info) == 0;
}

/* The file that a result calls `key`: by its last name, since a folder may have moved. */
static int is_named(char path[VC__RUN_PATH], vc_run_folder *f, const char *verb, const char *key)
{
    const char *file;
    json_t *result;
    json_object_foreach (f->results, file, result) {
        const char *by = json_string_value(json_object_get(result, "verb"));
        const char *name = json_string_value(json_object_get(result, key));
        if (!by || !name || strcmp(by, verb) != 0)
            continue;
        const char *slash = strrchr(name, '/');
        if (is_in(path, f->path, slash ? slash + 1 : name))
            return 1;
        vc__run_note(&f->notes, "%s names '%s', which is not in the run folder", file, name);
    }
    return 0;
}

static int is_maps(const char *path)
{
    const vc_file_kind kind = vc_file_kind_of(path);
    return kind == VC_FILE_MAPS || kind == VC_FILE_SCORES;
}

static int is_mask(const char *path)
{
    return vc_file_kind_of(path) == VC_FILE_MASK;
}

/* Whether the plan in a file is this one; NULL: any is. */
static int has_hash(const char *path, const char *hash)
{
    vc_plan plan;
    char have[VC_PLAN_HASH_TEXT];
    if (!hash)
        return 1;
    if (vc_plan_read(&plan, path) != VC_OK)
        return 0;
    vc_plan_hash_text(have, &plan);
    vc_plan_close(&plan);
    return strcmp(have, hash) == 0;
}

static int is_plan(const char *path)
{
    return vc_plan_is(path) == VC_PLAN_ALONE;
}

static int is_model_with_plan(const char *path)
{
    return vc_plan_is(path) == VC_PLAN_INSIDE;
}

/* `hash`: of its plan, or NULL. */
static int is_first_of(char path[VC__RUN_PATH], vc_run_folder *f, const char *end,
                       int (*is)(const char *path), const char *hash)
{
    struct dirent **entries;
    int found = 0;
    const int count = scandir(f->path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        const char *dot = strrchr(entries[i]->d_name, '.');
        if (!found && dot && strcmp(dot, end) == 0)
            found = is_in(path, f->path, entries[i]->d_name) && is(path) && has_hash(path, hash);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return found;
}

/* ---- opening them; a file that cannot be shown is a note */

static void open_attention(vc__run_maps *m, vc_run_folder *f)
{
    char path[VC__RUN_PATH];
    if (!is_named(path, f, "attention", "maps") && !is_first_of(path, f, ".npy", is_maps, NULL))
        return;
    vc__run_account(f, path);
    if (vc_map_set_read(&m->attention, path) != VC_OK)
        vc__run_note(&f->notes, "the attention maps are not shown: %s", vc_last_error());
}

static void open_masks(vc__run_maps *m, vc_run_folder *f)
{
    char path[VC__RUN_PATH];
    if (!is_named(path, f, "prune", "mask") && !is_first_of(path, f, ".npy", is_mask, NULL))
        return;
    vc__run_account(f, path);
    if (vc_mask_set_read(&m->masks, path) != VC_OK)
        vc__run_note(&f->notes, "the masks are not shown: %s", vc_last_error());
}

/* Of the plan that was made in this run; NULL: no result tells. */
static const char *hash_of_plan(vc_run_folder *f)
{
    const char *file;
    json_t *result;
    json_object_foreach (f->results, file, result) {
        const char *by = json_string_value(json_object_get(result, "verb"));
        const char *hash = json_string_value(json_object_get(result, "plan_hash"));
        if (by && hash && strcmp(by, "polarize") == 0)
            return hash;
    }
    return NULL;
}

static int find_plan(char path[VC__RUN_PATH], vc_run_folder *f, const char *hash)
{
    return is_first_of(path, f, ".safetensors", is_plan, hash) ||
           is_first_of(path, f, ".safetensors", is_model_with_plan, hash);
}

static void open_plan(vc__run_maps *m, vc_run_folder *f)
{
    char path[VC__RUN_PATH];
    const char *hash = hash_of_plan(f);
    if (!find_plan(path, f, hash)) {
        if (!hash || !find_plan(path, f, NULL))
            return;
        vc__run_note(&f->notes, "the plan %s, which the results are of, is not there; %s is shown",
                     hash, path);
    }
    vc__run_account(f, path);
    if (vc_plan_read(&m->plan, path) != VC_OK)
        vc__run_note(&f->notes, "the plan is not shown: %s", vc_last_error());
}

/* ---- layers */

/* Puts what one file says of a layer beside what others said; false when the shapes differ. */
static int fits(vc_report_layer *l, size_t heads, size_t queries, size_t keys)
{
    if (l->heads == 0)
        *l = (vc_report_layer){.heads = heads, .queries = queries, .keys = keys};
    return l->heads == heads && l->queries == queries && l->keys == keys;
}

static vc_status add_plan(vc__run_maps *m)
{
    for (size_t i = 0; i < m->plan.layer_count; i++) {
        const vc_plan_layer *p = &m->plan.layers[i];
        vc_report_layer *l = &m->layers[i];
        fits(l, p->heads, p->queries, p->keys);
        m->pruned[i] = vc_memory_take(p->heads * p->queries, p->keys, "the mask of a layer");
        if (!m->pruned[i])
            return VC_ENOMEM;
        vc_plan_layer_mask(m->pruned[i], p);
        l->pruned = m->pruned[i];
        l->query_order = p->query_order;
        l->key_order = p->key_order;
        l->global_tokens = p->global_tokens;
    }
    return VC_OK;
}

static void add_masks(vc__run_maps *m, json_t **notes)
{
    for (size_t g = 0, at = 0; g < m->masks.count; g++) {
        const vc_mask *mask = &m->masks.masks[g];
        for (size_t i = 0; i < mask->layers; i++, at++)
            if (!fits(&m->layers[at], mask->heads, mask->queries, mask->keys))
                vc__run_note(
                    notes,
                    "the mask of layer %zu is not shown: it is of another shape than the plan's",
                    at);
            else if (!m->layers[at].pruned)
                m->layers[at].pruned = vc_mask_head(mask, i, 0);
    }
}

static void add_attention(vc__run_maps *m, json_t **notes)
{
    for (size_t g = 0, at = 0; g < m->attention.files.count; g++) {
        const vc_maps *maps = &m->attention.maps[g];
        const size_t area = maps->heads * maps->queries * maps->keys;
        for (size_t i = 0; i < maps->layers; i++, at++)
            if (fits(&m->layers[at], maps->heads, maps->queries, maps->keys))
                m->layers[at].attention = maps->values + i * area;
            else
                vc__run_note(
                    notes,
                    "the attention of layer %zu is not shown: it is of another shape than the mask",
                    at);
    }
}

static size_t most_layers(const vc__run_maps *m)
{
    size_t masks = 0, maps = 0, most = m->plan.layer_count;
    for (size_t g = 0; g < m->masks.count; g++)
        masks += m->masks.masks[g].layers;
    for (size_t g = 0; g < m->attention.files.count; g++)
        maps += m->attention.maps[g].layers;
    most = masks > most ? masks : most;
    return maps > most ? maps : most;
}

vc_status vc__run_maps_open(vc__run_maps *out, vc_run_folder *f)
{
    *out = (vc__run_maps){0};
    open_attention(out, f);
    open_masks(out, f);
    open_plan(out, f);
    out->count = most_layers(out);
    out->layers = calloc(out->count + 1, sizeof *out->layers);
    out->pruned = calloc(out->count + 1, sizeof *out->pruned);
    vc_status status = out->layers && out->pruned
                           ? add_plan(out)
                           : vc_fail(VC_ENOMEM, "out of memory for %zu layers", out->count);
    if (status != VC_OK) {
        vc__run_maps_close(out);
        return status;
    }
    add_masks(out, &f->notes);
    add_attention(out, &f->notes);
    return VC_OK;
}

void vc__run_maps_close(vc__run_maps *m)
{
    for (size_t i = 0; m->pruned && i < m->count; i++)
        free(m->pruned[i]);
    free(m->pruned);
    free(m->layers);
    vc_map_set_close(&m->attention);
    vc_mask_set_close(&m->masks);
    vc_plan_close(&m->plan);
    *m = (vc__run_maps){0};
}
