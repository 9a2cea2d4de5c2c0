/* The header of an npy file: a Python dict as text (NEP 1). */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "npy_impl.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

/* What is read, and as what it is handed out: integers that no dtype here has get a wider one. */
static const struct {
    char kind;
    size_t width;
    vc_dtype dtype;
} readable[] = {{'b', 1, VC_BOOL}, {'f', 4, VC_F32}, {'f', 8, VC_F64}, {'f', 2, VC_F16},
                {'i', 1, VC_I8},   {'i', 2, VC_I32}, {'i', 4, VC_I32}, {'i', 8, VC_I64},
                {'u', 1, VC_U8},   {'u', 2, VC_I32}, {'u', 4, VC_I64}, {'u', 8, VC_I64}};

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

static vc_status parse_dtype(vc__npy_layout *out, const char *path, const char *header)
{
    const char *descr = find_value(header, "'descr'");
    if (descr && *descr == '[')
        return vc_fail(VC_EFORMAT, "%s: npy with named fields, wanted an array of plain numbers",
                       path);
    if (!descr || *descr != '\'')
        return vc_fail(VC_EFORMAT, "%s: the npy header has no 'descr'", path);
    descr++;
    const size_t length = strcspn(descr, "'");
    const char *kind = descr + (length > 0 && strchr("<>|=", *descr) != NULL);
    char *end;
    const size_t width = strtoul(kind + (*kind != '\0'), &end, 10);
    for (size_t i = 0; end == descr + length && i < sizeof readable / sizeof *readable; i++)
        if (*kind == readable[i].kind && width == readable[i].width) {
            out->kind = *kind;
            out->width = width;
            out->big_endian = *descr == '>';
            out->tensor.dtype = readable[i].dtype;
            return VC_OK;
        }
    if (length > 1 && descr[1] == 'O')
        return vc_fail(VC_EFORMAT, "%s: npy of pickled Python objects, wanted numbers", path);
    return vc_fail(VC_EFORMAT,
                   "%s: npy dtype '%.*s', wanted floats of 2, 4 or 8 bytes, integers or booleans",
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
        shape = end + (*end == 'L'); /* of Python 2 */
    }
}

static vc_status parse_order(int *fortran, const char *path, const char *header)
{
    const char *order = find_value(header, "'fortran_order'");
    *fortran = order && strncmp(order, "True", 4) == 0;
    if (*fortran || (order && strncmp(order, "False", 5) == 0))
        return VC_OK;
    return vc_fail(VC_EFORMAT, "%s: the npy header has no 'fortran_order' of True or False", path);
}

static vc_status check_bytes(const vc__npy_layout *n, const char *path)
{
    const size_t count = vc_tensor_count(&n->tensor);
    size_t want;
    char text[VC_SHAPE_TEXT];
    if (count != SIZE_MAX && !__builtin_mul_overflow(count, n->width, &want) &&
        want == n->data_bytes)
        return VC_OK;
    return vc_fail(VC_EFORMAT, "%s: %zu bytes of data, wanted %s values of %zu bytes", path,
                   n->data_bytes, vc_shape_text(text, n->tensor.rank, n->tensor.shape), n->width);
}

int vc__npy_begins(const unsigned char *bytes, size_t length)
{
    return length >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0;
}

vc_status vc__npy_parse(vc__npy_layout *out, const unsigned char *bytes, size_t length,
                        const char *path)
{
    *out = (vc__npy_layout){0};
    if (length < 12 || !vc__npy_begins(bytes, length))
        return vc_fail(VC_EFORMAT, "%s: does not start with npy's magic", path);
    const unsigned version = bytes[6];
    if (version < 1 || version > 3)
        return vc_fail(VC_EFORMAT, "%s: npy version %u, wanted 1 to 3", path, version);
    const size_t prefix = version == 1 ? 10 : 12;
    size_t header_bytes = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (version > 1)
        header_bytes |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (header_bytes > length - prefix)
        return vc_fail(VC_EFORMAT, "%s: npy header of %zu bytes in a file of %zu", path,
                       header_bytes, length);
    char *header = strndup((const char *)bytes + prefix, header_bytes);
    if (!header)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    vc_status status = parse_dtype(out, path, header);
    if (status == VC_OK)
        status = parse_shape(&out->tensor, path, header);
    if (status == VC_OK)
        status = parse_order(&out->fortran, path, header);
    free(header);
    VC_TRY(status);
    out->first = prefix + header_bytes;
    out->data_bytes = length - out->first;
    return check_bytes(out, path);
}
