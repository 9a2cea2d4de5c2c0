/* Sends data through a schedule and compares with plain loops. */
#include "vitcod/functional.h"

#include <math.h>
#include <stdlib.h>

#include "vitcod/memory_limit.h"
#include "vitcod/rng.h"

static size_t layer_count(const vc_workload *workload)
{
    size_t count = 0;
    for (size_t i = 0; i < workload->count; i++)
        if (workload->ops[i].kind == VC_OP_SDDMM)
            count = (size_t)workload->ops[i].layer + 1;
    return count;
}

void vc_functional_close(vc_functional *f)
{
    for (size_t l = 0; f->blocks && l < f->layers; l++)
        free(f->blocks[l]);
    free(f->blocks);
    free(f->values);
    *f = (vc_functional){0};
}

/* Fills a layer with uniform int8 numbers. Their scores are scaled to be spread like those of a
 * trained model, Q and K alike. */
static vc_status fill_layer(vc_functional *f, size_t l, const vc_attention_sizes *s, uint64_t seed)
{
    const size_t q = s->heads * s->queries * s->head_dim, k = s->heads * s->keys * s->head_dim,
                 v = s->heads * s->keys * s->value_dim, out = s->heads * s->queries * s->value_dim;
    vc_rng rng = vc_rng_open(seed, 7, l);
    vc_key_parts *parts = f->blocks[l] =
        malloc(sizeof *parts + 2 * out * sizeof(int32_t) + q + k + v);
    if (!parts)
        return vc_fail(VC_ENOMEM, "out of memory for a layer's data");
    int32_t *sums = (int32_t *)(parts + 1);
    int8_t *bytes = (int8_t *)(sums + 2 * out);
    for (size_t i = 0; i < q + k + v; i++)
        bytes[i] = (int8_t)((int)vc_rng_below(&rng, 255) - 127);
    const double one = 73.3, deviation = one * one * sqrt((double)s->head_dim); /* of a score */
    f->values[l] = (vc_chip_values){.q = bytes,
                                    .k = bytes + q,
                                    .v = bytes + q + k,
                                    .score_scale = (float)(2.0 / deviation),
                                    .pool_scale = (float)(sqrt(2.0 / (double)s->head_dim) / one),
                                    .out = sums,
                                    .key_parts = parts};
    return VC_OK;
}

static vc_status fill_layers(vc_functional *f, const vc_workload *workload, uint64_t seed)
{
    f->layers = layer_count(workload);
    f->values = calloc(f->layers + 1, sizeof *f->values);
    f->blocks = calloc(f->layers + 1, sizeof *f->blocks);
    if (!f->values || !f->blocks)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < workload->count; i++) {
        const vc_op *op = &workload->ops[i];
        if (op->kind == VC_OP_SDDMM)
            VC_TRY(fill_layer(f, (size_t)op->layer, &op->sizes, seed));
    }
    return VC_OK;
}

/* (T, H, width) to int8 (H, T, width). Returns what a step of it is worth; NAN for a value that is
 * not finite. */
static double take_rows(int8_t *out, const float *x, size_t stride, size_t heads, size_t tokens,
                        size_t width)
{
    double most = 0.0;
    for (size_t t = 0; t < tokens; t++)
        for (size_t i = 0; i < heads * width; i++) {
            const double value = (double)x[t * stride + i];
            if (!isfinite(value))
                return NAN;
            most = fmax(most, fabs(value));
        }
    const double step = most > 0.0 ? most / 127.0 : 1.0;
    for (size_t h = 0; h < heads; h++)
        for (size_t t = 0; t < tokens; t++)
            for (size_t c = 0; c < width; c++)
                out[(h * tokens + t) * width + c] =
                    (int8_t)lround((double)x[t * stride + h * width + c] / step);
    return step;
}

static const vc_op *attention_of(const vc_workload *workload, size_t layer)
{
    for (size_t i = 0; i < workload->count; i++)
        if (workload->ops[i].kind == VC_OP_SDDMM && (size_t)workload->ops[i].layer == layer)
            return &workload->ops[i];
    return NULL;
}

vc_status vc_functional_take(vc_functional *f, const vc_workload *workload, size_t layer,
                             const vc_functional_rows *rows)
{
    const vc_op *op = attention_of(workload, layer);
    if (!op)
        return VC_OK;
    const vc_attention_sizes *s = &op->sizes;
    vc_chip_values *values = &f->values[layer];
    int8_t *q = (int8_t *)(values->out + 2 * s->heads * s->queries * s->value_dim),
           *k = q + s->heads * s->queries * s->head_dim, *v = k + s->heads * s->keys * s->head_dim;
    const double q_step = take_rows(q, rows->q, rows->q_stride, s->heads, s->queries, s->head_dim),
                 k_step = take_rows(k, rows->k, rows->k_stride, s->heads, s->keys, s->head_dim),
                 v_step = take_rows(v, rows->v, rows->v_stride, s->heads, s->keys, s->value_dim),
                 root = sqrt((double)s->head_dim);
    if (isnan(q_step + k_step + v_step))
        return vc_fail(VC_EINVAL, "layer %zu: Q, K or V has a value that is not finite", layer);
    values->score_scale = (float)(q_step * k_step / root);
    values->pool_scale = (float)(k_step / root);
    return VC_OK;
}

/* Compares the results of a layer with those of plain loops, bit for bit. */
static vc_status check_layer(const vc_functional *f, const vc_op *op, const vc_plan *plan)
{
    const vc_attention_sizes *s = &op->sizes;
    const size_t l = (size_t)op->layer, out = s->heads * s->queries * s->value_dim;
    vc_chip_values values = f->values[l];
    const int32_t *have = values.out;
    int32_t *want = values.out + out;
    uint8_t *pruned =
        plan ? vc_memory_take(s->heads * s->queries, s->keys, "the mask of a layer") : NULL;
    if (plan && !pruned)
        return VC_ENOMEM;
    if (plan)
        vc_plan_layer_mask(pruned, &plan->layers[l]);
    const vc_status status =
        vc_quantized_attention(want, s, &values, pruned, plan ? &plan->layers[l] : NULL);
    free(pruned);
    VC_TRY(status);
    for (size_t i = 0; i < out; i++)
        if (have[i] != want[i])
            return vc_fail(VC_EINVAL,
                           "layer %zu: result %zu is %d, wanted %d: the schedule lost something", l,
                           i, have[i], want[i]);
    return VC_OK;
}

vc_status vc_functional_open(vc_functional *out, const vc_workload *workload, uint64_t seed)
{
    *out = (vc_functional){0};
    const vc_status status = fill_layers(out, workload, seed);
    if (status != VC_OK)
        vc_functional_close(out);
    return status;
}

vc_status vc_functional_check(vc_functional_counts *out, const vc_functional *f,
                              const vc_workload *workload, const vc_plan *plan)
{
    *out = (vc_functional_counts){0};
    for (size_t i = 0; i < workload->count; i++) {
        const vc_op *op = &workload->ops[i];
        if (op->kind != VC_OP_SDDMM)
            continue;
        VC_TRY(check_layer(f, op, plan));
        out->values += op->sizes.heads * op->sizes.queries * op->sizes.value_dim;
        out->layers++;
    }
    return VC_OK;
}
