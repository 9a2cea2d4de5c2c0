/* CUDA's row of the backends. */
#include "device_impl.h"

static vc_status cuda_open(void **device, const vc_backend_options *options)
{
    return vc__device_open(device, &vc__cuda, options);
}

static vc_status cuda_devices(vc_device_info **out, size_t *count)
{
    return vc__cuda.list(out, count);
}

const vc_backend vc_backend_cuda = {
    .name = "cuda",
    .tolerance = {[VC_IN_FP32] = 1e-4, [VC_IN_BF16] = 0.02, [VC_IN_FP16] = 0.01},
    .devices = cuda_devices,
    .open = cuda_open,
    VC__DEVICE_ROW};
