#include "tar_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int vc__tar_number(uint64_t *out, const char *field, size_t width)
{
    const unsigned char *p = (const unsigned char *)field;
    uint64_t value = 0;
    size_t i = 0;
    if (p[0] & 0x80) {
        for (value = p[0] & 0x7f, i = 1; i < width; i++) {
            if (value >= VC__TAR_LARGEST >> 8)
                return 0;
            value = value << 8 | p[i];
        }
        *out = value;
        return 1;
    }
    while (i < width && p[i] == ' ')
        i++;
    size_t digits = i;
    for (; i < width && p[i] >= '0' && p[i] <= '7'; i++)
        value = value << 3 | (uint64_t)(p[i] - '0');
    *out = value;
    return value < VC__TAR_LARGEST && i > digits && (i == width || p[i] == ' ' || p[i] == '\0');
}

int vc__tar_checksum_agrees(const vc__tar_header *h)
{
    const unsigned char *p = (const unsigned char *)h;
    uint64_t wanted, sum = 0;
    for (size_t i = 0; i < VC__TAR_BLOCK; i++)
        sum += p[i];
    for (size_t i = 0; i < sizeof h->checksum; i++)
        sum = sum - (unsigned char)h->checksum[i] + ' ';
    return vc__tar_number(&wanted, h->checksum, sizeof h->checksum) && wanted == sum;
}

int vc__tar_is_zero(const void *block)
{
    static const char zero[VC__TAR_BLOCK];
    return memcmp(block, zero, VC__TAR_BLOCK) == 0;
}

int vc__tar_join(char out[VC__TAR_NAME], const char *text, size_t count)
{
    size_t length = strlen(out);
    for (size_t i = 0; i < count;) {
        size_t end = i;
        while (end < count && text[end] != '/')
            end++;
        size_t part = end - i;
        if (part > 0 && !(part == 1 && text[i] == '.')) {
            if (length + part + 2 > VC__TAR_NAME)
                return 0;
            if (length > 0)
                out[length++] = '/';
            memcpy(out + length, text + i, part);
            length += part;
            out[length] = '\0';
        }
        i = end + 1;
    }
    return 1;
}

int vc__tar_climbs(const char *name)
{
    for (const char *p = name; (p = strstr(p, "..")); p += 2)
        if ((p == name || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
            return 1;
    return 0;
}

vc_status vc__tar_keep_name(vc__tar_extra *extra, const char *name, size_t length,
                            const vc__tar_place *place)
{
    if (length >= VC__TAR_NAME || strlen(name) < length || length == 0)
        return vc_fail(VC_EFORMAT, "%s: the long name after '%s' has %zu bytes, wanted 1 to %d",
                       place->path, place->last, length, VC__TAR_NAME - 1);
    memcpy(extra->name, name, length);
    extra->name[length] = '\0';
    return VC_OK;
}

static vc_status keep_record(vc__tar_extra *extra, const char *key, const char *value,
                             size_t length, int global, const vc__tar_place *place)
{
    int is_path = strcmp(key, "path") == 0, is_size = strcmp(key, "size") == 0;
    if (strncmp(key, "GNU.sparse", 10) == 0 || (global && (is_path || is_size)))
        return vc_fail(VC_EUNSUPPORTED, "%s: a pax header after '%s' sets '%s' %s", place->path,
                       place->last, key, global ? "for all entries" : "(a sparse file)");
    if (is_path)
        return vc__tar_keep_name(extra, value, length, place);
    if (is_size) {
        char *end;
        errno = 0;
        extra->bytes = strtoull(value, &end, 10);
        extra->has_bytes = 1;
        if (end != value + length || *value < '0' || *value > '9' || errno ||
            extra->bytes >= VC__TAR_LARGEST)
            return vc_fail(VC_EFORMAT, "%s: a pax header after '%s' has size '%s'", place->path,
                           place->last, value);
    }
    return VC_OK;
}

vc_status vc__tar_keep_records(vc__tar_extra *extra, char *text, size_t bytes, int global,
                               const vc__tar_place *place)
{
    for (size_t at = 0; at < bytes;) {
        char *end, *record = text + at;
        unsigned long length = *record >= '0' && *record <= '9' ? strtoul(record, &end, 10) : 0;
        char *key = length > 0 ? end + 1 : NULL;
        if (!key || *end != ' ' || length > bytes - at || record + length < key + 2 ||
            record[length - 1] != '\n')
            return vc_fail(VC_EFORMAT, "%s: damaged pax header after '%s'", place->path,
                           place->last);
        record[length - 1] = '\0';
        char *value = memchr(key, '=', (size_t)(record + length - key));
        if (!value)
            return vc_fail(VC_EFORMAT, "%s: damaged pax header after '%s'", place->path,
                           place->last);
        *value++ = '\0';
        VC_TRY(
            keep_record(extra, key, value, (size_t)(record + length - 1 - value), global, place));
        at += length;
    }
    return VC_OK;
}
