/* What kernels are written in, in OpenCL C 1.2. The names are the same in cuda_prelude.cl. */
#pragma OPENCL FP_CONTRACT ON
#define KERNEL(lanes) __kernel __attribute__((reqd_work_group_size(lanes, 1, 1)))
#define GLOBAL __global
#define LOCAL __local /* what a pointer points at */
#define SHARED __local /* an array of the work-group */
/* PoCL 3.1 gives wrong numbers from functions that it does not inline. */
#define DEVICE __attribute__((always_inline))
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#define GROUP ((int)get_group_id(0))
#define GROUP_Y ((int)get_group_id(1))
#define LANE ((int)get_local_id(0))
typedef uint bits32;
typedef ushort bits16;

/* To the nearest, ties to even. */
static DEVICE float half_to_float(bits16 x)
{
    return vload_half(0, (const __private half *)&x);
}

static DEVICE bits16 float_to_half(float x)
{
    bits16 out;
    vstore_half_rte(x, 0, (__private half *)&out);
    return out;
}

#define LOAD_HALF(x, at) vload_half(at, (GLOBAL const half *)(x))
#define STORE_HALF(y, at, value) vstore_half_rte(value, at, (GLOBAL half *)(y))

#define AS_FLOAT(x) as_float(x)
#define AS_BITS(x) as_uint(x)
#define EXP(x) exp(x)
#define EXP2(x) exp2(x)
#define ERFC(x) erfc(x)
#define TANH(x) tanh(x)
#define SQRT(x) sqrt(x)
