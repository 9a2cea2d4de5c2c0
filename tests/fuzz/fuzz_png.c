#include "fuzz_image.h"

#include <zlib.h>

enum { SIGNATURE = 8, IHDR = 25, MOST = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t u32(const uint8_t *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Mends checksums, which would otherwise reject every change. */
static void mend_checksums(uint8_t *png, size_t size)
{
    for (size_t at = SIGNATURE; at + 12 <= size;) {
        size_t bytes = u32(png + at);
        if (bytes > size - at - 12)
            return;
        uint32_t sum = (uint32_t)crc32(0, png + at + 4, (uInt)(bytes + 4));
        for (size_t i = 0; i < 4; i++)
            png[at + 8 + bytes + i] = (uint8_t)(sum >> (24 - 8 * i));
        at += bytes + 12;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t png[MOST];
    if (size < SIGNATURE + IHDR || size > MOST || memcmp(data, "\x89PNG\r\n\x1a\n", SIGNATURE) != 0)
        return 0;
    size_t width = u32(data + 16), height = u32(data + 20);
    if (width > FUZZ_MOST_PIXELS || height > FUZZ_MOST_PIXELS || width * height > FUZZ_MOST_PIXELS)
        return 0;
    memcpy(png, data, size);
    mend_checksums(png, size);
    uint8_t *exact = malloc(size); /* so that a read beyond it is seen */
    if (!exact)
        return 0;
    memcpy(exact, png, size);
    fuzz_image(exact, size);
    free(exact);
    return 0;
}
