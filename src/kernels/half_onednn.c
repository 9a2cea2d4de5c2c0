/* As in gemm_onednn.c a product is cut here, and each piece is computed by one thread. */
#include "vitcod/half.h"

#include <assert.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "gemm_cut.h"
#include "onednn.h"
#include "vitcod/kernels.h"
#include "vitcod/product.h"

/* A product of one shape, for one thread. */
typedef struct form {
    vc_gemm_shape shape;
    int add;
    dnnl_primitive_t primitive;
    desc a, b, c, scratch;
} form;

/* What a thread has of its own. */
typedef struct worker {
    dnnl_stream_t stream;
    void *scratch;
    size_t scratch_bytes;
} worker;

struct vc_half {
    dnnl_engine_t engine;
    worker *workers;
    size_t worker_count;
    uint16_t *operands[2];
    size_t room[2];
    form *forms;
    size_t count, capacity;
};

vc_status vc_half_open(vc_half **out)
{
    *out = NULL;
    if (!vc_precision_supported(VC_IN_BF16))
        return vc_fail(VC_EUNSUPPORTED, "oneDNN has no products in bf16 on this CPU");
    vc_half *half = calloc(1, sizeof *half);
    if (half && dnnl_engine_create(&half->engine, dnnl_cpu, 0) == dnnl_success) {
        *out = half;
        return VC_OK;
    }
    vc_half_close(half);
    return vc_fail(VC_ENOMEM, "oneDNN has no engine for bf16");
}

static void close_form(form *f)
{
    if (f->primitive)
        dnnl_primitive_destroy(f->primitive);
    desc_close(&f->a);
    desc_close(&f->b);
    desc_close(&f->c);
    desc_close(&f->scratch);
    *f = (form){0};
}

void vc_half_close(vc_half *half)
{
    if (!half)
        return;
    for (size_t i = 0; i < half->count; i++)
        close_form(&half->forms[i]);
    for (size_t w = 0; w < half->worker_count; w++) {
        dnnl_stream_destroy(half->workers[w].stream);
        free(half->workers[w].scratch);
    }
    free(half->workers);
    if (half->engine)
        dnnl_engine_destroy(half->engine);
    free(half->operands[0]);
    free(half->operands[1]);
    free(half->forms);
    free(half);
}

/* Training cannot continue without this memory, and kernels cannot fail. */
static void *or_abort(void *memory)
{
    if (!memory) {
        fputs("vitcod: out of memory for products in bf16\n", stderr);
        abort();
    }
    return memory;
}

uint16_t *vc_half_room(vc_half *half, vc_half_operand operand, size_t count)
{
    if (count > half->room[operand]) {
        free(half->operands[operand]);
        half->operands[operand] = or_abort(aligned_alloc(64, (2 * count + 63) / 64 * 64));
        half->room[operand] = count;
    }
    return half->operands[operand];
}

void vc_half_load(vc_half *half, vc_half_operand operand, const float *x, size_t count)
{
    enum { BLOCK = 1 << 14 };
    const vc_kernels *kernels = vc_kernels_get();
    uint16_t *out = vc_half_room(half, operand, count);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += BLOCK)
        kernels->to_bf16(out + i, x + i, count - i < BLOCK ? count - i : BLOCK);
}

static int is_like(const form *f, const vc_gemm_shape *s, int add)
{
    const vc_gemm_shape *have = &f->shape;
    return f->add == add && have->transpose_a == s->transpose_a &&
           have->transpose_b == s->transpose_b && have->m == s->m && have->n == s->n &&
           have->k == s->k && have->lda == s->lda && have->ldb == s->ldb && have->ldc == s->ldc;
}

static int open_form(form *out, const vc_half *half, const vc_gemm_shape *s, int add)
{
    const int64_t m = (int64_t)s->m, n = (int64_t)s->n, k = (int64_t)s->k, lda = (int64_t)s->lda,
                  ldb = (int64_t)s->ldb;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    *out = (form){.shape = *s, .add = add};
    int ok =
        desc_plain(&out->a, dnnl_bf16, m, k, s->transpose_a ? 1 : lda, s->transpose_a ? lda : 1) &&
        desc_plain(&out->b, dnnl_bf16, k, n, s->transpose_b ? 1 : ldb, s->transpose_b ? ldb : 1) &&
        desc_plain(&out->c, dnnl_f32, m, n, (int64_t)s->ldc, 1) &&
        dnnl_primitive_attr_create(&attr) == dnnl_success &&
        dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success;
    if (ok && add)
        ok = dnnl_post_ops_create(&ops) == dnnl_success && append_sum(ops) &&
             dnnl_primitive_attr_set_post_ops(attr, ops) == dnnl_success;
    ok = ok && matmul_create(&pd, half->engine, &out->a, &out->b, NULL, &out->c, attr) &&
         dnnl_primitive_create(&out->primitive, pd) == dnnl_success &&
         desc_copy(&out->scratch, dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0));
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return ok;
}

/* The index of a shape's form, made for one thread where there is none yet. */
static size_t find_form(vc_half *half, const vc_gemm_shape *shape, int add)
{
    for (size_t i = 0; i < half->count; i++)
        if (is_like(&half->forms[i], shape, add))
            return i;
    if (half->count == half->capacity) {
        half->capacity = 2 * half->capacity + 16;
        half->forms = or_abort(realloc(half->forms, half->capacity * sizeof *half->forms));
    }
    form *made = &half->forms[half->count];
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    or_abort(open_form(made, half, shape, add) ? made : NULL);
    omp_set_num_threads(threads);
    return half->count++;
}

/* A worker per thread, with so much scratch. */
static void make_workers(vc_half *half, size_t bytes)
{
    const size_t threads = (size_t)omp_get_max_threads();
    bytes = (bytes + 64) / 64 * 64;
    if (threads > half->worker_count) {
        half->workers = or_abort(realloc(half->workers, threads * sizeof *half->workers));
        for (; half->worker_count < threads; half->worker_count++) {
            worker *w = &half->workers[half->worker_count];
            *w = (worker){0};
            or_abort(dnnl_stream_create(&w->stream, half->engine, dnnl_stream_default_flags) ==
                             dnnl_success
                         ? w
                         : NULL);
        }
    }
    for (size_t w = 0; w < threads; w++)
        if (half->workers[w].scratch_bytes < bytes) {
            free(half->workers[w].scratch);
            half->workers[w].scratch = or_abort(aligned_alloc(64, bytes));
            half->workers[w].scratch_bytes = bytes;
        }
}

static dnnl_memory_t memory_of(const vc_half *half, const desc *what, void *data)
{
    dnnl_memory_t memory = NULL;
    const dnnl_status_t status = dnnl_memory_create(&memory, view(what), half->engine, data);
    return or_abort(status == dnnl_success ? memory : NULL);
}

static void run_piece(const vc_half *half, const form *f, float *c, const uint16_t *a,
                      const uint16_t *b, const worker *w)
{
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, memory_of(half, &f->a, (void *)a)},
        {DNNL_ARG_WEIGHTS, memory_of(half, &f->b, (void *)b)},
        {DNNL_ARG_DST, memory_of(half, &f->c, c)},
        {DNNL_ARG_SCRATCHPAD, memory_of(half, &f->scratch, w->scratch)}};
    const dnnl_status_t status = dnnl_primitive_execute(f->primitive, w->stream, 4, args);
    assert(status == dnnl_success);
    (void)status;
    dnnl_stream_wait(w->stream);
    for (size_t i = 0; i < sizeof args / sizeof *args; i++)
        dnnl_memory_destroy(args[i].memory);
}

/* The form of a piece, whose scratch *bytes has room for afterwards. */
static size_t form_of(vc_half *half, const vc__piece *piece, const vc_gemm_shape *shape, int add,
                      size_t *bytes)
{
    vc_gemm_shape own = *shape;
    own.m = piece->rows;
    own.n = piece->columns;
    own.k = piece->deep;
    const size_t index = find_form(half, &own, add),
                 scratch = dnnl_memory_desc_get_size(view(&half->forms[index].scratch));
    *bytes = scratch > *bytes ? scratch : *bytes;
    return index;
}

void vc_half_run(vc_half *half, float *c, const vc_gemm_shape *shape, const vc_gemm_start *start)
{
    assert(shape->ldc == shape->n);
    const vc__cut cut = vc__cut_of(shape);
    const size_t pieces = vc__cut_pieces(&cut), whole = shape->m * shape->n;
    size_t forms[VC__CUT_PIECES], bytes = 0;
    float *parts = vc__parts_open(&cut, shape);
    for (size_t i = 0; i < pieces; i++) {
        const vc__piece piece = vc__piece_of(&cut, shape, i);
        forms[i] = form_of(half, &piece, shape, start && !parts, &bytes);
    }
    make_workers(half, bytes);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < pieces; i++) {
        const vc__piece p = vc__piece_of(&cut, shape, i);
        vc__start_piece(c, start, shape, &p);
        run_piece(half, &half->forms[forms[i]],
                  (parts ? parts + p.part * whole : c) + p.m * shape->n + p.n,
                  half->operands[VC_HALF_A] + vc__piece_in_a(&p, shape),
                  half->operands[VC_HALF_B] + vc__piece_in_b(&p, shape),
                  &half->workers[omp_get_thread_num()]);
    }
    if (parts)
        vc__add_parts(c, parts, shape, cut.k, start ? 1.0f : 0.0f);
    free(parts);
}
