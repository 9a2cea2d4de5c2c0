#include <string.h>

#include "vitcod/ops.h"

void vc_patches_gather(float *rows, const float *images, size_t batch, size_t channels, size_t size,
                       size_t patch)
{
    size_t grid = size / patch, width = channels * patch * patch;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < batch * grid * grid; row++) {
        size_t b = row / (grid * grid), y = row / grid % grid, x = row % grid;
        float *out = rows + row * width;
        for (size_t c = 0; c < channels; c++)
            for (size_t i = 0; i < patch; i++, out += patch)
                memcpy(out, images + ((b * channels + c) * size + y * patch + i) * size + x * patch,
                       patch * sizeof(float));
    }
}
