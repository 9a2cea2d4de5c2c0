/* Compiling kernels by a driver of OpenCL. */
#include <stdlib.h>

#include "opencl_impl.h"

/* The compiler's log in the message; its end is where errors are counted, its start where they
 * are. */
static vc_status refuse(const vc__cl_queue *q, cl_program program, cl_int error)
{
    size_t bytes = 0;
    q->cl.GetProgramBuildInfo(program, q->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    char *log = calloc(bytes + 1, 1);
    if (log && bytes > 0)
        q->cl.GetProgramBuildInfo(program, q->device, CL_PROGRAM_BUILD_LOG, bytes, log, NULL);
    const char *name = vc__cl_error(error);
    const vc_status status =
        vc_fail(VC_EUNSUPPORTED, "opencl:%zu (%s): refuses the kernels, error %d%s%s: %s",
                q->info.index, q->info.name, (int)error, name ? ", " : "", name ? name : "",
                log && log[0] ? log : "no log");
    free(log);
    return status;
}

vc_status vc__cl_build(void **program, void *queue, const char *const *sources, size_t count,
                       const char *defines)
{
    vc__cl_queue *q = queue;
    cl_int error;
    cl_program *grown = realloc(q->programs, (q->program_count + 1) * sizeof(cl_program));
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    q->programs = grown;
    const cl_program made = q->cl.CreateProgramWithSource(q->context, (cl_uint)count,
                                                          (const char **)sources, NULL, &error);
    if (!made)
        return vc__cl_fail(q, error, "reading the kernels");
    grown[q->program_count++] = made;
    error = q->cl.BuildProgram(made, 1, &q->device, defines, NULL, NULL);
    if (error != CL_SUCCESS)
        return refuse(q, made, error);
    *program = made;
    return VC_OK;
}

vc_status vc__cl_kernel(vc__kernel *out, void *queue, void *program, const char *name)
{
    vc__cl_queue *q = queue;
    cl_int error;
    cl_kernel *grown = realloc(q->kernels, (q->kernel_count + 1) * sizeof(cl_kernel));
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    q->kernels = grown;
    const cl_kernel made = q->cl.CreateKernel(program, name, &error);
    if (!made)
        return vc__cl_fail(q, error, name);
    grown[q->kernel_count++] = made;
    *out = (vc__kernel){name, made};
    return VC_OK;
}
