/* What a device can do at best: a copy, and the faster of the product that its engines take and of
 * multiply-adds on registers. */
#include <math.h>
#include <string.h>

#include "device_impl.h"

enum { TIMES = 5, EACH = 16, ROUNDS = 1024 };

static vc__argument memory(vc__memory of)
{
    return (vc__argument){.kind = VC__MEMORY, .memory = of.handle};
}

static vc__argument number(size_t value)
{
    return (vc__argument){.kind = VC__INT, .number = (int32_t)value};
}

static vc_status copy(vc__device *d, vc__memory a, vc__memory b, size_t size)
{
    const vc__argument arguments[] = {memory(b), memory(a), number(EACH)};
    const size_t groups[2] = {size / sizeof(float) / (VC__LANES * EACH), 1};
    return d->runtime->launch(d->queue, &d->kernels.copy_values, groups, arguments, 3);
}

/* A square of A by one of B, whatever they hold. */
static vc_status multiply(vc__device *d, vc__memory a, vc__memory b, vc__memory c, size_t size)
{
    enum { TILE = 64 }; /* as product.cl has it */
    const size_t narrow = d->options.precision != VC_IN_FP32, tiles = (size + TILE - 1) / TILE;
    if (d->runtime->multiplies(d->queue, d->options.precision))
        return d->runtime->multiply(d->queue,
                                    &(vc__multiplication){.c = c,
                                                          .a = a,
                                                          .b = b,
                                                          .rows = size,
                                                          .inputs = size,
                                                          .outputs = size,
                                                          .precision = d->options.precision});
    const vc__argument arguments[] = {
        memory(c),    memory(a), memory(b), memory((vc__memory){0}), number(size),   number(size),
        number(size), number(0), number(0), number(narrow),          number(narrow), number(0)};
    return d->runtime->launch(d->queue, &d->kernels.product, (const size_t[2]){tiles, tiles},
                              arguments, sizeof arguments / sizeof *arguments);
}

/* Multiply-adds on registers, in fp32. */
static vc_status spin(vc__device *d, vc__memory a, size_t groups)
{
    const vc__argument by = {.kind = VC__FLOAT, .real = 0.999f},
                       and_then = {.kind = VC__FLOAT, .real = 1e-3f};
    const vc__argument arguments[] = {memory(a), by, and_then, number(ROUNDS)};
    return d->runtime->launch(d->queue, &d->kernels.spin, (const size_t[2]){groups, 1}, arguments,
                              4);
}

typedef enum work { COPY, MULTIPLY, SPIN, WORKS } work;

static vc_status run(vc__device *d, work what, vc__memory m[3], size_t size)
{
    return what == COPY       ? copy(d, m[0], m[1], size)
           : what == MULTIPLY ? multiply(d, m[0], m[1], m[2], size)
                              : spin(d, m[0], size);
}

/* The fastest of some; the first warms up. 0: it took no time that the clock tells. */
static vc_status fastest(double *seconds, vc__device *d, work what, vc__memory m[3], size_t size)
{
    vc__span span;
    *seconds = 0.0;
    for (size_t i = 0; i <= TIMES; i++) {
        VC_TRY(d->runtime->timing(d->queue, 1));
        VC_TRY(d->runtime->mark(d->queue, 0));
        VC_TRY(run(d, what, m, size));
        VC_TRY(d->runtime->mark(d->queue, 1));
        VC_TRY(d->runtime->finish(d->queue));
        d->runtime->span(&span, d->queue, 0);
        if (i > 0 && span.seconds > 0.0 && (*seconds <= 0.0 || span.seconds < *seconds))
            *seconds = span.seconds;
    }
    return d->runtime->timing(d->queue, 0);
}

/* Larger than caches, and no more than an eighth of the memory. */
static size_t copied_bytes(const vc__device *d)
{
    size_t bytes = (size_t)(strcmp(d->info.kind, "gpu") == 0 ? 256 : 64) << 20;
    while (d->info.memory_bytes > 0 && 8 * bytes > d->info.memory_bytes && bytes > 1 << 20)
        bytes /= 2;
    return bytes;
}

static vc_status open_three(vc__memory m[3], vc__device *d, size_t bytes)
{
    for (size_t i = 0; i < 3; i++) {
        VC_TRY(d->runtime->allocate(&m[i], d->queue, bytes, NULL));
        /* Written once, so that pages are there. */
        VC_TRY(copy(d, m[0], m[i], bytes));
    }
    return VC_OK;
}

static void release(const vc__device *d, vc__memory m[3])
{
    for (size_t i = 0; i < 3; i++)
        if (m[i].handle)
            d->runtime->release(d->queue, m[i]);
}

static vc_status measure_one(double *rate, vc__device *d, work what, size_t bytes, size_t size,
                             double amount)
{
    vc__memory m[3] = {{0}};
    double seconds = 0.0;
    vc_status status = open_three(m, d, bytes);
    if (status == VC_OK)
        status = fastest(&seconds, d, what, m, size);
    release(d, m);
    *rate = seconds > 0.0 ? amount / seconds : 0.0;
    return status;
}

vc_status vc__device_roofs(vc_roofs *out, void *device)
{
    enum { CHAINS = 16 }; /* as rows.cl has them */
    vc__device *d = device;
    const int gpu = strcmp(d->info.kind, "gpu") == 0,
              library = d->runtime->multiplies(d->queue, d->options.precision);
    const size_t size = !gpu      ? 512
                        : library ? 4096
                                  : 2048,
                 bytes = copied_bytes(d), groups = gpu ? 8192 : 512;
    const double macs = (double)size * (double)size * (double)size,
                 spun = (double)groups * VC__LANES * CHAINS * ROUNDS;
    double rates[WORKS];
    VC_TRY(measure_one(&rates[COPY], d, COPY, bytes, bytes, 2.0 * (double)bytes));
    VC_TRY(
        measure_one(&rates[MULTIPLY], d, MULTIPLY, size * size * sizeof(float), size, 2.0 * macs));
    VC_TRY(measure_one(&rates[SPIN], d, SPIN, 1 << 16, groups, 2.0 * spun));
    *out = (vc_roofs){rates[COPY], fmax(rates[MULTIPLY], rates[SPIN])};
    return VC_OK;
}
