/* The file of statistics. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "statistics_list.h"
#include "vitcod/checksum.h"
#include "vitcod/json.h"
#include "vitcod/safetensors.h"

enum {
    NAME = VC__STATISTICS_NAME,
    COUNTS = VC__STATISTICS_COUNTS,
    DIGITS = 24,
    SUMMED = COUNTS + 8
};

/* ---- writing */

static vc_status write_all(const char *path, const vc_statistics *s,
                           const vc__statistics_list *list, const char *settings,
                           const char *broken)
{
    char hash[DIGITS], kinds[VC_SUMMARY_TEXT], grids[VC__STATISTICS_GRIDS],
        groups[VC_MOST_GROUPS * 33] = "";
    char digits[COUNTS][DIGITS], sum[VC_CHECKSUM_TEXT];
    vc__statistics_count counts[COUNTS];
    vc_metadata metadata[COUNTS + 9] = {{"format", VC_MAPS_FORMAT}, {"model_hash", hash}};
    size_t used = 2, length = 0;
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)s->model_hash);
    for (size_t g = 0; g < s->groups; g++)
        length += (size_t)snprintf(groups + length, sizeof groups - length, "%s%s", g ? "," : "",
                                   s->names[g].text);
    if (groups[0])
        metadata[used++] = (vc_metadata){"groups", groups};
    if (s->kinds.count > 0)
        metadata[used++] =
            (vc_metadata){"kinds", vc_summary_grids_text(kinds, s->kinds.grids, s->kinds.count)};
    if (vc__statistics_grids(grids, s))
        metadata[used++] = (vc_metadata){"grids", grids};
    vc__statistics_counts(counts, s);
    for (size_t i = 0; i < COUNTS; i++) {
        snprintf(digits[i], DIGITS, "%llu", (unsigned long long)counts[i].value);
        metadata[used++] = (vc_metadata){counts[i].key, digits[i]};
    }
    if (s->curve_images > 0)
        metadata[used++] = (vc_metadata){"measured", s->measured ? "yes" : "no"};
    if (settings)
        metadata[used++] = (vc_metadata){"settings", settings};
    if (broken)
        metadata[used++] = (vc_metadata){"broken", broken};
    const char *texts[SUMMED];
    for (size_t i = 0; i < used; i++)
        texts[i] = metadata[i].value;
    vc_checksum_text(sum, vc__statistics_checksum(list, texts, used));
    metadata[used++] = (vc_metadata){"crc32", sum};
    return vc_safetensors_write(path, list->tensors, list->count, metadata, used);
}

vc_status vc_statistics_write(const char *path, const vc_statistics *s, const json_t *settings)
{
    vc__statistics_list list;
    char *text = settings ? vc_json_dump(settings, JSON_COMPACT) : NULL;
    if (settings && !text)
        return vc_fail(VC_ENOMEM, "%s: out of memory for the settings", path);
    char *broken = settings && s->broken ? vc_json_dump(s->broken, JSON_COMPACT) : NULL;
    vc_status status = vc__statistics_list_open(&list, s);
    if (status == VC_OK && settings && s->broken && !broken)
        status = vc_fail(VC_ENOMEM, "%s: out of memory for the names of broken images", path);
    if (status == VC_OK)
        status = write_all(path, s, &list, text, broken);
    vc__statistics_list_close(&list);
    free(broken);
    free(text);
    return status;
}

/* ---- reading */

static vc_status read_count(uint64_t *out, const vc_tensor_file *file, const char *key, int base)
{
    const char *text = vc_tensor_file_metadata(file, key);
    char *end = NULL;
    errno = 0;
    *out = text && *text >= '0' ? strtoull(text, &end, base) : 0;
    if (end && end != text && *end == '\0' && errno == 0)
        return VC_OK;
    return vc_fail(VC_EFORMAT, "%s: metadata '%s' is %s%s%s, wanted a whole number",
                   vc_tensor_file_path(file), key, text ? "'" : "", text ? text : "missing",
                   text ? "'" : "");
}

static vc_status read_counts(vc_statistics *out, const vc_tensor_file *file)
{
    const char *path = vc_tensor_file_path(file);
    const char *measured = vc_tensor_file_metadata(file, "measured");
    vc__statistics_count counts[COUNTS];
    vc__statistics_counts(counts, out);
    for (size_t i = 0; i < COUNTS; i++)
        VC_TRY(read_count(&counts[i].value, file, counts[i].key, 10));
    VC_TRY(read_count(&out->model_hash, file, "model_hash", 16));
    vc__statistics_set_counts(out, counts);
    out->measured = measured && strcmp(measured, "yes") == 0;
    if (out->seen.images == 0 || (out->measured && out->curves.images == 0) ||
        (out->curve_images > 0) != (measured != NULL))
        return vc_fail(VC_EFORMAT,
                       "%s: metadata say %zu images, %zu to measure heads on, and measured '%s'",
                       path, out->seen.images, out->curve_images, measured ? measured : "");
    return VC_OK;
}

/* Finite numbers that are not negative. */
static vc_status check_values(const vc_tensor *t, const char *name, const char *path)
{
    const size_t count = vc_tensor_count(t);
    for (size_t i = 0; i < count; i++) {
        const double value = vc_tensor_value(t, i);
        if (!(isfinite(value) && value >= 0.0))
            return vc_fail(VC_EFORMAT, "%s: '%s' has %g at flat index %zu, wanted 0 or more", path,
                           name, value, i);
    }
    return VC_OK;
}

static vc_status copy_maps(vc_maps *to, const vc_maps *from, const char *name, const char *path)
{
    const vc_tensor tensor = {
        VC_F32, 4, {from->layers, from->heads, from->queries, from->keys}, (float *)from->values};
    const size_t bytes = vc_tensor_count(&tensor) * sizeof(float);
    VC_TRY(check_values(&tensor, name, path));
    float *values = malloc(bytes);
    if (!values)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu bytes", path, bytes);
    memcpy(values, from->values, bytes);
    *to = *from;
    to->values = values;
    return VC_OK;
}

static vc_status read_scores(vc_statistics *out, const vc_tensor_file *file, size_t group)
{
    char name[NAME];
    const vc_tensor *t;
    vc_maps maps = out->maps[group];
    snprintf(name, sizeof name, "scores.%zu", group);
    if (!vc_tensor_file_find(file, name))
        return VC_OK;
    const size_t shape[] = {maps.layers, maps.heads, maps.queries, maps.keys};
    VC_TRY(vc_tensor_file_get(&t, file, name, VC_F32, 4, shape));
    maps.values = t->data;
    return copy_maps(&out->scores[group], &maps, name, vc_tensor_file_path(file));
}

static vc_status read_maps(vc_statistics *out, const vc_tensor_file *file)
{
    const char *path = vc_tensor_file_path(file);
    vc_map_set set;
    VC_TRY(vc_map_set_read(&set, path));
    vc_status status = VC_OK;
    for (size_t g = 0; status == VC_OK && g < set.files.count; g++, out->groups++) {
        char name[NAME];
        snprintf(name, sizeof name, "attention.%zu", g);
        snprintf(out->names[g].text, sizeof out->names[g].text, "%s", set.files.files[g].name);
        status = copy_maps(&out->maps[g], &set.maps[g], name, path);
        if (status == VC_OK && out->prefix_tokens >= set.maps[g].keys)
            status = vc_fail(VC_EFORMAT, "%s: metadata say %zu class tokens, and '%s' has %zu keys",
                             path, out->prefix_tokens, name, set.maps[g].keys);
        if (status == VC_OK)
            status = read_scores(out, file, g);
    }
    vc_map_set_close(&set);
    return status == VC_OK ? vc__statistics_read_grids(out, file) : status;
}

static size_t group_of(const vc_statistics *s, size_t layer)
{
    size_t g = 0;
    while (layer >= s->maps[g].layers)
        layer -= s->maps[g++].layers;
    return g;
}

static vc_status open_summaries(vc_summary_stats *out, const vc_tensor_file *file,
                                const vc_statistics *s, size_t layer, vc_summary_grid grid)
{
    const size_t group = group_of(s, layer);
    const vc_maps *m = &s->maps[group];
    char name[NAME];
    vc_pooling pooling;
    vc_status status = vc_layer_pooling(&pooling, s->tokens[group], s->prefix_tokens, layer, grid);
    snprintf(name, sizeof name, "queries.%zu", layer);
    const vc_tensor *query = vc_tensor_file_find(file, name);
    if (status != VC_OK)
        return status == VC_ENOMEM ? status : VC_OK; /* not in this layer */
    if (grid.queried && (!query || query->dtype != VC_F32 || query->rank != 2 ||
                         query->shape[0] != m->heads || query->shape[1] == 0))
        status = vc_fail(VC_EFORMAT, "%s: no '%s' of %zu heads, which summaries are pooled by",
                         vc_tensor_file_path(file), name, m->heads);
    if (status == VC_OK && grid.queried) {
        pooling.dim = query->shape[1];
        pooling.query = query->data;
    }
    if (status == VC_OK)
        status = vc_summary_stats_open(out, m->heads, m->queries, m->keys, &pooling);
    pooling.query = NULL; /* the file's */
    vc_pooling_close(&pooling);
    out->images = s->seen.images;
    return status;
}

static vc_status read_kinds(vc_statistics *out, const vc_tensor_file *file)
{
    const char *text = vc_tensor_file_metadata(file, "kinds");
    vc_summary_kinds *k = &out->kinds;
    size_t layers = 0;
    for (size_t g = 0; g < out->groups; g++)
        layers += out->maps[g].layers;
    k->layers = layers;
    if (!text)
        return VC_OK;
    size_t count = 1;
    for (const char *at = text; (at = strchr(at, ',')) != NULL; at++)
        count++;
    if (count > VC_MOST_SUMMARY_KINDS || vc_summary_grids_parse(k->grids, count, text) != VC_OK)
        return vc_fail(VC_EFORMAT,
                       "%s: metadata 'kinds' is '%s', wanted up to %d kinds of summaries",
                       vc_tensor_file_path(file), text, VC_MOST_SUMMARY_KINDS);
    k->stats = calloc(count * layers, sizeof *k->stats);
    if (!k->stats)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", layers);
    k->count = count;
    for (size_t g = 0; g < count; g++)
        for (size_t l = 0; l < layers; l++)
            VC_TRY(open_summaries(&k->stats[g * layers + l], file, out, l, k->grids[g]));
    return VC_OK;
}

/* The sums of all that is opened so far; maps and queries are there. */
static vc_status read_sums(const vc__statistics_list *list, const vc_tensor_file *file)
{
    for (size_t i = 0; i < list->count; i++) {
        const vc_named_tensor *to = &list->tensors[i];
        const vc_tensor *from;
        VC_TRY(vc_tensor_file_get(&from, file, to->name, to->tensor.dtype, to->tensor.rank,
                                  to->tensor.shape));
        if (to->tensor.dtype != VC_F64)
            continue;
        VC_TRY(check_values(from, to->name, vc_tensor_file_path(file)));
        memcpy(to->tensor.data, from->data, vc_tensor_count(from) * sizeof(double));
    }
    return VC_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Nothing is left out silently. */
static vc_status check_unknown(const vc__statistics_list *list, const vc_tensor_file *file)
{
    vc_status status = VC_OK;
    const char **names = malloc((list->count + 1) * sizeof *names);
    if (!names)
        return vc_fail(VC_ENOMEM, "%s: out of memory", vc_tensor_file_path(file));
    for (size_t k = 0; k < list->count; k++)
        names[k] = list->tensors[k].name;
    qsort(names, list->count, sizeof *names, by_text);
    for (size_t i = 0; i < vc_tensor_file_count(file) && status == VC_OK; i++) {
        const char *name = vc_tensor_file_at(file, i)->name;
        if (!bsearch(&name, names, list->count, sizeof *names, by_text))
            status = vc_fail(VC_EFORMAT, "%s: tensor '%s' is no part of such statistics",
                             vc_tensor_file_path(file), name);
    }
    free(names);
    return status;
}

/* The texts of the metadata in the order in which they were written. */
static size_t list_texts(const char *out[SUMMED], const vc_tensor_file *file)
{
    enum { BEFORE = 5 };
    static const char *const before[BEFORE] = {"format", "model_hash", "groups", "kinds", "grids"},
                             *const behind[] = {"measured", "settings", "broken"};
    const vc_statistics none = {0};
    vc__statistics_count counts[COUNTS];
    size_t used = 0;
    vc__statistics_counts(counts, &none);
    for (size_t i = 0; i < SUMMED; i++) {
        const char *key = i < BEFORE            ? before[i]
                          : i < BEFORE + COUNTS ? counts[i - BEFORE].key
                                                : behind[i - BEFORE - COUNTS];
        const char *text = vc_tensor_file_metadata(file, key);
        if (text)
            out[used++] = text;
    }
    return used;
}

/* Files that are not of vitcod's making need not have a checksum. */
static vc_status check_sum(const vc__statistics_list *list, const vc_tensor_file *file)
{
    const char *texts[SUMMED], *was = vc_tensor_file_metadata(file, "crc32");
    const size_t count = list_texts(texts, file);
    return was ? vc_checksum_check(vc__statistics_checksum(list, texts, count), was,
                                   vc_tensor_file_path(file))
               : VC_OK;
}

static vc_status read_listed(vc_statistics *out, const vc_tensor_file *file, int whole)
{
    vc__statistics_list list;
    VC_TRY(vc__statistics_list_open(&list, out));
    vc_status status = read_sums(&list, file);
    if (status == VC_OK && whole)
        status = check_unknown(&list, file);
    if (status == VC_OK && whole)
        status = check_sum(&list, file);
    vc__statistics_list_close(&list);
    return status;
}

static vc_status check_settings(const vc_statistics *s, const vc_tensor_file *file,
                                const json_t *wanted)
{
    const char *path = vc_tensor_file_path(file);
    const char *text = vc_tensor_file_metadata(file, "settings");
    json_error_t error;
    if (!wanted && s->curve_images > 0 && !s->measured)
        return vc_fail(VC_EINVAL,
                       "%s: its heads are measured on %llu of %zu images so far, wanted those of a "
                       "run that is done (`--resume` goes on)",
                       path, (unsigned long long)s->curves.images, s->curve_images);
    if (!wanted)
        return VC_OK;
    json_t *was = text ? vc_json_parse(text, strlen(text), 0, &error) : NULL;
    if (!json_is_object(was)) {
        json_decref(was);
        return vc_fail(VC_EFORMAT, "%s: says no settings, so that no run can go on with it", path);
    }
    const vc_status status = vc_json_check_settings(was, wanted, path);
    json_decref(was);
    return status;
}

/* Checked, so that whoever goes on can tell of them. */
static vc_status read_broken(vc_statistics *out, const vc_tensor_file *file)
{
    const char *text = vc_tensor_file_metadata(file, "broken");
    json_error_t error;
    if (!text)
        return VC_OK;
    json_t *list = vc_json_parse(text, strlen(text), 0, &error);
    int sound = json_is_array(list);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *image = json_array_get(list, i);
        sound &= json_is_integer(json_array_get(image, 0)) &&
                 json_is_string(json_array_get(image, 1)) &&
                 json_is_string(json_array_get(image, 2));
    }
    out->broken = list;
    return sound ? VC_OK
                 : vc_fail(VC_EFORMAT,
                           "%s: metadata 'broken' is no list of images that could not be read",
                           vc_tensor_file_path(file));
}

/* Curves are opened by what is averaged of the summaries. */
static vc_status read_curves(vc_statistics *out, const vc_tensor_file *file)
{
    const uint64_t images = out->curves.images;
    if (out->curve_images == 0)
        return VC_OK;
    VC_TRY(read_listed(out, file, 0));
    VC_TRY(vc_statistics_open_curves(out));
    out->curves.images = images;
    return VC_OK;
}

static vc_status read_all(vc_statistics *out, const vc_tensor_file *file, const json_t *settings)
{
    if (!vc_maps_in(file))
        return vc_fail(VC_EFORMAT,
                       "%s: is not what `vitcod attention --summary` writes (no metadata "
                       "'format': '%s')",
                       vc_tensor_file_path(file), VC_MAPS_FORMAT);
    VC_TRY(read_counts(out, file));
    VC_TRY(check_settings(out, file, settings));
    VC_TRY(read_broken(out, file));
    VC_TRY(read_maps(out, file));
    VC_TRY(read_kinds(out, file));
    VC_TRY(read_curves(out, file));
    return read_listed(out, file, 1);
}

vc_status vc_statistics_read(vc_statistics *out, const char *path, const json_t *settings)
{
    vc_tensor_file *file;
    *out = (vc_statistics){0};
    const vc_status opened = vc_safetensors_open(&file, path);
    if (opened == VC_EFORMAT)
        return vc_fail(VC_EFORMAT,
                       "%s; what summaries and heads are averaged and measured by lies in what "
                       "`vitcod attention --summary` writes",
                       vc_last_error());
    VC_TRY(opened);
    const vc_status status = read_all(out, file, settings);
    vc_tensor_file_close(file);
    if (status != VC_OK)
        vc_statistics_close(out);
    return status;
}
