/* Compiling kernels for a device. */
#include <stdio.h>
#include <stdlib.h>

#include "device_impl.h"

extern const char vc__common_cl[], vc__rows_cl[], vc__product_cl[], vc__attention_cl[],
    vc__pool_cl[], vc__apart_cl[];

/* As common.cl has NARROW. */
static int narrow_of(const vc__device *d)
{
    return (int)(d->options.precision == VC_IN_FP32 ? VC_IN_BF16 : d->options.precision);
}

vc_status vc__device_build(vc__device *d)
{
    const char *const sources[] = {d->runtime->prelude, vc__common_cl, vc__rows_cl, vc__product_cl};
    char defines[64];
    void *program;
    snprintf(defines, sizeof defines, "-DNARROW=%d", narrow_of(d));
    VC_TRY(
        d->runtime->build(&program, d->queue, sources, sizeof sources / sizeof *sources, defines));
#define VC__KERNEL_FIND(name)                                                                      \
    VC_TRY(d->runtime->kernel(&d->kernels.name, d->queue, program, #name));
    VC__KERNEL_MAP(VC__KERNEL_FIND)
#undef VC__KERNEL_FIND
    return VC_OK;
}

vc_status vc__device_kernels_of(vc__kernels_of *out, vc__device *d, size_t head_dim,
                                size_t value_dim)
{
    const char *const sources[] = {d->runtime->prelude, vc__common_cl, vc__attention_cl,
                                   vc__apart_cl, vc__pool_cl};
    const size_t widest = head_dim > value_dim ? head_dim : value_dim,
                 local =
                     sizeof(float) * (VC__BLOCK_QUERIES * head_dim + VC__BLOCK_KEYS * (widest + 1) +
                                      VC__BLOCK_QUERIES * VC__BLOCK_KEYS + 2 * VC__LANES);
    char defines[128];
    void *program;
    for (size_t i = 0; i < d->of_heads_count; i++)
        if (d->of_heads[i].head_dim == head_dim && d->of_heads[i].value_dim == value_dim) {
            *out = d->of_heads[i];
            return VC_OK;
        }
    if (d->info.local_bytes > 0 && local > d->info.local_bytes)
        return vc_fail(
            VC_EUNSUPPORTED,
            "%s:%zu (%s) has %zu bytes for a work-group, and heads of %zu and %zu values "
            "want %zu",
            d->info.backend, d->info.index, d->info.name, (size_t)d->info.local_bytes, head_dim,
            value_dim, local);
    vc__kernels_of *grown = realloc(d->of_heads, (d->of_heads_count + 1) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    d->of_heads = grown;
    snprintf(defines, sizeof defines, "-DNARROW=%d -DHEAD_DIM=%zu -DVALUE_DIM=%zu", narrow_of(d),
             head_dim, value_dim);
    VC_TRY(
        d->runtime->build(&program, d->queue, sources, sizeof sources / sizeof *sources, defines));
    *out = (vc__kernels_of){.head_dim = head_dim, .value_dim = value_dim};
    VC_TRY(d->runtime->kernel(&out->attend, d->queue, program, "attention"));
#define VC__APART_FIND(name) VC_TRY(d->runtime->kernel(&out->name, d->queue, program, #name));
    VC__APART_MAP(VC__APART_FIND)
#undef VC__APART_FIND
    VC_TRY(d->runtime->kernel(&out->pool, d->queue, program, "pool"));
    grown[d->of_heads_count++] = *out;
    return VC_OK;
}
