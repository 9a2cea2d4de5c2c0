#include "vitcod/checksum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char key[] = "crc32";

uint32_t vc_checksum(uint32_t before, const void *data, size_t bytes)
{
    return (uint32_t)crc32_z(before, data, bytes);
}

/* A step can be undone, so words that differ give sums that differ. A product moves bits only
 * upwards; the rotation brings them down again. With eight sums side by side no step waits for the
 * one before it. */
static uint64_t step(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    return sum << 29 | sum >> 35;
}

enum { LANES = 8, LINE = LANES * sizeof(uint64_t) };

static void add_line(uint64_t sums[LANES], const unsigned char *data)
{
    uint64_t words[LANES];
    memcpy(words, data, LINE);
    for (size_t i = 0; i < LANES; i++)
        sums[i] = step(sums[i], words[i]);
}

uint64_t vc_checksum_wide(uint64_t before, const void *data, size_t bytes)
{
    const unsigned char *at = data, *end = at + bytes / LINE * LINE;
    uint64_t sums[LANES];
    for (size_t i = 0; i < LANES; i++)
        sums[i] = before + i;
    for (; at < end; at += LINE)
        add_line(sums, at);
    if (bytes % LINE) {
        unsigned char last[LINE] = {0};
        memcpy(last, at, bytes % LINE);
        add_line(sums, last);
    }
    uint64_t all = step(before, bytes);
    for (size_t i = 0; i < LANES; i++)
        all = step(all, sums[i]);
    return all;
}

char *vc_checksum_text(char text[VC_CHECKSUM_TEXT], uint32_t sum)
{
    snprintf(text, VC_CHECKSUM_TEXT, "%08x", (unsigned)sum);
    return text;
}

vc_status vc_checksum_check(uint32_t sum, const char *said, const char *path)
{
    char is[VC_CHECKSUM_TEXT];
    if (!said)
        return vc_fail(VC_EFORMAT, "%s: has no checksum '%s'", path, key);
    if (strcmp(said, vc_checksum_text(is, sum)) == 0)
        return VC_OK;
    return vc_fail(VC_EFORMAT, "%s: damaged: its checksum is %s, and it says %s", path, is, said);
}

/* Of all members but its own, in the order of their names. */
static vc_status sum_of(uint32_t *sum, const json_t *object, const char *path)
{
    json_t *rest = vc_json_copy(object);
    if (rest)
        json_object_del(rest, key);
    char *all = vc_json_dump(rest, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(rest);
    if (!all)
        return vc_fail(VC_ENOMEM, "%s: out of memory for its checksum", path);
    *sum = vc_checksum(0, all, strlen(all));
    free(all);
    return VC_OK;
}

vc_status vc_json_write_sealed(const char *path, const json_t *object)
{
    uint32_t sum;
    char text[VC_CHECKSUM_TEXT];
    VC_TRY(sum_of(&sum, object, path));
    json_t *sealed = vc_json_copy(object);
    vc_json_set(&sealed, key, json_string(vc_checksum_text(text, sum)));
    if (!sealed)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    const vc_status status = vc_json_write_exact(path, sealed);
    json_decref(sealed);
    return status;
}

vc_status vc_json_check_seal(const json_t *object, const char *path)
{
    uint32_t sum;
    VC_TRY(sum_of(&sum, object, path));
    return vc_checksum_check(sum, json_string_value(json_object_get(object, key)), path);
}
