/* Reading an accelerator's YAML file: the fields of the chip, then a section for each other
 * part. */
#include "accelerator_impl.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory/memory_impl.h"

enum { MOST_KINDS = 16, MOST_FIELDS = 64 };

/* What is being read, and with which kinds of chips. */
typedef struct reader {
    vc_accelerator a;
    char memory[256]; /* its name; empty: the file has it in full, or none */
    char energy[256]; /* likewise, of a table's file */
    int kind;         /* index in `kinds` */
    const vc_chip_kind *const *kinds;
    const char *names[MOST_KINDS + 1];
} reader;

static const vc_chip_field step_fields[] = {
    VC__FLAG_FIELD(vc_chip_steps, prune, "prune", "the mask is used"),
    VC__FLAG_FIELD(vc_chip_steps, reorder, "reorder", "and polarized"),
    VC__FLAG_FIELD(vc_chip_steps, autoencoder, "autoencoder", "where the model has one"),
};
enum { STEP_FIELDS = sizeof step_fields / sizeof *step_fields };

/* Reads fields. In a file that is based on another one, every key may be left out. */
vc_status vc__read_fields(void *out, const vc_yaml_map *map, const vc_yaml_field *fields,
                          size_t count, int on_top)
{
    vc_yaml_field optional[MOST_FIELDS];
    assert(count <= MOST_FIELDS);
    memcpy(optional, fields, count * sizeof *fields);
    for (size_t i = 0; i < count; i++)
        optional[i].optional |= on_top;
    return vc_yaml_read(out, map, optional, count);
}

/* Appends a table's fields, whose struct is at `base`. */
static size_t add_fields(vc_yaml_field *out, size_t at, const vc_chip_field *fields, size_t count,
                         size_t base)
{
    assert(at + count <= MOST_FIELDS);
    for (size_t i = 0; i < count; i++) {
        out[at + i] = fields[i].yaml;
        out[at + i].offset += base;
    }
    return at + count;
}

static vc_status read_table(void *out, const vc_yaml_map *map, const vc_chip_field *fields,
                            size_t count, int on_top)
{
    vc_yaml_field plain[MOST_FIELDS];
    return vc__read_fields(out, map, plain, add_fields(plain, 0, fields, count, 0), on_top);
}

/* Reads the keys of the file itself. Of sections it only checks that they are mappings. */
static vc_status read_keys(reader *r, const vc_yaml_map *root, int on_top)
{
    const size_t chip = offsetof(reader, a.chip);
    static const char *const sections[] = {"buffers", "area"};
    vc_yaml_field all[MOST_FIELDS];
    size_t count, shared;
    const vc_chip_field *fields = vc_chip_fields(&shared);
    count = add_fields(all, 0, fields, shared, chip);
    count =
        add_fields(all, count, step_fields, STEP_FIELDS, chip + offsetof(vc_chip_config, steps));
    assert(count + MOST_KINDS + 6 <= MOST_FIELDS);
    all[count++] = (vc_yaml_field){.key = "dataflow",
                                   .kind = VC_YAML_WORD,
                                   .offset = offsetof(reader, kind),
                                   .words = r->names};
    all[count++] = (vc_yaml_field){.key = "like",
                                   .kind = VC_YAML_TEXT,
                                   .offset = offsetof(reader, a.like),
                                   .room = sizeof r->a.like,
                                   .optional = 1};
    for (size_t k = 0; r->names[k]; k++)
        if (r->kinds[k]->field_count)
            all[count++] = (vc_yaml_field){.key = r->names[k], .kind = VC_YAML_MAP, .optional = 1};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        all[count++] = (vc_yaml_field){.key = sections[i], .kind = VC_YAML_MAP};
    all[count++] = (vc_yaml_field){.key = "energy",
                                   .kind = VC_YAML_NAMED,
                                   .offset = offsetof(reader, energy),
                                   .room = sizeof r->energy};
    all[count++] = (vc_yaml_field){.key = "memory",
                                   .kind = VC_YAML_NAMED,
                                   .offset = offsetof(reader, memory),
                                   .room = sizeof r->memory};
    return vc__read_fields(r, root, all, count, on_top);
}

/* Checks sections that have a mapping for each buffer. */
vc_status vc__read_buffer_names(const vc_yaml_map *map, const char *const *more, int on_top,
                                const char *optional)
{
    vc_yaml_field fields[VC_BUFFER_COUNT + 8] = {{0}};
    size_t count = 0;
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        fields[count++] = (vc_yaml_field){.key = vc_buffer_name((vc_buffer)b), .kind = VC_YAML_MAP};
    for (; more && *more; more++)
        fields[count++] = (vc_yaml_field){.key = *more, .kind = VC_YAML_MAP};
    if (optional)
        fields[count++] = (vc_yaml_field){.key = optional, .kind = VC_YAML_MAP, .optional = 1};
    return vc__read_fields(NULL, map, fields, count, on_top);
}

static vc_status read_buffers(vc_chip_config *out, const vc_yaml_map *root, int on_top)
{
    const vc_yaml_map buffers = vc_yaml_sub(root, "buffers");
    size_t count;
    const vc_chip_field *fields = vc__scratchpad_fields(&count);
    if (!buffers.node)
        return VC_OK;
    VC_TRY(vc__read_buffer_names(&buffers, NULL, on_top, NULL));
    for (int b = 0; b < VC_BUFFER_COUNT; b++) {
        const vc_yaml_map one = vc_yaml_sub(&buffers, vc_buffer_name((vc_buffer)b));
        if (!one.node)
            continue;
        VC_TRY(read_table(&out->buffers[b], &one, fields, count, on_top));
        out->buffer_lines[b] = one.line;
    }
    return VC_OK;
}

/* Reads the section of the chip's own kind. Sections of other kinds are refused. */
static vc_status read_kind(reader *r, const vc_yaml_map *root, int on_top)
{
    for (size_t k = 0; r->kinds[k]; k++) {
        const vc_chip_kind *kind = r->kinds[k];
        const vc_yaml_map section = vc_yaml_sub(root, kind->name);
        const int mine = kind == r->a.chip.kind;
        if (section.node && !mine)
            return vc_yaml_fail(root, kind->name, "is there, but the dataflow is %s",
                                r->a.chip.kind->name);
        if (!section.node && mine && kind->field_count && !on_top)
            return vc_yaml_fail(root, kind->name, "is missing, which the dataflow wants");
        if (section.node)
            VC_TRY(read_table(r->a.chip.own, &section, kind->fields, kind->field_count, on_top));
    }
    return VC_OK;
}

enum { MOST_PATH = 4096 };

/* Files that are named lie in the folder of the file that names them, unless they say where. */
static vc_status path_beside(char out[MOST_PATH], const vc_yaml_map *root, const char *key,
                             const char *named, const char *path)
{
    const char *slash = strrchr(path, '/');
    const int folder = named[0] == '/' || !slash ? 0 : (int)(slash - path + 1);
    if ((size_t)snprintf(out, MOST_PATH, "%.*s%s", folder, path, named) >= MOST_PATH)
        return vc_yaml_fail(root, key, "is too long a path");
    return VC_OK;
}

/* Keys and values, a name of one that is built in, or a file. */
static vc_status read_memory(reader *r, const vc_yaml_map *root, const char *path)
{
    const vc_yaml_map memory = vc_yaml_sub(root, "memory");
    char file[MOST_PATH], names[VC_MEMORY_NAMES];
    vc_memory_variant built_in;
    if (memory.node)
        return vc__memory_config_from(&r->a.memory, &memory);
    if (!r->memory[0])
        return VC_OK;
    for (size_t i = 0; vc_memory_variant_at(&built_in, i); i++)
        if (strcmp(built_in.key, r->memory) == 0) {
            r->a.memory = built_in.config;
            return VC_OK;
        }
    VC_TRY(path_beside(file, root, "memory", r->memory, path));
    if (access(file, F_OK) != 0)
        return vc_yaml_fail(root, "memory", "is '%s', wanted keys and values, a file, or one of %s",
                            r->memory, vc_memory_names(names));
    return vc_memory_config_read(&r->a.memory, file);
}

static vc_status read_energy(reader *r, const vc_yaml_map *root, const char *path, int on_top)
{
    const vc_yaml_map energy = vc_yaml_sub(root, "energy");
    char file[MOST_PATH];
    if (energy.node)
        return vc__energy_read(&r->a.energy, &energy, on_top);
    if (!r->energy[0])
        return VC_OK;
    VC_TRY(path_beside(file, root, "energy", r->energy, path));
    if (access(file, F_OK) != 0)
        return vc_yaml_fail(root, "energy", "is '%s', wanted keys and values, or a table's file",
                            r->energy);
    return vc__energy_read_file(&r->a.energy, file, on_top);
}

static vc_status read_base(reader *r, const vc_yaml_map *root, const char *path, int depth);

/* Where they stand, if it is in this file. */
static vc_status check_banks(const vc_chip_config *c, const vc_yaml_map *root)
{
    const vc_buffer idle = vc__idle_banks(c);
    char banked[VC__BANKED_NAMES];
    if (idle == VC_BUFFER_COUNT)
        return VC_OK;
    const vc_yaml_map buffers = vc_yaml_sub(root, "buffers"), none = *root,
                      one = buffers.node ? vc_yaml_sub(&buffers, vc_buffer_name(idle)) : none;
    if (!one.node || one.node == root->node)
        return VC_OK; /* vc_chip_config_check says it */
    return vc_yaml_fail(&one, "banks", "is %zu, " VC__BANKED_WANTED, (size_t)c->buffers[idle].banks,
                        (size_t)c->lines, c->kind->name, vc__banked_names(banked, c->kind));
}

static vc_status read_root(reader *r, const vc_yaml_map *root, const char *path, int depth)
{
    vc_accelerator *out = &r->a;
    VC_TRY(read_base(r, root, path, depth));
    /* they are of the other file */
    memset(out->chip.buffer_lines, 0, sizeof out->chip.buffer_lines);
    const int on_top = out->like[0] != 0;
    const vc_chip_kind *before = out->chip.kind;
    r->memory[0] = r->energy[0] = '\0';
    VC_TRY(read_keys(r, root, on_top));
    out->chip.kind = r->kinds[r->kind];
    if (out->chip.kind != before)
        memset(out->chip.own, 0, sizeof out->chip.own);
    VC_TRY(read_kind(r, root, on_top && out->chip.kind == before));
    VC_TRY(read_buffers(&out->chip, root, on_top));
    VC_TRY(read_memory(r, root, path));
    VC_TRY(read_energy(r, root, path, on_top));
    VC_TRY(vc__area_read(&out->energy, root, on_top));
    const char *idle = vc__idle_key(&out->chip);
    if (idle)
        return vc_yaml_fail(root, idle, VC__IDLE_KEY, out->chip.kind->name);
    if (!out->chip.kind->product &&
        (out->chip.linear_rows > out->chip.lines || out->chip.lines % out->chip.linear_rows))
        return vc_yaml_fail(root, "linear_rows", "is %zu, wanted a divisor of the %zu lines",
                            (size_t)out->chip.linear_rows, (size_t)out->chip.lines);
    VC_TRY(check_banks(&out->chip, root));
    return vc_chip_config_check(&out->chip);
}

static vc_status read_file(reader *r, const char *path, int depth)
{
    vc_yaml *yaml;
    VC_TRY(vc_yaml_open(&yaml, path, VC_FILE_CHIP));
    const vc_yaml_map root = vc_yaml_root(yaml);
    const vc_status status = read_root(r, &root, path, depth);
    vc_yaml_close(yaml);
    if (status == VC_OK) {
        char *file = r->a.chip.file;
        memset(file, 0, sizeof r->a.chip.file);
        memcpy(file, path, strnlen(path, sizeof r->a.chip.file - 1));
    }
    return status;
}

/* Reads the file that `like` names, relative to the folder of the file that names it. */
static vc_status read_base(reader *r, const vc_yaml_map *root, const char *path, int depth)
{
    enum { MOST_DEPTH = 8 };
    char base[MOST_PATH];
    reader probe = *r;
    probe.a = (vc_accelerator){0};
    VC_TRY(read_keys(&probe, root, 1));
    const char *like = probe.a.like;
    if (!like[0])
        return VC_OK;
    if (depth == MOST_DEPTH)
        return vc_yaml_fail(root, "like", "leads through more than %d files", MOST_DEPTH);
    VC_TRY(path_beside(base, root, "like", like, path));
    VC_TRY(read_file(r, base, depth + 1));
    memcpy(r->a.like, like, sizeof r->a.like);
    return VC_OK;
}

vc_status vc__accelerator_read(vc_accelerator *out, const char *path,
                               const vc_chip_kind *const *kinds)
{
    reader r = {.kinds = kinds, .a.energy.node_factor = 1.0};
    for (size_t k = 0; kinds[k]; k++) {
        assert(k < MOST_KINDS);
        r.names[k] = kinds[k]->name;
    }
    const vc_status status = read_file(&r, path, 0);
    *out = r.a;
    return status;
}

vc_status vc_accelerator_read(vc_accelerator *out, const char *path)
{
    return vc__accelerator_read(out, path, vc_chip_kinds());
}

vc_accelerator vc_accelerator_default(void)
{
    return (vc_accelerator){.chip = vc_chip_config_default(),
                            .memory = vc_memory_config_default(),
                            .energy = vc_energy_table_default()};
}

vc_bound_config vc_accelerator_bound_config(const vc_accelerator *a)
{
    vc_bound_config config = vc_bound_config_default();
    config.macs_per_cycle =
        (double)(a->chip.lines * a->chip.macs_per_line) / (double)vc_chip_mac_slots(&a->chip);
    config.value_bytes = (double)vc_chip_value_bytes(&a->chip);
    config.clock_hz = a->chip.clock_hz;
    config.bandwidth = vc_memory_peak(&a->memory);
    config.index_bytes = (double)a->chip.index_bytes;
    return config;
}

/* ---- as results have it */

static json_t *table_json(const vc_chip_field *fields, size_t count, const void *base)
{
    json_t *object = json_object();
    vc_chip_fields_json(&object, fields, count, base);
    return object;
}

static json_t *buffers_json(const vc_accelerator *a)
{
    json_t *buffers = json_object();
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        vc_json_set(&buffers, vc_buffer_name((vc_buffer)b),
                    json_pack("{s:I, s:I, s:f, s:f}", "size_bytes",
                              (json_int_t)a->chip.buffers[b].bytes, "banks",
                              (json_int_t)vc_chip_banks(&a->chip, (vc_buffer)b), "read_pj_per_byte",
                              a->energy.read_pj_per_byte[b], "write_pj_per_byte",
                              a->energy.write_pj_per_byte[b]));
    return buffers;
}

json_t *vc_accelerator_json(const vc_accelerator *a)
{
    const vc_chip_config *c = &a->chip;
    const vc_energy_table *e = &a->energy;
    size_t count;
    const vc_chip_field *fields = vc_chip_fields(&count);
    json_t *chip = table_json(fields, count, c);
    vc_json_set(&chip, "dataflow", json_string(c->kind->name));
    vc_json_set(&chip, "steps", table_json(step_fields, STEP_FIELDS, &c->steps));
    vc_json_set(&chip, c->kind->name, table_json(c->kind->fields, c->kind->field_count, c->own));
    vc_json_set(&chip, "buffers", buffers_json(a));
    vc_json_set(&chip, "memory", vc__memory_config_json(&a->memory));
    vc_json_set(&chip, "energy",
                json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "mac_pj", e->mac_pj, "add_pj",
                          e->add_pj, "multiplication_pj", e->multiplication_pj, "exponential_pj",
                          e->exponential_pj, "leakage_mw_per_kib", e->leakage_mw_per_kib,
                          "sram_mm2_per_kib", e->sram_mm2_per_kib, "logic_mm2_per_mac",
                          e->logic_mm2_per_mac));
    if (e->node_factor != 1.0)
        vc_json_set(&chip, "node_factor", json_real(e->node_factor));
    return chip;
}
