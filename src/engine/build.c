/* Putting a program together. */
#include <stdlib.h>
#include <string.h>

#include "engine_impl.h"

enum { MOST_BUFFERS = 64 };

vc__buffer *vc__buffer_add(vc__builder *b, size_t width, size_t rows, int local)
{
    vc_engine *e = b->engine;
    if (!e->buffers)
        e->buffers = calloc(MOST_BUFFERS, sizeof *e->buffers);
    if (!e->buffers || e->buffer_count == MOST_BUFFERS) {
        b->status = vc_fail(VC_ENOMEM, "no room for another buffer");
        return &e->images; /* never run */
    }
    vc__buffer *made = &e->buffers[e->buffer_count++];
    *made = (vc__buffer){.width = width, .rows = local ? VC__TILE : rows, .local = local};
    return made;
}

vc__buffer *vc__operand_add(vc__builder *b, size_t width)
{
    vc__buffer *made = vc__buffer_add(b, width, 0, 1);
    made->precision = b->engine->options.precision;
    return made;
}

vc__buffer *vc__panels_add(vc__builder *b, size_t parity)
{
    const vc_engine *e = b->engine;
    size_t most = 0;
    for (size_t l = parity; l < vc_model_layers(&e->model->config); l += 2)
        most = e->attention[l].panel_floats > most ? e->attention[l].panel_floats : most;
    return vc__buffer_add(b, most, 1, 0);
}

vc__step *vc__step_add(vc__builder *b, size_t rows_per_image)
{
    vc_engine *e = b->engine;
    vc__step *grown = realloc(e->steps, (e->step_count + 1) * sizeof *grown);
    if (!grown) {
        b->status = vc_fail(VC_ENOMEM, "out of memory");
        return e->steps;
    }
    e->steps = grown;
    grown[e->step_count] = (vc__step){.rows_per_image = rows_per_image};
    return &grown[e->step_count++];
}

vc__op *vc__op_add(vc__builder *b, vc__step *step, const vc__op *op)
{
    static vc__op nowhere;
    if (b->status != VC_OK || !step || step->op_count == VC__OPS) {
        if (b->status == VC_OK)
            b->status = vc_fail(VC_ENOMEM, "no room for another operator");
        return &nowhere;
    }
    step->ops[step->op_count] = *op;
    b->engine->op_count++;
    return &step->ops[step->op_count++];
}

/* Weights to int8, a scale per output; inputs are stored with 128 added, which `offset` takes back. */
static vc_status quantize(vc__quantized *q, int8_t *weight, const vc_linear *linear)
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

static vc_status pack(vc__op *op, vc_engine *e, const vc_linear *linear, size_t rows)
{
    const int int8 = op->precision == VC_IN_INT8;
    const vc_product_form form = {.precision = op->precision,
                                  .outputs = linear->outputs,
                                  .inputs = linear->inputs,
                                  .bias = !int8 && linear->bias,
                                  .add = !int8 && op->add};
    if (!int8)
        return vc_products_add(&op->product, e->products, &form, linear->weight, linear->bias,
                               rows);
    int8_t *weight = malloc(linear->outputs * linear->inputs);
    vc_status status = weight ? quantize(&op->quantized, weight, linear)
                              : vc_fail(VC_ENOMEM, "out of memory for int8 weights");
    if (status == VC_OK)
        status = vc_products_add(&op->product, e->products, &form, weight, NULL, rows);
    free(weight);
    return status;
}

vc__op *vc__linear_add(vc__builder *b, vc__step *step, vc_op_kind kind, int layer, vc__buffer *to,
                       vc__buffer *from, const vc_linear *linear, int add)
{
    vc_engine *e = b->engine;
    vc__op *op = vc__op_add(b, step,
                            &(vc__op){.run = vc__run_linear,
                                      .kind = kind,
                                      .layer = layer,
                                      .from = from,
                                      .to = to,
                                      .inputs = linear->inputs,
                                      .outputs = linear->outputs,
                                      .precision = e->options.precision,
                                      .add = add});
    if (b->status != VC_OK)
        return op;
    if (!vc_op_in_any_precision(kind))
        op->precision = VC_IN_FP32;
    const size_t rows = step->rows_per_image < VC__TILE ? step->rows_per_image : VC__TILE;
    b->status = pack(op, e, linear, rows);
    vc_model_forget(e->model, linear->weight, linear->inputs * linear->outputs);
    return op;
}

void vc__norm_add(vc__builder *b, vc__step *step, vc_op_kind kind, int layer, vc__buffer *to,
                  vc__buffer *from, const float *weight, const float *bias, float eps)
{
    vc__op_add(b, step,
               &(vc__op){.run = vc__run_norm,
                         .kind = kind,
                         .layer = layer,
                         .from = from,
                         .to = to,
                         .weight = weight,
                         .bias = bias,
                         .eps = eps});
}
