/* A small reader of ONNX files, for what vitcod writes, which checks their structure on the way:
 * every node reads what is there already, every name is made once, constants are as large as their
 * shape. Values of all types are kept as double. */
#ifndef VC_TEST_ONNX_FILE_H
#define VC_TEST_ONNX_FILE_H

#include "testing.h"

enum { ONNX_NAME = 96, ONNX_RANK = 6, ONNX_INPUTS = 5, ONNX_NUMBERS = 4, ONNX_ATTRIBUTES = 3 };

typedef struct onnx_span {
    const unsigned char *at, *end;
} onnx_span;

typedef struct onnx_field {
    unsigned number, kind;
    uint64_t value;
    onnx_span bytes;
} onnx_field;

typedef struct onnx_tensor {
    char name[ONNX_NAME];
    size_t rank, dims[ONNX_RANK];
    double *values;
} onnx_tensor;

typedef struct onnx_attribute {
    char name[ONNX_NAME];
    size_t count;
    int64_t numbers[ONNX_NUMBERS];
    float real;
} onnx_attribute;

typedef struct onnx_node {
    char type[ONNX_NAME], output[ONNX_NAME], inputs[ONNX_INPUTS][ONNX_NAME];
    size_t input_count, attribute_count;
    onnx_attribute attributes[ONNX_ATTRIBUTES];
} onnx_node;

typedef struct onnx_file {
    unsigned char *bytes;
    uint64_t ir_version, opset;
    onnx_node *nodes;
    onnx_tensor *tensors; /* constants, then what a run has made */
    size_t node_count, constant_count, tensor_count;
    char input[ONNX_NAME], output[ONNX_NAME];
    size_t input_dims[ONNX_RANK], input_rank, output_dims[ONNX_RANK], output_rank; /* 0: a symbol */
    onnx_span metadata[32];
    size_t metadata_count;
} onnx_file;

/* ---- the wire */

static inline uint64_t onnx_varint(onnx_span *s)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        assert_true(s->at < s->end && shift < 64);
        value |= (uint64_t)(*s->at & 127) << shift;
        if (!(*s->at++ & 128))
            return value;
    }
}

static inline int onnx_next(onnx_field *f, onnx_span *s)
{
    if (s->at >= s->end)
        return 0;
    const uint64_t key = onnx_varint(s);
    *f = (onnx_field){.number = (unsigned)(key >> 3), .kind = key & 7};
    if (f->kind == 0) {
        f->value = onnx_varint(s);
        return 1;
    }
    assert_true(f->kind == 2 || f->kind == 5);
    const uint64_t count = f->kind == 2 ? onnx_varint(s) : 4;
    assert_true(count <= (uint64_t)(s->end - s->at));
    f->bytes = (onnx_span){s->at, s->at + count};
    s->at += count;
    return 1;
}

static inline void onnx_text(char out[ONNX_NAME], onnx_span s)
{
    const size_t count = (size_t)(s.end - s.at);
    assert_true(count < ONNX_NAME);
    memcpy(out, s.at, count);
    out[count] = '\0';
}

static inline void *onnx_more(void *items, size_t count, size_t size)
{
    void *grown = realloc(items, (count + 1) * size);
    assert_non_null(grown);
    memset((char *)grown + count * size, 0, size);
    return grown;
}

/* ---- messages */

static inline size_t onnx_count(const onnx_tensor *t)
{
    size_t count = 1;
    for (size_t i = 0; i < t->rank; i++)
        count *= t->dims[i];
    return count;
}

static inline onnx_tensor *onnx_find(const onnx_file *file, const char *name)
{
    for (size_t i = 0; i < file->tensor_count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return &file->tensors[i];
    return NULL;
}

static inline onnx_tensor *onnx_add_tensor(onnx_file *file, const char *name)
{
    if (onnx_find(file, name))
        fail_msg("'%s' is made twice", name);
    file->tensors = onnx_more(file->tensors, file->tensor_count, sizeof *file->tensors);
    onnx_tensor *t = &file->tensors[file->tensor_count++];
    snprintf(t->name, sizeof t->name, "%s", name);
    return t;
}

static inline void onnx_read_values(onnx_tensor *t, uint64_t element, onnx_span raw)
{
    const size_t each = element == 1 ? 4 : element == 7 ? 8 : 1, count = onnx_count(t);
    assert_true(element == 1 || element == 7 || element == 9);
    if ((size_t)(raw.end - raw.at) != count * each)
        fail_msg("'%s' has %zu bytes, its shape wants %zu", t->name, (size_t)(raw.end - raw.at),
                 count * each);
    t->values = malloc((count + 1) * sizeof *t->values);
    assert_non_null(t->values);
    for (size_t i = 0; i < count; i++) {
        float real;
        int64_t whole;
        memcpy(&real, raw.at + i * each, each < 4 ? each : 4);
        memcpy(&whole, raw.at + i * each, each);
        t->values[i] = element == 1   ? (double)real
                       : element == 7 ? (double)whole
                                      : (double)raw.at[i];
    }
}

static inline void onnx_read_constant(onnx_file *file, onnx_span s)
{
    onnx_tensor made = {0};
    onnx_field f;
    onnx_span raw = {0};
    uint64_t element = 0;
    while (onnx_next(&f, &s))
        if (f.number == 1) {
            assert_true(made.rank < ONNX_RANK);
            made.dims[made.rank++] = f.value;
        } else if (f.number == 2) {
            element = f.value;
        } else if (f.number == 8) {
            onnx_text(made.name, f.bytes);
        } else if (f.number == 9) {
            raw = f.bytes;
        } else {
            fail_msg("field %u of a tensor", f.number);
        }
    onnx_tensor *t = onnx_add_tensor(file, made.name);
    *t = made;
    onnx_read_values(t, element, raw);
}

static inline void onnx_read_attribute(onnx_node *node, onnx_span s)
{
    assert_true(node->attribute_count < ONNX_ATTRIBUTES);
    onnx_attribute *a = &node->attributes[node->attribute_count++];
    onnx_field f;
    uint64_t type = 0;
    while (onnx_next(&f, &s))
        if (f.number == 1) {
            onnx_text(a->name, f.bytes);
        } else if (f.number == 2) {
            memcpy(&a->real, f.bytes.at, sizeof a->real);
        } else if (f.number == 3 || f.number == 8) {
            assert_true(a->count < ONNX_NUMBERS);
            a->numbers[a->count++] = (int64_t)f.value;
        } else {
            assert_int_equal(f.number, 20);
            type = f.value;
        }
    assert_true(type == 1 || type == 2 || type == 7);
    assert_int_equal(type == 1, a->count == 0);
}

static inline void onnx_read_node(onnx_file *file, onnx_span s)
{
    file->nodes = onnx_more(file->nodes, file->node_count, sizeof *file->nodes);
    onnx_node *node = &file->nodes[file->node_count++];
    onnx_field f;
    while (onnx_next(&f, &s))
        if (f.number == 1) {
            assert_true(node->input_count < ONNX_INPUTS);
            onnx_text(node->inputs[node->input_count++], f.bytes);
        } else if (f.number == 2) {
            onnx_text(node->output, f.bytes);
        } else if (f.number == 4) {
            onnx_text(node->type, f.bytes);
        } else if (f.number == 5) {
            onnx_read_attribute(node, f.bytes);
        } else {
            assert_int_equal(f.number, 3);
        }
}

/* The only field `number` of a message. */
static inline onnx_span onnx_inside(onnx_span s, unsigned number)
{
    onnx_field f;
    while (onnx_next(&f, &s))
        if (f.number == number)
            return f.bytes;
    fail_msg("no field %u", number);
    return s;
}

/* Name and sizes of an input or output of floats; 0 for the batch. */
static inline size_t onnx_read_value(char name[ONNX_NAME], size_t dims[ONNX_RANK], onnx_span s)
{
    const onnx_span tensor = onnx_inside(onnx_inside(s, 2), 1);
    onnx_span shape = onnx_inside(tensor, 2), first = tensor;
    onnx_field f, dim = {0};
    size_t rank = 0;
    onnx_text(name, onnx_inside(s, 1));
    assert_true(onnx_next(&f, &first) && f.number == 1 && f.value == 1);
    for (; onnx_next(&f, &shape); rank++) {
        assert_true(rank < ONNX_RANK && onnx_next(&dim, &f.bytes));
        dims[rank] = dim.number == 1 ? dim.value : 0;
    }
    return rank;
}

static inline void onnx_read_graph(onnx_file *file, onnx_span s)
{
    onnx_field f;
    while (onnx_next(&f, &s))
        if (f.number == 1)
            onnx_read_node(file, f.bytes);
        else if (f.number == 5)
            onnx_read_constant(file, f.bytes);
        else if (f.number == 11)
            file->input_rank = onnx_read_value(file->input, file->input_dims, f.bytes);
        else if (f.number == 12)
            file->output_rank = onnx_read_value(file->output, file->output_dims, f.bytes);
        else
            assert_int_equal(f.number, 2);
    file->constant_count = file->tensor_count;
}

/* Every input is there before it is read, and the last node makes the output. */
static inline void onnx_check_order(const onnx_file *file)
{
    for (size_t n = 0; n < file->node_count; n++)
        for (size_t i = 0; i < file->nodes[n].input_count; i++) {
            const char *name = file->nodes[n].inputs[i];
            int there = strcmp(name, file->input) == 0 || onnx_find(file, name) != NULL;
            for (size_t k = 0; k < n && !there; k++)
                there = strcmp(name, file->nodes[k].output) == 0;
            if (!there)
                fail_msg("node %zu, %s, reads '%s', which nothing has made", n, file->nodes[n].type,
                         name);
        }
    assert_true(file->node_count > 0);
    assert_string_equal(file->nodes[file->node_count - 1].output, file->output);
}

static inline onnx_file onnx_open(const char *path)
{
    onnx_file file = {0};
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    const long bytes = ftell(in);
    rewind(in);
    file.bytes = malloc((size_t)bytes);
    assert_non_null(file.bytes);
    assert_int_equal(fread(file.bytes, 1, (size_t)bytes, in), bytes);
    fclose(in);
    onnx_span s = {file.bytes, file.bytes + bytes};
    onnx_field f;
    while (onnx_next(&f, &s))
        if (f.number == 1)
            file.ir_version = f.value;
        else if (f.number == 7)
            onnx_read_graph(&file, f.bytes);
        else if (f.number == 8)
            for (onnx_field v; onnx_next(&v, &f.bytes);)
                file.opset = v.number == 2 ? v.value : file.opset;
        else if (f.number == 14 && file.metadata_count < 32)
            file.metadata[file.metadata_count++] = f.bytes;
    onnx_check_order(&file);
    return file;
}

static inline void onnx_forget(onnx_file *file)
{
    for (; file->tensor_count > file->constant_count; file->tensor_count--)
        free(file->tensors[file->tensor_count - 1].values);
}

static inline void onnx_close(onnx_file *file)
{
    file->constant_count = 0;
    onnx_forget(file);
    free(file->tensors);
    free(file->nodes);
    free(file->bytes);
}

/* What the metadata says of a key; "" for nothing. */
static inline const char *onnx_says(const onnx_file *file, const char *key)
{
    static char value[4][512];
    static unsigned next;
    char *out = value[next++ % 4], name[ONNX_NAME];
    out[0] = '\0';
    for (size_t i = 0; i < file->metadata_count; i++) {
        const onnx_span text = onnx_inside(file->metadata[i], 2);
        onnx_text(name, onnx_inside(file->metadata[i], 1));
        if (strcmp(name, key) == 0)
            snprintf(out, sizeof value[0], "%.*s", (int)(text.end - text.at),
                     (const char *)text.at);
    }
    return out;
}

#endif
