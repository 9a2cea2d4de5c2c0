#include "fuzzing.h"
#include "vitcod/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_tensor_file *file;
    if (vc_safetensors_open(&file, fuzz_path(data, size)) == VC_OK)
        fuzz_tensor_file(file);
    return 0;
}
