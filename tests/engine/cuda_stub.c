/* A driver of CUDA that can run nothing: it looks at what it is called with. Objects have to be
 * made before they are used and released once; memory is the host's, and what is copied has to
 * fit; launches have to fit the kernel's parameters, which are read from its source. Any call can
 * be made to fail. */
#include "stub_impl.h"

static object *current; /* context */
static int started;

#define CALLED(error)                                                                              \
    STUB_CALLED(error);                                                                            \
    if (!started)                                                                                  \
    stub_fault(__func__, "before cuInit")

enum { OUT_OF_MEMORY = 2, LAUNCH_FAILED = 719 };

static void not_recording(const char *where)
{
    if (stub_state.recording)
        stub_fault(where, "while launches are recorded");
}

static void in_context(const char *where)
{
    if (!current)
        stub_fault(where, "no context is this thread's");
}

/* ---- the driver */

int cuInit(unsigned flags);
int cuInit(unsigned flags)
{
    if (stub_fails(__func__))
        return 100;
    if (flags)
        stub_fault(__func__, "flags");
    started = 1;
    return 0;
}

int cuGetErrorString(int error, const char **out);
int cuGetErrorString(int error, const char **out)
{
    *out = error == LAUNCH_FAILED ? "the device is lost" : "as the test wants it";
    return 0;
}

int cuDriverGetVersion(int *out);
int cuDriverGetVersion(int *out)
{
    *out = stub_state.driver;
    return 0;
}

int cuDeviceGetCount(int *out);
int cuDeviceGetCount(int *out)
{
    CALLED(100);
    *out = stub_state.devices;
    return 0;
}

int cuDeviceGet(int *out, int index);
int cuDeviceGet(int *out, int index)
{
    CALLED(101);
    if (index < 0 || index >= stub_state.devices)
        stub_fault(__func__, "no such device");
    *out = 40 + index;
    return 0;
}

static void check_device(int device, const char *where)
{
    if (device < 40 || device >= 40 + stub_state.devices)
        stub_fault(where, "no such device");
}

int cuDeviceGetName(char *out, int room, int device);
int cuDeviceGetName(char *out, int room, int device)
{
    CALLED(101);
    check_device(device, __func__);
    snprintf(out, (size_t)room, "Stub");
    return 0;
}

int cuDeviceGetPCIBusId(char *out, int room, int device);
int cuDeviceGetPCIBusId(char *out, int room, int device)
{
    check_device(device, __func__);
    snprintf(out, (size_t)room, "0000:0%d:00.0", device - 40);
    return 0;
}

int cuDeviceTotalMem_v2(size_t *out, int device);
int cuDeviceTotalMem_v2(size_t *out, int device)
{
    CALLED(101);
    check_device(device, __func__);
    *out = stub_state.memory_bytes;
    return 0;
}

int cuDeviceGetAttribute(int *out, int attribute, int device);
int cuDeviceGetAttribute(int *out, int attribute, int device)
{
    check_device(device, __func__);
    *out = attribute == 8    ? (int)stub_state.local_bytes
           : attribute == 75 ? stub_state.architecture / 10
           : attribute == 76 ? stub_state.architecture % 10
                             : 4;
    return 0;
}

int cuDevicePrimaryCtxRetain(void **out, int device);
int cuDevicePrimaryCtxRetain(void **out, int device)
{
    CALLED(101);
    check_device(device, __func__);
    *out = stub_make(CONTEXT, 1);
    return 0;
}

int cuDevicePrimaryCtxRelease_v2(int device);
int cuDevicePrimaryCtxRelease_v2(int device)
{
    check_device(device, __func__);
    for (object *o = stub_objects; o; o = o->next)
        if (o->of == CONTEXT) {
            if (stub_state.live > 1)
                stub_fault(__func__, "something is left in the context");
            if (o == current)
                current = NULL;
            stub_drop(o);
            break;
        }
    return 0;
}

int cuCtxSetCurrent(void *context);
int cuCtxSetCurrent(void *context)
{
    CALLED(201);
    current = context ? stub_find(context, CONTEXT, __func__) : NULL;
    return 0;
}

int cuStreamCreate(void **out, unsigned flags);
int cuStreamCreate(void **out, unsigned flags)
{
    CALLED(OUT_OF_MEMORY);
    in_context(__func__);
    if (flags != 1)
        stub_fault(__func__, "not apart from the default one");
    *out = stub_make(STREAM, 1);
    return 0;
}

int cuStreamDestroy_v2(void *stream);
int cuStreamDestroy_v2(void *stream)
{
    in_context(__func__);
    stub_release(stream, STREAM, __func__);
    return 0;
}

int cuStreamSynchronize(void *stream);
int cuStreamSynchronize(void *stream)
{
    stub_state.queued = 0; /* a device that is lost reads nothing more */
    CALLED(LAUNCH_FAILED);
    not_recording(__func__);
    in_context(__func__);
    stub_find(stream, STREAM, __func__);
    return 0;
}

int cuMemAlloc_v2(uint64_t *out, size_t bytes);
int cuMemAlloc_v2(uint64_t *out, size_t bytes)
{
    CALLED(OUT_OF_MEMORY);
    not_recording(__func__);
    in_context(__func__);
    if (bytes == 0)
        stub_fault(__func__, "no bytes");
    *out = (uint64_t)(uintptr_t)stub_make(MEMORY, bytes)->at;
    return 0;
}

int cuMemFree_v2(uint64_t memory);
int cuMemFree_v2(uint64_t memory)
{
    in_context(__func__);
    stub_release((void *)(uintptr_t)memory, MEMORY, __func__);
    return 0;
}

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream);
int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t bytes, void *stream)
{
    CALLED(LAUNCH_FAILED);
    not_recording(__func__);
    stub_state.writes++;
    stub_state.queued++;
    stub_find(stream, STREAM, __func__);
    stub_check_range(to, bytes, __func__);
    memcpy((void *)(uintptr_t)to, from, bytes);
    return 0;
}

int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream);
int cuMemcpyDtoHAsync_v2(void *to, uint64_t from, size_t bytes, void *stream)
{
    CALLED(LAUNCH_FAILED);
    not_recording(__func__);
    stub_state.reads++;
    stub_state.queued++;
    stub_find(stream, STREAM, __func__);
    stub_check_range(from, bytes, __func__);
    memcpy(to, (const void *)(uintptr_t)from, bytes);
    return 0;
}

int cuModuleLoadData(void **out, const void *image);
int cuModuleLoadData(void **out, const void *image)
{
    CALLED(200);
    in_context(__func__);
    const size_t bytes = strlen(image) + 1;
    object *made = stub_make(MODULE, bytes);
    memcpy(made->at, image, bytes);
    *out = made;
    return 0;
}

int cuModuleUnload(void *module);
int cuModuleUnload(void *module)
{
    in_context(__func__);
    const object *m = stub_find(module, MODULE, __func__);
    for (object *o = stub_objects, *next; m && o; o = next) {
        next = o->next;
        if (o->of == FUNCTION && o->image >= m->at && o->image < m->at + m->bytes)
            stub_drop(o);
    }
    stub_release(module, MODULE, __func__);
    return 0;
}

int cuModuleGetFunction(void **out, void *module, const char *name);
int cuModuleGetFunction(void **out, void *module, const char *name)
{
    CALLED(500);
    const object *m = stub_find(module, MODULE, __func__);
    const char *at = m ? stub_parameters(m->at, name) : NULL;
    if (!at) {
        stub_fault(__func__, name);
        return 500;
    }
    object *made = stub_make(FUNCTION, 1);
    made->image = at;
    *out = made;
    return 0;
}

/* What a kernel is called with, against the text of its parameters. */
static void check_arguments(const char *text, void **arguments)
{
    for (size_t i = 0; *text && *text != ')'; i++) {
        const size_t length = strcspn(text, ",)");
        if (memchr(text, '*', length)) {
            uint64_t at;
            memcpy(&at, arguments[i], sizeof at);
            if (at)
                stub_find((void *)(uintptr_t)at, MEMORY, "cuLaunchKernel");
            else if (i == 0)
                stub_fault("cuLaunchKernel", "nowhere to write to");
        } else {
            int32_t value;
            memcpy(&value, arguments[i], sizeof value);
        }
        text += length + (text[length] == ',');
    }
}

int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                   void *stream, void **arguments, void **extra);
int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared,
                   void *stream, void **arguments, void **extra)
{
    CALLED(LAUNCH_FAILED);
    in_context(__func__);
    stub_state.launches++;
    const object *f = stub_find(function, FUNCTION, __func__);
    stub_find(stream, STREAM, __func__);
    if (grid_x == 0 || grid_y == 0 || grid_z != 1 || grid_y > 65535 || grid_x > 0x7fffffff)
        stub_fault(__func__, "the grid");
    if (block_x != 64 || block_y != 1 || block_z != 1 || shared || extra)
        stub_fault(__func__, "the block");
    if (f)
        check_arguments(f->image, arguments);
    return 0;
}

int cuEventCreate(void **out, unsigned flags);
int cuEventCreate(void **out, unsigned flags)
{
    CALLED(OUT_OF_MEMORY);
    in_context(__func__);
    if (flags)
        stub_fault(__func__, "an event without a time");
    *out = stub_make(EVENT, 1);
    return 0;
}

int cuEventDestroy_v2(void *event);
int cuEventDestroy_v2(void *event)
{
    in_context(__func__);
    stub_release(event, EVENT, __func__);
    return 0;
}

int cuEventRecord(void *event, void *stream);
int cuEventRecord(void *event, void *stream)
{
    CALLED(LAUNCH_FAILED);
    stub_find(stream, STREAM, __func__);
    object *e = stub_find(event, EVENT, __func__);
    if (e)
        e->at[0] = 1;
    return 0;
}

int cuEventElapsedTime(float *milliseconds, void *from, void *to);
int cuEventElapsedTime(float *milliseconds, void *from, void *to)
{
    const object *a = stub_find(from, EVENT, __func__), *b = stub_find(to, EVENT, __func__);
    if (!a || !b || !a->at[0] || !b->at[0])
        stub_fault(__func__, "an event that was not recorded");
    *milliseconds = 1.0f;
    return 0;
}

/* ---- graphs */

int cuStreamBeginCapture_v2(void *stream, int mode);
int cuStreamBeginCapture_v2(void *stream, int mode)
{
    CALLED(LAUNCH_FAILED);
    in_context(__func__);
    stub_find(stream, STREAM, __func__);
    not_recording(__func__);
    if (mode != 1)
        stub_fault(__func__, "not of this thread alone");
    stub_state.recording = 1;
    return 0;
}

int cuStreamEndCapture(void *stream, void **graph);
int cuStreamEndCapture(void *stream, void **graph)
{
    const int was = stub_state.recording;
    stub_state.recording = 0;
    *graph = NULL;
    CALLED(LAUNCH_FAILED);
    stub_find(stream, STREAM, __func__);
    if (!was)
        stub_fault(__func__, "nothing is recorded");
    *graph = stub_make(GRAPH, 1);
    return 0;
}

int cuGraphInstantiateWithFlags(void **out, void *graph, unsigned long long flags);
int cuGraphInstantiateWithFlags(void **out, void *graph, unsigned long long flags)
{
    CALLED(OUT_OF_MEMORY);
    stub_find(graph, GRAPH, __func__);
    if (flags)
        stub_fault(__func__, "flags");
    *out = stub_make(PLAN, 1);
    return 0;
}

int cuGraphLaunch(void *graph, void *stream);
int cuGraphLaunch(void *graph, void *stream)
{
    CALLED(LAUNCH_FAILED);
    in_context(__func__);
    not_recording(__func__);
    stub_find(graph, PLAN, __func__);
    stub_find(stream, STREAM, __func__);
    stub_state.replays++;
    return 0;
}

int cuGraphExecDestroy(void *graph);
int cuGraphExecDestroy(void *graph)
{
    stub_release(graph, PLAN, __func__);
    return 0;
}

int cuGraphDestroy(void *graph);
int cuGraphDestroy(void *graph)
{
    stub_release(graph, GRAPH, __func__);
    return 0;
}
