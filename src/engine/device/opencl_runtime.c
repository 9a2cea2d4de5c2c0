/* OpenCL 1.2 as a runtime of devices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencl_impl.h"

extern const char vc__opencl_prelude[];

vc_status vc__cl_fail(const vc__cl_queue *q, cl_int error, const char *what)
{
    const char *name = vc__cl_error(error);
    char number[32];
    snprintf(number, sizeof number, "error %d", (int)error);
    return vc_fail(error == CL_MEM_OBJECT_ALLOCATION_FAILURE ? VC_ENOMEM : VC_EUNSUPPORTED,
                   "opencl:%zu (%s): %s failed: %s", q->info.index, q->info.name, what,
                   name ? name : number);
}

/* ---- devices */

static vc_status list(vc_device_info **out, size_t *count)
{
    vc__cl cl;
    cl_device_id *devices;
    *out = NULL;
    *count = 0;
    VC_TRY(vc__cl_load(&cl));
    VC_TRY(vc__cl_devices(&devices, count, &cl));
    *out = calloc(*count, sizeof **out);
    vc_status status = *out ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for %zu devices", *count);
    for (size_t i = 0; status == VC_OK && i < *count; i++) {
        vc__clblast_sgemm *sgemm;
        vc__cl_describe(&(*out)[i], &cl, devices[i], i);
        status = vc__cl_library(&sgemm, &(*out)[i]);
        if (sgemm)
            (*out)[i].products = "CLBlast";
    }
    free(devices);
    if (status != VC_OK) {
        free(*out);
        *out = NULL;
    }
    return status;
}

static void close_queue(void *queue)
{
    vc__cl_queue *q = queue;
    if (q->timed)
        vc__cl_forget(q);
    for (size_t i = 0; i < q->kernel_count; i++)
        q->cl.ReleaseKernel(q->kernels[i]);
    for (size_t i = 0; i < q->program_count; i++)
        q->cl.ReleaseProgram(q->programs[i]);
    if (q->plain)
        q->cl.ReleaseCommandQueue(q->plain);
    if (q->timed)
        q->cl.ReleaseCommandQueue(q->timed);
    if (q->context)
        q->cl.ReleaseContext(q->context);
    free(q->kernels);
    free(q->programs);
    free(q->spans);
    free(q);
}

static vc_status choose_device(vc__cl_queue *q, size_t index)
{
    cl_device_id *devices;
    size_t count;
    VC_TRY(vc__cl_devices(&devices, &count, &q->cl));
    if (index < count)
        q->device = devices[index];
    free(devices);
    if (index >= count)
        return vc_fail(VC_EINVAL, "there is no device opencl:%zu, wanted 0 to %zu", index,
                       count - 1);
    vc__cl_describe(&q->info, &q->cl, q->device, index);
    return vc__cl_check_groups(&q->info, &q->cl, q->device);
}

static vc_status open_parts(vc__cl_queue *q)
{
    cl_int error;
    q->context = q->cl.CreateContext(NULL, 1, &q->device, NULL, NULL, &error);
    if (!q->context)
        return vc__cl_fail(q, error, "opening the device");
    q->plain = q->cl.CreateCommandQueue(q->context, q->device, 0, &error);
    if (q->plain)
        q->timed =
            q->cl.CreateCommandQueue(q->context, q->device, CL_QUEUE_PROFILING_ENABLE, &error);
    if (!q->timed)
        return vc__cl_fail(q, error, "opening a queue");
    q->current = q->plain;
    return VC_OK;
}

static vc_status open_queue(void **out, size_t index, vc_device_info *info)
{
    *out = NULL;
    vc__cl_queue *q = calloc(1, sizeof *q);
    if (!q)
        return vc_fail(VC_ENOMEM, "out of memory");
    vc_status status = vc__cl_load(&q->cl);
    if (status == VC_OK)
        status = choose_device(q, index);
    if (status == VC_OK)
        status = open_parts(q);
    if (status == VC_OK)
        status = vc__cl_library(&q->sgemm, &q->info);
    if (status != VC_OK) {
        close_queue(q);
        return status;
    }
    if (q->sgemm)
        q->info.products = "CLBlast";
    *info = q->info;
    *out = q;
    return VC_OK;
}

/* ---- memory */

static cl_mem buffer_of(uint64_t handle)
{
    return (cl_mem)(uintptr_t)handle;
}

static vc_status allocate(vc__memory *out, void *queue, size_t bytes, const void *from)
{
    const vc__cl_queue *q = queue;
    char what[64];
    cl_int error;
    const cl_mem_flags flags = CL_MEM_READ_WRITE | (from ? CL_MEM_COPY_HOST_PTR : 0);
    const cl_mem made = q->cl.CreateBuffer(q->context, flags, bytes, (void *)from, &error);
    snprintf(what, sizeof what, "allocating %zu bytes", bytes);
    if (!made)
        return vc__cl_fail(q, error, what);
    *out = (vc__memory){(uint64_t)(uintptr_t)made, bytes};
    return VC_OK;
}

static void release(void *queue, vc__memory memory)
{
    const vc__cl_queue *q = queue;
    q->cl.ReleaseMemObject(buffer_of(memory.handle));
}

static vc_status write_values(void *queue, vc__memory to, const void *from, size_t bytes)
{
    const vc__cl_queue *q = queue;
    const cl_int error = q->cl.EnqueueWriteBuffer(q->current, buffer_of(to.handle), CL_FALSE, 0,
                                                  bytes, from, 0, NULL, NULL);
    return error == CL_SUCCESS ? VC_OK : vc__cl_fail(q, error, "writing to it");
}

static vc_status read_values(void *queue, void *to, vc__memory from, size_t bytes)
{
    const vc__cl_queue *q = queue;
    const cl_int error = q->cl.EnqueueReadBuffer(q->current, buffer_of(from.handle), CL_FALSE, 0,
                                                 bytes, to, 0, NULL, NULL);
    return error == CL_SUCCESS ? VC_OK : vc__cl_fail(q, error, "reading from it");
}

/* ---- running */

static cl_int set_argument(const vc__cl_queue *q, cl_kernel kernel, cl_uint index,
                           const vc__argument *a)
{
    const cl_mem memory = buffer_of(a->memory);
    switch (a->kind) {
    case VC__MEMORY:
        return q->cl.SetKernelArg(kernel, index, sizeof memory, &memory);
    case VC__INT:
        return q->cl.SetKernelArg(kernel, index, sizeof a->number, &a->number);
    case VC__LONG:
        return q->cl.SetKernelArg(kernel, index, sizeof a->wide, &a->wide);
    default:
        return q->cl.SetKernelArg(kernel, index, sizeof a->real, &a->real);
    }
}

static vc_status launch(void *queue, const vc__kernel *kernel, const size_t groups[2],
                        const vc__argument *arguments, size_t count)
{
    vc__cl_queue *q = queue;
    const size_t local[2] = {VC__LANES, 1}, global[2] = {groups[0] * VC__LANES, groups[1]};
    const int timed = q->current == q->timed;
    cl_event event = NULL;
    for (size_t i = 0; i < count; i++) {
        const cl_int error = set_argument(q, kernel->handle, (cl_uint)i, &arguments[i]);
        if (error != CL_SUCCESS)
            return vc__cl_fail(q, error, kernel->name);
    }
    const cl_int error = q->cl.EnqueueNDRangeKernel(q->current, kernel->handle, 2, NULL, global,
                                                    local, 0, NULL, timed ? &event : NULL);
    if (error != CL_SUCCESS)
        return vc__cl_fail(q, error, kernel->name);
    return timed ? vc__cl_keep(q, NULL, event) : VC_OK;
}

static int multiplies(void *queue, vc_precision precision)
{
    const vc__cl_queue *q = queue;
    return q->sgemm && precision == VC_IN_FP32;
}

/* An event that ends when what was launched so far does. */
static vc_status set_marker(cl_event *out, const vc__cl_queue *q)
{
    const cl_int error = q->cl.EnqueueMarkerWithWaitList(q->current, 0, NULL, out);
    return error == CL_SUCCESS ? VC_OK : vc__cl_fail(q, error, "marking a time");
}

static vc_status multiply(void *queue, const vc__multiplication *m)
{
    enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };
    vc__cl_queue *q = queue;
    const int timed = q->current == q->timed;
    cl_event from = NULL, to = NULL;
    if (timed)
        VC_TRY(set_marker(&from, q));
    const int error =
        q->sgemm(ROW_MAJOR, AS_IT_IS, TRANSPOSED, m->rows, m->outputs, m->inputs, 1.0f,
                 buffer_of(m->a.handle), 0, m->inputs, buffer_of(m->b.handle), 0, m->inputs,
                 m->add ? 1.0f : 0.0f, buffer_of(m->c.handle), 0, m->outputs, &q->current, NULL);
    vc_status status = error == 0 ? VC_OK : vc__cl_fail(q, error, "a product of CLBlast");
    if (!timed)
        return status;
    if (status == VC_OK)
        status = set_marker(&to, q);
    if (status == VC_OK)
        return vc__cl_keep(q, from, to);
    q->cl.ReleaseEvent(from);
    return status;
}

static vc_status finish(void *queue)
{
    vc__cl_queue *q = queue;
    const cl_int error = q->cl.Finish(q->current);
    return error == CL_SUCCESS ? vc__cl_read_times(q) : vc__cl_fail(q, error, "running");
}

const vc__runtime vc__opencl = {.name = "opencl",
                                .prelude = vc__opencl_prelude,
                                .list = list,
                                .open = open_queue,
                                .close = close_queue,
                                .allocate = allocate,
                                .release = release,
                                .write = write_values,
                                .read = read_values,
                                .build = vc__cl_build,
                                .kernel = vc__cl_kernel,
                                .launch = launch,
                                .multiplies = multiplies,
                                .multiply = multiply,
                                .finish = finish,
                                .timing = vc__cl_timing,
                                .mark = vc__cl_mark,
                                .span_count = vc__cl_spans,
                                .span = vc__cl_span_at};
