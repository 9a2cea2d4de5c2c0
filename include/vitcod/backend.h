/* Where an engine runs. A model becomes a program: steps of operators on buffers. A backend gives
 * the buffers memory, packs the weights and runs the steps. The CPU is the first row; another
 * device is another row, and nothing else of the engine changes. */
#ifndef VITCOD_BACKEND_H
#define VITCOD_BACKEND_H

#include "vitcod/blocks.h"
#include "vitcod/engine.h"
#include "vitcod/packed_attention.h"

/* Values in rows, one row per token. */
typedef struct vc_program_buffer {
    size_t width, rows; /* values of a row; rows of an image */
    int local;          /* no row is read in another step, or by an operator of another row */
    int panels;         /* attention's: starts as zeros */
    /* Of what nothing but products reads, which is written as they want it; only when local. */
    vc_precision precision;

    /* The backend's. */
    float *data;   /* of worker 0 when local */
    size_t stride; /* floats between workers when local */
    float *scales; /* int8: one per row */
} vc_program_buffer;

typedef struct vc_program_op {
    vc_op_kind kind;
    int layer;                    /* -1: outside the layers */
    size_t index;                 /* in the program */
    vc_program_buffer *from, *to; /* from: NULL where it reads none */
    vc_activation activation;     /* of what it makes */

    /* A product (inputs > 0): `packed` is the backend's. */
    size_t inputs, outputs, packed;
    vc_precision precision;
    int add; /* onto `to` */

    /* A LayerNorm's gain and shift; of positions the rows that tokens start with. */
    const float *weight, *bias;
    float eps;

    /* Attention, and the panels that it reads: Q lies in `from`, K and V in `keys`. */
    const vc_packed_attention *attention;
    vc_program_buffer *keys, *panels;
    size_t keys_at, values_at; /* floats from the start of a row of `keys` */

    vc_window window; /* of patches and windows; the side of the tokens that are thinned */
    size_t prefix;    /* rows before those of the patches: zeros */
} vc_program_op;

/* Operators that take a tile of rows from first to last; none reads what another row made here. */
typedef struct vc_program_step {
    size_t rows_per_image;
    vc_program_op *ops;
    size_t op_count;
} vc_program_step;

typedef struct vc_program {
    /* VC_BLOCK_IMAGES and VC_BLOCK_OUTPUTS come first: theirs is memory of whoever runs the
     * engine. */
    vc_program_buffer **buffers;
    size_t buffer_count;
    vc_program_step *steps;
    size_t step_count, op_count;
} vc_program;

typedef struct vc_backend_options {
    vc_precision precision;
    size_t batch, threads;
} vc_backend_options;

struct vc_backend {
    const char *name;
    vc_status (*open)(void **device, const vc_backend_options *options);
    void (*close)(void *device);
    int (*has)(vc_op_kind kind); /* whether it can run such operators */

    /* ---- building */
    /* Values that operators read as they are; `values` need not stay. */
    vc_status (*upload)(const float **out, void *device, const float *values, size_t count);
    /* The weights of a product; `linear` need not stay. */
    vc_status (*pack)(vc_program_op *op, void *device, const vc_linear *linear);
    /* Memory for every buffer but images and outputs. */
    vc_status (*allocate)(vc_program *program, void *device);
    size_t (*bytes)(const void *device); /* of that memory */
    /* Makes ready for a number of images. */
    vc_status (*prepare)(void *device, const vc_program *program, size_t images);

    /* ---- running */
    /* Steps first to first + count - 1, one after the other; it may return before they are done. */
    vc_status (*run)(void *device, const vc_program *program, size_t first, size_t count,
                     size_t images);
    vc_status (*synchronise)(void *device); /* returns when they are */

    /* ---- time, as engine.h says; an operator beyond the last: waiting */
    void (*time)(void *device, int on);
    double (*seconds)(double phases[VC_ATTENTION_PHASES], const void *device, size_t op);
    vc_status (*trace)(void *device, const vc_program *program, int on);
    size_t (*event_count)(const void *device, size_t worker);
    vc_engine_event (*event_at)(const void *device, size_t worker, size_t index);
};

extern const vc_backend vc_backend_cpu;

#endif
