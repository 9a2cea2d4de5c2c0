/* Backends: where an engine runs. A model becomes a program, which is steps of operators on
 * buffers. A backend provides memory for the buffers, packs the weights and runs the steps. The CPU
 * is the first one; another device is one more row of this type and its name in backends.def, and
 * nothing else of the engine changes. */
#ifndef VITCOD_BACKEND_H
#define VITCOD_BACKEND_H

#include "vitcod/blocks.h"
#include "vitcod/engine.h"
#include "vitcod/packed_attention.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Values in rows, one row per token. */
typedef struct vc_program_buffer {
    size_t width, rows; /* values of a row; rows of an image */
    int local;          /* 1: rows are only read in their step, by their own row */
    int panels;         /* 1: the panels of an attention; starts as zeros */
    /* The precision in which a value is written that only products read. Only for local buffers. */
    vc_precision precision;

    /* For the backend's use. */
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
    size_t first; /* its first output, of those of the model's product */
    int add;      /* 1: added to what `to` holds */

    /* The gain and shift of a LayerNorm; for positions, the rows that tokens start with. */
    const float *weight, *bias;
    float eps;
    int deviation; /* as in vc_layernorm */

    /* Attention and the panels that it reads. Q is in `from`, K and V are in `keys`. Softmax is
     * 2^(score - highest) over its sum: the weights that make Q hold log2(e) / sqrt(head_dim)
     * already, the biases log2(e), and the weights of Q and K an auto-encoder. */
    const vc_packed_attention *attention; /* its pattern and biases, as kernels want them */
    vc_program_buffer *keys, *panels;     /* panels: NULL where the backend wants none */
    /* What VC_OP_POOL makes of `keys`, and packs into the panels: a row for each summary, as
     * vc_attention_pool lays it out. NULL: the layer has none. */
    vc_program_buffer *summaries;
    size_t keys_at, values_at; /* floats from the start of a row of `keys` */

    vc_patches patches;
    vc_window window; /* of windows; of a subsampling the side */
    vc_span span;     /* of spans */
    size_t prefix;    /* rows of zeros before those of the patches */
} vc_program_op;

/* Operators that take a tile of rows from the first to the last. None reads what another row makes
 * in the same step. */
typedef struct vc_program_step {
    size_t rows_per_image;
    vc_program_op *ops;
    size_t op_count;
} vc_program_step;

typedef struct vc_program {
    /* The first two are VC_BLOCK_IMAGES and VC_BLOCK_OUTPUTS, whose memory is the caller's. */
    vc_program_buffer **buffers;
    size_t buffer_count;
    vc_program_step *steps;
    size_t step_count, op_count;
} vc_program;

/* What a backend wants to be packed of the keys that all queries look at. */
typedef enum vc_panels {
    VC_PANELS_NONE, /* nothing: attention reads K and V as they are, and there is no VC_OP_PANELS */
    VC_PANELS_FP32, /* as vc_attention_pack lays them out */
    VC_PANELS_BF16
} vc_panels;

struct vc__packed_cache; /* of weights that were packed before, inside the engine */

typedef struct vc_backend_options {
    vc_precision precision;
    size_t batch, threads, device;
    vc_attention_mode attention;
    struct vc__packed_cache *cache;        /* NULL: none */
    void (*on_note)(const char *sentence); /* NULL: nobody is told */
} vc_backend_options;

struct vc_device_info; /* device.h */

struct vc_backend {
    const char *name;
    /* How far its logits may be from the CPU's, as a share of the largest. 0: they are the same
     * bits. The test of backends allows no more. */
    double tolerance[VC_PRECISION_COUNT];
    /* What it can run on here; *out is to be freed. VC_EUNSUPPORTED, and why, if on nothing. NULL:
     * nobody is to choose. */
    vc_status (*devices)(struct vc_device_info **out, size_t *count);
    /* VC_EUNSUPPORTED, and why, for a precision that it cannot compute in. */
    vc_status (*open)(void **device, const vc_backend_options *options);
    void (*close)(void *device);                         /* NULL: nothing to do */
    int (*has)(vc_op_kind kind, vc_precision precision); /* 1: it can run such operators */

    /* ---- attention */
    vc_panels (*panels)(const vc_attention_layer *layer, vc_precision precision);
    /* If the options split by cost and have no costs yet (a panel entry of 0), fills in those of
     * the device. */
    vc_status (*fill_costs)(vc_pattern_options *options, vc_panels panels);

    /* ---- building */
    /* Uploads values that operators read unchanged; `values` need not remain. */
    vc_status (*upload)(const float **out, void *device, const float *values, size_t count);
    /* Packs the weights of a product; `linear` need not remain. */
    vc_status (*pack)(vc_program_op *op, void *device, const vc_linear *linear);
    /* The same from options->cache, if that has them; 0: it has not, and they are to be packed.
     * NULL: nothing is ever taken from there. */
    int (*take)(vc_program_op *op, void *device);
    /* What else it has found out, into options->cache, once it is prepared. NULL: nothing. */
    vc_status (*keep)(void *device);
    /* Allocates every buffer but images and outputs. */
    vc_status (*allocate)(vc_program *program, void *device);
    size_t (*bytes)(const void *device); /* of that memory */
    /* Prepares for a number of images. */
    vc_status (*prepare)(void *device, const vc_program *program, size_t images);

    /* ---- running */
    /* Runs steps first to first + count - 1 in order. It may return before they are done. */
    vc_status (*run)(void *device, const vc_program *program, size_t first, size_t count,
                     size_t images);
    vc_status (*synchronise)(void *device); /* returns when they are */
    /* What vc_engine_maps tells of an attention, after synchronise. NULL: it has no maps, and
     * VC_ATTENTION_MAPS is refused. */
    vc_status (*maps)(float *out, void *device, const vc_packed_attention *attention);

    /* ---- time, as in engine.h; the operator after the last one means waiting */
    void (*time)(void *device, int on);
    double (*seconds)(double phases[VC_ATTENTION_PHASES], const void *device, size_t op);
    vc_status (*roofs)(vc_roofs *out, void *device); /* as vc_engine_roofs; NULL: not its word */
    /* The scores of an attention that it computes for an image, kept or not. NULL: those of panels
     * and rows. */
    uint64_t (*scores)(const void *device, const vc_packed_attention *attention);
    vc_status (*trace)(void *device, const vc_program *program, int on);
    size_t (*event_count)(const void *device, size_t worker);
    vc_engine_event (*event_at)(const void *device, size_t worker, size_t index);
};

extern const vc_backend vc_backend_cpu, vc_backend_opencl, vc_backend_cuda;

/* The backends of backends.def, the CPU first; NULL after the last. */
const vc_backend *vc_backend_at(size_t index);

#ifdef __cplusplus
}
#endif

#endif
