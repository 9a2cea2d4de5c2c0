#include <string.h>

#include "pickle_impl.h"

static vc_status push_integer(vc__machine *m, vc__value_kind kind, int64_t integer)
{
    vc__value *value;
    VC_TRY(vc__pickle_new(m, &value, kind));
    value->integer = integer;
    return vc__pickle_push(m, value);
}

vc_status vc__pickle_none(vc__machine *m)
{
    return push_integer(m, VC__NONE, 0);
}

vc_status vc__pickle_true(vc__machine *m)
{
    return push_integer(m, VC__BOOL, 1);
}

vc_status vc__pickle_false(vc__machine *m)
{
    return push_integer(m, VC__BOOL, 0);
}

static vc_status push_unsigned(vc__machine *m, size_t bytes)
{
    uint64_t integer;
    VC_TRY(vc__pickle_take_uint(m, &integer, bytes));
    return push_integer(m, VC__INTEGER, (int64_t)integer);
}

vc_status vc__pickle_int1(vc__machine *m)
{
    return push_unsigned(m, 1);
}

vc_status vc__pickle_int2(vc__machine *m)
{
    return push_unsigned(m, 2);
}

vc_status vc__pickle_int4(vc__machine *m)
{
    uint64_t integer;
    VC_TRY(vc__pickle_take_uint(m, &integer, 4));
    return push_integer(m, VC__INTEGER, (int32_t)(uint32_t)integer);
}

/* A little-endian two's complement number of any length. Numbers longer than an int64 occur as
 * random seeds; they become reals, since no tensor needs them. */
static vc_status push_long(vc__machine *m, uint64_t length)
{
    if (length > VC__PICKLE_MAX_LONG)
        return vc__pickle_fail(m, "an integer of %llu bytes, wanted at most %d",
                               (unsigned long long)length, VC__PICKLE_MAX_LONG);
    const unsigned char *bytes;
    VC_TRY(vc__pickle_take(m, &bytes, (size_t)length));
    if (length > 8)
        return push_integer(m, VC__LONG, 0);
    uint64_t integer = 0;
    for (size_t i = 0; i < length; i++)
        integer |= (uint64_t)bytes[i] << (8 * i);
    if (length > 0 && length < 8 && bytes[length - 1] >= 0x80)
        integer |= UINT64_MAX << (8 * length);
    return push_integer(m, VC__INTEGER, (int64_t)integer);
}

vc_status vc__pickle_long1(vc__machine *m)
{
    uint64_t length;
    VC_TRY(vc__pickle_take_uint(m, &length, 1));
    return push_long(m, length);
}

vc_status vc__pickle_long4(vc__machine *m)
{
    uint64_t length;
    VC_TRY(vc__pickle_take_uint(m, &length, 4));
    return push_long(m, length);
}

vc_status vc__pickle_float(vc__machine *m)
{
    const unsigned char *bytes;
    VC_TRY(vc__pickle_take(m, &bytes, 8));
    return push_integer(m, VC__REAL, 0); /* the value is not needed */
}

/* Bytes of the UTF-8 sequence at `at`; 0 if it is overlong, a surrogate, or cut off. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80             ? 1
                    : (at[0] & 0xe0) == 0xc0 ? 2
                    : (at[0] & 0xf0) == 0xe0 ? 3
                    : (at[0] & 0xf8) == 0xf0 ? 4
                                             : 0;
    if (length <= 1)
        return length;
    if (length > left)
        return 0;
    uint32_t code = at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    int surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[length] || code > 0x10ffff || surrogate ? 0 : length;
}

static int is_utf8(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count;) {
        size_t length = sequence_length(bytes + i, count - i);
        if (length == 0)
            return 0;
        i += length;
    }
    return 1;
}

/* What can be compared and shown as a text. */
static int is_text(const unsigned char *bytes, size_t count)
{
    return !memchr(bytes, 0, count) && is_utf8(bytes, count);
}

static vc_status push_text(vc__machine *m, const unsigned char *bytes, size_t count)
{
    vc__value *value;
    VC_TRY(vc__pickle_new(m, &value, VC__TEXT));
    char *text = vc__pool_take(m->pool, count + 1);
    if (!text)
        return vc__pickle_no_memory(m);
    memcpy(text, bytes, count);
    text[count] = '\0';
    value->text = text;
    value->count = count;
    return vc__pickle_push(m, value);
}

/* What is no text stays where it is. */
static vc_status push_in_place(vc__machine *m, vc__value_kind kind, const unsigned char *bytes,
                               size_t count)
{
    vc__value *value;
    VC_TRY(vc__pickle_new(m, &value, kind));
    value->text = (const char *)bytes;
    value->count = count;
    return vc__pickle_push(m, value);
}

static vc_status take_sized(vc__machine *m, const unsigned char **out, size_t *count, size_t width)
{
    uint64_t length;
    VC_TRY(vc__pickle_take_uint(m, &length, width));
    VC_TRY(vc__pickle_take(m, out, length > SIZE_MAX ? SIZE_MAX : (size_t)length));
    *count = (size_t)length;
    return VC_OK;
}

static vc_status unicode(vc__machine *m, size_t width)
{
    const unsigned char *bytes;
    size_t count;
    VC_TRY(take_sized(m, &bytes, &count, width));
    if (!is_utf8(bytes, count))
        return vc__pickle_fail(m, "a string of %zu bytes is not UTF-8", count);
    /* protocol 2 writes bytes as a string of as many characters; no name has a zero */
    return is_text(bytes, count) ? push_text(m, bytes, count)
                                 : push_in_place(m, VC__CHARACTERS, bytes, count);
}

vc_status vc__pickle_text1(vc__machine *m)
{
    return unicode(m, 1);
}

vc_status vc__pickle_text4(vc__machine *m)
{
    return unicode(m, 4);
}

vc_status vc__pickle_text8(vc__machine *m)
{
    return unicode(m, 8);
}

static vc_status opaque(vc__machine *m, size_t width)
{
    const unsigned char *bytes;
    size_t count;
    VC_TRY(take_sized(m, &bytes, &count, width));
    return push_in_place(m, VC__BYTES, bytes, count);
}

vc_status vc__pickle_bytes1(vc__machine *m)
{
    return opaque(m, 1);
}

vc_status vc__pickle_bytes4(vc__machine *m)
{
    return opaque(m, 4);
}

vc_status vc__pickle_bytes8(vc__machine *m)
{
    return opaque(m, 8);
}

/* A string of Python 2: text if it is UTF-8, else bytes. */
static vc_status string(vc__machine *m, size_t width)
{
    const unsigned char *bytes;
    size_t count;
    VC_TRY(take_sized(m, &bytes, &count, width));
    return is_text(bytes, count) ? push_text(m, bytes, count)
                                 : push_in_place(m, VC__BYTES, bytes, count);
}

vc_status vc__pickle_string1(vc__machine *m)
{
    return string(m, 1);
}

vc_status vc__pickle_string4(vc__machine *m)
{
    return string(m, 4);
}
