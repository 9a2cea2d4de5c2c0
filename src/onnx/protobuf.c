/* Protobuf's wire format: a field is its number and kind, then a number, four bytes, or a length
 * and so many bytes. */
#include <stdlib.h>
#include <string.h>

#include "onnx_impl.h"

enum { WIRE_NUMBER = 0, WIRE_BYTES = 2, WIRE_FOUR = 5 };

void vc__bytes_close(vc__bytes *b)
{
    free(b->data);
    *b = (vc__bytes){0};
}

void vc__put_raw(vc__bytes *out, const void *data, size_t count)
{
    if (out->status != VC_OK || count == 0)
        return;
    if (out->count + count > out->room) {
        const size_t room = 2 * (out->count + count);
        unsigned char *grown = realloc(out->data, room);
        if (!grown) {
            out->status = vc_fail(VC_ENOMEM, "out of memory for an ONNX graph");
            return;
        }
        out->data = grown;
        out->room = room;
    }
    memcpy(out->data + out->count, data, count);
    out->count += count;
}

static void append_number(vc__bytes *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t count = 0;
    for (; value >= 128; value >>= 7)
        bytes[count++] = (unsigned char)(value | 128);
    bytes[count++] = (unsigned char)value;
    vc__put_raw(out, bytes, count);
}

static void append_key(vc__bytes *out, unsigned field, unsigned kind)
{
    append_number(out, field << 3 | kind);
}

void vc__put_number(vc__bytes *out, unsigned field, uint64_t value)
{
    append_key(out, field, WIRE_NUMBER);
    append_number(out, value);
}

void vc__put_float(vc__bytes *out, unsigned field, float value)
{
    append_key(out, field, WIRE_FOUR);
    vc__put_raw(out, &value, sizeof value);
}

void vc__put_head(vc__bytes *out, unsigned field, size_t count)
{
    append_key(out, field, WIRE_BYTES);
    append_number(out, count);
}

void vc__put_bytes(vc__bytes *out, unsigned field, const void *data, size_t count)
{
    vc__put_head(out, field, count);
    vc__put_raw(out, data, count);
}

void vc__put_text(vc__bytes *out, unsigned field, const char *text)
{
    vc__put_bytes(out, field, text, strlen(text));
}

void vc__put_message(vc__bytes *out, unsigned field, vc__bytes *message)
{
    if (out->status == VC_OK)
        out->status = message->status;
    vc__put_bytes(out, field, message->data, message->count);
    vc__bytes_close(message);
}
