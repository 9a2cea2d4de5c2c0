#include "resize_impl.h"

static void resize_row(uint8_t *out, const uint8_t *in, size_t channels, const vc__taps *taps)
{
    for (size_t x = 0; x < taps->count; x++) {
        const uint8_t *from = in + taps->first[x] * channels;
        const int32_t *weight = taps->weight + x * taps->stride;
        for (size_t c = 0; c < channels; c++) {
            int32_t sum = 0;
            for (size_t t = 0; t < taps->used[x]; t++)
                sum += weight[t] * from[t * channels + c];
            out[x * channels + c] = vc__weighted_to_pixel(sum);
        }
    }
}

void vc__resize_rows_ref(uint8_t *out, const uint8_t *in, size_t rows, size_t width,
                         size_t channels, const vc__taps *taps)
{
    for (size_t y = 0; y < rows; y++)
        resize_row(out + y * taps->count * channels, in + y * width * channels, channels, taps);
}

void vc__resize_columns_ref(uint8_t *out, const uint8_t *in, size_t base, size_t row_bytes,
                            const vc__taps *taps)
{
    for (size_t y = 0; y < taps->count; y++) {
        const uint8_t *from = in + (taps->first[y] - base) * row_bytes;
        const int32_t *weight = taps->weight + y * taps->stride;
        for (size_t i = 0; i < row_bytes; i++) {
            int32_t sum = 0;
            for (size_t t = 0; t < taps->used[y]; t++)
                sum += weight[t] * from[t * row_bytes + i];
            out[y * row_bytes + i] = vc__weighted_to_pixel(sum);
        }
    }
}
