/* What kernels are written in, in CUDA C. The names are the same in opencl_prelude.cl. */
#define KERNEL(lanes) extern "C" __global__ __launch_bounds__(lanes)
#define GLOBAL
#define LOCAL
#define SHARED __shared__
#define DEVICE __device__
#define BARRIER() __syncthreads()
#define GROUP ((int)blockIdx.x)
#define GROUP_Y ((int)blockIdx.y)
#define LANE ((int)threadIdx.x)
typedef unsigned int bits32;
typedef unsigned short bits16;

/* To the nearest, ties to even. */
static __device__ float half_to_float(bits16 x)
{
    float out;
    asm("cvt.f32.f16 %0, %1;" : "=f"(out) : "h"(x));
    return out;
}

static __device__ bits16 float_to_half(float x)
{
    bits16 out;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(out) : "f"(x));
    return out;
}

#define LOAD_HALF(x, at) half_to_float(((const bits16 *)(x))[at])
#define STORE_HALF(y, at, value) ((bits16 *)(y))[at] = float_to_half(value)

#define AS_FLOAT(x) __uint_as_float(x)
#define AS_BITS(x) __float_as_uint(x)
#define EXP(x) expf(x)
#define EXP2(x) exp2f(x)
#define ERFC(x) erfcf(x)
#define TANH(x) tanhf(x)
#define SQRT(x) sqrtf(x)
