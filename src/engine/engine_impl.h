/* Shared inside the engine room: steps, operators, buffers. */
#ifndef VC_ENGINE_IMPL_H
#define VC_ENGINE_IMPL_H

#include "vitcod/arena.h"
#include "vitcod/deit.h"
#include "vitcod/engine.h"
#include "vitcod/kernels.h"
#include "vitcod/levit.h"
#include "vitcod/ops.h"

enum { VC__TILE = VC_PRODUCT_ROWS /* tokens at most */, VC__OPS = 12 /* of a step */ };

/* Values in rows, one row per token; local: a tile's, of the worker alone. What nothing but products reads is
 * written as they want it, in their precision. */
typedef struct vc__buffer {
    size_t width, rows; /* rows of an image; of a tile when local */
    int local;
    vc_precision precision; /* other than fp32 only when local */
    float *data;            /* of worker 0 when local */
    size_t stride;          /* floats between workers when local */
    float *scales;          /* (threads, VC__TILE) int8: of each row */
} vc__buffer;

/* Rows of a step that a worker handles. A row belongs to image row / rows_per_image. */
typedef struct vc__tile {
    size_t worker, first, rows, rows_per_image;
    uint64_t *ticks; /* of attention's phases; NULL when time is not taken */
} vc__tile;

/* What turns sums of int8 products into values, per output. */
typedef struct vc__quantized {
    float *scale, *bias;
    int32_t *offset;
} vc__quantized;

typedef struct vc__op vc__op;
struct vc__op {
    void (*run)(vc_engine *engine, const vc__op *op, const vc__tile *tile);
    vc_op_kind kind;
    int layer;
    vc__buffer *from, *to;

    /* linear */
    size_t inputs, outputs, product;
    vc_precision precision;
    int add; /* onto `to` */
    void (*activate)(float *y, const float *x, size_t count);
    vc__quantized quantized; /* int8 */

    /* norm */
    const float *weight, *bias;
    float eps;

    /* attention: `from` holds Q */
    const vc_attend_layer *attention;
    vc__buffer *keys, *panels;
    size_t keys_at, values_at; /* floats from the start of a row of `keys` */

    vc_window window;
    size_t side; /* of a grid of tokens */
};

typedef struct vc__step {
    size_t rows_per_image;
    vc__op ops[VC__OPS];
    size_t op_count;
} vc__step;

typedef struct vc__events { /* of a worker */
    vc_engine_event *items;
    size_t count;
} vc__events;

struct vc_engine {
    const vc_model *model;
    vc_engine_options options; /* threads: how many */
    const vc_kernels *kernels;
    vc_products *products;
    vc__step *steps;
    size_t step_count;
    vc__buffer *buffers;
    size_t buffer_count;
    vc_attend_layer *attention; /* (layers) */
    float *base;                /* DeiT: (T, C) what the patches are added to */
    vc__buffer images, logits;
    /* (threads) of scratch_bytes: inputs and outputs in other precisions; a mean of values */
    unsigned char *scratch;
    size_t scratch_bytes;
    size_t *prepared, prepared_count; /* numbers of images */
    int timing;
    double *seconds;    /* (threads, ops + 1); the last: waiting */
    uint64_t *ticks;    /* (threads, ops, VC_ATTEND_PHASES) */
    vc__events *events; /* (threads) of the last run; NULL when they are not kept */
    size_t op_count;
    vc_arena arena;
};

/* ---- building; errors are kept and reported at the end */

typedef struct vc__builder {
    vc_engine *engine;
    vc_status status;
} vc__builder;

vc__buffer *vc__buffer_add(vc__builder *b, size_t width, size_t rows, int local);
/* A local one that nothing but products reads. */
vc__buffer *vc__operand_add(vc__builder *b, size_t width);
vc__step *vc__step_add(vc__builder *b, size_t rows_per_image);
vc__op *vc__op_add(vc__builder *b, vc__step *step, const vc__op *op);
/* Room for the panels of every second layer: a layer's are read while the next one's are written. */
vc__buffer *vc__panels_add(vc__builder *b, size_t parity);
/* A product, packed: `linear` need not stay. */
vc__op *vc__linear_add(vc__builder *b, vc__step *step, vc_op_kind kind, int layer, vc__buffer *to,
                       vc__buffer *from, const vc_linear *linear, int add);
/* A LayerNorm. */
void vc__norm_add(vc__builder *b, vc__step *step, vc_op_kind kind, int layer, vc__buffer *to,
                  vc__buffer *from, const float *weight, const float *bias, float eps);

void vc__deit_program(vc__builder *b);
void vc__levit_program(vc__builder *b);

/* Panels and rows of all layers. */
vc_status vc__open_attention(vc_engine *e);
/* A layer's bias as the kernel wants it, allocated; NULL where there is none. */
vc_status vc__fold_bias(float **out, const vc_model *model, size_t layer);
/* Into the weights (H * D rows each) of Q, in place: the scale of the scores; of Q and K: the auto-encoder. */
vc_status vc__fold_scores(vc_linear *q, vc_linear *k, const vc_attention_layer *layer,
                          const vc_coder *coder);

/* ---- costs and times */

/* How many tiles the rows of a step are cut into: as many for each worker. */
size_t vc__tiles_of(const vc_engine *e, size_t rows);

/* One worker's share of all steps. */
void vc__work(vc_engine *e, size_t worker, size_t images);

/* Floats between the workers' times, and ticks between their ticks. */
size_t vc__seconds_stride(const vc_engine *e);
size_t vc__ticks_stride(const vc_engine *e);

/* ---- operators */

typedef void vc__run_fn(vc_engine *engine, const vc__op *op, const vc__tile *tile);
vc__run_fn vc__run_base, vc__run_patches, vc__run_windows, vc__run_linear, vc__run_norm,
    vc__run_attention, vc__run_keys, vc__run_select, vc__run_subsample, vc__run_mean;

/* First row of a tile in a buffer. */
float *vc__rows(const vc__buffer *buffer, const vc__tile *tile);

/* A row of a tile, converted to an operand's precision. */
void vc__emit(const vc_engine *engine, const vc__buffer *to, const vc__tile *tile, size_t row,
              const float *values);

/* Bytes of a worker's scratch that a product wants for a tile. */
size_t vc__linear_scratch(const vc__op *op);

#endif
