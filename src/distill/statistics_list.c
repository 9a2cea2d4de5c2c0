#include "statistics_list.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/checksum.h"

/* Without tensors it is only counted. */
__attribute__((format(printf, 3, 4))) static void
add_array(vc__statistics_list *list, const vc_tensor *tensor, const char *format, ...)
{
    if (list->tensors) {
        va_list values;
        va_start(values, format);
        vsnprintf(list->names[list->count], VC__STATISTICS_NAME, format, values);
        va_end(values);
        list->tensors[list->count] = (vc_named_tensor){list->names[list->count], *tensor};
    }
    list->count++;
}

static void add_maps(vc__statistics_list *list, const vc_maps *maps, const char *name, size_t group)
{
    const vc_tensor tensor = {
        VC_F32, 4, {maps->layers, maps->heads, maps->queries, maps->keys}, (float *)maps->values};
    if (maps->values)
        add_array(list, &tensor, "%s.%zu", name, group);
}

/* The queries that a layer is pooled by are the same in all its kinds. */
static void add_queries(vc__statistics_list *list, const vc_summary_kinds *k, size_t layer)
{
    for (size_t g = 0; g < k->count; g++) {
        const vc_summary_stats *s = &k->stats[g * k->layers + layer];
        const vc_tensor tensor = {VC_F32, 2, {s->heads, s->pooling.dim}, s->pooling.query};
        if (!s->pooling.query)
            continue;
        add_array(list, &tensor, "queries.%zu", layer);
        return;
    }
}

static void add_sums(vc__statistics_list *list, const vc_summary_kinds *k)
{
    for (size_t g = 0; g < k->count; g++)
        for (size_t l = 0; l < k->layers; l++) {
            const vc_summary_stats *s = &k->stats[g * k->layers + l];
            const vc_tensor tensor = {VC_F64, 3, {s->heads, s->queries, s->pooling.count}, s->sum};
            if (s->sum)
                add_array(list, &tensor, "summaries.%zu.%zu", g, l);
        }
}

static void list_arrays(vc__statistics_list *list, const vc_statistics *s)
{
    list->count = 0;
    for (size_t g = 0; g < s->groups; g++) {
        add_maps(list, &s->maps[g], "attention", g);
        add_maps(list, &s->scores[g], "scores", g);
    }
    for (size_t l = 0; l < s->kinds.layers; l++)
        add_queries(list, &s->kinds, l);
    add_sums(list, &s->kinds);
    for (size_t l = 0; l < s->curves.layer_count; l++) {
        const vc_curve_layer *c = &s->curves.layers[l];
        const vc_tensor tensor = {
            VC_F64, 3, {s->curves.choices, c->heads, VC_CURVE_LEVELS}, c->loss};
        add_array(list, &tensor, "losses.%zu", l);
    }
}

vc_status vc__statistics_list_open(vc__statistics_list *list, const vc_statistics *s)
{
    *list = (vc__statistics_list){0};
    list_arrays(list, s);
    const size_t count = list->count;
    list->names = calloc(count, sizeof *list->names);
    list->tensors = calloc(count, sizeof *list->tensors);
    if (list->names && list->tensors) {
        list_arrays(list, s);
        return VC_OK;
    }
    vc__statistics_list_close(list);
    return vc_fail(VC_ENOMEM, "out of memory for the names of %zu arrays", count);
}

void vc__statistics_list_close(vc__statistics_list *list)
{
    free(list->tensors);
    free(list->names);
    *list = (vc__statistics_list){0};
}

uint32_t vc__statistics_checksum(const vc__statistics_list *list, const char *const *texts,
                                 size_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < list->count; i++) {
        const vc_tensor *t = &list->tensors[i].tensor;
        sum = vc_checksum(sum, t->data, vc_tensor_count(t) * vc_dtype_bytes(t->dtype));
    }
    for (size_t i = 0; i < count; i++)
        sum = vc_checksum(sum, texts[i], strlen(texts[i]) + 1);
    return sum;
}

void vc__statistics_counts(vc__statistics_count out[VC__STATISTICS_COUNTS], const vc_statistics *s)
{
    out[0] = (vc__statistics_count){"images", s->seen.images};
    out[1] = (vc__statistics_count){"classes", s->seen.classes};
    out[2] = (vc__statistics_count){"last_class", s->seen.last_class};
    out[3] = (vc__statistics_count){"prefix_tokens", s->prefix_tokens};
    out[4] = (vc__statistics_count){"curve_images", s->curve_images};
    out[5] = (vc__statistics_count){"curve_batches", s->curve_batches};
    out[6] = (vc__statistics_count){"measured_images", s->curves.images};
}

void vc__statistics_set_counts(vc_statistics *s,
                               const vc__statistics_count counts[VC__STATISTICS_COUNTS])
{
    s->seen = (vc_seen){counts[0].value, counts[1].value, counts[2].value};
    s->prefix_tokens = counts[3].value;
    s->curve_images = counts[4].value;
    s->curve_batches = counts[5].value;
    s->curves.images = counts[6].value;
}

/* 0 x 0: they are no square. */
static vc_extent square_of(size_t tokens)
{
    const size_t side = (size_t)lround(sqrt((double)tokens));
    return vc_square(side * side == tokens ? side : 0);
}

int vc__statistics_grids(char text[VC__STATISTICS_GRIDS], const vc_statistics *s)
{
    int squares = 1;
    size_t used = 0;
    text[0] = '\0';
    for (size_t g = 0; g < s->groups; g++) {
        char one[VC_EXTENT_TEXT];
        squares &= vc_extent_equal(s->tokens[g], square_of(s->maps[g].keys - s->prefix_tokens));
        used += (size_t)snprintf(text + used, VC__STATISTICS_GRIDS - used, "%s%s", g ? "," : "",
                                 vc_extent_text(one, s->tokens[g]));
    }
    return !squares;
}

vc_status vc__statistics_read_grids(vc_statistics *s, const vc_tensor_file *file)
{
    const char *text = vc_tensor_file_metadata(file, "grids"), *at = text;
    for (size_t g = 0; g < s->groups; g++) {
        const size_t tokens = s->maps[g].keys - s->prefix_tokens;
        char one[VC_EXTENT_TEXT];
        s->tokens[g] = square_of(tokens);
        if (!text)
            continue;
        const size_t length = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", (int)length, at);
        at += length + (at[length] == ',' && g + 1 < s->groups);
        if (vc_extent_parse(&s->tokens[g], one) != VC_OK || length >= sizeof one ||
            (vc_extent_area(s->tokens[g]) != 0 && vc_extent_area(s->tokens[g]) != tokens))
            return vc_fail(VC_EFORMAT, "%s: metadata 'grids' are '%s', wanted one of %zu tokens",
                           vc_tensor_file_path(file), text, tokens);
    }
    if (text && *at)
        return vc_fail(VC_EFORMAT, "%s: metadata 'grids' are '%s', wanted %zu of them",
                       vc_tensor_file_path(file), text, s->groups);
    return VC_OK;
}
