/* Any pickle in a valid archive: what fuzz_pth cannot reach. */
#include "archive.h"
#include "vitcod/pth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_tensor_file *file;
    if (vc_pth_open(&file, fuzz_archive(data, size), VC_WEIGHTS_ANY) == VC_OK)
        fuzz_tensor_file(file);
    return 0;
}
