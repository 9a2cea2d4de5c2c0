/* Normalised images for a model, as an array. */
#include "fuzzing.h"

#include <math.h>

#include "../small_deit.h"
#include "vitcod/image_array.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const vc__deit_config sizes = {SMALL_DEIT, .depth = 1};
    static vc_model *model;
    vc_npy images;
    if (!model && vc__deit_create(&model, &sizes, 1) != VC_OK)
        abort();
    if (vc_image_array_open(&images, fuzz_path(data, size), model) != VC_OK)
        return 0;
    const float *values = images.tensor.data;
    for (size_t i = 0; i < vc_tensor_count(&images.tensor); i++)
        if (!isfinite(values[i]))
            abort();
    vc_npy_close(&images);
    return 0;
}
