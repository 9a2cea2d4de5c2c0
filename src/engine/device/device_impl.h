/* A device: the host program that every device shares, and the runtime beneath it. A runtime is a
 * row of functions: memory, kernels, a queue, times. OpenCL is one, CUDA is another. */
#ifndef VC_DEVICE_IMPL_H
#define VC_DEVICE_IMPL_H

#include "vitcod/backend.h"
#include "vitcod/device.h"

/* ---- libraries */

/* Opens the file that a variable of the environment names, or the first of some names, NULL after
 * the last. NULL: none opens. */
void *vc__device_library(const char *variable, const char *const *names);
/* Finds a function; 1 if it is there. */
int vc__device_symbol(void *library, void *out, const char *name);

/* ---- runtimes */

typedef struct vc__memory {
    uint64_t handle; /* 0: none */
    size_t bytes;
} vc__memory;

/* What a kernel is called with. */
typedef struct vc__argument {
    enum { VC__MEMORY, VC__INT, VC__LONG, VC__FLOAT } kind;
    uint64_t memory;
    int32_t number;
    int64_t wide;
    float real;
} vc__argument;

typedef struct vc__kernel {
    const char *name;
    void *handle;
} vc__kernel;

/* C (rows, outputs) = A (rows, inputs) B (outputs, inputs)^T, added to C if `add`. A and B are of
 * the precision, C is float. */
typedef struct vc__multiplication {
    vc__memory c, a, b;
    size_t rows, inputs, outputs;
    vc_precision precision;
    int add;
} vc__multiplication;

typedef struct vc__span { /* of the device's own clock */
    double start, seconds;
} vc__span;

typedef struct vc__runtime {
    const char *name;
    /* The prelude of its C, which stands before all kernels. */
    const char *prelude;
    /* VC_EUNSUPPORTED, and why, where it has none. *out is to be freed. */
    vc_status (*list)(vc_device_info **out, size_t *count);
    vc_status (*open)(void **out, size_t index, vc_device_info *info);
    /* VC_EUNSUPPORTED, and why, for a precision that it cannot compute in; NULL: in all of them. */
    vc_status (*check)(const void *queue, vc_precision precision);
    void (*close)(void *queue); /* with its kernels, not its memory; NULL: nothing to do */

    /* Filled from the host's memory, which need not remain; NULL: not filled. */
    vc_status (*allocate)(vc__memory *out, void *queue, size_t bytes, const void *from);
    void (*release)(void *queue, vc__memory memory);
    /* In order with what was launched. The host's memory must stay until the queue has finished. */
    vc_status (*write)(void *queue, vc__memory to, const void *from, size_t bytes);
    vc_status (*read)(void *queue, void *to, vc__memory from, size_t bytes);

    /* Compiles sources, the prelude first; `defines` are "-DNAME=VALUE .." of them all. A refusal
     * has the compiler's log. The program lives as long as the queue. */
    vc_status (*build)(void **program, void *queue, const char *const *sources, size_t count,
                       const char *defines);
    vc_status (*kernel)(vc__kernel *out, void *queue, void *program, const char *name);
    /* Work-groups of VC__LANES. */
    vc_status (*launch)(void *queue, const vc__kernel *kernel, const size_t groups[2],
                        const vc__argument *arguments, size_t count);
    /* 1: a library multiplies in this precision. */
    int (*multiplies)(void *queue, vc_precision precision);
    vc_status (*multiply)(void *queue, const vc__multiplication *m);
    vc_status (*finish)(void *queue);

    /* NULL, or 0: it records nothing. From `record` to `recorded`, which is called whenever that
     * has begun, what is launched does not run but is kept, as long as the queue. */
    int (*records)(const void *queue);
    vc_status (*record)(void *queue);
    vc_status (*recorded)(void **out, void *queue);
    vc_status (*replay)(void *queue, void *recorded);

    /* While timing is on, spans of what lies between two calls of `mark`. They can be read after
     * `finish`; `timing` forgets them. */
    vc_status (*timing)(void *queue, int on);
    vc_status (*mark)(void *queue, size_t op); /* what follows is the operator's */
    size_t (*span_count)(const void *queue);
    size_t (*span)(vc__span *out, const void *queue, size_t index); /* returns the operator */
} vc__runtime;

enum { VC__LANES = 64, VC__BLOCK_QUERIES = 16, VC__BLOCK_KEYS = 32 }; /* as the kernels have it */

/* ---- the host program */

typedef struct vc__device_product {
    vc__memory weight, bias; /* bias: none if the product has none */
} vc__device_product;

/* Attention in parts. */
#define VC__APART_MAP(X)                                                                           \
    X(scores_apart)                                                                                \
    X(softmax_apart)                                                                               \
    X(values_apart)                                                                                \
    X(sum_maps)

typedef struct vc__kernels_of { /* a size of heads */
    size_t head_dim, value_dim;
    vc__kernel attend, pool;
#define VC__APART_MEMBER(name) vc__kernel name;
    VC__APART_MAP(VC__APART_MEMBER)
#undef VC__APART_MEMBER
} vc__kernels_of;

/* An attention as its kernel reads it. */
typedef struct vc__device_attention {
    const vc_packed_attention *layer;
    size_t rows, blocks;  /* queries that are computed, and the blocks of each head */
    size_t tiles;         /* of an image, of all heads and blocks */
    uint64_t tile_scores; /* that are computed for an image: whole tiles */
    vc__kernels_of kernels;
    vc__memory first, count, keys, kept, bias, shares, means;
    vc__memory offset; /* where a block's tiles begin among those of an image */
    vc__memory maps;   /* (heads, rows, keys), where they are wanted */
    vc__memory pool_start, pool_keys, pool_weights, pool_query;
} vc__device_attention;

#define VC__KERNEL_MAP(X)                                                                          \
    X(layernorm)                                                                                   \
    X(positions)                                                                                   \
    X(patches)                                                                                     \
    X(windows)                                                                                     \
    X(prefix_rows)                                                                                 \
    X(subsample)                                                                                   \
    X(mean_rows)                                                                                   \
    X(gate)                                                                                        \
    X(narrow_rows)                                                                                 \
    X(finish_product)                                                                              \
    X(product)                                                                                     \
    X(copy_values)                                                                                 \
    X(spin)                                                                                        \
    X(spans)

typedef struct vc__replay {
    size_t images, runs;
    void *recorded; /* NULL: not yet */
} vc__replay;

typedef struct vc__device {
    vc_backend_options options;
    const vc__runtime *runtime;
    void *queue;
    vc_device_info info;
    struct {
#define VC__KERNEL_MEMBER(name) vc__kernel name;
        VC__KERNEL_MAP(VC__KERNEL_MEMBER)
#undef VC__KERNEL_MEMBER
    } kernels;
    vc__kernels_of *of_heads;
    size_t of_heads_count;
    vc__device_product *products;
    size_t product_count;
    vc__device_attention *attentions;
    size_t attention_count;
    vc__memory *owned; /* every piece of memory, to be released */
    size_t owned_count, bytes;
    vc__memory **handles; /* what pointers of a program point at */
    size_t handle_count;
    vc__memory weights;        /* of attention in parts, where that is wanted */
    vc__memory narrowed, sums; /* of a library's products, where one is used */
    vc__replay *replays;
    size_t replay_count;
    int single; /* 1: what was launched could not be recorded, and is not any more */
    vc__memory images, outputs;
    const float *logits; /* of the last run, the caller's */
    size_t logit_count;
    size_t op_count;
    int timing, tracing;
    double *seconds; /* (ops + 1); the last is waiting */
    double *parts;   /* (ops, VC_ATTENTION_PHASES) of attention in parts */
    double run_started;
    vc_engine_event *events;
    size_t event_count;
} vc__device;

/* Allocates, and remembers to release; `what` stands in the message of too little memory. */
vc_status vc__device_take(vc__memory *out, vc__device *device, size_t bytes, const char *what);
/* The same, filled; `from` need not remain. NULL: not filled. */
vc_status vc__device_fill(vc__memory *out, vc__device *device, const void *from, size_t bytes,
                          const char *what);

/* VC_ENOMEM for a batch that has no room, with all that is wanted and the images that would fit. */
vc_status vc__device_check_batch(const vc__device *device, size_t image_bytes);

/* A product's weights, rounded to its precision; VC_EUNSUPPORTED for one that fp16 cannot hold. */
vc_status vc__device_fill_weights(vc__memory *out, vc__device *device, const vc_linear *linear,
                                  vc_precision precision);
/* In fp16 every value is kept in it but images, logits, what is added to (the stream of tokens,
 * whose sums would lose the small) and what products in fp32 read. */
void vc__device_narrow_buffers(const vc__device *device, vc_program *program);
/* VC_EUNSUPPORTED for logits of fp16 that are not finite: values between were too large for it. */
vc_status vc__device_check_logits(const vc__device *device);

/* Compiles the kernels of operators; those of heads when an attention comes. */
vc_status vc__device_build(vc__device *device);
vc_status vc__device_kernels_of(vc__kernels_of *out, vc__device *device, size_t head_dim,
                                size_t value_dim);

/* Makes the tiles of the first `rows` queries of a layer, for op->attention. */
vc_status vc__device_attention_open(vc__device *device, const vc_packed_attention *layer,
                                    size_t rows);
const vc__device_attention *vc__device_attention_of(const vc__device *device,
                                                    const vc_packed_attention *layer);

/* What attention works on. */
typedef struct vc__operands {
    vc__memory y, q, keys, summaries;
    size_t narrow; /* as attention.cl has it */
} vc__operands;

/* Allocates what attention in parts, and maps, want beside. */
vc_status vc__device_apart_open(vc__device *device);
/* Attention in its parts; its maps, where they are wanted. */
vc_status vc__device_attend_apart(vc__device *device, const vc__device_attention *at,
                                  const vc_program_op *op, const vc__operands *operands,
                                  size_t images);
vc_status vc__device_maps(float *out, void *device, const vc_packed_attention *attention);
/* What timing calls a part of an operator (0: scores, 1: softmax, 2: output). */
size_t vc__device_part(const vc__device *device, size_t op, size_t part);

/* What VC_PRODUCTS says: products of kernels alone, of a library, or as is usual for the device.
 * VC_EINVAL for another word. */
typedef enum vc__products {
    VC__PRODUCTS_USUAL,
    VC__PRODUCTS_PLAIN,
    VC__PRODUCTS_LIBRARY
} vc__products;
vc_status vc__products_wanted(vc__products *out);

typedef vc_status vc__launch_all(vc__device *device, const vc_program *program, size_t images);
vc_status vc__device_replay(vc__device *device, const vc_program *program, size_t images,
                            vc__launch_all *launch_all);
vc_status vc__device_run(void *device, const vc_program *program, size_t first, size_t count,
                         size_t images);
vc_status vc__device_synchronise(void *device);

/* ---- times */
vc_status vc__device_times_open(vc__device *device, const vc_program *program);
void vc__device_take_times(vc__device *device);
void vc__device_time(void *device, int on);
uint64_t vc__device_scores(const void *device, const vc_packed_attention *attention);
double vc__device_seconds(double phases[VC_ATTENTION_PHASES], const void *device, size_t op);
vc_status vc__device_trace(void *device, const vc_program *program, int on);
size_t vc__device_event_count(const void *device, size_t worker);
vc_engine_event vc__device_event_at(const void *device, size_t worker, size_t index);

vc_status vc__device_roofs(vc_roofs *out, void *device);

/* ---- what rows of backends have in common */
vc_status vc__device_open(void **out, const vc__runtime *runtime,
                          const vc_backend_options *options);
void vc__device_close(void *device);
int vc__device_has(vc_op_kind kind, vc_precision precision);
vc_panels vc__device_panels(const vc_attention_layer *layer, vc_precision precision);
vc_status vc__device_costs(vc_pattern_options *options, vc_panels panels);
vc_status vc__device_upload(const float **out, void *device, const float *values, size_t count);
vc_status vc__device_pack(vc_program_op *op, void *device, const vc_linear *linear);
vc_status vc__device_allocate(vc_program *program, void *device);
size_t vc__device_bytes(const void *device);
vc_status vc__device_prepare(void *device, const vc_program *program, size_t images);

#define VC__DEVICE_ROW                                                                             \
    .close = vc__device_close, .has = vc__device_has, .panels = vc__device_panels,                 \
    .fill_costs = vc__device_costs, .upload = vc__device_upload, .pack = vc__device_pack,          \
    .allocate = vc__device_allocate, .bytes = vc__device_bytes, .prepare = vc__device_prepare,     \
    .run = vc__device_run, .synchronise = vc__device_synchronise, .maps = vc__device_maps,         \
    .roofs = vc__device_roofs, .time = vc__device_time, .seconds = vc__device_seconds,             \
    .scores = vc__device_scores, .trace = vc__device_trace, .event_count = vc__device_event_count, \
    .event_at = vc__device_event_at

extern const vc__runtime vc__opencl, vc__cuda;

#endif
