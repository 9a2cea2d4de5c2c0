#include "fuzzing.h"
#include "vitcod/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_npy npy;
    if (vc_npy_open(&npy, fuzz_path(data, size)) == VC_OK) {
        fuzz_tensor(&npy.tensor);
        vc_npy_close(&npy);
    }
    return 0;
}
