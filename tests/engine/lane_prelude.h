/* What kernels are written in, in C: a lane calls its kernel as a function, and says what it reads
 * and writes. The names are the same in opencl_prelude.cl and cuda_prelude.cl; lane_runtime.c is on
 * the other side. The compiler puts in the calls of __tsan_*, as for ThreadSanitizer, which is not
 * there. */
#include <math.h>
#include <string.h>

typedef struct argument { /* vc__argument */
    int kind;
    unsigned long memory;
    int number;
    long wide;
    float real;
} argument;

#define UNSEEN __attribute__((no_sanitize_thread, noinline))

/* Set by the other side. */
__attribute__((visibility("default"))) int lanes_place[3]; /* the lane, and its group's numbers */
__attribute__((visibility("default"))) void (*lanes_touch)(const void *at, unsigned long bytes,
                                                           int writes);
__attribute__((visibility("default"))) void (*lanes_meet)(int line);

static UNSEEN __attribute__((const)) int lanes_at(int which)
{
    return lanes_place[which];
}

static UNSEEN void lanes_barrier(int line)
{
    lanes_meet(line);
}

#define TOUCHES(name, bytes, writes)                                                               \
    UNSEEN void __tsan_##name(void *at)                                                            \
    {                                                                                              \
        lanes_touch(at, bytes, writes);                                                            \
    }
TOUCHES(read1, 1, 0)
TOUCHES(read2, 2, 0)
TOUCHES(read4, 4, 0)
TOUCHES(read8, 8, 0)
TOUCHES(read16, 16, 0)
TOUCHES(unaligned_read2, 2, 0)
TOUCHES(unaligned_read4, 4, 0)
TOUCHES(unaligned_read8, 8, 0)
TOUCHES(unaligned_read16, 16, 0)
TOUCHES(write1, 1, 1)
TOUCHES(write2, 2, 1)
TOUCHES(write4, 4, 1)
TOUCHES(write8, 8, 1)
TOUCHES(write16, 16, 1)
TOUCHES(unaligned_write2, 2, 1)
TOUCHES(unaligned_write4, 4, 1)
TOUCHES(unaligned_write8, 8, 1)
TOUCHES(unaligned_write16, 16, 1)
UNSEEN void __tsan_read_range(void *at, unsigned long bytes)
{
    lanes_touch(at, bytes, 0);
}
UNSEEN void __tsan_write_range(void *at, unsigned long bytes)
{
    lanes_touch(at, bytes, 1);
}
UNSEEN void __tsan_func_entry(void *from)
{
    (void)from;
}
UNSEEN void __tsan_func_exit(void)
{
}
UNSEEN void __tsan_init(void)
{
}

#define KERNEL(lanes) __attribute__((noinline))
#define GLOBAL
#define LOCAL
#define SHARED static __attribute__((section("lanes_shared")))
#define DEVICE
#define BARRIER() lanes_barrier(__LINE__)
#define LANE lanes_at(0)
#define GROUP lanes_at(1)
#define GROUP_Y lanes_at(2)
typedef unsigned int bits32;
typedef unsigned short bits16;

/* Something is there, also where no kernel has local memory. */
SHARED int lanes_nothing;
extern char __start_lanes_shared[], __stop_lanes_shared[];
__attribute__((visibility("default"))) UNSEEN char *lanes_local(unsigned long *bytes)
{
    lanes_nothing = 0;
    *bytes = (unsigned long)(__stop_lanes_shared - __start_lanes_shared);
    return __start_lanes_shared;
}

static float half_to_float(bits16 x)
{
    _Float16 half;
    memcpy(&half, &x, sizeof half);
    return (float)half;
}

static bits16 float_to_half(float x)
{
    const _Float16 half = (_Float16)x;
    bits16 out;
    memcpy(&out, &half, sizeof out);
    return out;
}

#define LOAD_HALF(x, at) half_to_float(((const bits16 *)(x))[at])
#define STORE_HALF(y, at, value) ((bits16 *)(y))[at] = float_to_half(value)

static float AS_FLOAT(bits32 x)
{
    float out;
    memcpy(&out, &x, sizeof out);
    return out;
}

static bits32 AS_BITS(float x)
{
    bits32 out;
    memcpy(&out, &x, sizeof out);
    return out;
}

#define EXP(x) expf(x)
#define EXP2(x) exp2f(x)
#define ERFC(x) erfcf(x)
#define TANH(x) tanhf(x)
#define SQRT(x) sqrtf(x)
