/* A valid checkpoint of one uint8 tensor with any offset, shape and strides. If it opens, the
 * values must be those that shape and strides describe, which are found here in the simple way. */
#include "archive.h"

#include <string.h>

#include "vitcod/pth.h"

typedef struct input {
    const uint8_t *data;
    size_t size;
} input;

/* Small numbers of either sign mostly, sometimes any. */
static int64_t take(input *in)
{
    int64_t value = 0;
    if (in->size == 0)
        return 0;
    int8_t first = (int8_t)*in->data++;
    in->size--;
    if (first > -8)
        return first;
    size_t count = in->size < 8 ? in->size : 8;
    memcpy(&value, in->data, count);
    in->data += count;
    in->size -= count;
    return value;
}

typedef struct output {
    uint8_t data[1024];
    size_t size;
} output;

static void put(output *out, const char *ops, size_t size)
{
    memcpy(out->data + out->size, ops, size);
    out->size += size;
}

#define put_ops(out, literal) put(out, literal, sizeof(literal) - 1)

static void put_integer(output *out, int64_t value)
{
    put_ops(out, "\x8a\x08");
    memcpy(out->data + out->size, &value, 8);
    out->size += 8;
}

static void put_integers(output *out, const int64_t *values, size_t count)
{
    put_ops(out, "(");
    for (size_t i = 0; i < count; i++)
        put_integer(out, values[i]);
    put_ops(out, "t");
}

static void check(const vc_tensor *tensor, int64_t offset, const int64_t *strides)
{
    const uint8_t *have = tensor->data;
    size_t count = vc_tensor_count(tensor);
    for (size_t i = 0; i < count; i++) {
        int64_t at = offset;
        size_t left = i;
        for (size_t d = tensor->rank; d-- > 0;) {
            at += (int64_t)(left % tensor->shape[d]) * strides[d];
            left /= tensor->shape[d];
        }
        if (at < 0 || at >= FUZZ_STORAGE_BYTES || have[i] != at)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    int64_t rank = take(&in) & 15, offset = take(&in), shape[16], strides[16];
    for (int64_t d = 0; d < rank; d++) {
        shape[d] = take(&in);
        strides[d] = take(&in);
    }
    output out = {.size = 0};
    put_ops(&out, "\x80\2}\x8c\1wctorch._utils\n_rebuild_tensor\n("
                  "(\x8c\7storagectorch\nByteStorage\n\x8c\0011\x8c\3cpuK\x40tQ");
    put_integer(&out, offset);
    put_integers(&out, shape, (size_t)rank);
    put_integers(&out, strides, (size_t)rank);
    put_ops(&out, "tRs.");
    vc_tensor_file *file;
    if (vc_pth_open(&file, fuzz_archive(out.data, out.size), VC_WEIGHTS_ANY) != VC_OK)
        return 0;
    check(vc_tensor_file_find(file, "w"), offset, strides);
    fuzz_tensor_file(file);
    return 0;
}
