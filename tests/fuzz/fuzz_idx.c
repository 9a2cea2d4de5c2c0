#define _GNU_SOURCE
#include "fuzz_file.h"

#include "vitcod/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_tensor tensor;
    if (vc_idx_read(&tensor, fuzz_file(data, size)) != VC_OK)
        return 0;
    const uint8_t *values = tensor.data;
    volatile uint8_t last = values[vc_tensor_count(&tensor) - 1];
    (void)last;
    free(tensor.data);
    return 0;
}
