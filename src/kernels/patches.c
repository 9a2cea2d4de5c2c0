#include <string.h>

#include "vitcod/ops.h"

void vc_patch_row(float *row, const float *image, size_t index, const vc_patches *p)
{
    const size_t columns = p->image.width / p->patch.width, top = index / columns * p->patch.height,
                 left = index % columns * p->patch.width;
    for (size_t c = 0; c < p->channels; c++)
        for (size_t i = 0; i < p->patch.height; i++, row += p->patch.width)
            memcpy(row, image + (c * p->image.height + top + i) * p->image.width + left,
                   p->patch.width * sizeof *row);
}

void vc_patches_gather(float *rows, const float *images, size_t batch, const vc_patches *p)
{
    const size_t width = p->channels * vc_extent_area(p->patch),
                 values = p->channels * vc_extent_area(p->image), patches = values / width;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < batch * patches; row++)
        vc_patch_row(rows + row * width, images + row / patches * values, row % patches, p);
}
