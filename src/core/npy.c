#include "vitcod/npy.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    vc_dtype dtype;
    const char *descr;
} descriptors[] = {
#define VC_DTYPE_DESCR(name, bytes, safetensors, npy) {VC_##name, npy},
    VC_DTYPE_MAP(VC_DTYPE_DESCR)
#undef VC_DTYPE_DESCR
};

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* The text behind `'key':` in the header's dict, or NULL. */
static const char *find_value(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    if (!at)
        return NULL;
    at += strlen(key);
    while (*at == ' ' || *at == ':')
        at++;
    return at;
}

static vc_status parse_dtype(vc_dtype *out, const char *path, const char *header)
{
    const char *descr = find_value(header, "'descr'");
    if (!descr || *descr != '\'')
        return vc_fail(VC_EFORMAT, "%s: the npy header has no 'descr'", path);
    descr++;
    size_t length = strcspn(descr, "'");
    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++) {
        const char *known = descriptors[i].descr;
        if (known && strlen(known) == length && strncmp(known, descr, length) == 0) {
            *out = descriptors[i].dtype;
            return VC_OK;
        }
    }
    return vc_fail(VC_EFORMAT, "%s: npy dtype '%.*s', wanted one of <f4 <f8 <f2 <i8 <i4 |u1 |b1",
                   path, (int)(length < 32 ? length : 32), descr);
}

static vc_status parse_shape(vc_tensor *out, const char *path, const char *header)
{
    const char *shape = find_value(header, "'shape'");
    if (!shape || *shape != '(')
        return vc_fail(VC_EFORMAT, "%s: the npy header has no 'shape'", path);
    shape++;
    out->rank = 0;
    for (;;) {
        while (*shape == ' ' || *shape == ',')
            shape++;
        if (*shape == ')')
            return VC_OK;
        if (!isdigit((unsigned char)*shape))
            return vc_fail(VC_EFORMAT, "%s: the npy header's 'shape' cannot be read", path);
        if (out->rank == VC_MAX_RANK)
            return vc_fail(VC_EFORMAT, "%s: npy rank above %d", path, VC_MAX_RANK);
        char *end;
        out->shape[out->rank++] = strtoull(shape, &end, 10);
        shape = end;
    }
}

static vc_status parse(vc_npy *npy, const char *path)
{
    const unsigned char *bytes = npy->file.data;
    size_t length = npy->file.bytes;
    if (length < 12 || memcmp(bytes, magic, sizeof magic) != 0)
        return vc_fail(VC_EFORMAT, "%s: does not start with npy's magic", path);
    unsigned version = bytes[6];
    if (version < 1 || version > 3)
        return vc_fail(VC_EFORMAT, "%s: npy version %u, wanted 1 to 3", path, version);
    size_t prefix = version == 1 ? 10 : 12;
    size_t header_bytes = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (version > 1)
        header_bytes |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (header_bytes > length - prefix)
        return vc_fail(VC_EFORMAT, "%s: npy header of %zu bytes in a file of %zu", path,
                       header_bytes, length);
    char *header = strndup((const char *)bytes + prefix, header_bytes);
    if (!header)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    vc_tensor *tensor = &npy->tensor;
    vc_status status = parse_dtype(&tensor->dtype, path, header);
    if (status == VC_OK)
        status = parse_shape(tensor, path, header);
    const char *order = find_value(header, "'fortran_order'");
    if (status == VC_OK && (!order || strncmp(order, "False", 5) != 0))
        status = vc_fail(VC_EFORMAT, "%s: npy in Fortran order, wanted C order", path);
    free(header);
    VC_TRY(status);

    size_t count = vc_tensor_count(tensor);
    size_t have = length - prefix - header_bytes;
    size_t want;
    if (count == SIZE_MAX || __builtin_mul_overflow(count, vc_dtype_bytes(tensor->dtype), &want) ||
        want != have) {
        char text[VC_SHAPE_TEXT];
        return vc_fail(VC_EFORMAT, "%s: %zu bytes of data, wanted %s values of %zu bytes", path,
                       have, vc_shape_text(text, tensor->rank, tensor->shape),
                       vc_dtype_bytes(tensor->dtype));
    }
    tensor->data = (void *)(bytes + prefix + header_bytes);
    return VC_OK;
}

vc_status vc_npy_open(vc_npy *out, const char *path)
{
    *out = (vc_npy){0};
    VC_TRY(vc_file_map(&out->file, path));
    vc_status status = parse(out, path);
    if (status == VC_OK && (uintptr_t)out->tensor.data % vc_dtype_bytes(out->tensor.dtype) != 0)
        status = vc_fail(VC_EFORMAT, "%s: npy data starts at an unaligned byte", path);
    if (status != VC_OK)
        vc_npy_close(out);
    return status;
}

void vc_npy_close(vc_npy *npy)
{
    vc_file_unmap(&npy->file);
    *npy = (vc_npy){0};
}

vc_status vc_npy_write(const char *path, const vc_tensor *tensor)
{
    const char *descr = descriptors[tensor->dtype].descr;
    if (!descr)
        return vc_fail(VC_EINVAL, "%s: npy cannot hold %s", path, vc_dtype_name(tensor->dtype));
    char header[512];
    int used = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                        descr);
    for (size_t i = 0; i < tensor->rank; i++)
        used += snprintf(header + used, sizeof header - (size_t)used, "%s%zu", i ? ", " : "",
                         tensor->shape[i]);
    if (tensor->rank == 1) /* a Python tuple of one has a comma */
        used += snprintf(header + used, sizeof header - (size_t)used, ",");
    used += snprintf(header + used, sizeof header - (size_t)used, "), }");
    /* The data starts at a multiple of 64, as NumPy writes it. */
    size_t header_bytes = ((size_t)used + 1 + 10 + 63) / 64 * 64 - 10;
    while ((size_t)used < header_bytes - 1)
        header[used++] = ' ';
    header[used] = '\n';

    vc_file_writer writer;
    VC_TRY(vc_file_write_begin(&writer, path));
    unsigned char prefix[10] = {[6] = 1,
                                [8] = (unsigned char)(header_bytes & 255),
                                [9] = (unsigned char)(header_bytes >> 8)};
    memcpy(prefix, magic, sizeof magic);
    fwrite(prefix, 1, sizeof prefix, writer.stream);
    fwrite(header, 1, header_bytes, writer.stream);
    fwrite(tensor->data, vc_dtype_bytes(tensor->dtype), vc_tensor_count(tensor), writer.stream);
    return vc_file_write_commit(&writer);
}
