/* A product with the conversions around it: inputs to the precision of the product, sums to values,
 * and the activation. */
#include <math.h>

#include "cpu_impl.h"

static size_t padded(size_t bytes)
{
    return (bytes + VC_ARENA_ALIGN - 1) / VC_ARENA_ALIGN * VC_ARENA_ALIGN;
}

/* A worker's scratch: converted inputs, their scales, sums, one row of values. */
typedef struct scratch {
    size_t scales, sums, row, end; /* bytes from its start; the inputs lie at 0 */
} scratch;

static scratch layout_of(const vc_program_op *op)
{
    scratch s = {0};
    if (op->precision == VC_IN_FP32)
        return s;
    s.scales = op->from->precision == op->precision ? 0 : padded(VC__TILE * op->inputs * 2);
    s.sums = s.scales + padded(VC__TILE * sizeof(float));
    s.row = s.sums + padded(VC__TILE * op->outputs * sizeof(float));
    s.end = s.row + padded(op->outputs * sizeof(float));
    return s;
}

size_t vc__linear_scratch(const vc_program_op *op)
{
    return layout_of(op).end;
}

static void convert(void *to, float *scales, const float *from, size_t rows, size_t columns,
                    vc_precision precision, const vc_kernels *kernels)
{
    if (precision == VC_IN_INT8)
        kernels->quantize_rows(to, scales, from, rows, columns);
    else
        kernels->to_bf16(to, from, rows * columns);
}

/* Those of a worker's rows, which a buffer in int8 has. */
static float *scales_of(const vc_program_buffer *b, const vc__tile *tile)
{
    return b->scales ? b->scales + tile->worker * VC__TILE : NULL;
}

void vc__emit(const vc__cpu *cpu, const vc_program_buffer *to, const vc__tile *tile, size_t row,
              size_t rows, const float *values)
{
    const size_t bytes = to->precision == VC_IN_INT8 ? 1 : 2;
    unsigned char *at = (unsigned char *)vc__rows(to, tile) + row * to->width * bytes;
    float *scales = scales_of(to, tile);
    convert(at, scales ? scales + row : NULL, values, rows, to->width, to->precision, cpu->kernels);
}

void vc__activate(const vc__cpu *cpu, vc_activation activation, float *values, size_t count)
{
    if (activation == VC_ACTIVATION_GELU)
        cpu->kernels->gelu_forward(values, values, count);
    else if (activation == VC_ACTIVATION_HARDSWISH)
        cpu->kernels->hardswish_forward(values, values, count);
    else if (activation == VC_ACTIVATION_SILU)
        cpu->kernels->silu_forward(values, values, count);
    else if (activation == VC_ACTIVATION_QUICK_GELU)
        vc_quick_gelu_forward(values, values, count);
    else if (activation == VC_ACTIVATION_RELU)
        for (size_t i = 0; i < count; i++)
            values[i] = values[i] < 0.0f ? 0.0f : values[i];
    else if (activation == VC_ACTIVATION_TANH)
        for (size_t i = 0; i < count; i++)
            values[i] = tanhf(values[i]);
}

/* Turns sums into values, in place unless the output is the operand of a product. */
static void finish_row(const vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile,
                       size_t row, float *values)
{
    vc__activate(cpu, op->activation, values, op->outputs);
    if (op->to->precision != VC_IN_FP32)
        vc__emit(cpu, op->to, tile, row, 1, values);
}

static void run_converted(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    unsigned char *memory = cpu->scratch + tile->worker * cpu->scratch_bytes;
    const vc__packed *packed = &cpu->packed[op->packed];
    const scratch s = layout_of(op);
    const size_t n = op->outputs;
    const int whole = op->to->precision == VC_IN_FP32, int8 = op->precision == VC_IN_INT8;
    float *x = vc__rows(op->from, tile), *y = vc__rows(op->to, tile),
          *scales = (void *)(memory + s.scales), *line = (void *)(memory + s.row);
    void *sums = memory + s.sums, *inputs = x;
    if (op->from->precision == op->precision) {
        scales = scales_of(op->from, tile);
    } else {
        inputs = memory;
        convert(inputs, scales, x, tile->rows, op->inputs, op->precision, cpu->kernels);
    }
    if (!int8 && whole)
        sums = y;
    vc_products_run(cpu->products, packed->product, sums, inputs, tile->rows, tile->worker);
    for (size_t r = 0; r < tile->rows; r++) {
        float *values = int8 && !whole ? line : (whole ? y : (float *)sums) + r * n;
        if (int8)
            cpu->kernels->dequantize_row(values, (int32_t *)sums + r * n, scales[r], packed->scale,
                                         packed->offset, packed->bias, op->add, n);
        finish_row(cpu, op, tile, r, values);
    }
}

/* Rows of a call of product_int8. Its values are finished while the first cache has them; weights
 * that are more than the second has are fetched for more rows at once. */
static size_t int8_rows(const vc_program_op *op)
{
    enum { FEW = 12, MANY = 48, MANY_WEIGHTS = 512 << 10 };
    return op->inputs * op->outputs > MANY_WEIGHTS ? MANY : FEW;
}

static void run_int8(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    unsigned char *memory = cpu->scratch + tile->worker * cpu->scratch_bytes;
    const vc__packed *packed = &cpu->packed[op->packed];
    const scratch s = layout_of(op);
    const size_t n = op->outputs, most = int8_rows(op);
    const int whole = op->to->precision == VC_IN_FP32;
    const vc_int8_weights w = {op->inputs,    n,           packed->int8, packed->offset,
                               packed->scale, packed->bias};
    float *x = vc__rows(op->from, tile), *y = vc__rows(op->to, tile),
          *scales = (void *)(memory + s.scales);
    unsigned char *inputs = (void *)x;
    if (op->from->precision == VC_IN_INT8) {
        scales = scales_of(op->from, tile);
    } else {
        inputs = memory;
        convert(inputs, scales, x, tile->rows, op->inputs, VC_IN_INT8, cpu->kernels);
    }
    for (size_t r = 0; r < tile->rows; r += most) {
        const size_t rows = tile->rows - r < most ? tile->rows - r : most;
        float *values = whole ? y + r * n : (float *)(void *)(memory + s.sums);
        cpu->kernels->product_int8(values, inputs + r * op->inputs, scales + r, &w, op->add, rows);
        vc__activate(cpu, op->activation, values, rows * n);
        if (!whole)
            vc__emit(cpu, op->to, tile, r, rows, values);
    }
}

void vc__run_linear(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    if (cpu->packed[op->packed].int8) {
        run_int8(cpu, op, tile);
        return;
    }
    if (op->precision != VC_IN_FP32) {
        run_converted(cpu, op, tile);
        return;
    }
    const vc__packed *packed = &cpu->packed[op->packed];
    float *y = vc__rows(op->to, tile);
    vc_products_run(cpu->products, packed->product, y, vc__rows(op->from, tile), tile->rows,
                    tile->worker);
    vc__activate(cpu, op->activation, y, tile->rows * op->outputs);
}
