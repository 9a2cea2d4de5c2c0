/* The operators. Each works on a tile. */
#include <string.h>

#include "cpu_impl.h"
#include "vitcod/residual.h"

float *vc__rows(const vc_program_buffer *buffer, const vc__tile *tile)
{
    if (buffer->local)
        return buffer->data + tile->worker * buffer->stride;
    return buffer->data + tile->first * buffer->width;
}

/* Rows of a tile that belong to one image. */
typedef struct part {
    size_t image, token, rows; /* token: number of the first row in the image */
    size_t from;               /* rows of the tile before this part */
} part;

static int next_part(part *p, const vc__tile *tile)
{
    p->from += p->rows;
    if (p->from >= tile->rows)
        return 0;
    const size_t row = tile->first + p->from, left = tile->rows - p->from;
    p->image = row / tile->rows_per_image;
    p->token = row % tile->rows_per_image;
    p->rows = tile->rows_per_image - p->token;
    p->rows = p->rows < left ? p->rows : left;
    return 1;
}

static void run_positions(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    (void)cpu;
    const size_t width = op->to->width;
    float *to = vc__rows(op->to, tile);
    for (part p = {0}; next_part(&p, tile);) {
        float *out = to + p.from * width;
        const float *start = op->weight + p.token * width;
        for (size_t i = 0; i < p.rows * width; i++)
            out[i] = op->add ? out[i] + start[i] : start[i];
    }
}

/* Patches as rows, in the order of a convolution kernel (channels, height, width), after rows of
 * zeros. */
static void run_patches(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    (void)cpu;
    const size_t values = op->patches.channels * vc_extent_area(op->patches.image);
    float *to = vc__rows(op->to, tile);
    for (size_t r = 0; r < tile->rows; r++, to += op->to->width) {
        const size_t row = tile->first + r, token = row % tile->rows_per_image;
        if (token < op->prefix) {
            memset(to, 0, op->to->width * sizeof *to);
            continue;
        }
        vc_patch_row(to, op->from->data + row / tile->rows_per_image * values, token - op->prefix,
                     &op->patches);
    }
}

static void run_windows(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    (void)cpu;
    float *to = vc__rows(op->to, tile);
    for (part p = {0}; next_part(&p, tile);)
        vc_window_rows(to + p.from * op->to->width,
                       op->from->data + p.image * op->window.image_stride, p.token, p.rows,
                       &op->window);
}

static void run_norm(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    float mean[VC__TILE], rstd[VC__TILE];
    /* A row of the step may be several rows of the norm: the class tokens of an image. */
    const size_t width = op->from->width, rows = tile->rows * op->to->width / width;
    const vc__tile all = {.worker = tile->worker,
                          .first = tile->first * op->to->width / width,
                          .rows = rows,
                          .rows_per_image = 1};
    const vc_layernorm norm = {op->weight, op->bias, width, op->eps, op->deviation};
    const float *from = vc__rows(op->from, &all);
    float *to = vc__rows(op->to, tile);
    if (op->to->precision == VC_IN_FP32) {
        for (size_t r = 0; r < rows; r += VC__TILE) {
            const size_t n = rows - r < VC__TILE ? rows - r : VC__TILE;
            cpu->kernels->layernorm_rows(to + r * width, mean, rstd, from + r * width, &norm, n);
        }
        return;
    }
    float *some = (void *)(cpu->scratch + tile->worker * cpu->scratch_bytes);
    for (size_t r = 0; r < rows; r += VC__NORM_ROWS) {
        const size_t n = rows - r < VC__NORM_ROWS ? rows - r : VC__NORM_ROWS;
        cpu->kernels->layernorm_rows(some, mean, rstd, from + r * width, &norm, n);
        vc__emit(cpu, op->to, tile, r, n, some);
    }
}

static void run_prefix(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    (void)cpu;
    const size_t width = op->to->width;
    float *to = vc__rows(op->to, tile);
    for (part p = {0}; next_part(&p, tile);)
        memcpy(to + p.from * width, op->from->data + (p.image * op->from->rows + p.token) * width,
               p.rows * width * sizeof *to);
}

static void run_subsample(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    (void)cpu;
    const size_t width = op->to->width, half = (op->window.side + 1) / 2;
    float *to = vc__rows(op->to, tile);
    for (size_t r = 0; r < tile->rows; r++) {
        const size_t row = tile->first + r, token = row % tile->rows_per_image;
        const size_t from = token / half * 2 * op->window.side + token % half * 2;
        memcpy(to + r * width,
               op->from->data + (row / tile->rows_per_image * op->from->rows + from) * width,
               width * sizeof *to);
    }
}

static void run_spans(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    (void)cpu;
    float *to = vc__rows(op->to, tile);
    for (part p = {0}; next_part(&p, tile);)
        vc_span_rows(to + p.from * op->to->width,
                     op->from->data + p.image * op->from->rows * op->from->width, p.token, p.rows,
                     &op->span);
}

static void run_mean(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    (void)cpu;
    const size_t width = op->from->width, tokens = op->from->rows;
    float *to = vc__rows(op->to, tile);
    for (size_t r = 0; r < tile->rows; r++)
        vc_tokens_mean(to + r * width,
                       op->from->data + ((tile->first + r) * tokens + op->prefix) * width, 1,
                       tokens - op->prefix, width);
}

static void run_gate(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    (void)cpu;
    vc_swiglu_forward(vc__rows(op->to, tile), vc__rows(op->from, tile), tile->rows, op->to->width);
}

static void run_panels(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    (void)cpu;
    const vc_packed_attention *a = op->attention;
    const float *rows = vc__rows(op->keys, tile);
    for (part p = {0}; next_part(&p, tile);) {
        const float *from = rows + p.from * op->keys->width;
        vc_attention_pack(op->panels->data + p.image * op->panels->width, a, from + op->keys_at,
                          from + op->values_at, op->keys->width, p.token, p.rows);
    }
}

static void run_pool(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    float *to = vc__rows(op->to, tile),
          *weights = (float *)(void *)(cpu->scratch + tile->worker * cpu->scratch_bytes);
    for (part p = {0}; next_part(&p, tile);) {
        const float *keys = op->keys->data + p.image * op->keys->rows * op->keys->width;
        float *panels = op->panels ? op->panels->data + p.image * op->panels->width : NULL;
        const vc_pooled_keys x = {keys + op->keys_at, keys + op->values_at, op->keys->width};
        vc_attention_pool(to + p.from * op->to->width, panels, weights, op->attention, &x, p.token,
                          p.rows);
    }
}

/* What the summaries of an image are; NULL where there are none. */
static const float *summaries_of(const vc_program_op *op, size_t image)
{
    const vc_program_buffer *rows = op->summaries;
    return rows ? rows->data + image * rows->rows * rows->width : NULL;
}

static void run_attention(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile)
{
    const vc_packed_attention *a = op->attention;
    const size_t q_width = op->from->width, width = op->to->width;
    const float *q = vc__rows(op->from, tile);
    float *out = vc__rows(op->to, tile),
          *mean = (float *)(void *)(cpu->scratch + tile->worker * cpu->scratch_bytes);
    for (part p = {0}; next_part(&p, tile);) {
        const float *keys = op->keys->data + p.image * op->keys->rows * op->keys->width;
        const vc_attention_operands x = {.q = q + p.from * q_width,
                                         .k = keys + op->keys_at,
                                         .v = keys + op->values_at,
                                         .q_stride = q_width,
                                         .k_stride = op->keys->width,
                                         .v_stride = op->keys->width,
                                         .summaries = summaries_of(op, p.image),
                                         .panels = op->panels->data + p.image * op->panels->width,
                                         .mean = mean,
                                         .ticks = tile->ticks};
        for (size_t h = 0; h < a->heads; h++)
            vc_attention_head_run(out + p.from * width, width, a, &x, h, p.token, p.rows);
    }
    vc__activate(cpu, op->activation, out, tile->rows * width);
}

vc__run_fn *vc__cpu_operator(vc_op_kind kind)
{
    static vc__run_fn *const functions[VC_OP_COUNT] = {
        [VC_OP_POSITIONS] = run_positions,
        [VC_OP_PATCHES] = run_patches,
        [VC_OP_WINDOWS] = run_windows,
        [VC_OP_PATCH_EMBED] = vc__run_linear,
        [VC_OP_STEM] = vc__run_linear,
        [VC_OP_NORM_PRE] = run_norm,
        [VC_OP_NORM1] = run_norm,
        [VC_OP_QKV] = vc__run_linear,
        [VC_OP_Q] = vc__run_linear,
        [VC_OP_KV] = vc__run_linear,
        [VC_OP_SUBSAMPLE] = run_subsample,
        [VC_OP_PANELS] = run_panels,
        [VC_OP_POOL] = run_pool,
        [VC_OP_ATTENTION] = run_attention,
        [VC_OP_PROJECTION] = vc__run_linear,
        [VC_OP_NORM2] = run_norm,
        [VC_OP_FC1] = vc__run_linear,
        [VC_OP_FC2] = vc__run_linear,
        [VC_OP_GATE] = run_gate,
        [VC_OP_SPANS] = run_spans,
        [VC_OP_PLACE] = run_positions,
        [VC_OP_PREFIX] = run_prefix,
        [VC_OP_NORM] = run_norm,
        [VC_OP_MEAN] = run_mean,
        [VC_OP_HEAD] = vc__run_linear,
    };
    return functions[kind];
}
