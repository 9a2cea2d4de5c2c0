/* The libraries of CUDA, and the devices that its driver shows. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_impl.h"

vc_status vc__cu_load(vc__cu *out, void **opened)
{
    static const char *const names[] = {"libcuda.so.1", NULL};
    void *library = vc__device_library("VC_CUDA", names);
    if (opened)
        *opened = library;
    if (!library)
        return vc_fail(VC_EUNSUPPORTED, "%s: no driver of CUDA, wanted NVIDIA's: %s", names[0],
                       dlerror());
#define VC__CU_FIND(name, arguments)                                                               \
    if (!vc__device_symbol(library, &out->name, #name))                                            \
        return vc_fail(VC_EUNSUPPORTED, "%s: has no '%s', wanted a newer driver", names[0], #name);
    VC__CU_MAP(VC__CU_FIND)
#undef VC__CU_FIND
    const vc__cu_result error = out->cuInit(0);
    const char *text = NULL;
    if (error == 0)
        return VC_OK;
    out->cuGetErrorString(error, &text);
    return vc_fail(VC_EUNSUPPORTED, "%s: does not start, error %d: %s", names[0], error,
                   text ? text : "unknown");
}

void vc__cu_order(const char **out, const char *const *versions, int driver)
{
    size_t count = 0;
    for (int newer = 0; newer < 2; newer++)
        for (size_t i = 0; versions[i]; i++)
            if ((driver > 0 && atoi(versions[i]) > driver / 1000) == newer)
                out[count++] = versions[i];
    out[count] = NULL;
}

void *vc__cu_library(const char *variable, const char *stem, const char *const *versions,
                     int driver)
{
    enum { MOST = 8 };
    const char *ordered[MOST], *names[MOST] = {NULL};
    char text[MOST][64];
    vc__cu_order(ordered, versions, driver);
    for (size_t i = 0; ordered[i]; i++) {
        snprintf(text[i], sizeof text[i], "%s.%s", stem, ordered[i]);
        names[i] = text[i];
    }
    return vc__device_library(variable, names);
}

vc_status vc__cu_describe(vc_device_info *out, int *architecture, const vc__cu *cu, int index)
{
    enum { SHARED_BYTES = 8, UNITS = 16, INTEGRATED = 18, MAJOR = 75, MINOR = 76 };
    int device = 0, major = 0, minor = 0, shared = 0, units = 0, integrated = 0, version = 0;
    size_t bytes = 0;
    vc__cu_result error = cu->cuDeviceGet(&device, index);
    *out = (vc_device_info){.backend = "cuda",
                            .index = (size_t)index,
                            .vendor = "NVIDIA",
                            .kind = "gpu",
                            .products = "plain"};
    if (error == 0)
        error = cu->cuDeviceGetName(out->name, (int)sizeof out->name, device);
    if (error == 0)
        error = cu->cuDeviceTotalMem_v2(&bytes, device);
    if (error != 0)
        return vc_fail(VC_EUNSUPPORTED, "cuda:%d: cannot be asked, error %d", index, error);
    cu->cuDeviceGetAttribute(&shared, SHARED_BYTES, device);
    cu->cuDeviceGetAttribute(&units, UNITS, device);
    cu->cuDeviceGetAttribute(&integrated, INTEGRATED, device);
    cu->cuDeviceGetAttribute(&major, MAJOR, device);
    cu->cuDeviceGetAttribute(&minor, MINOR, device);
    if (cu->cuDeviceGetPCIBusId(out->bus, (int)sizeof out->bus, device) != 0)
        out->bus[0] = '\0';
    cu->cuDriverGetVersion(&version);
    out->memory_bytes = bytes;
    out->local_bytes = (uint64_t)shared;
    out->units = (size_t)units;
    snprintf(out->driver, sizeof out->driver, "CUDA %d.%d, sm_%d%d%s", version / 1000,
             version % 1000 / 10, major, minor, integrated ? ", shares the host's memory" : "");
    *architecture = 10 * major + minor;
    return VC_OK;
}
