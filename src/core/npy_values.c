/* Values of an npy file in another order, byte order or width than memory has them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "npy_impl.h"
#include "vitcod/memory_limit.h"

int vc__npy_as_it_is(const vc__npy_layout *n, const unsigned char *bytes)
{
    const int transposed = n->fortran && n->tensor.rank > 1;
    return !transposed && (!n->big_endian || n->width == 1) &&
           n->width == vc_dtype_bytes(n->tensor.dtype) &&
           (n->kind != 'u' || n->tensor.dtype == VC_U8) &&
           (uintptr_t)(bytes + n->first) % n->width == 0;
}

/* The bits of one value, extended to 64 with its sign. */
static uint64_t bits_of(const vc__npy_layout *n, const unsigned char *at)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < n->width; i++)
        bits |= (uint64_t)at[n->big_endian ? n->width - 1 - i : i] << 8 * i;
    const uint64_t sign = (uint64_t)1 << (8 * n->width - 1);
    return n->kind == 'i' ? (bits ^ sign) - sign : bits;
}

static void store(unsigned char *to, uint64_t bits, size_t width)
{
    for (size_t i = 0; i < width; i++) /* little endian, as all that this runs on */
        to[i] = (unsigned char)(bits >> 8 * i);
}

vc_status vc__npy_convert(void **room, const vc__npy_layout *n, const unsigned char *bytes,
                          const char *path)
{
    const vc_tensor *t = &n->tensor;
    const size_t count = vc_tensor_count(t), width = vc_dtype_bytes(t->dtype);
    size_t at[VC_MAX_RANK] = {0}, stride[VC_MAX_RANK], from = 0;
    unsigned char *to = *room = vc_memory_take(count, width, path);
    if (!to)
        return VC_ENOMEM;
    for (size_t d = 0, step = 1; d < t->rank; d++) {
        const size_t axis = n->fortran ? d : t->rank - 1 - d;
        stride[axis] = step;
        step *= t->shape[axis];
    }
    for (size_t i = 0; i < count; i++) {
        const uint64_t bits = bits_of(n, bytes + n->first + from * n->width);
        if (n->kind == 'u' && n->width == 8 && bits > INT64_MAX)
            return vc_fail(VC_EFORMAT, "%s: %llu at flat index %zu, wanted at most %lld", path,
                           (unsigned long long)bits, i, (long long)INT64_MAX);
        store(to + i * width, bits, width);
        for (size_t axis = t->rank; axis-- > 0;) {
            from += stride[axis];
            if (++at[axis] < t->shape[axis])
                break;
            from -= stride[axis] * t->shape[axis];
            at[axis] = 0;
        }
    }
    return VC_OK;
}
