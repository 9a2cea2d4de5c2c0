/* A workload as matrix products, for simulators that know nothing else. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "vitcod/file.h"
#include "vitcod/simulation.h"

enum { NAME = 64 };

/* (rows, inputs) times (inputs, outputs), as SCALE-Sim's `-i gemm` reads a topology. */
static void write_scale_sim(FILE *file, const char *name, uint64_t rows, uint64_t outputs,
                            uint64_t inputs)
{
    fprintf(file, "%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",\n", name, rows, outputs, inputs);
}

/* As a problem of Timeloop, a document each. */
static void write_timeloop(FILE *file, const char *name, uint64_t rows, uint64_t outputs,
                           uint64_t inputs)
{
    fprintf(file,
            "---\nproblem:\n  version: 0.4\n  shape:\n    name: %s\n    dimensions: [M, N, K]\n"
            "    data_spaces:\n      - {name: A, projection: [[[M]], [[K]]]}\n"
            "      - {name: B, projection: [[[K]], [[N]]]}\n"
            "      - {name: Z, projection: [[[M]], [[N]]], read_write: true}\n"
            "  instance: {M: %" PRIu64 ", N: %" PRIu64 ", K: %" PRIu64 "}\n",
            name, rows, outputs, inputs);
}

typedef void write_gemm(FILE *file, const char *name, uint64_t rows, uint64_t outputs,
                        uint64_t inputs);

static void name_of(char name[NAME], const vc_op *op, const char *what, size_t number)
{
    size_t used = 0;
    if (op->layer >= 0)
        used = (size_t)snprintf(name, NAME, "layer%d_", op->layer);
    snprintf(name + used, NAME - used, "%s%s%zu", vc_op_name(op->kind), what, number);
}

/* Attention head by head, all of its scores. */
static void write_op(FILE *file, const vc_op *op, write_gemm *write)
{
    const vc_attention_sizes *s = &op->sizes;
    char name[NAME];
    for (size_t h = 0; (op->kind == VC_OP_SDDMM || op->kind == VC_OP_SPMM) && h < s->heads; h++) {
        name_of(name, op, "_head", h);
        if (op->kind == VC_OP_SDDMM)
            write(file, name, s->queries, s->keys, s->head_dim);
        else
            write(file, name, s->queries, s->value_dim, s->keys);
    }
    for (size_t i = 0; i < VC_OP_PRODUCTS && op->products[i].rows > 0; i++) {
        name_of(name, op, "_", i);
        write(file, name, op->products[i].rows, op->products[i].outputs, op->products[i].inputs);
    }
}

static int is_yaml(const char *path)
{
    const char *suffix = strrchr(path, '.');
    return suffix && (strcmp(suffix, ".yaml") == 0 || strcmp(suffix, ".yml") == 0);
}

vc_status vc_simulation_write_gemms(const vc_simulation *s, const char *path)
{
    vc_file_writer writer;
    if (s->workload.images > 1)
        return vc_fail(VC_EINVAL, "%s: products of %zu images, wanted those of one", path,
                       (size_t)s->workload.images);
    VC_TRY(vc_file_write_begin(&writer, path));
    if (!is_yaml(path))
        fputs("Layer,M,N,K,\n", writer.stream);
    for (size_t i = 0; i < s->workload.count; i++)
        write_op(writer.stream, &s->workload.ops[i],
                 is_yaml(path) ? write_timeloop : write_scale_sim);
    return vc_file_write_commit(&writer);
}
