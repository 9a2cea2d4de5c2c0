/* Values: kinds, units, ranges. */
#include <ctype.h>
#include <libfyaml.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "yaml_impl.h"

typedef struct unit {
    vc_yaml_unit dimension;
    const char *name;
    /* stored value = written value * times / over: dividing by 1000 rounds as a literal does,
     * multiplying by 0.001 may not */
    double times, over;
} unit;

static const unit units[] = {
    {VC_UNIT_BYTES, "B", 1.0, 1.0},
    {VC_UNIT_BYTES, "kB", 1e3, 1.0},
    {VC_UNIT_BYTES, "KB", 1e3, 1.0},
    {VC_UNIT_BYTES, "KiB", 1024.0, 1.0},
    {VC_UNIT_BYTES, "MB", 1e6, 1.0},
    {VC_UNIT_BYTES, "MiB", 1048576.0, 1.0},
    {VC_UNIT_BYTES, "GB", 1e9, 1.0},
    {VC_UNIT_BYTES, "GiB", 1073741824.0, 1.0},
    {VC_UNIT_HERTZ, "Hz", 1.0, 1.0},
    {VC_UNIT_HERTZ, "kHz", 1e3, 1.0},
    {VC_UNIT_HERTZ, "MHz", 1e6, 1.0},
    {VC_UNIT_HERTZ, "GHz", 1e9, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "B/s", 1.0, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "kB/s", 1e3, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "KB/s", 1e3, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "KiB/s", 1024.0, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "MB/s", 1e6, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "MiB/s", 1048576.0, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "GB/s", 1e9, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "GiB/s", 1073741824.0, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "TB/s", 1e12, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "TiB/s", 1099511627776.0, 1.0},
    {VC_UNIT_BYTES_PER_SECOND, "Mbit/s", 1e6, 8.0},
    {VC_UNIT_BYTES_PER_SECOND, "Gbit/s", 1e9, 8.0},
    {VC_UNIT_BYTES_PER_SECOND, "Tbit/s", 1e12, 8.0},
    {VC_UNIT_SECONDS, "s", 1.0, 1.0},
    {VC_UNIT_SECONDS, "ms", 1.0, 1e3},
    {VC_UNIT_SECONDS, "us", 1.0, 1e6},
    {VC_UNIT_SECONDS, "ns", 1.0, 1e9},
    {VC_UNIT_SECONDS, "ps", 1.0, 1e12},
    {VC_UNIT_PICOJOULES, "fJ", 1.0, 1e3},
    {VC_UNIT_PICOJOULES, "pJ", 1.0, 1.0},
    {VC_UNIT_PICOJOULES, "nJ", 1e3, 1.0},
    {VC_UNIT_PICOJOULES, "uJ", 1e6, 1.0},
    {VC_UNIT_PJ_PER_BYTE, "pJ/B", 1.0, 1.0},
    {VC_UNIT_PJ_PER_BIT, "pJ/bit", 1.0, 1.0},
    {VC_UNIT_MW_PER_KIB, "uW/KiB", 1.0, 1e3},
    {VC_UNIT_MW_PER_KIB, "mW/KiB", 1.0, 1.0},
    {VC_UNIT_MM2, "um2", 1.0, 1e6},
    {VC_UNIT_MM2, "mm2", 1.0, 1.0},
    {VC_UNIT_MM2_PER_KIB, "um2/KiB", 1.0, 1e6},
    {VC_UNIT_MM2_PER_KIB, "mm2/KiB", 1.0, 1.0},
    {VC_UNIT_VOLTS, "mV", 1.0, 1e3},
    {VC_UNIT_VOLTS, "V", 1.0, 1.0},
    {VC_UNIT_AMPERES, "uA", 1.0, 1e6},
    {VC_UNIT_AMPERES, "mA", 1.0, 1e3},
    {VC_UNIT_AMPERES, "A", 1.0, 1.0},
};

const char *vc_yaml_unit_name(vc_yaml_unit dimension)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].dimension == dimension && units[i].times == units[i].over)
            return units[i].name;
    return "";
}

/* Lists the units that a value may have, for messages. */
static const char *unit_list(char text[200], vc_yaml_unit dimension)
{
    size_t used = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].dimension == dimension)
            used +=
                (size_t)snprintf(text + used, 200 - used, "%s%s", used ? ", " : "", units[i].name);
    return text;
}

/* Reads a decimal number with a point and an exponent, independent of the locale. Returns a pointer
 * to its end, or NULL if it is not a number. */
static const char *read_decimal(double *out, const char *text)
{
    char copy[64];
    size_t n = strspn(text, "+-.0123456789eE");
    const char *end = text + n;
    if (n == 0 || n >= sizeof copy || strspn(text, "+-.eE") == n)
        return NULL;
    memcpy(copy, text, n);
    copy[n] = 0;
    /* The point is removed and the exponent adjusted, because what strtod takes for a decimal point
     * depends on the locale. */
    char *exponent = strpbrk(copy, "eE"), *rest, plain[96];
    long power = 0;
    if (exponent) {
        power = strtol(exponent + 1, &rest, 10);
        if (*rest || rest == exponent + 1 || power > 400 || power < -400)
            return NULL;
        *exponent = 0;
    }
    char *point = strchr(copy, '.');
    if (point) {
        power -= (long)strlen(point + 1);
        memmove(point, point + 1, strlen(point + 1) + 1);
    }
    snprintf(plain, sizeof plain, "%se%ld", copy, power);
    *out = strtod(plain, &rest);
    return *rest || rest == plain || !isfinite(*out) ? NULL : end;
}

/* A whole number up to 2^53 as 0x40 or, octal, 0o100; the rest as of a decimal. */
static const char *read_based(double *out, const char *text)
{
    const unsigned base = (text[1] | 32) == 'x' ? 16 : 8;
    const char *at = text + 2;
    uint64_t value = 0;
    for (; isxdigit((unsigned char)*at); at++) {
        const unsigned digit =
            *at <= '9' ? (unsigned)(*at - '0') : ((unsigned)*at | 32u) - 'a' + 10;
        if (digit >= base)
            return NULL;
        value = value * base + digit;
        if (value > UINT64_C(1) << 53)
            return NULL;
    }
    *out = (double)value;
    return at == text + 2 ? NULL : at;
}

static const char *read_plain(double *out, const char *text)
{
    return text[0] == '0' && strchr("xXo", text[1]) && text[1] ? read_based(out, text)
                                                               : read_decimal(out, text);
}

static vc_status read_quantity(double *out, const vc_yaml_map *map, const vc_yaml_field *f,
                               const char *text)
{
    char list[200];
    const char *rest = read_plain(out, text);
    if (!rest)
        return vc_yaml_fail(map, f->key, "is '%.40s', wanted a number%s%s", text,
                            f->unit ? " and a unit of " : "",
                            f->unit ? unit_list(list, f->unit) : "");
    rest += strspn(rest, " ");
    if (!f->unit) {
        if (*rest)
            return vc_yaml_fail(map, f->key, "is '%.40s', wanted a number without a unit", text);
        return VC_OK;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (units[i].dimension == f->unit && strcmp(units[i].name, rest) == 0) {
            *out = *out * units[i].times / units[i].over;
            return VC_OK;
        }
    return vc_yaml_fail(map, f->key, "is '%.40s', wanted a unit of %s", text,
                        unit_list(list, f->unit));
}

static vc_status read_number(void *out, const vc_yaml_map *map, const vc_yaml_field *f,
                             const char *text)
{
    const double exact = 9007199254740992.0;
    double value = 0.0;
    VC_TRY(read_quantity(&value, map, f, text));
    if (f->kind == VC_YAML_COUNT && (value != floor(value) || fabs(value) > exact))
        return vc_yaml_fail(map, f->key, "is '%.40s', wanted a whole number", text);
    if (!(value >= f->least && value <= f->most))
        return vc_yaml_fail(map, f->key, "is '%.40s', wanted %.15g to %.15g", text, f->least,
                            f->most);
    if (f->kind == VC_YAML_COUNT)
        *(uint64_t *)out = (uint64_t)value;
    else
        *(double *)out = value;
    return VC_OK;
}

static vc_status read_word(int *out, const vc_yaml_map *map, const vc_yaml_field *f,
                           const char *text)
{
    char known[256] = "";
    size_t used = 0;
    for (int i = 0; f->words[i]; i++) {
        if (strcmp(f->words[i], text) == 0) {
            *out = i;
            return VC_OK;
        }
        if (used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                     f->words[i]);
    }
    return vc_yaml_fail(map, f->key, "is '%.40s', wanted one of %s", text, known);
}

static vc_status read_words(int *out, const vc_yaml_map *map, const vc_yaml_field *f,
                            struct fy_node *node)
{
    const size_t count = fy_node_is_sequence(node) ? (size_t)fy_node_sequence_item_count(node) : 0;
    if (count != f->room)
        return vc_yaml_fail(map, f->key, "has %zu words, wanted a sequence of %zu", count, f->room);
    for (size_t i = 0; i < count; i++) {
        const char *text = fy_node_get_scalar0(fy_node_sequence_get_by_index(node, (int)i));
        if (!text)
            return vc_yaml_fail(map, f->key,
                                "has a list or a mapping as its word %zu, wanted a word", i + 1);
        VC_TRY(read_word(&out[i], map, f, text));
    }
    return VC_OK;
}

/* One value of a list. */
static vc_status read_item(void *out, size_t at, const vc_yaml_map *map, const vc_yaml_field *f,
                           struct fy_node *node)
{
    vc_yaml_numbers *numbers = out;
    vc_yaml_texts *texts = out;
    vc_yaml_field one = *f;
    one.kind = f->kind == VC_YAML_NUMBERS ? VC_YAML_NUMBER : VC_YAML_TEXT;
    one.room = VC_YAML_TEXT_ROOM;
    if (f->kind == VC_YAML_NUMBERS)
        return vc__yaml_value(&numbers->values[at], map, &one, node);
    return vc__yaml_value(texts->values[at], map, &one, node);
}

static vc_status read_list(void *out, const vc_yaml_map *map, const vc_yaml_field *f,
                           struct fy_node *node)
{
    size_t *const total = out; /* the first member of both kinds of list */
    const int sequence = fy_node_is_sequence(node);
    const size_t count = sequence ? (size_t)fy_node_sequence_item_count(node) : 1;
    if (count == 0 || count > VC_YAML_MOST_LIST)
        return vc_yaml_fail(map, f->key, "has %zu values, wanted 1 to %d", count,
                            VC_YAML_MOST_LIST);
    for (size_t i = 0; i < count; i++) {
        struct fy_node *item = sequence ? fy_node_sequence_get_by_index(node, (int)i) : node;
        vc_yaml_map here = *map;
        here.item_line = sequence ? vc__yaml_line(item) : 0;
        VC_TRY(read_item(out, i, &here, f, item));
    }
    *total = count;
    return VC_OK;
}

int vc_yaml_flag(const char *text)
{
    /* as YAML 1.1 has them */
    static const char *const words[] = {"false", "true", "False", "True", "FALSE", "TRUE",
                                        "no",    "yes",  "No",    "Yes",  "NO",    "YES",
                                        "off",   "on",   "Off",   "On",   "OFF",   "ON"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], text) == 0)
            return (int)(i % 2);
    return -1;
}

static vc_status read_flag(int *out, const vc_yaml_map *map, const vc_yaml_field *f,
                           const char *text)
{
    const int flag = vc_yaml_flag(text);
    if (flag < 0)
        return vc_yaml_fail(map, f->key, "is '%.40s', wanted true or false", text);
    *out = flag;
    return VC_OK;
}

vc_status vc__yaml_value(void *out, const vc_yaml_map *map, const vc_yaml_field *f,
                         struct fy_node *node)
{
    if ((f->kind == VC_YAML_MAP || f->kind == VC_YAML_NAMED) && fy_node_is_mapping(node))
        return VC_OK;
    if (f->kind == VC_YAML_MAP)
        return vc_yaml_fail(map, f->key, "is no mapping, wanted keys and values");
    if (f->kind == VC_YAML_WORDS)
        return read_words(out, map, f, node);
    if (f->kind == VC_YAML_NUMBERS || f->kind == VC_YAML_TEXTS)
        return read_list(out, map, f, node);
    const char *text = fy_node_is_scalar(node) ? fy_node_get_scalar0(node) : NULL;
    if (!text || !text[0])
        return vc_yaml_fail(map, f->key, "is %s, wanted one value",
                            text                        ? "empty"
                            : fy_node_is_sequence(node) ? "a list"
                                                        : "a mapping");
    if (f->kind == VC_YAML_TEXT || f->kind == VC_YAML_NAMED) {
        if (strlen(text) >= f->room)
            return vc_yaml_fail(map, f->key, "has %zu bytes, wanted at most %zu", strlen(text),
                                f->room - 1);
        memcpy(out, text, strlen(text) + 1);
        return VC_OK;
    }
    if (f->kind == VC_YAML_WORD)
        return read_word(out, map, f, text);
    if (f->kind == VC_YAML_FLAG)
        return read_flag(out, map, f, text);
    return read_number(out, map, f, text);
}
