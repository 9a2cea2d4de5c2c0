/* Weights of products: packed here, or taken from a cache of what was packed before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_impl.h"
#include "packed_cache.h"

enum { NAME = 160 };

/* Quantizes weights to int8 with a scale per output. Inputs are stored with 128 added, which
 * `offset` makes up for. */
static vc_status quantize(vc__packed *q, int8_t *weight, const vc_linear *linear)
{
    const size_t n = linear->outputs, k = linear->inputs;
    q->scale = malloc(n * sizeof *q->scale);
    q->offset = malloc(n * sizeof *q->offset);
    q->bias = calloc(n, sizeof *q->bias);
    if (!q->scale || !q->offset || !q->bias)
        return vc_fail(VC_ENOMEM, "out of memory");
    if (linear->bias)
        memcpy(q->bias, linear->bias, n * sizeof *q->bias);
    vc_quantize_weights(weight, q->scale, linear->weight, n, k);
    for (size_t o = 0; o < n; o++) {
        int32_t sum = 0;
        for (size_t i = 0; i < k; i++)
            sum += weight[o * k + i];
        q->offset[o] = VC_ZERO_POINT * sum;
    }
    return VC_OK;
}

static vc__packed *next_packed(vc__cpu *cpu)
{
    vc__packed *grown = realloc(cpu->packed, (cpu->packed_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    cpu->packed = grown;
    grown[cpu->packed_count] = (vc__packed){0};
    return &grown[cpu->packed_count];
}

/* Whether the CPU's own product in int8 is the faster one here. */
static int is_own(const vc__cpu *cpu, const vc_program_op *op)
{
    return op->precision == VC_IN_INT8 && cpu->own_int8 && op->inputs % VC_INT8_DEPTH == 0;
}

static vc_status pack_own(vc__packed *made, vc__cpu *cpu, const int8_t *weight, size_t outputs,
                          size_t inputs)
{
    const size_t bytes = vc_int8_packed_bytes(outputs, inputs);
    int8_t *room = vc_chunks_take(&cpu->packed_int8, bytes);
    if (!room)
        return vc_fail(VC_ENOMEM, "out of memory for %zu weights", bytes);
    vc_int8_pack(room, weight, outputs, inputs);
    made->int8 = room;
    return VC_OK;
}

static vc_status pack(vc__packed *made, vc__cpu *cpu, const vc_program_op *op,
                      const vc_product_form *form, const vc_linear *linear)
{
    if (form->precision != VC_IN_INT8)
        return vc_products_add(&made->product, cpu->products, form, linear->weight, linear->bias,
                               VC__TILE);
    int8_t *weight = malloc(linear->outputs * linear->inputs);
    vc_status status =
        weight ? quantize(made, weight, linear) : vc_fail(VC_ENOMEM, "out of memory for weights");
    if (status == VC_OK && is_own(cpu, op))
        status = pack_own(made, cpu, weight, linear->outputs, linear->inputs);
    else if (status == VC_OK)
        status = vc_products_add(&made->product, cpu->products, form, weight, NULL, VC__TILE);
    free(weight);
    return status;
}

/* ---- the cache */

/* What of a product's values lies under which name: that of the product, and of the part. */
static const char *name_of(char name[NAME], const vc__cpu *cpu, const vc_program_op *op,
                           const char *part)
{
    snprintf(name, NAME, "%zu.%s.%d.%zu-%zux%zu.%s%s.%s", cpu->packed_count, vc_op_name(op->kind),
             op->layer, op->first, op->outputs, op->inputs, vc_precision_name(op->precision),
             op->add ? "+" : "", part);
    return name;
}

static const void *take(vc__cpu *cpu, const vc_program_op *op, const char *part, size_t bytes)
{
    char name[NAME];
    return vc__packed_cache_take(cpu->options.cache, name_of(name, cpu, op, part), bytes);
}

static vc_status give(vc__cpu *cpu, const vc_program_op *op, const char *part, const void *values,
                      size_t bytes, int copied)
{
    char name[NAME];
    return vc__packed_cache_give(cpu->options.cache, name_of(name, cpu, op, part), values, bytes,
                                 copied);
}

static vc_status give_all(vc__cpu *cpu, const vc_program_op *op, const vc__packed *made,
                          const float *bias)
{
    const size_t n = op->outputs * sizeof(float);
    if (made->int8) {
        VC_TRY(give(cpu, op, "int8", made->int8, vc_int8_packed_bytes(op->outputs, op->inputs), 0));
    } else {
        const vc_packed_weights w = vc_products_packed(cpu->products, made->product);
        VC_TRY(give(cpu, op, "layout", &w.layout, sizeof w.layout, 1));
        VC_TRY(give(cpu, op, "weights", w.data, w.bytes, 0));
    }
    if (op->precision != VC_IN_INT8)
        return bias ? give(cpu, op, "bias", bias, n, 1) : VC_OK;
    VC_TRY(give(cpu, op, "scale", made->scale, n, 0));
    VC_TRY(give(cpu, op, "offset", made->offset, n, 0));
    return give(cpu, op, "bias", made->bias, n, 0);
}

static void *copy_of(const void *values, size_t bytes)
{
    void *copy = values ? malloc(bytes) : NULL;
    if (copy)
        memcpy(copy, values, bytes);
    return copy;
}

static int take_scales(vc__packed *made, vc__cpu *cpu, const vc_program_op *op, const float *bias)
{
    const size_t n = op->outputs * sizeof(float);
    made->scale = copy_of(take(cpu, op, "scale", n), n);
    made->offset = copy_of(take(cpu, op, "offset", n), n);
    made->bias = copy_of(bias, n);
    if (made->scale && made->offset && made->bias)
        return 1;
    free(made->scale);
    free(made->offset);
    free(made->bias);
    return 0;
}

static const char verdicts_name[] = "verdicts";

/* What the file has: in the first a count (`rows`), so that what fills the last line is no verdict;
 * then as many of them. NULL if it has fewer than it says: they are then found out again. */
static const vc_product_verdict *kept_verdicts(const vc__cpu *cpu)
{
    struct vc__packed_cache *cache = cpu->options.cache;
    const vc_product_verdict *kept = cache ? vc__packed_cache_take(cache, verdicts_name, 0) : NULL;
    const size_t there = kept ? vc__packed_cache_bytes(cache, verdicts_name) / sizeof *kept : 0;
    return there > 0 && kept->rows < there ? kept : NULL;
}

vc_status vc__cpu_keep_verdicts(void *device)
{
    vc__cpu *cpu = device;
    size_t count;
    const vc_product_verdict *all = vc_products_verdicts(cpu->products, &count);
    const vc_product_verdict *before = kept_verdicts(cpu);
    if (!cpu->options.cache || (before && before->rows == count)) /* all are known there */
        return VC_OK;
    vc_product_verdict *kept = calloc(count + 1, sizeof *kept);
    if (!kept)
        return vc_fail(VC_ENOMEM, "out of memory for a cache");
    kept[0].rows = (uint32_t)count;
    if (count > 0)
        memcpy(kept + 1, all, count * sizeof *kept);
    const vc_status status = vc__packed_cache_give(cpu->options.cache, verdicts_name, kept,
                                                   (count + 1) * sizeof *kept, 1);
    free(kept);
    return status;
}

vc_status vc__cpu_recall_verdicts(vc__cpu *cpu)
{
    const vc_product_verdict *kept = kept_verdicts(cpu);
    return kept ? vc_products_know(cpu->products, kept + 1, kept->rows) : VC_OK;
}

static int take_own(vc__packed *made, vc__cpu *cpu, const vc_program_op *op)
{
    made->int8 = take(cpu, op, "int8", vc_int8_packed_bytes(op->outputs, op->inputs));
    return made->int8 != NULL;
}

static int take_product(vc__packed *made, vc__cpu *cpu, const vc_program_op *op, const float *bias)
{
    char name[NAME];
    const int int8 = op->precision == VC_IN_INT8;
    const vc_product_form form = {.precision = op->precision,
                                  .outputs = op->outputs,
                                  .inputs = op->inputs,
                                  .bias = !int8 && bias,
                                  .add = !int8 && op->add};
    const uint64_t *layout = take(cpu, op, "layout", sizeof *layout);
    vc_packed_weights weights = {.data = take(cpu, op, "weights", 0)};
    if (!layout || !weights.data)
        return 0;
    weights.layout = *layout;
    weights.bytes = vc__packed_cache_bytes(cpu->options.cache, name_of(name, cpu, op, "weights"));
    return vc_products_add_packed(&made->product, cpu->products, &form, &weights, bias, VC__TILE) ==
           VC_OK;
}

int vc__cpu_take(vc_program_op *op, void *device)
{
    vc__cpu *cpu = device;
    vc__packed *made = cpu->options.cache ? next_packed(cpu) : NULL;
    if (!made)
        return 0;
    const float *bias = take(cpu, op, "bias", op->outputs * sizeof *bias);
    int taken = is_own(cpu, op) ? take_own(made, cpu, op) : take_product(made, cpu, op, bias);
    if (taken && op->precision == VC_IN_INT8)
        taken = take_scales(made, cpu, op, bias);
    op->packed = cpu->packed_count;
    cpu->packed_count += (size_t)taken;
    return taken;
}

vc_status vc__cpu_pack(vc_program_op *op, void *device, const vc_linear *linear)
{
    vc__cpu *cpu = device;
    const int int8 = op->precision == VC_IN_INT8;
    const vc_product_form form = {.precision = op->precision,
                                  .outputs = linear->outputs,
                                  .inputs = linear->inputs,
                                  .bias = !int8 && linear->bias,
                                  .add = !int8 && op->add};
    vc__packed *made = next_packed(cpu);
    if (!made)
        return vc_fail(VC_ENOMEM, "out of memory");
    vc_status status = pack(made, cpu, op, &form, linear);
    if (status == VC_OK && cpu->options.cache)
        status = give_all(cpu, op, made, linear->bias);
    op->packed = cpu->packed_count++;
    return status;
}
