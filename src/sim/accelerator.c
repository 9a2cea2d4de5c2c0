/* The table of keys that describes an accelerator. */
#include "vitcod/accelerator.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "memory_impl.h"

#define CHIP(member) offsetof(vc_accelerator, chip.member)
#define COUNT_FROM(name, member, low, high)                                                        \
    {                                                                                              \
        .key = name, .kind = VC_YAML_COUNT, .offset = CHIP(member), .least = low, .most = high     \
    }
#define COUNT_OF(name, member, high) COUNT_FROM(name, member, 1, high)
#define SHARE_OF(name, member)                                                                     \
    {                                                                                              \
        .key = name, .kind = VC_YAML_NUMBER, .offset = CHIP(member), .most = 1                     \
    }
#define FLAG_OF(name, member)                                                                      \
    {                                                                                              \
        .key = name, .kind = VC_YAML_FLAG, .offset = CHIP(member)                                  \
    }

static const char *const splits[] = {"kept", "fixed", NULL};
static const char *const dataflows[] = {"vitcod", "systolic", "sanger", "spatten", NULL};

static const vc_yaml_field chip_fields[] = {
    {.key = "name", .kind = VC_YAML_TEXT, .offset = CHIP(name), .room = 64},
    {.key = "clock",
     .kind = VC_YAML_NUMBER,
     .offset = CHIP(clock_hz),
     .unit = VC_UNIT_HERTZ,
     .least = 1e3,
     .most = 1e12},
    COUNT_OF("lines", lines, 4096),
    COUNT_OF("macs_per_line", macs_per_line, 4096),
    COUNT_FROM("line_latency", line_latency, 0, 1e6),
    COUNT_OF("entries_per_visit", entries_per_visit, 1e6),
    SHARE_OF("denser_share", denser_share),
    FLAG_OF("interleave", interleave),
    {.key = "index_size",
     .kind = VC_YAML_COUNT,
     .offset = CHIP(index_bytes),
     .unit = VC_UNIT_BYTES,
     .least = 1,
     .most = 8},
    COUNT_OF("encoder_macs", encoder_macs, 1e6),
    COUNT_OF("decoder_macs", decoder_macs, 1e6),
    COUNT_OF("softmax_lanes", softmax_lanes, 1e6),
    COUNT_FROM("softmax_latency", softmax_latency, 0, 1e6),
    COUNT_OF("vector_lanes", vector_lanes, 1e6),
    COUNT_OF("linear_rows", linear_rows, 4096),
    {.key = "split", .kind = VC_YAML_WORD, .offset = CHIP(split), .words = splits},
    {.key = "dataflow", .kind = VC_YAML_WORD, .offset = CHIP(dataflow), .words = dataflows},
    FLAG_OF("prune", steps.prune),
    FLAG_OF("reorder", steps.reorder),
    FLAG_OF("autoencoder", steps.autoencoder),
    {.key = "like",
     .kind = VC_YAML_TEXT,
     .offset = offsetof(vc_accelerator, like),
     .room = 256,
     .optional = 1},
    {.key = "systolic", .kind = VC_YAML_MAP, .optional = 1},
    {.key = "sanger", .kind = VC_YAML_MAP, .optional = 1},
    {.key = "spatten", .kind = VC_YAML_MAP, .optional = 1},
    {.key = "buffers", .kind = VC_YAML_MAP},
    {.key = "memory", .kind = VC_YAML_MAP},
    {.key = "energy", .kind = VC_YAML_MAP},
    {.key = "area", .kind = VC_YAML_MAP},
};
_Static_assert(sizeof(vc_line_split) == sizeof(int), "a word is read into an int");
_Static_assert(sizeof(vc_dataflow) == sizeof(int), "a word is read into an int");

static const vc_yaml_field systolic_fields[] = {
    COUNT_OF("rows", systolic.rows, 4096),
    COUNT_OF("columns", systolic.columns, 4096),
};

static const vc_yaml_field sanger_fields[] = {
    COUNT_OF("rows", sanger.rows, 4096),
    COUNT_OF("entries", sanger.entries, 4096),
    COUNT_OF("positions", sanger.positions, 65536),
    COUNT_OF("predictions", sanger.predictions, 64),
    COUNT_FROM("skew", sanger.skew, 0, 65536),
    FLAG_OF("pipelined", sanger.pipelined),
    {.key = "value_size",
     .kind = VC_YAML_COUNT,
     .offset = CHIP(sanger.value_bytes),
     .unit = VC_UNIT_BYTES,
     .least = 1,
     .most = 8},
};

static const vc_yaml_field spatten_fields[] = {
    SHARE_OF("token_keep", spatten.token_keep),
    SHARE_OF("head_keep", spatten.head_keep),
    SHARE_OF("value_keep", spatten.value_keep),
    COUNT_FROM("first_layer", spatten.first_layer, 0, 1e6),
    SHARE_OF("least_significant", spatten.least_significant),
    COUNT_FROM("top_k", spatten.top_k, 0, 4096),
    COUNT_FROM("drain", spatten.drain, 0, 1e6),
    COUNT_OF("value_bits", spatten.value_bits, 64),
    COUNT_OF("first_bits", spatten.first_bits, 64),
};

static const vc_yaml_field scratchpad_fields[] = {
    {.key = "size",
     .kind = VC_YAML_COUNT,
     .offset = offsetof(vc_scratchpad, bytes),
     .unit = VC_UNIT_BYTES,
     .least = 2,
     .most = 1e12},
    {.key = "banks",
     .kind = VC_YAML_COUNT,
     .offset = offsetof(vc_scratchpad, banks),
     .least = 1,
     .most = 65536,
     .optional = 1},
};

/* On top of another file every key may be left out. */
static vc_status read_fields(void *out, const vc_yaml_map *map, const vc_yaml_field *fields,
                             size_t count, int on_top)
{
    enum { MOST_FIELDS = 48 };
    vc_yaml_field optional[MOST_FIELDS];
    assert(count <= MOST_FIELDS);
    memcpy(optional, fields, count * sizeof *fields);
    for (size_t i = 0; i < count; i++)
        optional[i].optional |= on_top;
    return vc_yaml_read(out, map, optional, count);
}

/* Sections whose keys are mappings, one for each buffer. */
static vc_status read_names(const vc_yaml_map *map, const char *const *more, int on_top)
{
    vc_yaml_field fields[VC_BUFFER_COUNT + 8] = {{0}};
    size_t count = 0;
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        fields[count++] = (vc_yaml_field){.key = vc_buffer_name((vc_buffer)b), .kind = VC_YAML_MAP};
    for (; more && *more; more++)
        fields[count++] = (vc_yaml_field){.key = *more, .kind = VC_YAML_MAP};
    return read_fields(NULL, map, fields, count, on_top);
}

static vc_status read_buffers(vc_chip_config *out, const vc_yaml_map *root, int on_top)
{
    const vc_yaml_map buffers = vc_yaml_sub(root, "buffers");
    if (!buffers.node)
        return VC_OK;
    VC_TRY(read_names(&buffers, NULL, on_top));
    for (int b = 0; b < VC_BUFFER_COUNT; b++) {
        const vc_yaml_map one = vc_yaml_sub(&buffers, vc_buffer_name((vc_buffer)b));
        if (!one.node)
            continue;
        VC_TRY(read_fields(&out->buffers[b], &one, scratchpad_fields, 2, on_top));
        out->buffer_lines[b] = one.line;
    }
    return VC_OK;
}

/* A constant and its source; the source is for readers, and must be there. */
static vc_status read_constant(double *out, const vc_yaml_map *section, const char *key,
                               vc_yaml_unit unit)
{
    struct {
        double value;
        char source[256];
    } constant;
    const vc_yaml_field fields[] = {
        {.key = "value", .kind = VC_YAML_NUMBER, .unit = unit, .most = 1e12},
        {.key = "source", .kind = VC_YAML_TEXT, .offset = sizeof(double), .room = 256},
    };
    const vc_yaml_map map = vc_yaml_sub(section, key);
    if (!map.node)
        return VC_OK;
    VC_TRY(vc_yaml_read(&constant, &map, fields, 2));
    *out = constant.value;
    return VC_OK;
}

static vc_status read_access(vc_energy_table *out, const vc_yaml_map *energy, int buffer)
{
    struct {
        double read, write;
        char source[256];
    } access;
    const vc_yaml_field fields[] = {
        {.key = "read", .kind = VC_YAML_NUMBER, .unit = VC_UNIT_PJ_PER_BYTE, .most = 1e9},
        {.key = "write",
         .kind = VC_YAML_NUMBER,
         .offset = sizeof(double),
         .unit = VC_UNIT_PJ_PER_BYTE,
         .most = 1e9},
        {.key = "source", .kind = VC_YAML_TEXT, .offset = 2 * sizeof(double), .room = 256},
    };
    const vc_yaml_map map = vc_yaml_sub(energy, vc_buffer_name((vc_buffer)buffer));
    if (!map.node)
        return VC_OK;
    VC_TRY(vc_yaml_read(&access, &map, fields, 3));
    out->read_pj_per_byte[buffer] = access.read;
    out->write_pj_per_byte[buffer] = access.write;
    return VC_OK;
}

static vc_status read_energy(vc_energy_table *out, const vc_yaml_map *root, int on_top)
{
    static const char *const names[] = {"mac",         "add",     "multiplication",
                                        "exponential", "leakage", NULL};
    double *const values[] = {&out->mac_pj, &out->add_pj, &out->multiplication_pj,
                              &out->exponential_pj, &out->leakage_mw_per_kib};
    const vc_yaml_map energy = vc_yaml_sub(root, "energy");
    if (!energy.node)
        return VC_OK;
    VC_TRY(read_names(&energy, names, on_top));
    for (int i = 0; names[i]; i++)
        VC_TRY(read_constant(values[i], &energy, names[i],
                             i < 4 ? VC_UNIT_PICOJOULES : VC_UNIT_MW_PER_KIB));
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        VC_TRY(read_access(out, &energy, b));
    return VC_OK;
}

static vc_status read_area(vc_energy_table *out, const vc_yaml_map *root, int on_top)
{
    static const vc_yaml_field fields[] = {{.key = "sram", .kind = VC_YAML_MAP},
                                           {.key = "mac", .kind = VC_YAML_MAP}};
    const vc_yaml_map area = vc_yaml_sub(root, "area");
    if (!area.node)
        return VC_OK;
    VC_TRY(read_fields(NULL, &area, fields, 2, on_top));
    VC_TRY(read_constant(&out->sram_mm2_per_kib, &area, "sram", VC_UNIT_MM2_PER_KIB));
    return read_constant(&out->logic_mm2_per_mac, &area, "mac", VC_UNIT_MM2);
}

/* The section of the chip's own dataflow, and of no other. */
static vc_status read_dataflow(vc_accelerator *out, const vc_yaml_map *root, int on_top)
{
    static const struct {
        const vc_yaml_field *fields;
        size_t count;
    } sections[VC_DATAFLOW_COUNT] = {
        [VC_DATAFLOW_SYSTOLIC] = {systolic_fields, sizeof systolic_fields / sizeof(vc_yaml_field)},
        [VC_DATAFLOW_SANGER] = {sanger_fields, sizeof sanger_fields / sizeof(vc_yaml_field)},
        [VC_DATAFLOW_SPATTEN] = {spatten_fields, sizeof spatten_fields / sizeof(vc_yaml_field)},
    };
    for (int d = 1; d < VC_DATAFLOW_COUNT; d++) {
        const vc_yaml_map section = vc_yaml_sub(root, dataflows[d]);
        const int mine = d == (int)out->chip.dataflow;
        if (section.node && !mine)
            return vc_yaml_fail(root, dataflows[d], "is there, but the dataflow is %s",
                                dataflows[out->chip.dataflow]);
        if (!section.node && mine && !on_top)
            return vc_yaml_fail(root, dataflows[d], "is missing, which the dataflow wants");
        if (section.node)
            VC_TRY(read_fields(out, &section, sections[d].fields, sections[d].count, on_top));
    }
    return VC_OK;
}

static vc_status read_base(vc_accelerator *out, const vc_yaml_map *root, const char *path,
                           int depth);

static vc_status read_root(vc_accelerator *out, const vc_yaml_map *root, const char *path,
                           int depth)
{
    VC_TRY(read_base(out, root, path, depth));
    memset(out->chip.buffer_lines, 0, sizeof out->chip.buffer_lines); /* of another file */
    const int on_top = out->like[0] != 0;
    const vc_dataflow before = out->chip.dataflow;
    VC_TRY(read_fields(out, root, chip_fields, sizeof chip_fields / sizeof *chip_fields, on_top));
    VC_TRY(read_dataflow(out, root, on_top && out->chip.dataflow == before));
    VC_TRY(read_buffers(&out->chip, root, on_top));
    const vc_yaml_map memory = vc_yaml_sub(root, "memory");
    if (memory.node)
        VC_TRY(vc__memory_config_from(&out->memory, &memory));
    VC_TRY(read_energy(&out->energy, root, on_top));
    VC_TRY(read_area(&out->energy, root, on_top));
    if (out->chip.linear_rows > out->chip.lines || out->chip.lines % out->chip.linear_rows)
        return vc_yaml_fail(root, "linear_rows", "is %zu, wanted a divisor of the %zu lines",
                            (size_t)out->chip.linear_rows, (size_t)out->chip.lines);
    return vc_chip_config_check(&out->chip);
}

static vc_status read_file(vc_accelerator *out, const char *path, int depth)
{
    vc_yaml *yaml;
    VC_TRY(vc_yaml_open(&yaml, path));
    const vc_yaml_map root = vc_yaml_root(yaml);
    const vc_status status = read_root(out, &root, path, depth);
    vc_yaml_close(yaml);
    if (status == VC_OK) {
        memset(out->chip.file, 0, sizeof out->chip.file);
        memcpy(out->chip.file, path, strnlen(path, sizeof out->chip.file - 1));
    }
    return status;
}

/* What `like` names, from the folder of the file that names it. */
static vc_status read_base(vc_accelerator *out, const vc_yaml_map *root, const char *path,
                           int depth)
{
    enum { MOST_DEPTH = 8, MOST_PATH = 4096 };
    vc_accelerator probe = {0};
    VC_TRY(read_fields(&probe, root, chip_fields, sizeof chip_fields / sizeof *chip_fields, 1));
    if (!probe.like[0])
        return VC_OK;
    if (depth == MOST_DEPTH)
        return vc_yaml_fail(root, "like", "leads through more than %d files", MOST_DEPTH);
    const char *slash = strrchr(path, '/');
    char base[MOST_PATH];
    const int folder = probe.like[0] == '/' || !slash ? 0 : (int)(slash - path + 1);
    if ((size_t)snprintf(base, sizeof base, "%.*s%s", folder, path, probe.like) >= sizeof base)
        return vc_yaml_fail(root, "like", "is too long a path");
    VC_TRY(read_file(out, base, depth + 1));
    memcpy(out->like, probe.like, sizeof out->like);
    return VC_OK;
}

vc_status vc_accelerator_read(vc_accelerator *out, const char *path)
{
    *out = (vc_accelerator){0};
    return read_file(out, path, 0);
}

vc_accelerator vc_accelerator_default(void)
{
    return (vc_accelerator){.chip = vc_chip_config_default(),
                            .memory = vc_memory_config_default(),
                            .energy = vc_energy_table_default()};
}

const char *vc_dataflow_name(vc_dataflow dataflow)
{
    return dataflows[dataflow];
}

static json_t *dataflow_json(const vc_chip_config *c)
{
    const vc_systolic_config *y = &c->systolic;
    const vc_sanger_config *g = &c->sanger;
    const vc_spatten_config *p = &c->spatten;
    switch (c->dataflow) {
    case VC_DATAFLOW_SYSTOLIC:
        return json_pack("{s:I, s:I}", "rows", (json_int_t)y->rows, "columns",
                         (json_int_t)y->columns);
    case VC_DATAFLOW_SANGER:
        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:I}", "rows", (json_int_t)g->rows,
                         "entries", (json_int_t)g->entries, "positions", (json_int_t)g->positions,
                         "predictions", (json_int_t)g->predictions, "skew_cycles",
                         (json_int_t)g->skew, "pipelined", g->pipelined, "value_bytes",
                         (json_int_t)g->value_bytes);
    case VC_DATAFLOW_SPATTEN:
        return json_pack("{s:f, s:f, s:f, s:I, s:f, s:I, s:I, s:I, s:I}", "token_keep",
                         p->token_keep, "head_keep", p->head_keep, "value_keep", p->value_keep,
                         "first_layer", (json_int_t)p->first_layer, "least_significant",
                         p->least_significant, "top_k", (json_int_t)p->top_k, "drain_cycles",
                         (json_int_t)p->drain, "value_bits", (json_int_t)p->value_bits,
                         "first_bits", (json_int_t)p->first_bits);
    default:
        return json_object();
    }
}

static json_t *buffers_json(const vc_accelerator *a)
{
    json_t *buffers = json_object();
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        json_object_set_new(buffers, vc_buffer_name((vc_buffer)b),
                            json_pack("{s:I, s:I, s:f, s:f}", "size_bytes",
                                      (json_int_t)a->chip.buffers[b].bytes, "banks",
                                      (json_int_t)vc_chip_banks(&a->chip, (vc_buffer)b),
                                      "read_pj_per_byte", a->energy.read_pj_per_byte[b],
                                      "write_pj_per_byte", a->energy.write_pj_per_byte[b]));
    return buffers;
}

json_t *vc_accelerator_json(const vc_accelerator *a)
{
    const vc_chip_config *c = &a->chip;
    const vc_energy_table *e = &a->energy;
    json_t *chip = json_pack(
        "{s:s, s:f, s:I, s:I, s:I, s:I, s:s, s:f, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name",
        c->name, "clock_hz", c->clock_hz, "lines", (json_int_t)c->lines, "macs_per_line",
        (json_int_t)c->macs_per_line, "line_latency_cycles", (json_int_t)c->line_latency,
        "entries_per_visit", (json_int_t)c->entries_per_visit, "split", splits[c->split],
        "denser_share", c->denser_share, "interleave", c->interleave, "index_bytes",
        (json_int_t)c->index_bytes, "encoder_macs", (json_int_t)c->encoder_macs, "decoder_macs",
        (json_int_t)c->decoder_macs, "softmax_lanes", (json_int_t)c->softmax_lanes,
        "softmax_latency_cycles", (json_int_t)c->softmax_latency, "vector_lanes",
        (json_int_t)c->vector_lanes, "linear_rows", (json_int_t)c->linear_rows);
    if (!chip)
        return NULL;
    json_object_set_new(chip, "dataflow", json_string(dataflows[c->dataflow]));
    json_object_set_new(chip, "steps",
                        json_pack("{s:b, s:b, s:b}", "prune", c->steps.prune, "reorder",
                                  c->steps.reorder, "autoencoder", c->steps.autoencoder));
    json_object_set_new(chip, dataflows[c->dataflow], dataflow_json(c));
    json_object_set_new(chip, "buffers", buffers_json(a));
    json_object_set_new(chip, "memory", vc__memory_config_json(&a->memory));
    json_object_set_new(chip, "energy",
                        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "mac_pj", e->mac_pj,
                                  "add_pj", e->add_pj, "multiplication_pj", e->multiplication_pj,
                                  "exponential_pj", e->exponential_pj, "leakage_mw_per_kib",
                                  e->leakage_mw_per_kib, "sram_mm2_per_kib", e->sram_mm2_per_kib,
                                  "logic_mm2_per_mac", e->logic_mm2_per_mac));
    return chip;
}
