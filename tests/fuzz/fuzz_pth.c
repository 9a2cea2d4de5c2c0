/* Whole checkpoints. This tries mostly the zip archive, whose checksums keep changes from what is
 * inside. */
#include "fuzzing.h"
#include "vitcod/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_tensor_file *file;
    if (vc_weights_open(&file, fuzz_path(data, size), VC_WEIGHTS_ANY) == VC_OK)
        fuzz_tensor_file(file);
    return 0;
}
