/* Values of two bytes: weights, and in fp16 what lies between operators. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "device_impl.h"
#include "vitcod/kernels.h"

/* To binary16, to the nearest, ties to even. Beyond 65520 it is infinite. */
static uint16_t half_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    if (size >= 0x47800000u) /* 65536, or no number */
        return (uint16_t)(sign | (size > 0x7f800000u ? 0x7e00u : 0x7c00u));
    if (size < 0x38800000u) /* below 2^-14: in units of 2^-24 */
        return (uint16_t)(sign | (uint32_t)nearbyintf(ldexpf(fabsf(x), 24)));
    return (uint16_t)(sign | ((size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13));
}

static vc_status to_half(uint16_t *out, const vc__device *d, const vc_linear *linear)
{
    const size_t count = linear->outputs * linear->inputs;
    for (size_t i = 0; i < count; i++) {
        const float weight = linear->weight[i];
        out[i] = half_of(weight);
        if ((out[i] & 0x7fffu) == 0x7c00u)
            return vc_fail(VC_EUNSUPPORTED,
                           "%s:%zu (%s): a weight is %g, and fp16 ends at 65504; wanted bf16 or "
                           "fp32",
                           d->info.backend, d->info.index, d->info.name, (double)weight);
    }
    return VC_OK;
}

vc_status vc__device_fill_weights(vc__memory *out, vc__device *d, const vc_linear *linear,
                                  vc_precision precision)
{
    const size_t count = linear->outputs * linear->inputs;
    if (precision == VC_IN_FP32)
        return vc__device_fill(out, d, linear->weight, count * sizeof(float), "weights");
    uint16_t *halves = malloc(count * sizeof *halves);
    vc_status status = halves ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for %zu weights", count);
    if (status == VC_OK && precision == VC_IN_FP16)
        status = to_half(halves, d, linear);
    else if (status == VC_OK)
        vc_kernels_get()->to_bf16(halves, linear->weight, count);
    if (status == VC_OK)
        status = vc__device_fill(out, d, halves, count * sizeof *halves, "weights");
    free(halves);
    return status;
}

void vc__device_narrow_buffers(const vc__device *d, vc_program *p)
{
    if (d->options.precision != VC_IN_FP16)
        return;
    for (size_t i = VC_BLOCK_OUTPUTS + 1; i < p->buffer_count; i++)
        p->buffers[i]->precision = VC_IN_FP16;
    for (size_t s = 0; s < p->step_count; s++)
        for (size_t i = 0; i < p->steps[s].op_count; i++) {
            vc_program_op *op = &p->steps[s].ops[i];
            if (op->add)
                op->to->precision = VC_IN_FP32;
            if (op->inputs > 0 && op->precision == VC_IN_FP32)
                op->from->precision = VC_IN_FP32;
        }
}

vc_status vc__device_check_logits(const vc__device *d)
{
    if (d->options.precision != VC_IN_FP16)
        return VC_OK;
    for (size_t i = 0; i < d->logit_count; i++)
        if (!isfinite(d->logits[i]))
            return vc_fail(VC_EUNSUPPORTED,
                           "%s:%zu (%s): logits are not finite in fp16, which ends at 65504; "
                           "wanted bf16 or fp32",
                           d->info.backend, d->info.index, d->info.name);
    return VC_OK;
}
