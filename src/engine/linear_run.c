/* A product with its conversions: inputs to the precision it runs in, sums back to values. */
#include "engine_impl.h"

static size_t padded(size_t bytes)
{
    return (bytes + VC_ARENA_ALIGN - 1) / VC_ARENA_ALIGN * VC_ARENA_ALIGN;
}

size_t vc__linear_scratch(const vc__op *op)
{
    switch (op->precision) {
    case VC_IN_BF16:
        return padded(VC__TILE * op->inputs * sizeof(uint16_t));
    case VC_IN_INT8:
        return padded(VC__TILE * op->inputs) + padded(VC__TILE * sizeof(float)) +
               padded(VC__TILE * op->outputs * sizeof(int32_t));
    default:
        return 0;
    }
}

static void run_bf16(const vc_engine *e, const vc__op *op, const vc__tile *tile, void *scratch)
{
    float *y = vc__rows(op->to, tile);
    e->kernels->to_bf16(scratch, vc__rows(op->from, tile), tile->rows * op->inputs);
    vc_products_run(e->products, op->product, y, scratch, tile->rows, tile->worker);
    if (op->activate)
        op->activate(y, y, tile->rows * op->outputs);
}

static void run_int8(const vc_engine *e, const vc__op *op, const vc__tile *tile,
                     unsigned char *scratch)
{
    const size_t n = op->outputs;
    const size_t scales_at = padded(VC__TILE * op->inputs);
    uint8_t *x = scratch;
    float *scales = (void *)(scratch + scales_at);
    int32_t *sums = (void *)(scratch + scales_at + padded(VC__TILE * sizeof(float)));
    float *y = vc__rows(op->to, tile);
    e->kernels->quantize_rows(x, scales, vc__rows(op->from, tile), tile->rows, op->inputs);
    vc_products_run(e->products, op->product, sums, x, tile->rows, tile->worker);
    for (size_t r = 0; r < tile->rows; r++) {
        e->kernels->dequantize_row(y + r * n, sums + r * n, scales[r], op->quantized.scale,
                                   op->quantized.offset, op->quantized.bias, op->add, n);
        if (op->activate)
            op->activate(y + r * n, y + r * n, n);
    }
}

void vc__run_linear(vc_engine *e, const vc__op *op, const vc__tile *tile)
{
    unsigned char *scratch = e->scratch + tile->worker * e->scratch_bytes;
    float *y = vc__rows(op->to, tile);
    switch (op->precision) {
    case VC_IN_BF16:
        run_bf16(e, op, tile, scratch);
        return;
    case VC_IN_INT8:
        run_int8(e, op, tile, scratch);
        return;
    default:
        vc_products_run(e->products, op->product, y, vc__rows(op->from, tile), tile->rows,
                        tile->worker);
        if (op->activate)
            op->activate(y, y, tile->rows * op->outputs);
    }
}
