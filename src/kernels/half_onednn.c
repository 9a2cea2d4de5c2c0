#include "vitcod/half.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "onednn.h"
#include "vitcod/kernels.h"
#include "vitcod/product.h"

/* A product of one shape. */
typedef struct form {
    vc_gemm_shape shape;
    int add;
    dnnl_primitive_t primitive;
    dnnl_memory_t a, b, c;
} form;

struct vc_half {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    uint16_t *operands[2];
    size_t room[2];
    form *forms;
    size_t count, capacity;
};

vc_status vc_half_open(vc_half **out)
{
    *out = NULL;
    if (!vc_precision_supported(VC_IN_BF16))
        return vc_fail(VC_EUNSUPPORTED, "this CPU has no instructions for bf16");
    vc_half *half = calloc(1, sizeof *half);
    if (half && dnnl_engine_create(&half->engine, dnnl_cpu, 0) == dnnl_success &&
        dnnl_stream_create(&half->stream, half->engine, dnnl_stream_default_flags) ==
            dnnl_success) {
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
    if (f->a)
        dnnl_memory_destroy(f->a);
    if (f->b)
        dnnl_memory_destroy(f->b);
    if (f->c)
        dnnl_memory_destroy(f->c);
    *f = (form){0};
}

void vc_half_close(vc_half *half)
{
    if (!half)
        return;
    for (size_t i = 0; i < half->count; i++)
        close_form(&half->forms[i]);
    if (half->stream)
        dnnl_stream_destroy(half->stream);
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

void vc_half_load(vc_half *half, vc_half_operand operand, const float *x, size_t count)
{
    enum { BLOCK = 1 << 14 };
    const vc_kernels *kernels = vc_kernels_get();
    if (count > half->room[operand]) {
        free(half->operands[operand]);
        half->operands[operand] = or_abort(aligned_alloc(64, (2 * count + 63) / 64 * 64));
        half->room[operand] = count;
    }
    uint16_t *out = half->operands[operand];
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i += BLOCK)
        kernels->to_bf16(out + i, x + i, count - i < BLOCK ? count - i : BLOCK);
}

static int is_like(const form *f, const vc_gemm_shape *s, int add)
{
    const vc_gemm_shape *have = &f->shape;
    return f->add == add && have->transpose_a == s->transpose_a &&
           have->transpose_b == s->transpose_b && have->m == s->m && have->n == s->n &&
           have->k == s->k && have->lda == s->lda && have->ldb == s->ldb;
}

static int open_form(form *out, const vc_half *half, const vc_gemm_shape *s, int add)
{
    const int64_t m = (int64_t)s->m, n = (int64_t)s->n, k = (int64_t)s->k, lda = (int64_t)s->lda,
                  ldb = (int64_t)s->ldb;
    desc a = {0}, b = {0}, c = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    *out = (form){.shape = *s, .add = add};
    int ok = desc_plain(&a, dnnl_bf16, m, k, s->transpose_a ? 1 : lda, s->transpose_a ? lda : 1) &&
             desc_plain(&b, dnnl_bf16, k, n, s->transpose_b ? 1 : ldb, s->transpose_b ? ldb : 1) &&
             desc_plain(&c, dnnl_f32, m, n, n, 1) &&
             dnnl_primitive_attr_create(&attr) == dnnl_success;
    if (ok && add)
        ok = dnnl_post_ops_create(&ops) == dnnl_success && append_sum(ops) &&
             dnnl_primitive_attr_set_post_ops(attr, ops) == dnnl_success;
    ok = ok && matmul_create(&pd, half->engine, &a, &b, NULL, &c, attr) &&
         dnnl_primitive_create(&out->primitive, pd) == dnnl_success &&
         dnnl_memory_create(&out->a, view(&a), half->engine, DNNL_MEMORY_NONE) == dnnl_success &&
         dnnl_memory_create(&out->b, view(&b), half->engine, DNNL_MEMORY_NONE) == dnnl_success &&
         dnnl_memory_create(&out->c, view(&c), half->engine, DNNL_MEMORY_NONE) == dnnl_success;
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    desc_close(&a);
    desc_close(&b);
    desc_close(&c);
    return ok;
}

static const form *find_form(vc_half *half, const vc_gemm_shape *shape, int add)
{
    for (size_t i = 0; i < half->count; i++)
        if (is_like(&half->forms[i], shape, add))
            return &half->forms[i];
    if (half->count == half->capacity) {
        half->capacity = 2 * half->capacity + 16;
        half->forms = or_abort(realloc(half->forms, half->capacity * sizeof *half->forms));
    }
    form *made = &half->forms[half->count];
    or_abort(open_form(made, half, shape, add) ? made : NULL);
    half->count++;
    return made;
}

void vc_half_run(vc_half *half, float *c, const vc_gemm_shape *shape, int add)
{
    const form *f = find_form(half, shape, add);
    assert(shape->ldc == shape->n);
    dnnl_memory_set_data_handle(f->a, half->operands[VC_HALF_A]);
    dnnl_memory_set_data_handle(f->b, half->operands[VC_HALF_B]);
    dnnl_memory_set_data_handle(f->c, c);
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, f->a}, {DNNL_ARG_WEIGHTS, f->b}, {DNNL_ARG_DST, f->c}};
    const dnnl_status_t status = dnnl_primitive_execute(f->primitive, half->stream, 3, args);
    assert(status == dnnl_success);
    (void)status;
    dnnl_stream_wait(half->stream);
}
