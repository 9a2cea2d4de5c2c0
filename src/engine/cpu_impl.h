/* Shared by the files of the CPU's backend. */
#ifndef VC_CPU_IMPL_H
#define VC_CPU_IMPL_H

#include "cpu_barrier.h"
#include "vitcod/arena.h"
#include "vitcod/backend.h"
#include "vitcod/chunks.h"
#include "vitcod/kernels.h"
#include "vitcod/ops.h"

enum { VC__TILE = VC_PRODUCT_ROWS /* tokens at most */ };

/* Rows of a step that a worker handles. A row belongs to image row / rows_per_image. */
typedef struct vc__tile {
    size_t worker, first, rows, rows_per_image;
    uint64_t *ticks; /* of the phases of attention; NULL without timing */
} vc__tile;

/* Packed weights: a product of oneDNN's, or in int8, where the CPU's own product is faster, `int8`
 * alone. For int8 with what is needed to turn sums into values, per output. */
typedef struct vc__packed {
    size_t product;
    const int8_t *int8; /* NULL: oneDNN's */
    float *scale, *bias;
    int32_t *offset;
} vc__packed;

typedef struct vc__events { /* of a worker */
    vc_engine_event *items;
    size_t count;
} vc__events;

typedef struct vc__cpu {
    vc_backend_options options;
    const vc_kernels *kernels;
    vc__barrier barrier; /* workers: 0 until it is open */
    int own_int8;        /* 1: products in int8 are product_int8's, not oneDNN's */
    vc_products *products;
    vc__packed *packed;
    size_t packed_count;
    vc_chunks packed_int8;
    float **uploaded;
    size_t uploaded_count;
    /* (threads) of scratch_bytes each: inputs and outputs in other precisions, and a mean of
     * values */
    unsigned char *scratch;
    size_t scratch_bytes;
    size_t op_count; /* of the program */
    int timing;
    double *seconds;    /* (threads, ops + 1); the last is waiting */
    uint64_t *ticks;    /* (threads, ops, VC_ATTENTION_PHASES) */
    vc__events *events; /* (threads) of the last run; NULL if not kept */
    vc_arena arena;
} vc__cpu;

/* ---- weights */

vc_status vc__cpu_pack(vc_program_op *op, void *device, const vc_linear *linear);
int vc__cpu_take(vc_program_op *op, void *device);
/* Which primitives were found usable, to and from the cache. */
vc_status vc__cpu_keep_verdicts(void *device);
vc_status vc__cpu_recall_verdicts(vc__cpu *cpu);

/* ---- operators */

typedef void vc__run_fn(vc__cpu *cpu, const vc_program_op *op, const vc__tile *tile);
/* The function of an operator; NULL if the CPU has none. */
vc__run_fn *vc__cpu_operator(vc_op_kind kind);
vc__run_fn vc__run_linear;

/* The first row of a tile in a buffer. */
float *vc__rows(const vc_program_buffer *buffer, const vc__tile *tile);
/* Writes rows of a tile from `row` on, converted to the precision of the buffer. */
void vc__emit(const vc__cpu *cpu, const vc_program_buffer *to, const vc__tile *tile, size_t row,
              size_t rows, const float *values);
/* Rows of a norm that are made before they are converted. */
enum { VC__NORM_ROWS = 4 };
void vc__activate(const vc__cpu *cpu, vc_activation activation, float *values, size_t count);
/* Bytes of scratch that a product needs for a tile, per worker. */
size_t vc__linear_scratch(const vc_program_op *op);

/* ---- work and times */

/* The number of tiles that the rows of a step are cut into; every worker gets equally many. */
size_t vc__tiles_of(const vc__cpu *cpu, size_t rows);
vc_status vc__cpu_run(void *device, const vc_program *program, size_t first, size_t count,
                      size_t images);

/* The distances between the times, and between the ticks, of two workers. */
size_t vc__seconds_stride(const vc__cpu *cpu);
size_t vc__ticks_stride(const vc__cpu *cpu);
void vc__cpu_time(void *device, int on);
double vc__cpu_seconds(double phases[VC_ATTENTION_PHASES], const void *device, size_t op);
vc_status vc__cpu_trace(void *device, const vc_program *program, int on);
size_t vc__cpu_event_count(const void *device, size_t worker);
vc_engine_event vc__cpu_event_at(const void *device, size_t worker, size_t index);

#endif
