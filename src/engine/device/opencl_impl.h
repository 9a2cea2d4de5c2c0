/* Shared by the files of the OpenCL runtime. */
#ifndef VC_OPENCL_IMPL_H
#define VC_OPENCL_IMPL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "device_impl.h"

/* What is called of the ICD loader, which is opened when it is needed. */
#define VC__CL_MAP(X)                                                                              \
    X(GetPlatformIDs)                                                                              \
    X(GetDeviceIDs)                                                                                \
    X(GetDeviceInfo)                                                                               \
    X(CreateContext)                                                                               \
    X(ReleaseContext)                                                                              \
    X(CreateCommandQueue)                                                                          \
    X(ReleaseCommandQueue)                                                                         \
    X(CreateBuffer)                                                                                \
    X(ReleaseMemObject)                                                                            \
    X(EnqueueWriteBuffer)                                                                          \
    X(EnqueueReadBuffer)                                                                           \
    X(CreateProgramWithSource)                                                                     \
    X(BuildProgram)                                                                                \
    X(GetProgramBuildInfo)                                                                         \
    X(ReleaseProgram)                                                                              \
    X(CreateKernel)                                                                                \
    X(ReleaseKernel)                                                                               \
    X(SetKernelArg)                                                                                \
    X(EnqueueNDRangeKernel)                                                                        \
    X(EnqueueMarkerWithWaitList)                                                                   \
    X(GetEventProfilingInfo)                                                                       \
    X(ReleaseEvent)                                                                                \
    X(Finish)

typedef struct vc__cl {
#define VC__CL_MEMBER(name) __typeof__(&cl##name) name;
    VC__CL_MAP(VC__CL_MEMBER)
#undef VC__CL_MEMBER
} vc__cl;

/* CLBlast's product of floats, as clblast_c.h has it: enumerations are ints. */
typedef int vc__clblast_sgemm(int layout, int a_transpose, int b_transpose, size_t m, size_t n,
                              size_t k, float alpha, cl_mem a, size_t a_offset, size_t a_stride,
                              cl_mem b, size_t b_offset, size_t b_stride, float beta, cl_mem c,
                              size_t c_offset, size_t c_stride, cl_command_queue *queue,
                              cl_event *event);

typedef struct vc__cl_span {
    size_t op;
    cl_event from, to; /* from: NULL where `to` is a kernel's, whose start counts */
    vc__span when;     /* once it has been read */
} vc__cl_span;

typedef struct vc__cl_queue {
    vc__cl cl;
    vc_device_info info;
    cl_device_id device;
    cl_context context;
    cl_command_queue plain, timed, current; /* current: one of the two */
    cl_program *programs;
    size_t program_count;
    cl_kernel *kernels;
    size_t kernel_count;
    vc__clblast_sgemm *sgemm; /* NULL: no library */
    size_t op;                /* that launches are of */
    vc__cl_span *spans;
    size_t span_count, span_room, read_count;
} vc__cl_queue;

/* Opens the loader; VC_EUNSUPPORTED, and why. */
vc_status vc__cl_load(vc__cl *out);
const char *vc__cl_error(cl_int error);
/* Every device of every platform; *out is to be freed. VC_EUNSUPPORTED where there is none. */
vc_status vc__cl_devices(cl_device_id **out, size_t *count, const vc__cl *cl);
void vc__cl_describe(vc_device_info *out, const vc__cl *cl, cl_device_id device, size_t index);
/* VC_EUNSUPPORTED for a device whose work-groups are smaller than the kernels'. */
vc_status vc__cl_check_groups(const vc_device_info *info, const vc__cl *cl, cl_device_id device);
/* CLBlast's product for a device; NULL: plain ones. By itself only for GPUs, since its kernels are
 * made for them and take a CPU's driver long to compile. VC_EUNSUPPORTED where VC_PRODUCTS wants it
 * and it is not there. */
vc_status vc__cl_library(vc__clblast_sgemm **out, const vc_device_info *info);

vc_status vc__cl_build(void **program, void *queue, const char *const *sources, size_t count,
                       const char *defines);
vc_status vc__cl_kernel(vc__kernel *out, void *queue, void *program, const char *name);

vc_status vc__cl_fail(const vc__cl_queue *q, cl_int error, const char *what);
/* Remembers a span, whose events it owns, also where it fails. */
vc_status vc__cl_keep(vc__cl_queue *q, cl_event from, cl_event to);
void vc__cl_forget(vc__cl_queue *q);
/* Reads the times of what has finished: a driver need not have those of a marker. */
vc_status vc__cl_read_times(vc__cl_queue *q);
vc_status vc__cl_timing(void *queue, int on);
vc_status vc__cl_mark(void *queue, size_t op);
size_t vc__cl_spans(const void *queue);
size_t vc__cl_span_at(vc__span *out, const void *queue, size_t index);

#endif
