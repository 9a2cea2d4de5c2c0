/* Two backends for tests on lane_runtime.c: with plain products, and with those of a library. */
#include <math.h>

#include "every_backend.h"
#include "lane_runtime.c"
#include "vitcod/clock.h"

static vc_status lanes_write(void *queue, vc__memory to, const void *from, size_t bytes)
{
    (void)queue;
    if (bytes > to.bytes)
        return vc_fail(VC_EINVAL, "%zu bytes to %zu", bytes, to.bytes);
    memcpy((void *)(uintptr_t)to.handle, from, bytes);
    return VC_OK;
}

static int lanes_multiplies(void *queue, vc_precision precision)
{
    (void)queue;
    return precision != VC_IN_INT8;
}

static int lanes_multiplies_never(void *queue, vc_precision precision)
{
    (void)queue;
    (void)precision;
    return 0;
}

static double lanes_value(vc__memory of, size_t at, vc_precision precision)
{
    const void *values = (const void *)(uintptr_t)of.handle;
    if (precision == VC_IN_FP32)
        return (double)((const float *)values)[at];
    const uint32_t bits = ((const uint16_t *)values)[at], size = bits & 0x7fffu;
    const double sign = bits >> 15 ? -1.0 : 1.0;
    const int narrow = precision == VC_IN_FP16, shift = narrow ? 10 : 7, bias = narrow ? 15 : 127;
    const int exponent = (int)(size >> shift);
    const double share = (double)(size & ((1u << shift) - 1u)) / (double)(1u << shift);
    return sign * (exponent > 0 ? ldexp(1.0 + share, exponent - bias) : ldexp(share, 1 - bias));
}

static vc_status lanes_multiply(void *queue, const vc__multiplication *m)
{
    float *c = (float *)(uintptr_t)m->c.handle;
    (void)queue;
    for (size_t r = 0; r < m->rows; r++)
        for (size_t o = 0; o < m->outputs; o++) {
            double sum = m->add ? (double)c[r * m->outputs + o] : 0.0;
            for (size_t k = 0; k < m->inputs; k++)
                sum += lanes_value(m->a, r * m->inputs + k, m->precision) *
                       lanes_value(m->b, o * m->inputs + k, m->precision);
            c[r * m->outputs + o] = (float)sum;
        }
    return VC_OK;
}

static vc_status lanes_finish(void *queue)
{
    (void)queue;
    return VC_OK;
}

static vc_status lanes_timing(void *queue, int on)
{
    lane_queue *q = queue;
    q->timing = on;
    q->mark_count = 0;
    return VC_OK;
}

static vc_status lanes_mark(void *queue, size_t op)
{
    lane_queue *q = queue;
    if (q->mark_count == MOST_SPANS)
        return vc_fail(VC_ENOMEM, "more than %d times", MOST_SPANS);
    q->times[q->mark_count] = vc_clock_seconds();
    q->ops[q->mark_count++] = op;
    return VC_OK;
}

static size_t lanes_spans(const void *queue)
{
    const lane_queue *q = queue;
    return q->mark_count > 0 ? q->mark_count - 1 : 0;
}

static size_t lanes_span(vc__span *out, const void *queue, size_t index)
{
    const lane_queue *q = queue;
    *out = (vc__span){q->times[index], q->times[index + 1] - q->times[index]};
    return q->ops[index];
}

#define LANES_RUNTIME(products)                                                                    \
    {                                                                                              \
        .name = "lanes", .prelude = LANES_PRELUDE, .open = lanes_open, .close = lanes_close,       \
        .allocate = lanes_allocate, .release = lanes_release, .write = lanes_write,                \
        .read = lanes_read, .build = lanes_build, .kernel = lanes_kernel, .launch = lanes_launch,  \
        .multiplies = products, .multiply = lanes_multiply, .finish = lanes_finish,                \
        .timing = lanes_timing, .mark = lanes_mark, .span_count = lanes_spans, .span = lanes_span  \
    }

static const vc__runtime lanes_plain = LANES_RUNTIME(lanes_multiplies_never),
                         lanes_library = LANES_RUNTIME(lanes_multiplies);

static vc_status lanes_open_plain(void **device, const vc_backend_options *options)
{
    return vc__device_open(device, &lanes_plain, options);
}

static vc_status lanes_open_library(void **device, const vc_backend_options *options)
{
    return vc__device_open(device, &lanes_library, options);
}

#define LANES_TOLERANCE                                                                            \
    {                                                                                              \
        [VC_IN_FP32] = 1e-4, [VC_IN_BF16] = 0.02, [VC_IN_FP16] = 0.01                              \
    }

static const vc_backend lane_backends[] = {
    {.name = "lanes", .tolerance = LANES_TOLERANCE, .open = lanes_open_plain, VC__DEVICE_ROW},
    {.name = "lanes, a library's products",
     .tolerance = LANES_TOLERANCE,
     .open = lanes_open_library,
     VC__DEVICE_ROW}};

static const vc_backend *backend_or_lanes(size_t index)
{
    return every_backend(index, lane_backends, sizeof lane_backends / sizeof *lane_backends);
}
