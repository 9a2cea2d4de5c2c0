/* The values that every chip has. Files, results, checks and sweeps all use this table. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "chip_impl.h"

#define CHIP_COUNT(member, key, result, least, most, meaning)                                      \
    VC__COUNT_FIELD(vc_chip_config, member, key, result, least, most, meaning)

/* A file may leave it out: then it is false. */
#define OPTIONAL_FLAG(member, name, meaning)                                                       \
    {                                                                                              \
        {.key = name,                                                                              \
         .kind = VC_YAML_FLAG,                                                                     \
         .offset = offsetof(vc_chip_config, member),                                               \
         .optional = 1},                                                                           \
            name, meaning                                                                          \
    }

static const char *const splits[] = {"kept", "fixed", NULL};
static const char *const gathers[] = {"banks", "divided", NULL};
static const char *const mappings[] = {"passes", "search", NULL};
static const char *const softmaxes[] = {"online", "whole", NULL};
_Static_assert(sizeof(vc_chip_softmax) == sizeof(int), "a word is read into an int");
_Static_assert(sizeof(vc_chip_mapping) == sizeof(int), "a word is read into an int");
_Static_assert(sizeof(vc_chip_gather) == sizeof(int), "a word is read into an int");
_Static_assert(sizeof(vc_line_split) == sizeof(int), "a word is read into an int");

enum { MOST_IMAGES = 4096 };

static const vc_chip_field fields[] = {
    {{.key = "name", .kind = VC_YAML_TEXT, .offset = offsetof(vc_chip_config, name), .room = 64},
     "name",
     "in results"},
    {{.key = "clock",
      .kind = VC_YAML_NUMBER,
      .offset = offsetof(vc_chip_config, clock_hz),
      .unit = VC_UNIT_HERTZ,
      .least = 1e3,
      .most = 1e12},
     "clock_hz",
     "of all units"},
    CHIP_COUNT(lines, "lines", "lines", 1, VC__MOST_LINES, "lines of MACs (PE lines)"),
    CHIP_COUNT(macs_per_line, "macs_per_line", "macs_per_line", 1, 4096, "int8 MACs of a line"),
    CHIP_COUNT(line_latency, "line_latency", "line_latency_cycles", 0, 1e6,
               "from a line's last MAC to its sum in the output scratchpad"),
    CHIP_COUNT(entries_per_visit, "entries_per_visit", "entries_per_visit", 1, 1e6,
               "entries of a column or row that a line takes at a time"),
    {{.key = "entries_per_sum",
      .kind = VC_YAML_COUNT,
      .offset = offsetof(vc_chip_config, entries_per_sum),
      .most = 1e6,
      .optional = 1},
     "entries_per_sum",
     "entries of a row that a line adds up by itself; 0: entries_per_visit"},
    {{.key = "precision",
      .kind = VC_YAML_COUNT,
      .offset = offsetof(vc_chip_config, precision),
      .most = 32,
      .optional = 1},
     "precision_bits",
     "of an operand: 8, 16 or 32; 0: 8"},
    {{.key = "batch",
      .kind = VC_YAML_COUNT,
      .offset = offsetof(vc_chip_config, batch),
      .most = MOST_IMAGES,
      .optional = 1},
     "batch",
     "images at a time, which share weights; 0: one"},
    {{.key = "dispatch",
      .kind = VC_YAML_COUNT,
      .offset = offsetof(vc_chip_config, dispatch),
      .most = VC__MOST_LINES,
      .optional = 1},
     "dispatch",
     "visits that an engine starts per cycle; 0: as many as it has lines"},
    {{.key = "split",
      .kind = VC_YAML_WORD,
      .offset = offsetof(vc_chip_config, split),
      .words = splits},
     "split",
     "lines of the denser part: by kept entries, or a fixed share"},
    VC__SHARE_FIELD(vc_chip_config, denser_share, "denser_share",
                    "of the lines, for a fixed split"),
    {{.key = "gather",
      .kind = VC_YAML_WORD,
      .offset = offsetof(vc_chip_config, gather),
      .words = gathers,
      .optional = 1},
     "gather",
     "of the sparser part's operands: bank by bank with conflicts, or without"},
    VC__FLAG_FIELD(vc_chip_config, interleave, "interleave",
                   "scores of the next step before sums of this one"),
    OPTIONAL_FLAG(forward, "forward",
                  "Q, K and V stay in their scratchpads where all of a layer's fit"),
    OPTIONAL_FLAG(head_parallel, "head_parallel",
                  "all heads that share compressed K are one step, not each its own"),
    {{.key = "softmax",
      .kind = VC_YAML_WORD,
      .offset = offsetof(vc_chip_config, softmax),
      .words = softmaxes,
      .optional = 1},
     "softmax",
     "of rows for which K and V would come again and again: part by part, or whole"},
    {{.key = "mapping",
      .kind = VC_YAML_WORD,
      .offset = offsetof(vc_chip_config, mapping),
      .words = mappings,
      .optional = 1},
     "mapping",
     "of dense products: the fewest passes of weights, or a search over tiles and loop orders, "
     "product by product, by an estimate with the memory at its best"},
    {{.key = "online_keys",
      .kind = VC_YAML_COUNT,
      .offset = offsetof(vc_chip_config, online_keys),
      .most = 1e6,
      .optional = 1},
     "online_keys",
     "of such a part; 0: as many as there are lines"},
    VC__BYTES_FIELD(vc_chip_config, index_bytes, "index_size", "index_bytes", 1, 8,
                    "a row index, or a column's length"),
    CHIP_COUNT(encoder_macs, "encoder_macs", "encoder_macs", 1, 1e6, "MACs of the encoder"),
    CHIP_COUNT(decoder_macs, "decoder_macs", "decoder_macs", 1, 1e6, "MACs of the decoder"),
    CHIP_COUNT(softmax_lanes, "softmax_lanes", "softmax_lanes", 1, 1e6, "scores per cycle"),
    CHIP_COUNT(softmax_latency, "softmax_latency", "softmax_latency_cycles", 0, 1e6,
               "through the softmax unit"),
    CHIP_COUNT(vector_lanes, "vector_lanes", "vector_lanes", 1, 1e6,
               "values per cycle of LayerNorm, GELU, residual and pooled sums"),
    CHIP_COUNT(linear_rows, "linear_rows", "linear_rows", 1, VC__MOST_LINES,
               "rows of a product that share the weights that a line holds"),
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const vc_chip_field scratchpad_fields[] = {
    VC__BYTES_FIELD(vc_scratchpad, bytes, "size", "size_bytes", 2, 1e12, "both halves"),
    {{.key = "banks",
      .kind = VC_YAML_COUNT,
      .offset = offsetof(vc_scratchpad, banks),
      .least = 1,
      .most = 65536,
      .optional = 1}, /* default: one for each line */
     "banks",
     "lines that read what they like at once"},
};
enum { SCRATCHPAD_FIELDS = sizeof scratchpad_fields / sizeof *scratchpad_fields };

const vc_chip_field *vc_chip_fields(size_t *count)
{
    *count = FIELDS;
    return fields;
}

const vc_chip_field *vc__scratchpad_fields(size_t *count)
{
    *count = SCRATCHPAD_FIELDS;
    return scratchpad_fields;
}

vc_chip_config vc_chip_config_default(void)
{
    enum { KIB = 1024 };
    return (vc_chip_config){
        .name = "vitcod",
        .clock_hz = 500e6,
        .lines = 64,
        .macs_per_line = 8,
        .line_latency = 4,
        .entries_per_visit = 4,
        .kind = &vc__kind_vitcod,
        .steps = {1, 1, 1},
        .split = VC_LINE_SPLIT_KEPT,
        .denser_share = 0.5,
        .interleave = 1,
        .buffers = {[VC_BUFFER_QUERY].bytes = 53 * KIB,
                    [VC_BUFFER_KEY].bytes = 53 * KIB,
                    [VC_BUFFER_VALUE].bytes = 53 * KIB,
                    [VC_BUFFER_INDEX].bytes = 20 * KIB,
                    [VC_BUFFER_OUTPUT].bytes = 108 * KIB,
                    [VC_BUFFER_DECODED].bytes = 33 * KIB},
        .index_bytes = 2,
        .encoder_macs = 64,
        .decoder_macs = 128,
        .softmax_lanes = 16,
        .softmax_latency = 16,
        .vector_lanes = 64,
        .linear_rows = 8,
    };
}

/* ---- checks */

static double value_of(const vc_chip_field *f, const void *base)
{
    const void *at = (const char *)base + f->yaml.offset;
    switch (f->yaml.kind) {
    case VC_YAML_COUNT:
        return (double)*(const uint64_t *)at;
    case VC_YAML_NUMBER:
        return *(const double *)at;
    default:
        assert(f->yaml.kind == VC_YAML_FLAG || f->yaml.kind == VC_YAML_WORD);
        return *(const int *)at;
    }
}

static vc_status check_range(const vc_chip_field *f, const char *section, double value)
{
    if (value >= f->yaml.least && value <= f->yaml.most)
        return VC_OK;
    return vc_fail(VC_EINVAL, "'%s%s%s' is %.15g, wanted %.15g to %.15g", section,
                   section[0] ? "." : "", f->yaml.key, value, f->yaml.least, f->yaml.most);
}

static vc_status check_ranges(const vc_chip_field *list, size_t count, const char *section,
                              const void *base)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].yaml.kind == VC_YAML_COUNT || list[i].yaml.kind == VC_YAML_NUMBER)
            VC_TRY(check_range(&list[i], section, value_of(&list[i], base)));
    return VC_OK;
}

const char *vc__idle_key(const vc_chip_config *c)
{
    const vc_chip_config usual = vc_chip_config_default();
    for (const char *const *key = c->kind->unused; key && *key; key++)
        for (size_t i = 0; i < FIELDS; i++)
            if (strcmp(fields[i].yaml.key, *key) == 0 &&
                value_of(&fields[i], c) != value_of(&fields[i], &usual))
                return *key;
    return NULL;
}

static vc_status check_kind(const vc_chip_config *c)
{
    const vc_chip_kind *k = c->kind;
    VC_TRY(check_ranges(k->fields, k->field_count, k->name, c->own));
    VC_TRY(k->check ? k->check(c) : VC_OK);
    if (!k->uses_autoencoder && c->steps.autoencoder)
        return vc_fail(VC_EINVAL, "'autoencoder' is true, and the dataflow %s has none", k->name);
    const char *idle = vc__idle_key(c);
    if (idle)
        return vc_fail(VC_EINVAL, "'%s' " VC__IDLE_KEY, idle, k->name);
    if (!k->uses_mask && (c->steps.prune || (c->steps.reorder && k->run != vc__schedule_run)))
        return vc_fail(VC_EINVAL, "'%s' is true, and the dataflow %s uses no mask",
                       c->steps.prune ? "prune" : "reorder", k->name);
    return VC_OK;
}

/* The scratchpad whose `banks` would change nothing; VC_BUFFER_COUNT: none. */
vc_buffer vc__idle_banks(const vc_chip_config *c)
{
    int b = 0;
    while (b < VC_BUFFER_COUNT &&
           (c->kind->banked & 1u << b || vc_chip_banks(c, (vc_buffer)b) >= c->lines))
        b++;
    return (vc_buffer)b;
}

const char *vc__banked_names(char text[VC__BANKED_NAMES], const vc_chip_kind *kind)
{
    size_t used = 0;
    snprintf(text, VC__BANKED_NAMES, "no scratchpad");
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        if (kind->banked & 1u << b)
            used += (size_t)snprintf(text + used, VC__BANKED_NAMES - used, "%s%s", used ? ", " : "",
                                     vc_buffer_name((vc_buffer)b));
    return text;
}

vc_status vc_chip_config_check(const vc_chip_config *c)
{
    char banked[VC__BANKED_NAMES];
    VC_TRY(check_ranges(fields, FIELDS, "", c));
    if (c->precision != 0 && c->precision != 8 && c->precision != 16 && c->precision != 32)
        return vc_fail(VC_EINVAL, "'precision' is %zu, wanted 8, 16 or 32", (size_t)c->precision);
    const vc_buffer idle = vc__idle_banks(c);
    if (idle < VC_BUFFER_COUNT)
        return vc_fail(VC_EINVAL, "'buffers.%s.banks' is %zu, " VC__BANKED_WANTED,
                       vc_buffer_name(idle), (size_t)c->buffers[idle].banks, (size_t)c->lines,
                       c->kind->name, vc__banked_names(banked, c->kind));
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        if (c->buffers[b].bytes == 0)
            return vc_fail(VC_EINVAL, "the %s scratchpad has no bytes, wanted some",
                           vc_buffer_name((vc_buffer)b));
    if (!c->kind->product && c->lines % c->linear_rows != 0)
        return vc_fail(VC_EINVAL, "'linear_rows' is %zu, wanted a divisor of the %zu lines",
                       (size_t)c->linear_rows, (size_t)c->lines);
    return check_kind(c);
}

/* ---- JSON of results */

static json_t *field_json(const vc_chip_field *f, const void *base)
{
    const void *at = (const char *)base + f->yaml.offset;
    switch (f->yaml.kind) {
    case VC_YAML_COUNT:
        return json_integer((json_int_t) * (const uint64_t *)at);
    case VC_YAML_NUMBER:
        return json_real(*(const double *)at);
    case VC_YAML_FLAG:
        return json_boolean(*(const int *)at);
    case VC_YAML_WORD:
        return json_string(f->yaml.words[*(const int *)at]);
    default:
        assert(f->yaml.kind == VC_YAML_TEXT);
        return json_string(at);
    }
}

void vc_chip_fields_json(json_t **object, const vc_chip_field *list, size_t count, const void *base)
{
    for (size_t i = 0; i < count; i++)
        if (!list[i].yaml.optional || value_of(&list[i], base) != 0.0)
            vc_json_set(object, list[i].result, field_json(&list[i], base));
}

/* ---- keys */

/* A list of keys. Only the first `room` of them are stored. */
typedef struct key_list {
    vc_chip_key *keys;
    size_t count, room;
} key_list;

static void add_keys(key_list *to, const char *section, const vc_chip_kind *kind,
                     const vc_chip_field *list, size_t count, size_t base)
{
    for (size_t i = 0; i < count; i++) {
        const vc_chip_field *f = &list[i];
        /* `index_size` is a scratchpad's: a row index of the chip itself goes by its name in
         * results. */
        const char *key = section[0] || f->yaml.unit != VC_UNIT_BYTES ? f->yaml.key : f->result,
                   *join = section[0] ? "_" : "";
        if (f->yaml.kind == VC_YAML_TEXT)
            continue;
        if (to->count < to->room) {
            vc_chip_key *k = &to->keys[to->count];
            *k = (vc_chip_key){.field = f, .kind = kind, .offset = base + f->yaml.offset};
            snprintf(k->name, sizeof k->name, "%s%s%s", section, join, key);
            snprintf(k->result, sizeof k->result, "%s%s%s", section, join, f->result);
        }
        to->count++;
    }
}

size_t vc_chip_keys(vc_chip_key *out, size_t room, const vc_chip_kind *const *kinds)
{
    key_list to = {out, 0, room};
    add_keys(&to, "", NULL, fields, FIELDS, 0);
    for (; *kinds; kinds++)
        add_keys(&to, (*kinds)->name, *kinds, (*kinds)->fields, (*kinds)->field_count,
                 offsetof(vc_chip_config, own));
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        add_keys(&to, vc_buffer_name((vc_buffer)b), NULL, scratchpad_fields, SCRATCHPAD_FIELDS,
                 offsetof(vc_chip_config, buffers) + b * sizeof(vc_scratchpad));
    return to.count;
}

void vc_chip_key_set(vc_chip_config *config, const vc_chip_key *key, double value)
{
    void *at = (char *)config + key->offset;
    if (key->kind && key->kind != config->kind)
        return;
    if (key->field->yaml.kind == VC_YAML_COUNT)
        *(uint64_t *)at = (uint64_t)value;
    else if (key->field->yaml.kind == VC_YAML_NUMBER)
        *(double *)at = value;
    else
        *(int *)at = (int)value;
}
