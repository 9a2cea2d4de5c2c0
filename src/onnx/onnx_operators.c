/* The operators, each as nodes. A value is (batch, rows, width); what convolutions make is (batch,
 * channels, height, width), and becomes rows where somebody reads rows. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_impl.h"

static int64_t i64(size_t value)
{
    return (int64_t)value;
}

static size_t width_of(const vc__export *e, int value)
{
    return e->list->values[value].width;
}

/* ---- values */

static vc__term picture_to_rows(vc__graph *g, vc__term picture, size_t width)
{
    const int64_t dims[] = {0, i64(width), -1}, order[] = {0, 2, 1};
    return vc__permute(g, vc__reshape(g, picture, dims, 3), order, 3);
}

vc__term vc__rows_of(vc__export *e, int value, size_t count)
{
    vc__value *v = &e->values[value];
    vc__graph *g = &e->graph;
    if (!v->rows.name[0] && v->picture.name[0] && value == VC_BLOCK_IMAGES) {
        const int64_t dims[] = {0, i64(v->row_count), i64(width_of(e, value))};
        v->rows = vc__reshape(g, v->picture, dims, 3);
    } else if (!v->rows.name[0] && v->picture.name[0]) {
        v->rows = picture_to_rows(g, v->picture, width_of(e, value));
    } else if (!v->rows.name[0] && g->status == VC_OK) {
        vc__graph_fail(g, vc_fail(VC_EUNSUPPORTED,
                                  "%s: '%s' reads windows of an image, which have a form in ONNX "
                                  "for products alone",
                                  g->path, g->scope));
    }
    return count < v->row_count ? vc__slice(g, v->rows, 1, 0, count) : v->rows;
}

void vc__set_rows(vc__export *e, int value, vc__term rows, size_t count)
{
    e->values[value] = (vc__value){.rows = rows, .row_count = count};
}

/* (batch, channels, height, width) */
static vc__term picture_of(vc__export *e, int value, size_t channels, vc_extent image)
{
    vc__value *v = &e->values[value];
    if (!v->picture.name[0]) {
        const int64_t order[] = {0, 2, 1},
                      dims[] = {0, i64(channels), i64(image.height), i64(image.width)};
        const vc__term rows = vc__rows_of(e, value, vc_extent_area(image));
        v->picture = vc__reshape(&e->graph, vc__permute(&e->graph, rows, order, 3), dims, 4);
    }
    return v->picture;
}

/* Rows of what an operator reads. */
static vc__term input_rows(vc__export *e, const vc_block_op *op, size_t rows)
{
    return vc__rows_of(e, op->from, vc_block_op_by_row(e->list, op) ? rows : op->reads);
}

/* Scales, adds to what `to` holds and activates, where the operator does. */
static void finish(vc__export *e, const vc_block_op *op, vc__term made, size_t rows)
{
    const vc__shape shape = {1, {width_of(e, op->to)}};
    if (op->scale)
        made =
            vc__binary(&e->graph, "Mul", made, vc__weights(&e->graph, "scale", shape, op->scale));
    if (op->add)
        made = vc__binary(&e->graph, "Add", vc__rows_of(e, op->to, rows), made);
    vc__set_rows(e, op->to, vc__activation(&e->graph, made, op->activation), rows);
}

/* ---- products */

/* The attention that reads a value, as Q or as keys; NULL if none does. */
static const vc_block_op *attention_of(const vc__export *e, int value)
{
    for (size_t i = 0; i < e->list->op_count; i++) {
        const vc_block_op *op = &e->list->ops[i];
        if (op->kind == VC_OP_ATTENTION && (op->from == value || op->keys == value))
            return op;
    }
    return NULL;
}

/* A projection's weights, with biases behind them, into which the auto-encoder is folded. To be
 * freed; NULL: there is nothing to fold, or a failure. */
static float *fold(vc__export *e, const vc_block_op *op)
{
    const vc_block_op *attention = attention_of(e, op->to);
    if (!attention)
        return NULL;
    const vc_attention_layer l = vc_model_layer(&e->model->config, (size_t)op->layer);
    const int makes[] = {attention->from == op->to && l.compressed[0],
                         attention->keys == op->to && l.compressed[1]};
    const size_t n = op->linear.outputs, k = op->linear.inputs, at[] = {0, attention->keys_at};
    vc_autoencoder ae[2];
    if ((!makes[0] && !makes[1]) || e->graph.status != VC_OK)
        return NULL;
    float *weight = calloc(n * (k + 1), sizeof *weight);
    if (!weight) {
        vc__graph_fail(&e->graph, vc_fail(VC_ENOMEM, "out of memory for %zu weights", n * k));
        return NULL;
    }
    memcpy(weight, op->linear.weight, n * k * sizeof *weight);
    if (op->linear.bias)
        memcpy(weight + n * k, op->linear.bias, n * sizeof *weight);
    vc_model_autoencoders(ae, &l, vc_model_coder(e->model, (size_t)op->layer), 0, 1);
    for (size_t i = 0; i < 2; i++)
        if (makes[i] && e->graph.status == VC_OK)
            vc__graph_fail(&e->graph, vc_autoencoder_fold(weight + at[i] * k,
                                                          weight + n * k + at[i], k, &ae[i]));
    return weight;
}

static void export_rows_product(vc__export *e, const vc_block_op *op, size_t rows)
{
    vc__graph *g = &e->graph;
    const size_t n = op->linear.outputs, k = op->linear.inputs;
    const vc__term x = input_rows(e, op, rows);
    float *folded = fold(e, op);
    const float *bias = folded ? folded + n * k : op->linear.bias;
    const vc__term weight = vc__transposed(g, "weight", (vc__shape){2, {k, n}},
                                           folded ? folded : op->linear.weight, folded);
    vc__term y = vc__binary(g, "MatMul", x, weight);
    if (bias && g->status == VC_OK)
        y = vc__binary(g, "Add", y, vc__weights(g, "bias", (vc__shape){1, {n}}, bias));
    finish(e, op, y, rows);
}

/* Weights (outputs, kernel, kernel, channels) as (outputs, channels, kernel, kernel). */
static vc__term convolution_weights(vc__graph *g, const vc_linear *linear, const vc_window *w)
{
    const vc__shape shape = {4, {linear->outputs, w->channels, w->kernel, w->kernel}};
    const size_t area = w->kernel * w->kernel;
    vc__term out;
    float *room = vc__constant_room(g, &out, "weight", VC__FLOAT, shape);
    for (size_t o = 0; room && o < linear->outputs; o++)
        for (size_t i = 0; i < area; i++)
            for (size_t c = 0; c < w->channels; c++)
                room[(o * w->channels + c) * area + i] =
                    linear->weight[(o * area + i) * w->channels + c];
    return out;
}

/* (batch, outputs, height, width) of the patches or windows that a product reads. */
static vc__term convolve(vc__export *e, const vc_block_op *op, const vc_block_op *gather,
                         vc__term bias)
{
    vc__graph *g = &e->graph;
    const vc_window *w = &gather->window;
    const vc_patches *p = &gather->patches;
    const int patches = gather->kind == VC_OP_PATCHES;
    const vc_extent kernel = patches ? p->patch : vc_square(w->kernel),
                    stride = patches ? p->patch : vc_square(w->stride);
    const int64_t pad = patches ? 0 : i64(w->padding);
    const vc__attribute attributes[] = {
        {.name = "kernel_shape",
         .is_list = 1,
         .values = {i64(kernel.height), i64(kernel.width)},
         .count = 2},
        {.name = "pads", .is_list = 1, .values = {pad, pad, pad, pad}, .count = 4},
        {.name = "strides",
         .is_list = 1,
         .values = {i64(stride.height), i64(stride.width)},
         .count = 2},
        {0}};
    const vc__shape shape = {4, {op->linear.outputs, p->channels, kernel.height, kernel.width}};
    const vc__term weight = patches ? vc__weights(g, "weight", shape, op->linear.weight)
                                    : convolution_weights(g, &op->linear, w);
    return vc__node(g, "Conv", (vc__term[]){e->values[op->from].picture, weight, bias, {""}},
                    attributes);
}

/* Rows of zeros before those of the image. */
static vc__term after_zeros(vc__graph *g, vc__term rows, size_t prefix)
{
    const int64_t pads[] = {0, i64(prefix), 0, 0, 0, 0};
    return vc__binary(g, "Pad", rows, vc__integers(g, pads, 6));
}

static void export_convolution(vc__export *e, const vc_block_op *op, size_t rows)
{
    vc__graph *g = &e->graph;
    const vc_block_op *gather = e->values[op->from].gathers;
    const size_t n = op->linear.outputs, all = e->list->values[op->to].rows;
    const vc__shape shape = {1, {n}};
    const vc__term none = {""};
    const vc__term bias = op->linear.bias ? vc__weights(g, "bias", shape, op->linear.bias) : none;
    vc__term picture = convolve(e, op, gather, gather->prefix ? none : bias);
    if (!op->add && !op->scale && !gather->prefix) {
        picture = vc__activation(g, picture, op->activation);
        e->values[op->to] = (vc__value){.picture = picture, .row_count = all};
        return;
    }
    vc__term y = picture_to_rows(g, picture, n);
    if (gather->prefix) {
        y = after_zeros(g, y, gather->prefix);
        if (bias.name[0])
            y = vc__binary(g, "Add", y, bias);
    }
    if (rows < all)
        y = vc__slice(g, y, 1, 0, rows);
    finish(e, op, y, rows);
}

static void export_product(vc__export *e, const vc_block_op *op, size_t rows)
{
    if (e->values[op->from].gathers)
        export_convolution(e, op, rows);
    else
        export_rows_product(e, op, rows);
}

/* ---- the others */

static void export_positions(vc__export *e, const vc_block_op *op, size_t rows)
{
    const vc__shape shape = {3, {1, rows, width_of(e, op->to)}};
    finish(e, op, vc__weights(&e->graph, "start", shape, op->start), rows);
}

static void export_gather(vc__export *e, const vc_block_op *op, size_t rows)
{
    const int patches = op->kind == VC_OP_PATCHES;
    const vc_extent image = patches ? op->patches.image : vc_square(op->window.side);
    const size_t channels = patches ? op->patches.channels : op->window.channels;
    (void)rows;
    e->values[op->to] =
        (vc__value){.picture = picture_of(e, op->from, channels, image), .gathers = op};
}

/* (x - mean) / (deviation over width - 1 + eps) * gain + shift, which ONNX has no operator for. */
static vc__term deviation_norm(vc__export *e, const vc_block_op *op, vc__term x)
{
    vc__graph *g = &e->graph;
    const size_t width = width_of(e, op->from);
    const vc__shape shape = {1, {width}};
    const vc__term centred = vc__binary(g, "Sub", x, vc__mean(g, x, 2)),
                   variance = vc__mean(g, vc__binary(g, "Mul", centred, centred), 2),
                   more = vc__scalar(g, (float)((double)width / (double)(width - 1))),
                   deviation = vc__unary(g, "Sqrt", vc__binary(g, "Mul", variance, more)),
                   by = vc__binary(g, "Add", deviation, vc__scalar(g, op->eps)),
                   gain = vc__weights(g, "gain", shape, op->gain),
                   y = vc__binary(g, "Mul", vc__binary(g, "Div", centred, by), gain);
    return vc__binary(g, "Add", y, vc__weights(g, "shift", shape, op->shift));
}

static void export_norm(vc__export *e, const vc_block_op *op, size_t rows)
{
    vc__graph *g = &e->graph;
    const size_t width = width_of(e, op->from), out = width_of(e, op->to);
    const vc__shape shape = {1, {width}};
    if (op->deviation) {
        finish(e, op, deviation_norm(e, op, input_rows(e, op, rows)), rows);
        return;
    }
    const vc__attribute attributes[] = {{.name = "axis", .values = {-1}, .count = 1},
                                        {.name = "epsilon", .is_float = 1, .number = op->eps},
                                        {0}};
    vc__term y = vc__node(g, "LayerNormalization",
                          (vc__term[]){input_rows(e, op, rows),
                                       vc__weights(g, "gain", shape, op->gain),
                                       vc__weights(g, "shift", shape, op->shift),
                                       {""}},
                          attributes);
    if (out != width) { /* the class tokens of an image, side by side */
        const int64_t dims[] = {0, i64(rows), i64(out)};
        y = vc__reshape(g, y, dims, 3);
    }
    finish(e, op, y, rows);
}

/* Every second token along both axes. */
static void export_subsample(vc__export *e, const vc_block_op *op, size_t rows)
{
    vc__graph *g = &e->graph;
    const size_t side = op->window.side, width = width_of(e, op->to);
    const int64_t grid[] = {0, i64(side), i64(side), i64(width)}, first[] = {0, 0},
                  end[] = {i64(side), i64(side)}, axes[] = {1, 2}, steps[] = {2, 2},
                  dims[] = {0, -1, i64(width)};
    const vc__term x = vc__reshape(g, vc__rows_of(e, op->from, op->reads), grid, 4);
    vc__term y = vc__reshape(g,
                             vc__node(g, "Slice",
                                      (vc__term[]){x,
                                                   vc__integers(g, first, 2),
                                                   vc__integers(g, end, 2),
                                                   vc__integers(g, axes, 2),
                                                   vc__integers(g, steps, 2),
                                                   {""}},
                                      NULL),
                             dims, 3);
    if (rows < e->list->values[op->to].rows)
        y = vc__slice(g, y, 1, 0, rows);
    finish(e, op, y, rows);
}

/* Rows from, from + step, .., `count` of them. */
static vc__term every(vc__graph *g, vc__term x, size_t from, size_t step, size_t count)
{
    const int64_t first[] = {i64(from)}, end[] = {i64(from + (count - 1) * step + 1)}, axes[] = {1},
                  steps[] = {i64(step)};
    return vc__node(g, "Slice",
                    (vc__term[]){x,
                                 vc__integers(g, first, 1),
                                 vc__integers(g, end, 1),
                                 vc__integers(g, axes, 1),
                                 vc__integers(g, steps, 1),
                                 {""}},
                    NULL);
}

/* What lies under each value of the kernel, side by side. */
static void export_spans(vc__export *e, const vc_block_op *op, size_t rows)
{
    vc__graph *g = &e->graph;
    const vc_span *s = &op->span;
    const int64_t pads[] = {0, i64(s->padding), 0, 0, i64(s->padding), 0};
    vc__term x = vc__rows_of(e, op->from, op->reads);
    if (s->padding > 0)
        x = vc__binary(g, "Pad", x, vc__integers(g, pads, 6));
    vc__term y = every(g, x, 0, s->stride, rows);
    for (size_t k = 1; k < s->kernel; k++)
        y = vc__concat(g, y, every(g, x, k, s->stride, rows), 2);
    finish(e, op, y, rows);
}

static void export_mean(vc__export *e, const vc_block_op *op, size_t rows)
{
    vc__term x = vc__rows_of(e, op->from, op->reads);
    if (op->prefix > 0)
        x = vc__slice(&e->graph, x, 1, op->prefix, op->reads);
    finish(e, op, vc__mean(&e->graph, x, 1), rows);
}

static void export_gate(vc__export *e, const vc_block_op *op, size_t rows)
{
    vc__graph *g = &e->graph;
    const size_t width = width_of(e, op->to);
    const vc__term x = input_rows(e, op, rows),
                   gate = vc__activation(g, vc__slice(g, x, 2, 0, width), VC_ACTIVATION_SILU);
    finish(e, op, vc__binary(g, "Mul", gate, vc__slice(g, x, 2, width, 2 * width)), rows);
}

typedef void export_fn(vc__export *e, const vc_block_op *op, size_t rows);

static export_fn *function_of(vc_op_kind kind)
{
    static export_fn *const functions[VC_OP_COUNT] = {
        [VC_OP_POSITIONS] = export_positions, [VC_OP_PATCHES] = export_gather,
        [VC_OP_WINDOWS] = export_gather,      [VC_OP_PATCH_EMBED] = export_product,
        [VC_OP_STEM] = export_product,        [VC_OP_NORM_PRE] = export_norm,
        [VC_OP_NORM1] = export_norm,          [VC_OP_QKV] = export_product,
        [VC_OP_Q] = export_product,           [VC_OP_KV] = export_product,
        [VC_OP_SUBSAMPLE] = export_subsample, [VC_OP_ATTENTION] = vc__export_attention,
        [VC_OP_PROJECTION] = export_product,  [VC_OP_NORM2] = export_norm,
        [VC_OP_FC1] = export_product,         [VC_OP_FC2] = export_product,
        [VC_OP_MLP] = export_product,         [VC_OP_NORM] = export_norm,
        [VC_OP_MEAN] = export_mean,           [VC_OP_HEAD] = export_product,
        [VC_OP_GATE] = export_gate,           [VC_OP_SPANS] = export_spans,
        [VC_OP_PLACE] = export_positions,
    };
    return functions[kind];
}

/* "layers.3.fc1"; where a layer has several of a kind, "layers.3.fc1.2". */
static void name_scope(vc__export *e, size_t index)
{
    const vc_block_op *op = &e->list->ops[index];
    size_t before = 0;
    for (size_t i = 0; i < index; i++)
        before += e->list->ops[i].kind == op->kind && e->list->ops[i].layer == op->layer;
    char layer[32] = "", number[32] = "";
    if (op->layer >= 0)
        snprintf(layer, sizeof layer, "layers.%d.", op->layer);
    if (before > 0)
        snprintf(number, sizeof number, ".%zu", before + 1);
    snprintf(e->graph.scope, sizeof e->graph.scope, "%s%s%s", layer, vc_op_name(op->kind), number);
}

void vc__export_blocks(vc__export *e, const char *output)
{
    vc__graph *g = &e->graph;
    e->values[VC_BLOCK_IMAGES] =
        (vc__value){.picture = {"images"}, .row_count = e->list->values[VC_BLOCK_IMAGES].rows};
    for (size_t i = 0; i < e->list->op_count && g->status == VC_OK; i++) {
        const vc_block_op *op = &e->list->ops[i];
        export_fn *function = function_of(op->kind);
        name_scope(e, i);
        if (!function)
            vc__graph_fail(g, vc_fail(VC_EUNSUPPORTED, "%s: '%s' has no form in ONNX", g->path,
                                      vc_op_name(op->kind)));
        else if (e->needed[i] > 0)
            function(e, op, e->needed[i]);
    }
    if (g->status != VC_OK)
        return;
    const int64_t dims[] = {0, -1};
    const vc__term rows = vc__rows_of(e, VC_BLOCK_OUTPUTS, 1);
    vc__node_to(g, output, "Reshape", (vc__term[]){rows, vc__integers(g, dims, 2), {""}}, NULL);
}
