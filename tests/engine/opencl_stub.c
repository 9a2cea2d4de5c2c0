/* A driver of OpenCL that can run nothing, as the stub of CUDA: it looks at what it is called with,
 * and any call can be made to fail. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "stub_impl.h"

enum { PLATFORM = 70, DEVICE = 80, LANES = 64 };

/* Handles of what is not made. */
static void *handle_of(uintptr_t number)
{
    return (void *)number;
}

/* The sentence's last part: what a test that makes a call fail reads. */
#define CREATED(of, bytes, failure)                                                                \
    if (stub_fails(__func__)) {                                                                    \
        *error = failure;                                                                          \
        return NULL;                                                                               \
    }                                                                                              \
    *error = CL_SUCCESS;                                                                           \
    object *made = stub_make(of, bytes)

static void check_device(cl_device_id device, const char *where)
{
    const uintptr_t number = (uintptr_t)device;
    if (number < DEVICE || number >= DEVICE + (uintptr_t)stub_state.devices)
        stub_fault(where, "no such device");
}

cl_int clGetPlatformIDs(cl_uint room, cl_platform_id *out, cl_uint *count)
{
    STUB_CALLED(CL_OUT_OF_HOST_MEMORY);
    if (count)
        *count = 1;
    if (room > 0 && out)
        out[0] = handle_of(PLATFORM);
    return CL_SUCCESS;
}

cl_int clGetDeviceIDs(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *out,
                      cl_uint *count)
{
    STUB_CALLED(CL_OUT_OF_HOST_MEMORY);
    if (platform != handle_of(PLATFORM) || type != CL_DEVICE_TYPE_ALL)
        stub_fault(__func__, "no such platform, or kind");
    if (stub_state.devices == 0)
        return CL_DEVICE_NOT_FOUND;
    if (count)
        *count = (cl_uint)stub_state.devices;
    for (cl_uint i = 0; out && i < room && i < (cl_uint)stub_state.devices; i++)
        out[i] = handle_of(DEVICE + i);
    return CL_SUCCESS;
}

static cl_int tell(void *out, size_t room, size_t *bytes, const void *value, size_t size)
{
    if (bytes)
        *bytes = size;
    if (size > room)
        return CL_INVALID_VALUE;
    memcpy(out, value, size);
    return CL_SUCCESS;
}

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t room, void *out,
                       size_t *bytes)
{
    const cl_ulong memory = stub_state.memory_bytes, local = stub_state.local_bytes,
                   largest = memory / 8, type = CL_DEVICE_TYPE_GPU;
    const cl_uint units = 4;
    check_device(device, __func__);
    switch (what) {
    case CL_DEVICE_TYPE:
        return tell(out, room, bytes, &type, sizeof type);
    case CL_DEVICE_GLOBAL_MEM_SIZE:
        return tell(out, room, bytes, &memory, sizeof memory);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
        return tell(out, room, bytes, &largest, sizeof largest);
    case CL_DEVICE_LOCAL_MEM_SIZE:
        return tell(out, room, bytes, &local, sizeof local);
    case CL_DEVICE_MAX_COMPUTE_UNITS:
        return tell(out, room, bytes, &units, sizeof units);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE:
        return tell(out, room, bytes, &stub_state.lanes, sizeof stub_state.lanes);
    case CL_DEVICE_NAME:
        return tell(out, room, bytes, "Stub", 5);
    case CL_DEVICE_VENDOR:
        return tell(out, room, bytes, "Tests", 6);
    case CL_DRIVER_VERSION:
        return tell(out, room, bytes, "1", 2);
    default:
        stub_fault(__func__, "not known");
        return CL_INVALID_VALUE;
    }
}

cl_context clCreateContext(const cl_context_properties *properties, cl_uint count,
                           const cl_device_id *devices,
                           void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
                           void *data, cl_int *error)
{
    CREATED(CONTEXT, 1, CL_DEVICE_NOT_AVAILABLE);
    if (properties || count != 1 || notify || data)
        stub_fault(__func__, "what it is given");
    check_device(devices[0], __func__);
    return (cl_context)made;
}

cl_int clReleaseContext(cl_context context)
{
    stub_release(context, CONTEXT, __func__);
    for (object *o = stub_objects; o; o = o->next)
        stub_fault(__func__, "something is left in the context");
    return CL_SUCCESS;
}

cl_command_queue clCreateCommandQueue(cl_context context, cl_device_id device,
                                      cl_command_queue_properties properties, cl_int *error)
{
    CREATED(STREAM, 1, CL_OUT_OF_HOST_MEMORY);
    stub_find(context, CONTEXT, __func__);
    check_device(device, __func__);
    made->at[0] = properties == CL_QUEUE_PROFILING_ENABLE;
    if (properties && !made->at[0])
        stub_fault(__func__, "not in order");
    return (cl_command_queue)made;
}

cl_int clReleaseCommandQueue(cl_command_queue queue)
{
    stub_release(queue, STREAM, __func__);
    return CL_SUCCESS;
}

/* ---- memory */

cl_mem clCreateBuffer(cl_context context, cl_mem_flags flags, size_t bytes, void *from,
                      cl_int *error)
{
    CREATED(MEMORY, bytes, CL_MEM_OBJECT_ALLOCATION_FAILURE);
    stub_find(context, CONTEXT, __func__);
    if (bytes == 0 || bytes > stub_state.memory_bytes / 8)
        stub_fault(__func__, "bytes");
    if (flags != (CL_MEM_READ_WRITE | (from ? CL_MEM_COPY_HOST_PTR : 0)))
        stub_fault(__func__, "flags");
    if (from)
        memcpy(made->at, from, bytes);
    return (cl_mem)made;
}

cl_int clReleaseMemObject(cl_mem memory)
{
    stub_release(memory, MEMORY, __func__);
    return CL_SUCCESS;
}

/* The memory, if so many bytes fit. */
static object *check_copy(cl_command_queue queue, cl_mem memory, cl_bool waits, size_t offset,
                          size_t bytes, cl_uint events, const char *where)
{
    object *o = stub_find(memory, MEMORY, where);
    stub_find(queue, STREAM, where);
    if (waits || offset || events)
        stub_fault(where, "what it is given");
    if (o && bytes <= o->bytes)
        return o;
    stub_fault(where, "not in the device's memory");
    return NULL;
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem to, cl_bool waits, size_t offset,
                            size_t bytes, const void *from, cl_uint events, const cl_event *after,
                            cl_event *event)
{
    STUB_CALLED(CL_OUT_OF_RESOURCES);
    object *o = check_copy(queue, to, waits, offset, bytes, events, __func__);
    (void)after;
    (void)event;
    stub_state.writes++;
    stub_state.queued++;
    if (o)
        memcpy(o->at, from, bytes);
    return CL_SUCCESS;
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem from, cl_bool waits, size_t offset,
                           size_t bytes, void *to, cl_uint events, const cl_event *after,
                           cl_event *event)
{
    STUB_CALLED(CL_OUT_OF_RESOURCES);
    const object *o = check_copy(queue, from, waits, offset, bytes, events, __func__);
    (void)after;
    (void)event;
    stub_state.reads++;
    stub_state.queued++;
    if (o)
        memcpy(to, o->at, bytes);
    return CL_SUCCESS;
}

/* ---- kernels */

cl_program clCreateProgramWithSource(cl_context context, cl_uint count, const char **texts,
                                     const size_t *lengths, cl_int *error)
{
    size_t bytes = 1;
    for (cl_uint i = 0; i < count; i++)
        bytes += strlen(texts[i]);
    CREATED(PROGRAM, bytes, CL_OUT_OF_HOST_MEMORY);
    stub_find(context, CONTEXT, __func__);
    if (count == 0 || lengths)
        stub_fault(__func__, "the texts");
    for (cl_uint i = 0; i < count; i++)
        strcat(made->at, texts[i]);
    return (cl_program)made;
}

cl_int clBuildProgram(cl_program program, cl_uint count, const cl_device_id *devices,
                      const char *options, void(CL_CALLBACK *notify)(cl_program, void *),
                      void *data)
{
    STUB_CALLED(CL_BUILD_PROGRAM_FAILURE);
    stub_find(program, PROGRAM, __func__);
    if (count != 1 || notify || data || !strstr(options, "-DNARROW="))
        stub_fault(__func__, "what it is given");
    check_device(devices[0], __func__);
    return CL_SUCCESS;
}

cl_int clGetProgramBuildInfo(cl_program program, cl_device_id device, cl_program_build_info what,
                             size_t room, void *out, size_t *bytes)
{
    static const char log[] = "vitcod.cl:7: error: as the test wants it";
    stub_find(program, PROGRAM, __func__);
    check_device(device, __func__);
    if (what != CL_PROGRAM_BUILD_LOG)
        stub_fault(__func__, "not the log");
    if (bytes)
        *bytes = sizeof log;
    return out ? tell(out, room, bytes, log, sizeof log) : CL_SUCCESS;
}

cl_int clReleaseProgram(cl_program program)
{
    stub_release(program, PROGRAM, __func__);
    return CL_SUCCESS;
}

enum { MOST_ARGUMENTS = 32 };

/* Its memory says which arguments are set. */
cl_kernel clCreateKernel(cl_program program, const char *name, cl_int *error)
{
    CREATED(KERNEL, MOST_ARGUMENTS, CL_INVALID_KERNEL_NAME);
    const object *p = stub_find(program, PROGRAM, __func__);
    made->image = p ? stub_parameters(p->at, name) : NULL;
    if (!made->image)
        stub_fault(__func__, name);
    return (cl_kernel)made;
}

cl_int clReleaseKernel(cl_kernel kernel)
{
    stub_release(kernel, KERNEL, __func__);
    return CL_SUCCESS;
}

/* A parameter's text, and its length; 0: there are not so many. */
static size_t parameter(const char **text, const object *kernel, size_t index)
{
    const char *at = kernel->image;
    for (size_t i = 0; *at && *at != ')'; i++) {
        const size_t length = strcspn(at, ",)");
        *text = at;
        if (i == index)
            return length;
        at += length + (at[length] == ',');
    }
    return 0;
}

static int has_word(const char *text, size_t length, const char *word)
{
    const char *found = strstr(text, word);
    return found && (size_t)(found - text) < length;
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t bytes, const void *value)
{
    STUB_CALLED(CL_OUT_OF_RESOURCES);
    object *k = stub_find(kernel, KERNEL, __func__);
    const char *text = "";
    const size_t length = k && k->image ? parameter(&text, k, index) : 0;
    const int points = length && memchr(text, '*', length) != NULL;
    const size_t wanted = points || has_word(text, length, "long ") ? 8 : 4;
    if (!length || bytes != wanted || index >= MOST_ARGUMENTS) {
        stub_fault(__func__, "no such parameter, or of another size");
        return CL_SUCCESS;
    }
    k->at[index] = 1;
    if (points) {
        cl_mem memory;
        memcpy(&memory, value, sizeof memory);
        if (memory)
            stub_find(memory, MEMORY, __func__);
        else if (index == 0)
            stub_fault(__func__, "nowhere to write to");
    }
    return CL_SUCCESS;
}

/* An event of what a queue that takes times was given, one after the other and each a millisecond
 * long. */
static void give_event(cl_event *event, cl_command_queue queue, const char *where)
{
    static cl_ulong started;
    const object *q = stub_find(queue, STREAM, where);
    if (!event)
        return;
    if (q && !q->at[0])
        stub_fault(where, "an event that has no times");
    object *made = stub_make(EVENT, sizeof started);
    memcpy(made->at, &started, sizeof started);
    started += 1000000;
    *event = (cl_event)made;
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                              const size_t *offset, const size_t *global, const size_t *local,
                              cl_uint events, const cl_event *after, cl_event *event)
{
    STUB_CALLED(CL_OUT_OF_RESOURCES);
    const object *k = stub_find(kernel, KERNEL, __func__);
    const char *text;
    stub_state.launches++;
    if (dimensions != 2 || offset || events || after || local[0] != LANES || local[1] != 1 ||
        global[0] == 0 || global[0] % LANES || global[1] == 0)
        stub_fault(__func__, "the grid");
    for (size_t i = 0; k && k->image && parameter(&text, k, i); i++)
        if (!k->at[i])
            stub_fault(__func__, "a parameter that was never set");
    give_event(event, queue, __func__);
    return CL_SUCCESS;
}

cl_int clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint events, const cl_event *after,
                                   cl_event *event)
{
    STUB_CALLED(CL_OUT_OF_RESOURCES);
    if (events || after)
        stub_fault(__func__, "after what");
    give_event(event, queue, __func__);
    return CL_SUCCESS;
}

cl_int clGetEventProfilingInfo(cl_event event, cl_profiling_info what, size_t room, void *out,
                               size_t *bytes)
{
    STUB_CALLED(CL_PROFILING_INFO_NOT_AVAILABLE);
    const object *e = stub_find(event, EVENT, __func__);
    cl_ulong at = 0;
    if (e)
        memcpy(&at, e->at, sizeof at);
    at += what == CL_PROFILING_COMMAND_START ? 0 : 1000000;
    return tell(out, room, bytes, &at, sizeof at);
}

cl_int clReleaseEvent(cl_event event)
{
    stub_release(event, EVENT, __func__);
    return CL_SUCCESS;
}

cl_int clFinish(cl_command_queue queue)
{
    stub_state.queued = 0; /* a device that is lost reads nothing more */
    STUB_CALLED(CL_OUT_OF_RESOURCES);
    stub_find(queue, STREAM, __func__);
    return CL_SUCCESS;
}

/* ---- CLBlast: C = alpha A B^T + beta C */

int CLBlastSgemm(int layout, int a_transpose, int b_transpose, size_t m, size_t n, size_t k,
                 float alpha, cl_mem a, size_t a_offset, size_t a_stride, cl_mem b, size_t b_offset,
                 size_t b_stride, float beta, cl_mem c, size_t c_offset, size_t c_stride,
                 cl_command_queue *queue, cl_event *event);

static void check_matrix(cl_mem memory, size_t rows, size_t columns, size_t stride, size_t offset)
{
    const object *o = stub_find(memory, MEMORY, "CLBlastSgemm");
    if (stride != columns || offset || (o && rows * columns * sizeof(float) > o->bytes))
        stub_fault("CLBlastSgemm", "a matrix that does not fit");
}

int CLBlastSgemm(int layout, int a_transpose, int b_transpose, size_t m, size_t n, size_t k,
                 float alpha, cl_mem a, size_t a_offset, size_t a_stride, cl_mem b, size_t b_offset,
                 size_t b_stride, float beta, cl_mem c, size_t c_offset, size_t c_stride,
                 cl_command_queue *queue, cl_event *event)
{
    enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };
    STUB_CALLED(CL_OUT_OF_RESOURCES);
    stub_state.multiplications++;
    stub_find(*queue, STREAM, __func__);
    if (layout != ROW_MAJOR || a_transpose != AS_IT_IS || b_transpose != TRANSPOSED || event ||
        alpha < 1.0f || beta < 0.0f || m == 0 || n == 0 || k == 0)
        stub_fault(__func__, "what it is given");
    check_matrix(a, m, k, a_stride, a_offset);
    check_matrix(b, n, k, b_stride, b_offset);
    check_matrix(c, m, n, c_stride, c_offset);
    return 0;
}
