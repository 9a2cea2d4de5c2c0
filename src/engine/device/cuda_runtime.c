/* CUDA as a runtime of devices, by its driver. */
#include <stdio.h>
#include <stdlib.h>

#include "cuda_impl.h"

extern const char vc__cuda_prelude[];

vc_status vc__cu_fail(const vc__cu_queue *q, vc__cu_result error, const char *what)
{
    enum { OUT_OF_MEMORY = 2 };
    const char *text = NULL;
    q->cu.cuGetErrorString(error, &text);
    return vc_fail(error == OUT_OF_MEMORY ? VC_ENOMEM : VC_EUNSUPPORTED,
                   "cuda:%zu (%s): %s failed, error %d: %s", q->info.index, q->info.name, what,
                   error, text ? text : "unknown");
}

static vc_status check(const vc__cu_queue *q, vc__cu_result error, const char *what)
{
    return error == 0 ? VC_OK : vc__cu_fail(q, error, what);
}

vc_status vc__cu_enter(const vc__cu_queue *q)
{
    return check(q, q->cu.cuCtxSetCurrent(q->context), "choosing the device");
}

/* ---- devices */

static vc_status count_devices(int *out, const vc__cu *cu)
{
    const vc__cu_result error = cu->cuDeviceGetCount(out);
    if (error != 0 || *out <= 0)
        return vc_fail(VC_EUNSUPPORTED, "libcuda.so.1: the driver shows no device");
    return VC_OK;
}

static vc_status list(vc_device_info **out, size_t *count)
{
    vc__cu cu;
    vc__blaslt blaslt;
    int devices = 0, driver = 0, architecture, multiplies;
    *out = NULL;
    *count = 0;
    VC_TRY(vc__cu_load(&cu, NULL));
    VC_TRY(count_devices(&devices, &cu));
    cu.cuDriverGetVersion(&driver);
    VC_TRY(vc__cu_products_find(&blaslt, &multiplies, driver));
    vc_device_info *made = calloc((size_t)devices, sizeof *made);
    if (!made)
        return vc_fail(VC_ENOMEM, "out of memory for %d devices", devices);
    vc_status status = VC_OK;
    for (int i = 0; i < devices && status == VC_OK; i++) {
        status = vc__cu_describe(&made[i], &architecture, &cu, i);
        if (multiplies)
            made[i].products = "cuBLASLt";
    }
    if (status != VC_OK) {
        free(made);
        return status;
    }
    *out = made;
    *count = (size_t)devices;
    return VC_OK;
}

static void close_queue(void *queue)
{
    vc__cu_queue *q = queue;
    if (q->context) {
        q->cu.cuCtxSetCurrent(q->context);
        vc__cu_times_close(q);
        vc__cu_graphs_close(q);
        vc__cu_products_close(q);
        for (size_t i = 0; i < q->module_count; i++)
            q->cu.cuModuleUnload(q->modules[i]);
        if (q->stream)
            q->cu.cuStreamDestroy_v2(q->stream);
        q->cu.cuCtxSetCurrent(NULL);
        q->cu.cuDevicePrimaryCtxRelease_v2(q->device);
    }
    free(q->modules);
    free(q);
}

static vc_status open_parts(vc__cu_queue *q, size_t index)
{
    void *library;
    int devices = 0;
    VC_TRY(vc__cu_load(&q->cu, &library));
    VC_TRY(vc__cu_graphs_find(q, library));
    VC_TRY(count_devices(&devices, &q->cu));
    q->cu.cuDriverGetVersion(&q->driver);
    if (index >= (size_t)devices)
        return vc_fail(VC_EINVAL, "there is no device cuda:%zu, wanted 0 to %d", index,
                       devices - 1);
    VC_TRY(vc__cu_describe(&q->info, &q->architecture, &q->cu, (int)index));
    VC_TRY(check(q, q->cu.cuDeviceGet(&q->device, (int)index), "finding the device"));
    VC_TRY(check(q, q->cu.cuDevicePrimaryCtxRetain(&q->context, q->device), "opening the device"));
    VC_TRY(vc__cu_enter(q));
    VC_TRY(check(q, q->cu.cuStreamCreate(&q->stream, 1 /* apart from the default one */),
                 "opening a queue"));
    return vc__cu_products_open(q);
}

/* Tensor cores and instructions for bfloat16 came with sm_80. */
static vc_status check_precision(const void *queue, vc_precision precision)
{
    const vc__cu_queue *q = queue;
    if (precision != VC_IN_BF16 || q->architecture >= 80)
        return VC_OK;
    return vc_fail(VC_EUNSUPPORTED,
                   "cuda:%zu (%s): sm_%d has no bf16, wanted sm_80 or newer, or "
                   "fp16 or fp32",
                   q->info.index, q->info.name, q->architecture);
}

static vc_status open_queue(void **out, size_t index, vc_device_info *info)
{
    *out = NULL;
    vc__cu_queue *q = calloc(1, sizeof *q);
    if (!q)
        return vc_fail(VC_ENOMEM, "out of memory");
    const vc_status status = open_parts(q, index);
    if (status != VC_OK) {
        close_queue(q);
        return status;
    }
    *info = q->info;
    *out = q;
    return VC_OK;
}

/* ---- memory */

/* In the order of the queue: kernels of another stream than a copy's may begin before it ends. */
static vc_status fill(const vc__cu_queue *q, vc__cu_pointer to, const void *from, size_t bytes)
{
    VC_TRY(check(q, q->cu.cuMemcpyHtoDAsync_v2(to, from, bytes, q->stream), "writing to it"));
    return check(q, q->cu.cuStreamSynchronize(q->stream), "writing to it");
}

static vc_status allocate(vc__memory *out, void *queue, size_t bytes, const void *from)
{
    const vc__cu_queue *q = queue;
    char what[64];
    vc__cu_pointer made = 0;
    snprintf(what, sizeof what, "allocating %zu bytes", bytes);
    VC_TRY(vc__cu_enter(q));
    VC_TRY(check(q, q->cu.cuMemAlloc_v2(&made, bytes), what));
    const vc_status status = from ? fill(q, made, from, bytes) : VC_OK;
    if (status == VC_OK)
        *out = (vc__memory){made, bytes};
    else
        q->cu.cuMemFree_v2(made);
    return status;
}

static void release(void *queue, vc__memory memory)
{
    const vc__cu_queue *q = queue;
    q->cu.cuCtxSetCurrent(q->context);
    q->cu.cuMemFree_v2(memory.handle);
}

static vc_status write_values(void *queue, vc__memory to, const void *from, size_t bytes)
{
    const vc__cu_queue *q = queue;
    VC_TRY(vc__cu_enter(q));
    return check(q, q->cu.cuMemcpyHtoDAsync_v2(to.handle, from, bytes, q->stream), "writing to it");
}

static vc_status read_values(void *queue, void *to, vc__memory from, size_t bytes)
{
    const vc__cu_queue *q = queue;
    VC_TRY(vc__cu_enter(q));
    return check(q, q->cu.cuMemcpyDtoHAsync_v2(to, from.handle, bytes, q->stream),
                 "reading from it");
}

/* ---- kernels */

/* A refusal says so where the kernels were made by a newer CUDA than the driver's. */
static vc_status load_module(void **out, const vc__cu_queue *q, const void *image)
{
    static const char what[] = "loading the kernels";
    const vc__cu_result error = q->cu.cuModuleLoadData(out, image);
    char why[1024];
    int major, minor;
    if (error == 0)
        return VC_OK;
    const vc_status status = vc__cu_fail(q, error, what);
    snprintf(why, sizeof why, "%s", vc_last_error());
    if (q->driver == 0 || vc__cu_compiler_version(&major, &minor, q->driver) != VC_OK ||
        1000 * major + 10 * minor <= q->driver)
        return vc_fail(status, "%s", why);
    return vc_fail(status,
                   "%s; NVRTC is of CUDA %d.%d, wanted one that is no newer than %d.%d, "
                   "the driver's, or its file in VC_NVRTC",
                   why, major, minor, q->driver / 1000, q->driver % 1000 / 10);
}

static vc_status build(void **program, void *queue, const char *const *sources, size_t count,
                       const char *defines)
{
    vc__cu_queue *q = queue;
    void *image;
    size_t bytes;
    VC_TRY(vc__cu_enter(q));
    void **grown = realloc(q->modules, (q->module_count + 1) * sizeof(void *));
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    q->modules = grown;
    VC_TRY(vc__cu_compile(&image, &bytes, sources, count, defines, q->architecture, q->driver));
    const vc_status status = load_module(&grown[q->module_count], q, image);
    free(image);
    VC_TRY(status);
    *program = grown[q->module_count++];
    return VC_OK;
}

static vc_status find_kernel(vc__kernel *out, void *queue, void *program, const char *name)
{
    const vc__cu_queue *q = queue;
    void *made;
    VC_TRY(vc__cu_enter(q));
    VC_TRY(check(q, q->cu.cuModuleGetFunction(&made, program, name), name));
    *out = (vc__kernel){name, made};
    return VC_OK;
}

static vc_status launch(void *queue, const vc__kernel *kernel, const size_t groups[2],
                        const vc__argument *arguments, size_t count)
{
    enum { MOST = 32 };
    const vc__cu_queue *q = queue;
    void *pointers[MOST];
    if (count > MOST || groups[0] > INT32_MAX || groups[1] > UINT16_MAX)
        return vc_fail(VC_EINVAL, "cuda:%zu (%s): %zu by %zu work-groups of '%s' are too many",
                       q->info.index, q->info.name, groups[0], groups[1], kernel->name);
    for (size_t i = 0; i < count; i++) {
        const vc__argument *a = &arguments[i];
        pointers[i] = a->kind == VC__MEMORY ? (void *)&a->memory
                      : a->kind == VC__INT  ? (void *)&a->number
                      : a->kind == VC__LONG ? (void *)&a->wide
                                            : (void *)&a->real;
    }
    VC_TRY(vc__cu_enter(q));
    return check(q,
                 q->cu.cuLaunchKernel(kernel->handle, (unsigned)groups[0], (unsigned)groups[1], 1,
                                      VC__LANES, 1, 1, 0, q->stream, pointers, NULL),
                 kernel->name);
}

static vc_status finish(void *queue)
{
    const vc__cu_queue *q = queue;
    VC_TRY(vc__cu_enter(q));
    return check(q, q->cu.cuStreamSynchronize(q->stream), "running");
}

const vc__runtime vc__cuda = {.name = "cuda",
                              .prelude = vc__cuda_prelude,
                              .list = list,
                              .open = open_queue,
                              .check = check_precision,
                              .close = close_queue,
                              .allocate = allocate,
                              .release = release,
                              .write = write_values,
                              .read = read_values,
                              .build = build,
                              .kernel = find_kernel,
                              .launch = launch,
                              .multiplies = vc__cu_multiplies,
                              .multiply = vc__cu_multiply,
                              .finish = finish,
                              .records = vc__cu_records,
                              .record = vc__cu_record,
                              .recorded = vc__cu_recorded,
                              .replay = vc__cu_replay,
                              .timing = vc__cu_timing,
                              .mark = vc__cu_mark,
                              .span_count = vc__cu_spans,
                              .span = vc__cu_span_at};
