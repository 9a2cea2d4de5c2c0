/* The table of keys that describes an accelerator. */
#include "vitcod/accelerator.h"

#include <string.h>

#include "memory_impl.h"

#define CHIP(member) offsetof(vc_accelerator, chip.member)
#define COUNT_OF(name, member, high)                                                               \
    {                                                                                              \
        .key = name, .kind = VC_YAML_COUNT, .offset = CHIP(member), .least = 1, .most = high       \
    }

static const char *const splits[] = {"kept", "fixed", NULL};

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
    {.key = "line_latency", .kind = VC_YAML_COUNT, .offset = CHIP(line_latency), .most = 1e6},
    COUNT_OF("entries_per_visit", entries_per_visit, 1e6),
    {.key = "denser_share", .kind = VC_YAML_NUMBER, .offset = CHIP(denser_share), .most = 1},
    {.key = "interleave", .kind = VC_YAML_FLAG, .offset = CHIP(interleave)},
    {.key = "index_size",
     .kind = VC_YAML_COUNT,
     .offset = CHIP(index_bytes),
     .unit = VC_UNIT_BYTES,
     .least = 1,
     .most = 8},
    COUNT_OF("encoder_macs", encoder_macs, 1e6),
    COUNT_OF("decoder_macs", decoder_macs, 1e6),
    COUNT_OF("softmax_lanes", softmax_lanes, 1e6),
    {.key = "softmax_latency", .kind = VC_YAML_COUNT, .offset = CHIP(softmax_latency), .most = 1e6},
    COUNT_OF("vector_lanes", vector_lanes, 1e6),
    COUNT_OF("linear_rows", linear_rows, 4096),
    {.key = "split", .kind = VC_YAML_WORD, .offset = CHIP(split), .words = splits},
    {.key = "buffers", .kind = VC_YAML_MAP},
    {.key = "memory", .kind = VC_YAML_MAP},
    {.key = "energy", .kind = VC_YAML_MAP},
    {.key = "area", .kind = VC_YAML_MAP},
};
_Static_assert(sizeof(vc_line_split) == sizeof(int), "a word is read into an int");

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

/* Sections whose keys are mappings, one for each buffer. */
static vc_status read_names(const vc_yaml_map *map, const char *const *more)
{
    vc_yaml_field fields[VC_BUFFER_COUNT + 8] = {{0}};
    size_t count = 0;
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        fields[count++] = (vc_yaml_field){.key = vc_buffer_name((vc_buffer)b), .kind = VC_YAML_MAP};
    for (; more && *more; more++)
        fields[count++] = (vc_yaml_field){.key = *more, .kind = VC_YAML_MAP};
    return vc_yaml_read(NULL, map, fields, count);
}

static vc_status read_buffers(vc_chip_config *out, const vc_yaml_map *root)
{
    const vc_yaml_map buffers = vc_yaml_sub(root, "buffers");
    VC_TRY(read_names(&buffers, NULL));
    for (int b = 0; b < VC_BUFFER_COUNT; b++) {
        const vc_yaml_map one = vc_yaml_sub(&buffers, vc_buffer_name((vc_buffer)b));
        VC_TRY(vc_yaml_read(&out->buffers[b], &one, scratchpad_fields, 2));
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
    VC_TRY(vc_yaml_read(&access, &map, fields, 3));
    out->read_pj_per_byte[buffer] = access.read;
    out->write_pj_per_byte[buffer] = access.write;
    return VC_OK;
}

static vc_status read_energy(vc_energy_table *out, const vc_yaml_map *root)
{
    static const char *const names[] = {"mac",         "add",     "multiplication",
                                        "exponential", "leakage", NULL};
    double *const values[] = {&out->mac_pj, &out->add_pj, &out->multiplication_pj,
                              &out->exponential_pj, &out->leakage_mw_per_kib};
    const vc_yaml_map energy = vc_yaml_sub(root, "energy");
    VC_TRY(read_names(&energy, names));
    for (int i = 0; names[i]; i++)
        VC_TRY(read_constant(values[i], &energy, names[i],
                             i < 4 ? VC_UNIT_PICOJOULES : VC_UNIT_MW_PER_KIB));
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        VC_TRY(read_access(out, &energy, b));
    return VC_OK;
}

static vc_status read_area(vc_energy_table *out, const vc_yaml_map *root)
{
    static const vc_yaml_field fields[] = {{.key = "sram", .kind = VC_YAML_MAP},
                                           {.key = "mac", .kind = VC_YAML_MAP}};
    const vc_yaml_map area = vc_yaml_sub(root, "area");
    VC_TRY(vc_yaml_read(NULL, &area, fields, 2));
    VC_TRY(read_constant(&out->sram_mm2_per_kib, &area, "sram", VC_UNIT_MM2_PER_KIB));
    return read_constant(&out->logic_mm2_per_mac, &area, "mac", VC_UNIT_MM2);
}

static vc_status read_root(vc_accelerator *out, const vc_yaml_map *root)
{
    VC_TRY(vc_yaml_read(out, root, chip_fields, sizeof chip_fields / sizeof *chip_fields));
    VC_TRY(read_buffers(&out->chip, root));
    const vc_yaml_map memory = vc_yaml_sub(root, "memory");
    VC_TRY(vc__memory_config_from(&out->memory, &memory));
    VC_TRY(read_energy(&out->energy, root));
    VC_TRY(read_area(&out->energy, root));
    if (out->chip.linear_rows > out->chip.lines || out->chip.lines % out->chip.linear_rows)
        return vc_yaml_fail(root, "linear_rows", "is %zu, wanted a divisor of the %zu lines",
                            (size_t)out->chip.linear_rows, (size_t)out->chip.lines);
    return vc_chip_config_check(&out->chip);
}

vc_status vc_accelerator_read(vc_accelerator *out, const char *path)
{
    vc_yaml *yaml;
    *out = (vc_accelerator){0};
    VC_TRY(vc_yaml_open(&yaml, path));
    const vc_yaml_map root = vc_yaml_root(yaml);
    const vc_status status = read_root(out, &root);
    vc_yaml_close(yaml);
    strncpy(out->chip.file, path, sizeof out->chip.file - 1);
    return status;
}

vc_accelerator vc_accelerator_default(void)
{
    return (vc_accelerator){.chip = vc_chip_config_default(),
                            .memory = vc_memory_config_default(),
                            .energy = vc_energy_table_default()};
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

static json_t *memory_json(const vc_memory_config *m)
{
    if (m->model == VC_MEMORY_BANDWIDTH)
        return json_pack("{s:s, s:f, s:f}", "model", "bandwidth", "bytes_per_s",
                         m->bytes_per_second, "pj_per_bit", m->pj_per_bit);
    return json_pack("{s:s, s:s, s:f, s:f, s:I, s:I, s:I, s:I}", "model", "dram", "name",
                     m->dram.name, "clock_hz", m->dram.clock_hz, "peak_bytes_per_s",
                     vc_memory_peak(m), "channels", (json_int_t)m->dram.channels, "ranks",
                     (json_int_t)m->dram.ranks, "bank_groups", (json_int_t)m->dram.bank_groups,
                     "banks", (json_int_t)m->dram.banks);
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
    json_object_set_new(chip, "buffers", buffers_json(a));
    json_object_set_new(chip, "memory", memory_json(&a->memory));
    json_object_set_new(chip, "energy",
                        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "mac_pj", e->mac_pj,
                                  "add_pj", e->add_pj, "multiplication_pj", e->multiplication_pj,
                                  "exponential_pj", e->exponential_pj, "leakage_mw_per_kib",
                                  e->leakage_mw_per_kib, "sram_mm2_per_kib", e->sram_mm2_per_kib,
                                  "logic_mm2_per_mac", e->logic_mm2_per_mac));
    return chip;
}
