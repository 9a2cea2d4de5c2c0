/* A mask, averaged attention, and what is said of either. */
#include "fuzzing.h"
#include "vitcod/maps.h"
#include "vitcod/mask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_path(data, size);
    vc_mask mask;
    vc_map_set maps;
    if (vc_mask_read(&mask, path) == VC_OK) {
        (void)vc_mask_check_rows(&mask, path);
        if (vc_mask_kept(&mask) > mask.layers * mask.heads * mask.queries * mask.keys)
            abort();
        vc_mask_close(&mask);
    }
    if (vc_map_set_read(&maps, path) == VC_OK) {
        const vc_maps *m = &maps.maps[0];
        float sum = 0.0f;
        for (size_t i = 0; i < m->layers * m->heads * m->queries * m->keys; i++)
            sum += m->values[i];
        (void)*(const volatile float *)&sum;
        vc_map_set_close(&maps);
    }
    return 0;
}
