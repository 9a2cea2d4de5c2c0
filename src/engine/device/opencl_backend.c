/* OpenCL's row of the backends. */
#include "device_impl.h"

static vc_status opencl_open(void **device, const vc_backend_options *options)
{
    return vc__device_open(device, &vc__opencl, options);
}

static vc_status opencl_devices(vc_device_info **out, size_t *count)
{
    return vc__opencl.list(out, count);
}

const vc_backend vc_backend_opencl = {
    .name = "opencl",
    .tolerance = {[VC_IN_FP32] = 1e-4, [VC_IN_BF16] = 0.02, [VC_IN_FP16] = 0.01},
    .devices = opencl_devices,
    .open = opencl_open,
    VC__DEVICE_ROW};
