/* The loader of OpenCL, and the devices that it shows. It is opened when a device is asked for, so
 * that the program starts without it. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencl_impl.h"

static const char loader[] = "libOpenCL.so.1";

const char *vc__cl_error(cl_int error)
{
    static const struct {
        cl_int error;
        const char *name;
    } names[] = {{CL_DEVICE_NOT_FOUND, "no device"},
                 {CL_DEVICE_NOT_AVAILABLE, "the device is not available"},
                 {CL_COMPILER_NOT_AVAILABLE, "it has no compiler"},
                 {CL_MEM_OBJECT_ALLOCATION_FAILURE, "no memory for a buffer"},
                 {CL_OUT_OF_RESOURCES, "out of resources"},
                 {CL_OUT_OF_HOST_MEMORY, "out of the host's memory"},
                 {CL_PROFILING_INFO_NOT_AVAILABLE, "its driver has none"},
                 {CL_BUILD_PROGRAM_FAILURE, "the compiler refuses"},
                 {CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, "what ran before it failed"},
                 {CL_INVALID_WORK_GROUP_SIZE, "the work-group is too large"},
                 {CL_INVALID_BUFFER_SIZE, "the buffer is too large"},
                 {CL_INVALID_KERNEL_NAME, "there is no such kernel"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].error == error)
            return names[i].name;
    return NULL;
}

vc_status vc__cl_load(vc__cl *out)
{
    static const char *const names[] = {loader, NULL};
    void *library = vc__device_library("VC_OPENCL", names);
    if (!library)
        return vc_fail(VC_EUNSUPPORTED, "%s: no loader of OpenCL, wanted it and a driver: %s",
                       loader, dlerror());
#define VC__CL_FIND(name)                                                                          \
    if (!vc__device_symbol(library, &out->name, "cl" #name))                                       \
        return vc_fail(VC_EUNSUPPORTED, "%s: has no 'cl%s', wanted OpenCL 1.2", loader, #name);
    VC__CL_MAP(VC__CL_FIND)
#undef VC__CL_FIND
    return VC_OK;
}

vc_status vc__cl_library(vc__clblast_sgemm **out, const vc_device_info *info)
{
    static const char *const names[] = {"libclblast.so.1", NULL};
    vc__products wanted;
    *out = NULL;
    VC_TRY(vc__products_wanted(&wanted));
    if (wanted == VC__PRODUCTS_PLAIN ||
        (wanted == VC__PRODUCTS_USUAL && strcmp(info->kind, "gpu") != 0))
        return VC_OK;
    void *library = vc__device_library("VC_CLBLAST", names);
    if ((library && vc__device_symbol(library, out, "CLBlastSgemm")) ||
        wanted == VC__PRODUCTS_USUAL)
        return VC_OK;
    return vc_fail(VC_EUNSUPPORTED, "VC_PRODUCTS is library, and %s is not there or is too old",
                   names[0]);
}

static vc_status add_devices(cl_device_id **out, size_t *count, const vc__cl *cl,
                             cl_platform_id platform)
{
    cl_uint here = 0;
    if (cl->GetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &here) != CL_SUCCESS || here == 0)
        return VC_OK;
    cl_device_id *grown = realloc(*out, (*count + here) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    *out = grown;
    if (cl->GetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, here, grown + *count, NULL) == CL_SUCCESS)
        *count += here;
    return VC_OK;
}

vc_status vc__cl_devices(cl_device_id **out, size_t *count, const vc__cl *cl)
{
    cl_uint platforms = 0;
    *out = NULL;
    *count = 0;
    if (cl->GetPlatformIDs(0, NULL, &platforms) != CL_SUCCESS || platforms == 0)
        return vc_fail(VC_EUNSUPPORTED,
                       "%s: finds no driver of OpenCL, wanted one that "
                       "/etc/OpenCL/vendors names",
                       loader);
    cl_platform_id *all = calloc(platforms, sizeof(cl_platform_id));
    if (!all)
        return vc_fail(VC_ENOMEM, "out of memory");
    vc_status status = VC_OK;
    if (cl->GetPlatformIDs(platforms, all, NULL) != CL_SUCCESS)
        platforms = 0;
    for (cl_uint p = 0; p < platforms && status == VC_OK; p++)
        status = add_devices(out, count, cl, all[p]);
    free(all);
    if (status == VC_OK && *count == 0)
        status = vc_fail(VC_EUNSUPPORTED, "%s: its drivers show no device", loader);
    if (status != VC_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

static uint64_t number_of(const vc__cl *cl, cl_device_id device, cl_device_info what)
{
    union {
        cl_uint narrow;
        cl_ulong wide;
        size_t size;
    } value = {.wide = 0};
    size_t bytes = 0;
    if (cl->GetDeviceInfo(device, what, sizeof value, &value, &bytes) != CL_SUCCESS)
        return 0;
    return bytes == sizeof value.narrow ? value.narrow : value.wide;
}

static void text_of(char *out, size_t room, const vc__cl *cl, cl_device_id device,
                    cl_device_info what)
{
    char text[1024] = "";
    if (cl->GetDeviceInfo(device, what, sizeof text - 1, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    const char *from = text + strspn(text, " ");
    snprintf(out, room, "%.*s", (int)room - 1, from);
}

void vc__cl_describe(vc_device_info *out, const vc__cl *cl, cl_device_id device, size_t index)
{
    const uint64_t type = number_of(cl, device, CL_DEVICE_TYPE);
    *out = (vc_device_info){.backend = "opencl",
                            .index = index,
                            .kind = type & CL_DEVICE_TYPE_GPU   ? "gpu"
                                    : type & CL_DEVICE_TYPE_CPU ? "cpu"
                                                                : "other",
                            .memory_bytes = number_of(cl, device, CL_DEVICE_GLOBAL_MEM_SIZE),
                            .largest_bytes = number_of(cl, device, CL_DEVICE_MAX_MEM_ALLOC_SIZE),
                            .local_bytes = number_of(cl, device, CL_DEVICE_LOCAL_MEM_SIZE),
                            .units = number_of(cl, device, CL_DEVICE_MAX_COMPUTE_UNITS),
                            .products = "plain"};
    text_of(out->name, sizeof out->name, cl, device, CL_DEVICE_NAME);
    text_of(out->vendor, sizeof out->vendor, cl, device, CL_DEVICE_VENDOR);
    text_of(out->driver, sizeof out->driver, cl, device, CL_DRIVER_VERSION);
}

vc_status vc__cl_check_groups(const vc_device_info *info, const vc__cl *cl, cl_device_id device)
{
    const uint64_t most = number_of(cl, device, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    return most == 0 || most >= VC__LANES
               ? VC_OK
               : vc_fail(VC_EUNSUPPORTED,
                         "opencl:%zu (%s) has work-groups of at most %zu lanes, wanted %d",
                         info->index, info->name, (size_t)most, VC__LANES);
}
