/* What things cost: the sections `energy` and `area` of a chip's file, and tables in files of their
 * own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accelerator_impl.h"
#include "vitcod/file.h"

/* Reads a constant with its source. The source is for people, but must be there. */
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

/* What is no scratchpad, with the unit of its value. */
static const struct {
    const char *name;
    vc_yaml_unit unit;
    size_t offset;
} constants[] = {
    {"mac", VC_UNIT_PICOJOULES, offsetof(vc_energy_table, mac_pj)},
    {"add", VC_UNIT_PICOJOULES, offsetof(vc_energy_table, add_pj)},
    {"multiplication", VC_UNIT_PICOJOULES, offsetof(vc_energy_table, multiplication_pj)},
    {"exponential", VC_UNIT_PICOJOULES, offsetof(vc_energy_table, exponential_pj)},
    {"leakage", VC_UNIT_MW_PER_KIB, offsetof(vc_energy_table, leakage_mw_per_kib)},
    {"node", VC_UNIT_NONE, offsetof(vc_energy_table, node_factor)},
};
enum { CONSTANTS = sizeof constants / sizeof *constants, NODE = CONSTANTS - 1 };

static double *constant_of(vc_energy_table *t, size_t i)
{
    return (double *)(void *)((char *)t + constants[i].offset);
}

vc_status vc__energy_read(vc_energy_table *out, const vc_yaml_map *energy, int on_top)
{
    const char *names[CONSTANTS + 1] = {NULL};
    for (size_t i = 0; i < NODE; i++)
        names[i] = constants[i].name;
    VC_TRY(vc__read_buffer_names(energy, names, on_top, "node"));
    for (size_t i = 0; i < CONSTANTS; i++)
        VC_TRY(read_constant(constant_of(out, i), energy, constants[i].name, constants[i].unit));
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        VC_TRY(read_access(out, energy, b));
    return out->node_factor > 0.0
               ? VC_OK
               : vc_yaml_fail(energy, "node", "has the value 0, wanted a factor above 0");
}

vc_status vc__area_read(vc_energy_table *out, const vc_yaml_map *root, int on_top)
{
    static const vc_yaml_field fields[] = {{.key = "sram", .kind = VC_YAML_MAP},
                                           {.key = "mac", .kind = VC_YAML_MAP}};
    const vc_yaml_map area = vc_yaml_sub(root, "area");
    if (!area.node)
        return VC_OK;
    VC_TRY(vc__read_fields(NULL, &area, fields, 2, on_top));
    VC_TRY(read_constant(&out->sram_mm2_per_kib, &area, "sram", VC_UNIT_MM2_PER_KIB));
    return read_constant(&out->logic_mm2_per_mac, &area, "mac", VC_UNIT_MM2);
}

/* ---- a table of its own: component, action, energy, source */

/* Where a row's number goes; NULL: nowhere. */
static double *place_of(vc_energy_table *t, const char *component, const char *action)
{
    for (size_t i = 0; i < CONSTANTS; i++) {
        const char *verb = constants[i].unit == VC_UNIT_PICOJOULES   ? "compute"
                           : constants[i].unit == VC_UNIT_MW_PER_KIB ? "leak"
                                                                     : "scale";
        if (strcmp(component, constants[i].name) == 0 && strcmp(action, verb) == 0)
            return constant_of(t, i);
    }
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        if (strcmp(component, vc_buffer_name((vc_buffer)b)) == 0) {
            if (strcmp(action, "read") == 0)
                return &t->read_pj_per_byte[b];
            if (strcmp(action, "write") == 0)
                return &t->write_pj_per_byte[b];
        }
    return NULL;
}

enum { COLUMNS = 4 };
static const char head[] = "component,action,energy,source";

/* Cuts a line at its first commas; returns how many columns there are. */
static int cut_line(char *column[COLUMNS], char *line)
{
    int count = 1;
    column[0] = line;
    for (char *at = line; count < COLUMNS && (at = strchr(at, ',')); count++) {
        *at++ = '\0';
        column[count] = at;
    }
    return count;
}

static vc_status read_row(vc_energy_table *out, vc_energy_table *seen, char *line, const char *path,
                          size_t number)
{
    char *column[COLUMNS], *end;
    const int columns = cut_line(column, line);
    if (columns < COLUMNS || column[3][0] == '\0')
        return vc_fail(VC_EFORMAT, "%s:%zu: has no source, wanted '%s'", path, number, head);
    double *to = place_of(out, column[0], column[1]), *mark = place_of(seen, column[0], column[1]);
    if (!to)
        return vc_fail(VC_EFORMAT,
                       "%s:%zu: no '%s' of '%s', wanted compute of mac, add, multiplication or "
                       "exponential, read or write of a scratchpad, leak of leakage, scale of node",
                       path, number, column[1], column[0]);
    if (*mark != 0.0)
        return vc_fail(VC_EFORMAT, "%s:%zu: '%s' of '%s' is there twice", path, number, column[1],
                       column[0]);
    *mark = 1.0;
    *to = strtod(column[2], &end);
    if (end == column[2] || *end != '\0' || !(*to >= 0.0 && *to <= 1e12) ||
        (mark == &seen->node_factor && *to == 0.0))
        return vc_fail(VC_EFORMAT, "%s:%zu: the energy is '%s', wanted a number from 0 to 1e12%s",
                       path, number, column[2],
                       mark == &seen->node_factor ? ", and of a node above 0" : "");
    return VC_OK;
}

/* All rows but the node's must be there, unless the table lies on top of another. */
static vc_status check_complete(vc_energy_table *seen, const char *path)
{
    static const char *const actions[] = {"read", "write"};
    for (size_t i = 0; i < NODE; i++)
        if (*constant_of(seen, i) == 0.0)
            return vc_fail(VC_EFORMAT, "%s: has no row of '%s'", path, constants[i].name);
    for (int b = 0; b < VC_BUFFER_COUNT; b++)
        for (int a = 0; a < 2; a++)
            if (*place_of(seen, vc_buffer_name((vc_buffer)b), actions[a]) == 0.0)
                return vc_fail(VC_EFORMAT, "%s: has no row '%s,%s'", path,
                               vc_buffer_name((vc_buffer)b), actions[a]);
    return VC_OK;
}

/* Takes the end off a line. */
static vc_status trim_line(char *line, size_t length, const char *path, size_t number)
{
    if (memchr(line, '\0', length))
        return vc_fail(VC_EFORMAT, "%s:%zu: has a byte 0, wanted text", path, number);
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        line[--length] = '\0';
    return VC_OK;
}

static vc_status read_line(vc_energy_table *out, vc_energy_table *seen, char *line,
                           const char *path, size_t number)
{
    if (number == 1)
        return strcmp(line, head) == 0
                   ? VC_OK
                   : vc_fail(VC_EFORMAT, "%s:1: begins with '%.60s', wanted '%s'", path, line,
                             head);
    return line[0] == '\0' ? VC_OK : read_row(out, seen, line, path, number);
}

static vc_status read_rows(vc_energy_table *out, FILE *stream, const char *path, int on_top)
{
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t length;
    vc_energy_table seen = {0};
    vc_status status = VC_OK;
    while (status == VC_OK && (length = getline(&line, &room, stream)) > 0) {
        status = trim_line(line, (size_t)length, path, ++number);
        if (status == VC_OK)
            status = read_line(out, &seen, line, path, number);
    }
    if (status == VC_OK && !feof(stream)) /* nor is there more when memory is out */
        status = vc_fail(VC_EIO, "%s: cannot read: %s", path, strerror(errno));
    free(line);
    VC_TRY(status);
    if (number == 0)
        return vc_fail(VC_EFORMAT, "%s: is empty, wanted '%s'", path, head);
    return on_top ? VC_OK : check_complete(&seen, path);
}

static vc_status read_csv(vc_energy_table *out, const char *path, int on_top)
{
    VC_TRY(vc_file_check_regular(path));
    FILE *stream = fopen(path, "r");
    if (!stream)
        return vc_fail(VC_EIO, "%s: cannot open: %s", path, strerror(errno));
    const vc_status status = read_rows(out, stream, path, on_top);
    fclose(stream);
    return status;
}

vc_status vc__energy_read_file(vc_energy_table *out, const char *path, int on_top)
{
    const size_t length = strlen(path);
    vc_yaml *yaml;
    if (length > 4 && strcmp(path + length - 4, ".csv") == 0)
        return read_csv(out, path, on_top);
    VC_TRY(vc_yaml_open(&yaml, path, VC_FILE_OTHER));
    const vc_yaml_map root = vc_yaml_root(yaml);
    const vc_status status = vc__energy_read(out, &root, on_top);
    vc_yaml_close(yaml);
    return status;
}
