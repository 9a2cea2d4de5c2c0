#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The container is made around the EXIF data, so that only these have to be found. */
static void look_in(const char *head, size_t count, const uint8_t *data, size_t size)
{
    uint8_t *file = malloc(count + size);
    if (!file)
        return;
    memcpy(file, head, count);
    memcpy(file + count, data, size);
    const int turn = vc_image_orientation(file, count + size);
    free(file);
    if (turn < 1 || turn > 8)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char jpeg[] = {
        '\xff', '\xd8', '\xff', '\xe1', (char)((size + 8) >> 8), (char)(size + 8), 'E', 'x',
        'i',    'f',    0,      0};
    const char webp[] = {'R', 'I', 'F', 'F', 0,   0,   0,   0,          'W',
                         'E', 'B', 'P', 'E', 'X', 'I', 'F', (char)size, (char)(size >> 8),
                         0,   0};
    look_in(jpeg, sizeof jpeg, data, size);
    look_in(webp, sizeof webp, data, size);
    look_in("\x89PNG\r\n\x1a\n", 8, data, size);
    look_in("\xff\xd8", 2, data, size);
    return 0;
}
