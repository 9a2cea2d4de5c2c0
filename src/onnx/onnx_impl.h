/* Shared by the files of the ONNX writer. Fields and types are those of onnx.proto (IR 8). */
#ifndef VC_ONNX_IMPL_H
#define VC_ONNX_IMPL_H

#include "vitcod/blocks.h"
#include "vitcod/file.h"
#include "vitcod/onnx.h"

/* ---- protobuf: messages as bytes; the first failure is kept */

typedef struct vc__bytes {
    unsigned char *data;
    size_t count, room;
    vc_status status;
} vc__bytes;

void vc__bytes_close(vc__bytes *bytes);
void vc__put_raw(vc__bytes *out, const void *data, size_t count);
/* Fields: a number, a float, bytes, a text, and a message, which is closed. */
void vc__put_number(vc__bytes *out, unsigned field, uint64_t value);
void vc__put_float(vc__bytes *out, unsigned field, float value);
void vc__put_bytes(vc__bytes *out, unsigned field, const void *data, size_t count);
void vc__put_text(vc__bytes *out, unsigned field, const char *text);
void vc__put_message(vc__bytes *out, unsigned field, vc__bytes *message);
/* The head of a field of so many bytes, which follow. */
void vc__put_head(vc__bytes *out, unsigned field, size_t count);

/* ---- the graph */

enum { VC__TERM_NAME = 96, VC__TERM_RANK = 4, VC__MOST_INPUTS = 3 };

/* A tensor of the graph, by its name. */
typedef struct vc__term {
    char name[VC__TERM_NAME];
} vc__term;

typedef enum vc__element { VC__FLOAT = 1, VC__INT64 = 7, VC__BOOL = 9 } vc__element;

typedef struct vc__shape {
    size_t rank, dims[VC__TERM_RANK];
} vc__shape;

typedef struct vc__constant {
    vc__term term;
    vc__element element;
    vc__shape shape;
    const void *data;
    void *owned;    /* to be freed, or NULL */
    int transposed; /* data is (dims[1], dims[0]) */
} vc__constant;

/* Failures are kept and told at the end. */
typedef struct vc__graph {
    vc__bytes nodes; /* as fields of a GraphProto */
    size_t node_count;
    vc__constant *constants;
    size_t constant_count, constant_bytes, most_bytes;
    const char *path;          /* for messages */
    char scope[VC__TERM_NAME]; /* names of nodes and constants begin with it */
    vc_status status;
} vc__graph;

void vc__graph_close(vc__graph *graph);
/* To be called while all is well: a second failure would say what the first one was. */
void vc__graph_fail(vc__graph *graph, vc_status status);
size_t vc__constant_bytes(const vc__constant *constant);
vc_status vc__too_large(const vc__graph *graph);

/* A constant called SCOPE.NAME: floats that outlive the graph; a matrix (dims[1], dims[0]) that is
 * transposed when it is written, and freed if it is `owned` (else NULL); zeroed room for others
 * (NULL: a failure); a list of whole numbers and a number, which are made once. */
vc__term vc__weights(vc__graph *graph, const char *name, vc__shape shape, const float *data);
vc__term vc__transposed(vc__graph *graph, const char *name, vc__shape shape, const float *data,
                        float *owned);
void *vc__constant_room(vc__graph *graph, vc__term *out, const char *name, vc__element element,
                        vc__shape shape);
vc__term vc__integers(vc__graph *graph, const int64_t *values, size_t count);
vc__term vc__scalar(vc__graph *graph, float value);

/* An attribute: numbers, or a float where `is_float`. */
typedef struct vc__attribute {
    const char *name;
    int is_float, is_list;
    float number;
    int64_t values[4];
    size_t count;
} vc__attribute;

/* A node, and what it makes; `inputs` and `attributes` end with one without a name. */
vc__term vc__node(vc__graph *graph, const char *type, const vc__term *inputs,
                  const vc__attribute *attributes);
/* One whose output has this name. */
void vc__node_to(vc__graph *graph, const char *output, const char *type, const vc__term *inputs,
                 const vc__attribute *attributes);

/* Common ones. */
vc__term vc__unary(vc__graph *graph, const char *type, vc__term x);
vc__term vc__binary(vc__graph *graph, const char *type, vc__term a, vc__term b);
vc__term vc__reshape(vc__graph *graph, vc__term x, const int64_t *dims, size_t count);
vc__term vc__permute(vc__graph *graph, vc__term x, const int64_t *order, size_t count);
/* From `from` to before `to` along one axis. */
vc__term vc__slice(vc__graph *graph, vc__term x, int64_t axis, size_t from, size_t to);
vc__term vc__concat(vc__graph *graph, vc__term a, vc__term b, int64_t axis);
vc__term vc__softmax(vc__graph *graph, vc__term x);
vc__term vc__mean(vc__graph *graph, vc__term x, int64_t axis); /* which stays, of size 1 */
vc__term vc__activation(vc__graph *graph, vc__term x, vc_activation activation);

/* ---- from a block list to the graph */

/* A value of the list. */
typedef struct vc__value {
    vc__term rows;              /* (batch, row_count, width); no name: not made yet */
    size_t row_count;           /* that are made */
    vc__term picture;           /* (batch, channels, height, width); no name: not made */
    const vc_block_op *gathers; /* patches or windows, which a convolution takes from `picture` */
} vc__value;

typedef struct vc__export {
    vc__graph graph;
    const vc_model *model;
    const vc_block_list *list;
    size_t *needed;    /* (operators) */
    vc__value *values; /* (values) */
} vc__export;

/* Adds all operators, from the input `images` to an output called `output`. */
void vc__export_blocks(vc__export *e, const char *output);
/* The first `count` rows of a value. */
vc__term vc__rows_of(vc__export *e, int value, size_t count);
void vc__set_rows(vc__export *e, int value, vc__term rows, size_t count);
void vc__export_attention(vc__export *e, const vc_block_op *op, size_t rows);

/* What pools the keys and values of an attention: (G, Tk), or of each image and head. k (batch, H,
 * Tk, D). */
vc__term vc__export_pooling(vc__graph *graph, const vc_pooling *pooling, vc__term k,
                            const vc_attention_layer *layer);

/* ---- the file */

/* The metadata of a model, as fields of a ModelProto. */
vc_status vc__put_metadata(vc__bytes *out, const vc_model *model, const vc_onnx_options *options);
vc_status vc__write_file(size_t *bytes, const char *path, const vc__graph *graph,
                         const vc_model *model, const vc_onnx_options *options);

#endif
