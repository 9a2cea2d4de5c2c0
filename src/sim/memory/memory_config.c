/* Configuration of a memory: the default, the checks, the file. */
#include <math.h>
#include <stdio.h>

#include "memory_impl.h"
#include "vitcod/yaml.h"

vc_memory_config vc_memory_config_default(void)
{
    return (vc_memory_config){
        .model = VC_MEMORY_DRAM,
        .bytes_per_second = 76.8e9,
        .pj_per_bit = 12.5,
        .dram = {.name = "DDR4-2400, 4 channels",
                 .clock_hz = 1200e6,
                 .channels = 4,
                 .ranks = 1,
                 .bank_groups = 4,
                 .banks = 4,
                 .rows = 65536,
                 .row_bytes = 8192,
                 .burst_bytes = 64,
                 .mapping = {VC_DRAM_ROW, VC_DRAM_RANK, VC_DRAM_BANK, VC_DRAM_COLUMN,
                             VC_DRAM_BANK_GROUP, VC_DRAM_CHANNEL},
                 .timing = {.burst = 4,
                            .cl = 17,
                            .cwl = 12,
                            .rcd = 17,
                            .rp = 17,
                            .ras = 39,
                            .rc = 56,
                            .wr = 18,
                            .rtp = 9,
                            .ccd_s = 4,
                            .ccd_l = 6,
                            .rrd_s = 4,
                            .rrd_l = 6,
                            .wtr_s = 3,
                            .wtr_l = 9,
                            .faw = 26,
                            .rank_switch = 2,
                            .xp = 8,
                            .xs = 432,
                            .rfc_s = 350e-9,
                            .refi_s = 7.8e-6},
                 .read_queue = 32,
                 .write_queue = 32,
                 .write_high = 24,
                 .write_low = 8,
                 .age_cap = 2000,
                 .vdd = 1.2,
                 .idd0 = 48e-3,
                 .idd2n = 34e-3,
                 .idd3n = 43e-3,
                 .idd4r = 135e-3,
                 .idd4w = 123e-3,
                 .idd5ab = 250e-3,
                 .idd2p = 25e-3,
                 .idd6 = 31e-3,
                 .devices = 8,
                 .power_down = 80,
                 .self_refresh = 9360}};
}

double vc_memory_peak(const vc_memory_config *c)
{
    if (c->model == VC_MEMORY_BANDWIDTH)
        return c->bytes_per_second;
    return (double)(c->dram.channels * c->dram.burst_bytes) / (double)c->dram.timing.burst *
           c->dram.clock_hz;
}

/* ---- checks */

enum { MOST_BANKS = 1 << 16, MOST_BURSTS = 1 << 20 };

/* Of all channels together, as memory is asked for by these. Each factor is 2^20 at most. */
static vc_status check_totals(const vc_dram_config *c)
{
    const double banks = (double)c->channels * (double)c->ranks * (double)c->bank_groups *
                         (double)c->banks,
                 bursts = (double)c->channels * ((double)c->read_queue + (double)c->write_queue);
    if (banks > MOST_BANKS)
        return vc_fail(VC_EINVAL,
                       "'channels', 'ranks', 'bank_groups' and 'banks' make %.0f banks, wanted at "
                       "most %d",
                       banks, MOST_BANKS);
    if (bursts > MOST_BURSTS)
        return vc_fail(VC_EINVAL,
                       "'reads' and 'writes' of all channels are %.0f bursts, wanted at most %d",
                       bursts, MOST_BURSTS);
    return VC_OK;
}

vc_status vc__dram_config_check(const vc_dram_config *c)
{
    const struct {
        const char *name;
        uint64_t value;
    } powers[] = {
        {"channels", c->channels},     {"ranks", c->ranks}, {"bank_groups", c->bank_groups},
        {"banks", c->banks},           {"rows", c->rows},   {"row_size", c->row_bytes},
        {"burst_size", c->burst_bytes}};
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
        if (powers[i].value == 0 || (powers[i].value & (powers[i].value - 1)))
            return vc_fail(VC_EINVAL, "'%s' is %zu, wanted a power of two", powers[i].name,
                           (size_t)powers[i].value);
    VC_TRY(check_totals(c));
    if (c->burst_bytes > c->row_bytes)
        return vc_fail(VC_EINVAL, "'burst_size' is %zu, wanted at most the row's %zu",
                       (size_t)c->burst_bytes, (size_t)c->row_bytes);
    const vc_dram_timing *t = &c->timing;
    if (t->burst == 0 || t->rc < t->ras + t->rp || t->ccd_s < t->burst || t->ccd_l < t->ccd_s ||
        t->rrd_l < t->rrd_s || t->cl + t->burst + 2 < t->cwl)
        return vc_fail(
            VC_EINVAL,
            "timing: burst 0, rc below ras + rp, ccd_s below burst, ccd_l below ccd_s, rrd_l below "
            "rrd_s, or cwl beyond cl: no DRAM has such");
    if (!(c->clock_hz >= 1e6) || c->clock_hz != floor(c->clock_hz))
        return vc_fail(VC_EINVAL, "'clock' is %g Hz, wanted a whole number from 1 MHz on",
                       c->clock_hz);
    /* Between two refreshes a bank must have time for a burst in the worst case, or no burst would
     * ever be served. */
    const double least =
        ceil(t->rfc_s * c->clock_hz) + (double)(t->rp + t->rc + t->faw + t->rcd + t->cl + t->cwl +
                                                t->burst + t->wr + t->wtr_l + t->rtp);
    if (!(floor(t->refi_s * c->clock_hz) >= least))
        return vc_fail(
            VC_EINVAL,
            "'refi' is %.0f clocks, wanted at least %.0f: 'rfc' and a burst's other times",
            floor(t->refi_s * c->clock_hz), least);
    const uint64_t least_idle = t->ras + t->rp + t->wr;
    if ((c->power_down && (c->idd2p <= 0.0 || t->xp == 0 || c->power_down < least_idle)) ||
        (c->self_refresh && (c->idd6 <= 0.0 || t->xs == 0 || c->self_refresh < least_idle ||
                             c->self_refresh <= c->power_down)))
        return vc_fail(VC_EINVAL,
                       "'power_down' is %zu clocks, wanted %zu or more, with idd2p and xp; "
                       "'self_refresh' is %zu, wanted likewise, and later, with idd6 and xs",
                       (size_t)c->power_down, (size_t)least_idle, (size_t)c->self_refresh);
    if (c->read_queue == 0 || c->write_queue == 0 || c->write_high > c->write_queue ||
        c->write_low >= c->write_high)
        return vc_fail(VC_EINVAL,
                       "queues of %zu reads and %zu writes, drained from %zu to %zu, wanted "
                       "low < high <= writes",
                       (size_t)c->read_queue, (size_t)c->write_queue, (size_t)c->write_high,
                       (size_t)c->write_low);
    unsigned seen = 0;
    for (int i = 0; i < VC_DRAM_FIELDS; i++)
        seen |= 1u << c->mapping[i];
    if (seen != (1u << VC_DRAM_FIELDS) - 1)
        return vc_fail(VC_EINVAL, "'mapping' names a field twice, wanted each once");
    return VC_OK;
}

/* ---- the file */

static const char *const models[] = {"bandwidth", "dram", NULL};
static const char *const address[] = {"row",    "rank",    "bank", "bank_group",
                                      "column", "channel", NULL};
_Static_assert(sizeof(vc_dram_field) == sizeof(int), "words are read into ints");

#define DRAM(member) offsetof(vc_memory_config, dram.member)
#define COUNT_OF(name, member)                                                                     \
    {                                                                                              \
        .key = name, .kind = VC_YAML_COUNT, .offset = DRAM(member), .least = 1, .most = 1 << 20    \
    }
#define CLOCKS(member)                                                                             \
    {                                                                                              \
        .key = #member, .kind = VC_YAML_COUNT, .offset = DRAM(timing.member), .most = 100000       \
    }
#define OPTIONAL_CLOCKS(name, member)                                                              \
    {                                                                                              \
        .key = name, .kind = VC_YAML_COUNT, .offset = DRAM(member), .most = 1e12, .optional = 1    \
    }
#define OPTIONAL_CURRENT(member)                                                                   \
    {                                                                                              \
        .key = #member, .kind = VC_YAML_NUMBER, .offset = DRAM(member), .unit = VC_UNIT_AMPERES,   \
        .most = 10, .optional = 1                                                                  \
    }
#define BYTES_OF(name, member)                                                                     \
    {                                                                                              \
        .key = name, .kind = VC_YAML_COUNT, .offset = DRAM(member), .unit = VC_UNIT_BYTES,         \
        .least = 1, .most = 1 << 20                                                                \
    }
#define NUMBER_OF(name, member, what, high)                                                        \
    {                                                                                              \
        .key = name, .kind = VC_YAML_NUMBER, .offset = DRAM(member), .unit = what, .most = high    \
    }

#define CHANNELS COUNT_OF("channels", channels)
#define RATE                                                                                       \
    {                                                                                              \
        .key = "rate", .kind = VC_YAML_NUMBER,                                                     \
        .offset = offsetof(vc_memory_config, bytes_per_second), .unit = VC_UNIT_BYTES_PER_SECOND,  \
        .least = 1e6, .most = 1e18                                                                 \
    }

const vc_yaml_field vc_memory_channels_field = CHANNELS, vc_memory_rate_field = RATE;

static const vc_yaml_field dram_fields[] = {
    {.key = "model",
     .kind = VC_YAML_WORD,
     .offset = offsetof(vc_memory_config, model),
     .words = models},
    {.key = "name", .kind = VC_YAML_TEXT, .offset = DRAM(name), .room = 64},
    NUMBER_OF("clock", clock_hz, VC_UNIT_HERTZ, 1e11),
    CHANNELS,
    COUNT_OF("ranks", ranks),
    COUNT_OF("bank_groups", bank_groups),
    COUNT_OF("banks", banks),
    COUNT_OF("rows", rows),
    BYTES_OF("row_size", row_bytes),
    BYTES_OF("burst_size", burst_bytes),
    {.key = "mapping",
     .kind = VC_YAML_WORDS,
     .offset = DRAM(mapping),
     .words = address,
     .room = VC_DRAM_FIELDS},
    {.key = "timing", .kind = VC_YAML_MAP},
    {.key = "queues", .kind = VC_YAML_MAP},
    {.key = "power", .kind = VC_YAML_MAP},
};
static const vc_yaml_field timing_fields[] = {
    CLOCKS(burst),
    CLOCKS(cl),
    CLOCKS(cwl),
    CLOCKS(rcd),
    CLOCKS(rp),
    CLOCKS(ras),
    CLOCKS(rc),
    CLOCKS(wr),
    CLOCKS(rtp),
    CLOCKS(ccd_s),
    CLOCKS(ccd_l),
    CLOCKS(rrd_s),
    CLOCKS(rrd_l),
    CLOCKS(wtr_s),
    CLOCKS(wtr_l),
    CLOCKS(faw),
    CLOCKS(rank_switch),
    OPTIONAL_CLOCKS("xp", timing.xp),
    OPTIONAL_CLOCKS("xs", timing.xs),
    NUMBER_OF("rfc", timing.rfc_s, VC_UNIT_SECONDS, 1),
    NUMBER_OF("refi", timing.refi_s, VC_UNIT_SECONDS, 1),
};
static const vc_yaml_field queue_fields[] = {
    COUNT_OF("reads", read_queue),
    COUNT_OF("writes", write_queue),
    COUNT_OF("write_high", write_high),
    {.key = "write_low", .kind = VC_YAML_COUNT, .offset = DRAM(write_low), .most = 1 << 20},
    COUNT_OF("age_cap", age_cap),
};
static const vc_yaml_field power_fields[] = {
    NUMBER_OF("vdd", vdd, VC_UNIT_VOLTS, 10),
    NUMBER_OF("idd0", idd0, VC_UNIT_AMPERES, 10),
    NUMBER_OF("idd2n", idd2n, VC_UNIT_AMPERES, 10),
    NUMBER_OF("idd3n", idd3n, VC_UNIT_AMPERES, 10),
    NUMBER_OF("idd4r", idd4r, VC_UNIT_AMPERES, 10),
    NUMBER_OF("idd4w", idd4w, VC_UNIT_AMPERES, 10),
    NUMBER_OF("idd5ab", idd5ab, VC_UNIT_AMPERES, 10),
    OPTIONAL_CURRENT(idd2p),
    OPTIONAL_CURRENT(idd6),
    OPTIONAL_CLOCKS("power_down", power_down),
    OPTIONAL_CLOCKS("self_refresh", self_refresh),
    COUNT_OF("devices", devices),
};
static const vc_yaml_field bandwidth_fields[] = {
    {.key = "model",
     .kind = VC_YAML_WORD,
     .offset = offsetof(vc_memory_config, model),
     .words = models},
    {.key = "name", .kind = VC_YAML_TEXT, .offset = DRAM(name), .room = 64},
    RATE,
    {.key = "energy",
     .kind = VC_YAML_NUMBER,
     .offset = offsetof(vc_memory_config, pj_per_bit),
     .unit = VC_UNIT_PJ_PER_BIT,
     .most = 1e6},
};

/* Adds a member to the JSON, with its unit in the name. */
static void add_field(json_t **object, const vc_yaml_field *f, const void *config)
{
    static const char *const units[VC_UNIT_COUNT] = {[VC_UNIT_BYTES] = "_bytes",
                                                     [VC_UNIT_HERTZ] = "_hz",
                                                     [VC_UNIT_SECONDS] = "_s",
                                                     [VC_UNIT_BYTES_PER_SECOND] = "_bytes_per_s",
                                                     [VC_UNIT_PJ_PER_BIT] = "_pj_per_bit",
                                                     [VC_UNIT_VOLTS] = "_v",
                                                     [VC_UNIT_AMPERES] = "_a"};
    const void *at = (const char *)config + f->offset;
    const int *words = at;
    json_t *list = json_array();
    char name[64];
    snprintf(name, sizeof name, "%s%s", f->key, units[f->unit] ? units[f->unit] : "");
    if (f->kind == VC_YAML_COUNT)
        vc_json_set(object, name, json_integer((json_int_t) * (const uint64_t *)at));
    else if (f->kind == VC_YAML_NUMBER)
        vc_json_set(object, name, json_real(*(const double *)at));
    else if (f->kind == VC_YAML_TEXT)
        vc_json_set(object, name, json_string(at));
    else if (f->kind == VC_YAML_WORD)
        vc_json_set(object, name, json_string(f->words[words[0]]));
    for (size_t i = 0; f->kind == VC_YAML_WORDS && i < f->room; i++)
        vc_json_append(&list, json_string(f->words[words[i]]));
    if (f->kind == VC_YAML_WORDS)
        vc_json_set(object, name, json_incref(list));
    json_decref(list);
}

static int is_set(const vc_yaml_field *f, const void *config)
{
    const void *at = (const char *)config + f->offset;
    return f->kind == VC_YAML_COUNT ? *(const uint64_t *)at != 0 : *(const double *)at != 0.0;
}

static json_t *fields_json(const vc_memory_config *config, const vc_yaml_field *fields,
                           size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; i < count; i++)
        if (!fields[i].optional || is_set(&fields[i], config))
            add_field(&object, &fields[i], config);
    return object;
}

#define JSON_OF(config, fields) fields_json(config, fields, sizeof fields / sizeof *fields)

json_t *vc__memory_config_json(const vc_memory_config *config)
{
    if (config->model == VC_MEMORY_BANDWIDTH)
        return JSON_OF(config, bandwidth_fields);
    json_t *object = JSON_OF(config, dram_fields);
    vc_json_set(&object, "timing", JSON_OF(config, timing_fields));
    vc_json_set(&object, "queues", JSON_OF(config, queue_fields));
    vc_json_set(&object, "power", JSON_OF(config, power_fields));
    vc_json_set(&object, "peak_bytes_per_s", json_real(vc_memory_peak(config)));
    return object;
}

#define READ(out, map, fields) vc_yaml_read(out, map, fields, sizeof fields / sizeof *fields)

static vc_status read_section(vc_memory_config *out, const vc_yaml_map *root, const char *key,
                              const vc_yaml_field *fields, size_t count)
{
    const vc_yaml_map map = vc_yaml_sub(root, key);
    return vc_yaml_read(out, &map, fields, count);
}

static vc_status read_dram(vc_memory_config *out, const vc_yaml_map *root)
{
    VC_TRY(READ(out, root, dram_fields));
    VC_TRY(read_section(out, root, "timing", timing_fields,
                        sizeof timing_fields / sizeof *timing_fields));
    VC_TRY(read_section(out, root, "queues", queue_fields,
                        sizeof queue_fields / sizeof *queue_fields));
    VC_TRY(
        read_section(out, root, "power", power_fields, sizeof power_fields / sizeof *power_fields));
    if (vc__dram_config_check(&out->dram) == VC_OK)
        return VC_OK;
    char text[512];
    snprintf(text, sizeof text, "%s", vc_last_error());
    return vc_yaml_fail(root, "timing", "and what is beside it: %s", text);
}

vc_status vc__memory_config_from(vc_memory_config *out, const vc_yaml_map *map)
{
    int model = 0; /* decides which table describes the file */
    *out = (vc_memory_config){0};
    VC_TRY(vc_yaml_word(&model, map, "model", models));
    return model == VC_MEMORY_DRAM ? read_dram(out, map) : READ(out, map, bandwidth_fields);
}

vc_status vc_memory_config_read(vc_memory_config *out, const char *path)
{
    vc_yaml *yaml;
    *out = (vc_memory_config){0};
    VC_TRY(vc_yaml_open(&yaml, path, VC_FILE_MEMORY));
    const vc_yaml_map root = vc_yaml_root(yaml);
    const vc_status status = vc__memory_config_from(out, &root);
    vc_yaml_close(yaml);
    return status;
}
