/* Base64 (RFC 4648). */
#include "report_impl.h"

void vc__base64(FILE *out, const uint8_t *bytes, size_t count)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < count; i += 3) {
        const size_t left = count - i;
        const unsigned group = (unsigned)bytes[i] << 16 |
                               (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0u) |
                               (left > 2 ? (unsigned)bytes[i + 2] : 0u);
        putc(letters[group >> 18], out);
        putc(letters[group >> 12 & 63], out);
        putc(left > 1 ? letters[group >> 6 & 63] : '=', out);
        putc(left > 2 ? letters[group & 63] : '=', out);
    }
}
