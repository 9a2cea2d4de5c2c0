/* In place of the files opencl_*.c where the headers of OpenCL were missing. */
#include "device_impl.h"

static vc_status refuse(void)
{
    return vc_fail(VC_EUNSUPPORTED, "this build has no OpenCL, wanted one made with its headers");
}

static vc_status list(vc_device_info **out, size_t *count)
{
    *out = NULL;
    *count = 0;
    return refuse();
}

static vc_status open_queue(void **out, size_t index, vc_device_info *info)
{
    (void)index;
    (void)info;
    *out = NULL;
    return refuse();
}

const vc__runtime vc__opencl = {.name = "opencl", .list = list, .open = open_queue};
