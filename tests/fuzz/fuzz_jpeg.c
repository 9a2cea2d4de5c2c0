#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_frame(const uint8_t *p)
{
    return p[0] == 0xff && p[1] >= 0xc0 && p[1] <= 0xcf && p[1] != 0xc4 && p[1] != 0xc8 &&
           p[1] != 0xcc;
}

static int is_small(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 9 <= size; i++) {
        size_t height = (size_t)data[i + 5] << 8 | data[i + 6];
        size_t width = (size_t)data[i + 7] << 8 | data[i + 8];
        if (is_frame(data + i) && height * width > FUZZ_MOST_PIXELS)
            return 0;
    }
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0 && is_small(data, size))
        fuzz_image(data, size);
    return 0;
}
