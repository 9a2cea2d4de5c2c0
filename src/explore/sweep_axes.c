/* The axes of a sweep: a model and its mask, the chip and its memory, and every key of every kind
 * of chip. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sweep_impl.h"
#include "vitcod/hash.h"

/* What is no key of a chip, by vc__axis_kind. */
static const vc_chip_field beside[VC__AXIS_KEY] = {
    [VC__AXIS_MODEL] = {{.key = "model", .kind = VC_YAML_TEXT}, "model", "timm's name, or a file"},
    [VC__AXIS_SPARSITY] = {{.key = "sparsity", .kind = VC_YAML_NUMBER, .most = 1},
                           "sparsity",
                           "of the mask, which lies below `masks`"},
    [VC__AXIS_THRESHOLD] = {{.key = "threshold", .kind = VC_YAML_COUNT, .most = 1e6},
                            "threshold",
                            "a column that keeps more is global"},
    [VC__AXIS_CHIP] = {{.key = "chip", .kind = VC_YAML_TEXT}, "chip", "built in, or a file"},
    [VC__AXIS_COMPRESSED] = {{.key = "compressed", .kind = VC_YAML_COUNT, .most = 4096},
                             "compressed_heads",
                             "what Q and K are compressed to; 0: no auto-encoder"},
    [VC__AXIS_BANDWIDTH] = {{.key = "bandwidth"},
                            "bandwidth_bytes_per_s",
                            "of a memory that is a rate"},
    [VC__AXIS_CHANNELS] = {{.key = "channels"}, "channels", "of the DRAM"},
    [VC__AXIS_NODE] = {{.key = "node_factor", .kind = VC_YAML_NUMBER, .least = 1e-3, .most = 1e3},
                       "node_factor",
                       "of what units and accesses take, for another process"},
};

/* In this order points count, and the hash of a sweep takes in each of these keys, there or not.
 * Other keys come behind, and into the hash only where they are there, so that a new key changes no
 * sweep without it. */
static const char *const first[] = {
    "model",        "sparsity",           "threshold",    "chip",          "compressed",
    "bandwidth",    "channels",           "clock",        "lines",         "macs_per_line",
    "linear_rows",  "entries_per_visit",  "split",        "denser_share",  "encoder_macs",
    "decoder_macs", "softmax_lanes",      "vector_lanes", "systolic_rows", "systolic_columns",
    "sanger_rows",  "spatten_token_keep", "query_size",   "key_size",      "value_size",
    "index_size",   "output_size",        "decoded_size"};
enum { FIRST = sizeof first / sizeof *first };

static const char *const flags[] = {"false", "true", NULL};

/* How values are written: a memory's as in its own file. */
static const vc_yaml_field *yaml_of(const vc__axis *a)
{
    return a->kind == VC__AXIS_BANDWIDTH  ? &vc_memory_rate_field
           : a->kind == VC__AXIS_CHANNELS ? &vc_memory_channels_field
                                          : &a->key.field->yaml;
}

static vc_yaml_kind kind_of(const vc__axis *a)
{
    return yaml_of(a)->kind;
}

int vc__axis_is_text(const vc__axis *a)
{
    return kind_of(a) == VC_YAML_TEXT || kind_of(a) == VC_YAML_WORD || kind_of(a) == VC_YAML_FLAG;
}

static const char *const *words_of(const vc__axis *a)
{
    return kind_of(a) == VC_YAML_WORD ? yaml_of(a)->words : flags;
}

/* ---- which there are */

static void swap_axes(vc__axis *a, vc__axis *b)
{
    const vc_chip_key key = a->key;
    const vc__axis_kind kind = a->kind;
    a->key = b->key;
    a->kind = b->kind;
    b->key = key;
    b->kind = kind;
}

static void order_axes(vc__axis *axes, size_t count)
{
    for (size_t i = 0; i < FIRST; i++) {
        size_t at = i;
        while (at < count && strcmp(axes[at].key.name, first[i]) != 0)
            at++;
        assert(at < count);
        for (; at > i; at--)
            swap_axes(&axes[at], &axes[at - 1]);
    }
}

vc_status vc__axes_open(vc__axis **out, size_t *count)
{
    const size_t keys = vc_chip_keys(NULL, 0, vc_chip_kinds());
    vc_chip_key *key = calloc(keys, sizeof *key);
    *count = VC__AXIS_KEY + keys;
    *out = key ? calloc(*count, sizeof **out) : NULL;
    assert(*count <= VC__SWEEP_MOST_AXES);
    if (!*out) {
        free(key);
        return vc_fail(VC_ENOMEM, "out of memory");
    }
    vc_chip_keys(key, keys, vc_chip_kinds());
    for (size_t i = 0; i < *count; i++) {
        vc__axis *a = &(*out)[i];
        a->kind = i < VC__AXIS_KEY ? (vc__axis_kind)i : VC__AXIS_KEY;
        if (a->kind == VC__AXIS_KEY) {
            a->key = key[i - VC__AXIS_KEY];
            continue;
        }
        a->key.field = &beside[i];
        snprintf(a->key.name, sizeof a->key.name, "%s", beside[i].yaml.key);
        snprintf(a->key.result, sizeof a->key.result, "%s", beside[i].result);
    }
    free(key);
    order_axes(*out, *count);
    return VC_OK;
}

/* ---- their values */

/* "kept or fixed" */
static void known_words(char *text, size_t room, const vc__axis *a)
{
    const char *const *words = words_of(a);
    size_t used = 0;
    text[0] = '\0';
    for (size_t w = 0; words[w] && used < room; w++)
        used += (size_t)snprintf(text + used, room - used, "%s%s", w ? " or " : "", words[w]);
}

/* Flags by one name each, so that points and hashes are the same however they are written. */
static void name_flags(vc__axis *a)
{
    for (size_t i = 0; i < a->count; i++) {
        char *text = a->texts.values[i];
        const int flag = vc_yaml_flag(text);
        if (flag < 0)
            continue;
        memset(text, 0, sizeof a->texts.values[i]);
        memcpy(text, flags[flag], strlen(flags[flag]));
    }
}

static vc_status check_words(const vc__axis *a, const vc_yaml_map *map)
{
    char known[256];
    const char *const *words = words_of(a);
    for (size_t i = 0; i < a->count; i++) {
        size_t w = 0;
        while (words[w] && strcmp(words[w], a->texts.values[i]) != 0)
            w++;
        if (words[w])
            continue;
        known_words(known, sizeof known, a);
        return vc_yaml_fail(map, a->key.name, "has '%s', wanted %s", a->texts.values[i], known);
    }
    return VC_OK;
}

static vc_status check_whole(const vc__axis *a, const vc_yaml_map *map)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->numbers.values[i] != floor(a->numbers.values[i]))
            return vc_yaml_fail(map, a->key.name, "has %g, wanted whole numbers",
                                a->numbers.values[i]);
    return VC_OK;
}

vc_status vc__axes_read(vc__axis *axes, size_t count, const vc_yaml_map *map)
{
    vc_yaml_field fields[VC__SWEEP_MOST_AXES] = {{0}};
    for (size_t i = 0; i < count; i++) {
        const vc__axis *a = &axes[i];
        const void *list =
            vc__axis_is_text(a) ? (const void *)&a->texts : (const void *)&a->numbers;
        fields[i] = *yaml_of(a);
        fields[i].key = a->key.name;
        fields[i].kind = vc__axis_is_text(a) ? VC_YAML_TEXTS : VC_YAML_NUMBERS;
        fields[i].offset = (size_t)((const char *)list - (const char *)axes);
        fields[i].optional = 1;
    }
    VC_TRY(vc_yaml_read(axes, map, fields, count));
    for (size_t i = 0; i < count; i++) {
        vc__axis *a = &axes[i];
        a->count = vc__axis_is_text(a) ? a->texts.count : a->numbers.count;
        if (kind_of(a) == VC_YAML_FLAG)
            name_flags(a);
        if (kind_of(a) == VC_YAML_COUNT)
            VC_TRY(check_whole(a, map));
        else if (kind_of(a) == VC_YAML_WORD || kind_of(a) == VC_YAML_FLAG)
            VC_TRY(check_words(a, map));
    }
    return VC_OK;
}

double vc__axis_value(const vc__axis *a, size_t index)
{
    size_t w = 0;
    if (!vc__axis_is_text(a))
        return a->numbers.values[index];
    for (const char *const *words = words_of(a); strcmp(words[w], a->texts.values[index]) != 0;)
        w++;
    return (double)w;
}

json_t *vc__axis_json(const vc__axis *a, size_t index)
{
    const int of_chip = a->kind == VC__AXIS_KEY || a->kind == VC__AXIS_CHANNELS;
    if (kind_of(a) == VC_YAML_FLAG)
        return json_boolean(vc__axis_value(a, index) != 0.0);
    if (vc__axis_is_text(a))
        return json_string(a->texts.values[index]);
    return of_chip && kind_of(a) == VC_YAML_COUNT
               ? json_integer((json_int_t)a->numbers.values[index])
               : json_real(a->numbers.values[index]);
}

uint64_t vc__axes_hash(uint64_t h, const vc__axis *axes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const vc__axis *a = &axes[i];
        if (i >= FIRST && a->count == 0)
            continue;
        if (i >= FIRST)
            h = vc_hash(h, a->key.name, strlen(a->key.name));
        h = vc_hash(h, &a->count, sizeof a->count);
        h = vc__axis_is_text(a)
                ? vc_hash(h, a->texts.values, a->count * sizeof *a->texts.values)
                : vc_hash(h, a->numbers.values, a->count * sizeof *a->numbers.values);
    }
    return h;
}

/* ---- for people */

static void describe_axis(vc_sweep_axis *out, const vc__axis *a)
{
    const vc_yaml_field *f = yaml_of(a);
    snprintf(out->key, sizeof out->key, "%s", a->key.name);
    out->meaning = a->key.field->meaning;
    if (f->kind == VC_YAML_WORD || f->kind == VC_YAML_FLAG)
        known_words(out->values, sizeof out->values, a);
    else if (f->kind != VC_YAML_TEXT)
        snprintf(out->values, sizeof out->values, "%.15g to %.15g%s%s", f->least, f->most,
                 f->unit ? " " : "", vc_yaml_unit_name(f->unit));
}

static const vc_field axis_fields[] = {
    {VC_FIELD(vc_sweep_axis, key, "", "in `axes`, with a value or several")},
    {VC_FIELD(vc_sweep_axis, values, "", "what it may be"), VC_KNOWN},
    {VC_FIELD(vc_sweep_axis, meaning, "", "what it is")},
};
const vc_record vc_sweep_axis_record = VC_RECORD("axis", vc_sweep_axis, axis_fields);

vc_status vc_sweep_axes(vc_sweep_axis **out, size_t *count)
{
    vc__axis *axes;
    VC_TRY(vc__axes_open(&axes, count));
    *out = calloc(*count, sizeof **out);
    for (size_t i = 0; *out && i < *count; i++)
        describe_axis(&(*out)[i], &axes[i]);
    free(axes);
    return *out ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}
