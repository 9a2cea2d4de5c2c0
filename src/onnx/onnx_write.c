/* The file: a ModelProto around the graph. Constants are written from where they lie. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_impl.h"
#include "vitcod/file_kind.h"
#include "vitcod/version.h"

enum {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_GRAPH = 7,
    MODEL_OPSET = 8,
    OPSET_VERSION = 2,
    GRAPH_NAME = 2,
    GRAPH_CONSTANT = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    TENSOR_DIMS = 1,
    TENSOR_ELEMENT = 2,
    TENSOR_NAME = 8,
    TENSOR_DATA = 9,
    VALUE_NAME = 1,
    VALUE_TYPE = 2,
    TYPE_TENSOR = 1,
    TYPE_ELEMENT = 1,
    TYPE_SHAPE = 2,
    SHAPE_DIM = 1,
    DIM_VALUE = 1,
    DIM_NAME = 2,
    IR_VERSION = 8
};

static const char producer[] = "vitcod";

/* A tensor of floats, (batch, dims[1], ..). */
static void put_value(vc__bytes *out, unsigned field, const char *name, const size_t *dims,
                      size_t rank)
{
    vc__bytes shape = {0}, tensor = {0}, type = {0}, value = {0};
    for (size_t i = 0; i < rank; i++) {
        vc__bytes dim = {0};
        if (i == 0)
            vc__put_text(&dim, DIM_NAME, "batch");
        else
            vc__put_number(&dim, DIM_VALUE, dims[i]);
        vc__put_message(&shape, SHAPE_DIM, &dim);
    }
    vc__put_number(&tensor, TYPE_ELEMENT, VC__FLOAT);
    vc__put_message(&tensor, TYPE_SHAPE, &shape);
    vc__put_message(&type, TYPE_TENSOR, &tensor);
    vc__put_text(&value, VALUE_NAME, name);
    vc__put_message(&value, VALUE_TYPE, &type);
    vc__put_message(out, field, &value);
}

static const char *output_name(const vc_model_input *input)
{
    return input->classes > 0 ? "logits" : "outputs";
}

/* A constant up to its data. */
static void put_constant_head(vc__bytes *out, const vc__constant *c)
{
    for (size_t i = 0; i < c->shape.rank; i++)
        vc__put_number(out, TENSOR_DIMS, c->shape.dims[i]);
    vc__put_number(out, TENSOR_ELEMENT, c->element);
    vc__put_text(out, TENSOR_NAME, c->term.name);
    vc__put_head(out, TENSOR_DATA, vc__constant_bytes(c));
}

/* The parts of a file in their order; of constants what stands before their data. */
typedef struct parts {
    vc__bytes before, graph_end, after;
    vc__bytes *constants; /* (constant_count) */
    size_t graph_bytes;
} parts;

static void close_parts(parts *p, const vc__graph *g)
{
    for (size_t i = 0; p->constants && i < g->constant_count; i++)
        vc__bytes_close(&p->constants[i]);
    free(p->constants);
    vc__bytes_close(&p->before);
    vc__bytes_close(&p->graph_end);
    vc__bytes_close(&p->after);
}

static vc_status lay_out(parts *p, const vc__graph *g, const vc_model *model,
                         const vc_onnx_options *options)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const size_t images[] = {0, input.channels, input.height, input.width},
                 outputs[] = {0, input.outputs};
    vc__bytes opset = {0};
    p->constants = calloc(g->constant_count + 1, sizeof *p->constants);
    if (!p->constants)
        return vc_fail(VC_ENOMEM, "out of memory for %zu constants", g->constant_count);
    vc__put_text(&p->graph_end, GRAPH_NAME, vc_model_family(&model->config));
    put_value(&p->graph_end, GRAPH_INPUT, "images", images, 4);
    put_value(&p->graph_end, GRAPH_OUTPUT, output_name(&input), outputs, 2);
    p->graph_bytes = g->nodes.count + p->graph_end.count;
    for (size_t i = 0; i < g->constant_count; i++) {
        vc__bytes head = {0};
        put_constant_head(&head, &g->constants[i]);
        const size_t bytes = vc__constant_bytes(&g->constants[i]);
        vc__put_head(&p->constants[i], GRAPH_CONSTANT, head.count + bytes);
        p->graph_bytes += p->constants[i].count + head.count + bytes;
        vc__put_raw(&p->constants[i], head.data, head.count);
        VC_TRY(head.status);
        vc__bytes_close(&head);
        VC_TRY(p->constants[i].status);
    }
    vc__put_number(&p->before, MODEL_IR_VERSION, IR_VERSION);
    vc__put_text(&p->before, MODEL_PRODUCER, producer);
    vc__put_text(&p->before, MODEL_PRODUCER_VERSION, VC_VERSION);
    vc__put_head(&p->before, MODEL_GRAPH, p->graph_bytes);
    vc__put_number(&opset, OPSET_VERSION, VC_ONNX_OPSET);
    vc__put_message(&p->after, MODEL_OPSET, &opset);
    VC_TRY(vc__put_metadata(&p->after, model, options));
    VC_TRY(p->before.status);
    return p->graph_end.status;
}

/* Errors of the stream are the commit's. */
static void write_bytes(FILE *out, const vc__bytes *bytes)
{
    fwrite(bytes->data, 1, bytes->count, out);
}

static vc_status write_data(FILE *out, const vc__constant *c)
{
    if (!c->transposed) {
        fwrite(c->data, 1, vc__constant_bytes(c), out);
        return VC_OK;
    }
    const size_t rows = c->shape.dims[0], columns = c->shape.dims[1];
    const float *from = c->data;
    float *line = malloc(columns * sizeof *line);
    if (!line)
        return vc_fail(VC_ENOMEM, "out of memory for %zu values", columns);
    for (size_t i = 0; i < rows; i++) {
        for (size_t k = 0; k < columns; k++)
            line[k] = from[k * rows + i];
        fwrite(line, sizeof *line, columns, out);
    }
    free(line);
    return VC_OK;
}

static vc_status write_parts(const parts *p, const vc__graph *g)
{
    vc_file_writer writer;
    VC_TRY(vc_file_write_begin(&writer, g->path));
    write_bytes(writer.stream, &p->before);
    write_bytes(writer.stream, &g->nodes);
    vc_status status = VC_OK;
    for (size_t i = 0; i < g->constant_count && status == VC_OK; i++) {
        write_bytes(writer.stream, &p->constants[i]);
        status = write_data(writer.stream, &g->constants[i]);
    }
    write_bytes(writer.stream, &p->graph_end);
    write_bytes(writer.stream, &p->after);
    if (status == VC_OK)
        return vc_file_write_commit(&writer);
    vc_file_write_abort(&writer);
    return status;
}

static vc_status write_graph(size_t *bytes, const vc__graph *g, const vc_model *model,
                             const vc_onnx_options *options)
{
    parts p = {0};
    vc_status status = lay_out(&p, g, model, options);
    *bytes = p.before.count + p.graph_bytes + p.after.count;
    if (status == VC_OK && *bytes > g->most_bytes)
        status = vc__too_large(g);
    if (status == VC_OK)
        status = write_parts(&p, g);
    close_parts(&p, g);
    return status;
}

static const vc_field info_fields[] = {
    {VC_FIELD(vc_onnx_info, opset, "", "of ONNX's operators")},
    {VC_FIELD(vc_onnx_info, nodes, "", "of the graph")},
    {VC_FIELD(vc_onnx_info, constants, "", "of the graph: weights, masks, shapes")},
    {VC_FIELD(vc_onnx_info, bytes, "B", "of the file")},
    {VC_FIELD(vc_onnx_info, channels, "",
              "of the input `images`, (batch, channels, height, width)")},
    {VC_FIELD(vc_onnx_info, height, "px", "of an image")},
    {VC_FIELD(vc_onnx_info, width, "px", "of an image")},
    {VC_FIELD(vc_onnx_info, outputs, "", "values that it gives for an image")},
    {VC_FIELD(vc_onnx_info, method, "", "what it does about pruned attention, or dense")},
    {VC_FIELD(vc_onnx_info, sparsity, "", "share of the scores that is pruned")},
};
const vc_record vc_onnx_info_record = VC_RECORD("onnx", vc_onnx_info, info_fields);

static void describe(vc_onnx_info *info, const vc__graph *g, const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const vc_plan *plan = vc_model_entries(model);
    *info = (vc_onnx_info){.opset = VC_ONNX_OPSET,
                           .nodes = g->node_count,
                           .constants = g->constant_count,
                           .channels = input.channels,
                           .height = input.height,
                           .width = input.width,
                           .outputs = input.outputs,
                           .sparsity = plan ? 1.0 - vc_plan_kept_share(plan) : 0.0,
                           .method = vc_plan_method(plan)};
}

vc_status vc_onnx_write(vc_onnx_info *info, const char *path, const vc_model *model,
                        const vc_onnx_options *options)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    vc_block_list list;
    VC_TRY(vc_model_blocks(&list, &model->config, model));
    vc__export e = {
        .graph = {.path = path,
                  .most_bytes = options->most_bytes ? options->most_bytes : VC_ONNX_MOST_BYTES},
        .model = model,
        .list = &list,
        .needed = calloc(list.op_count + 1, sizeof *e.needed),
        .values = calloc(list.value_count, sizeof *e.values)};
    vc_status status = e.needed && e.values ? vc_block_list_needed(e.needed, &list)
                                            : vc_fail(VC_ENOMEM, "out of memory for a graph");
    if (status == VC_OK) {
        vc__export_blocks(&e, output_name(&input));
        status = e.graph.status == VC_OK ? e.graph.nodes.status : e.graph.status;
    }
    describe(info, &e.graph, model);
    if (status == VC_OK)
        status = write_graph(&info->bytes, &e.graph, model, options);
    vc__graph_close(&e.graph);
    vc_block_list_close(&list);
    free(e.needed);
    free(e.values);
    return status;
}

int vc_onnx_is(const char *path)
{
    return vc_file_kind_of(path) == VC_FILE_ONNX;
}
