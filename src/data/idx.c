#include "vitcod/idx.h"
#include "vitcod/memory_limit.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "vitcod/file.h"

enum {
    IDX_UNSIGNED_BYTE = 8,
    READ_AT_ONCE = 1 << 30,
    DEFLATE_MOST = 1032 /* bytes that a byte of deflate can become */
};

static vc_status read_bytes(gzFile file, const char *path, void *out, size_t bytes)
{
    unsigned char *at = out;
    size_t have = 0;
    while (have < bytes) {
        size_t left = bytes - have;
        int got = gzread(file, at + have, (unsigned)(left < READ_AT_ONCE ? left : READ_AT_ONCE));
        if (got < 0)
            return vc_fail(VC_EFORMAT, "%s: damaged gzip data after %zu of %zu bytes", path, have,
                           bytes);
        if (got == 0)
            return vc_fail(VC_EFORMAT, "%s: truncated: %zu of %zu bytes could be read", path, have,
                           bytes);
        have += (size_t)got;
    }
    return VC_OK;
}

static vc_status read_header(vc_tensor *out, gzFile file, const char *path)
{
    unsigned char magic[4];
    VC_TRY(read_bytes(file, path, magic, sizeof magic));
    if (magic[0] != 0 || magic[1] != 0 || magic[2] != IDX_UNSIGNED_BYTE)
        return vc_fail(VC_EFORMAT, "%s: starts with %02x %02x %02x, wanted IDX's 00 00 08", path,
                       magic[0], magic[1], magic[2]);
    if (magic[3] < 1 || magic[3] > 4)
        return vc_fail(VC_EFORMAT, "%s: IDX rank %u, wanted 1 to 4", path, magic[3]);
    *out = (vc_tensor){.dtype = VC_U8, .rank = magic[3]};
    for (size_t i = 0; i < out->rank; i++) {
        unsigned char size[4];
        VC_TRY(read_bytes(file, path, size, sizeof size));
        out->shape[i] =
            (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
    }
    return VC_OK;
}

/* Checks that the file can hold what its header claims, before memory is allocated for it. */
static vc_status check_claim(size_t count, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return vc_fail(VC_EIO, "%s: cannot be looked at: %s", path, strerror(errno));
    if (count / DEFLATE_MOST > (size_t)info.st_size)
        return vc_fail(VC_EFORMAT,
                       "%s: truncated: %zu values in the header, %lld bytes in the file", path,
                       count, (long long)info.st_size);
    return VC_OK;
}

static vc_status read_values(vc_tensor *out, gzFile file, const char *path)
{
    size_t count = vc_tensor_count(out);
    if (count == 0 || count > (size_t)1 << 40)
        return vc_fail(VC_EFORMAT, "%s: the IDX header names %zu values, wanted 1 to 2^40", path,
                       count);
    VC_TRY(check_claim(count, path));
    out->data = vc_memory_take(count, 1, path);
    if (!out->data)
        return VC_ENOMEM;
    VC_TRY(read_bytes(file, path, out->data, count));
    unsigned char extra;
    int got = gzread(file, &extra, 1);
    if (got < 0)
        return vc_fail(VC_EFORMAT, "%s: damaged gzip data", path);
    if (got > 0)
        return vc_fail(VC_EFORMAT, "%s: longer than the %zu values of its header", path, count);
    return VC_OK;
}

vc_status vc_idx_read(vc_tensor *out, const char *path)
{
    *out = (vc_tensor){0};
    VC_TRY(vc_file_check_regular(path));
    gzFile file = gzopen(path, "rb"); /* also reads files that are not compressed */
    if (!file)
        return vc_fail(VC_EIO, "%s: cannot open: %s", path, strerror(errno));
    vc_status status = read_header(out, file, path);
    if (status == VC_OK)
        status = read_values(out, file, path);
    if (gzclose(file) != Z_OK && status == VC_OK)
        status = vc_fail(VC_EFORMAT, "%s: truncated: the gzip data ends before its checksum", path);
    if (status != VC_OK) {
        free(out->data);
        *out = (vc_tensor){0};
    }
    return status;
}
