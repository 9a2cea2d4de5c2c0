#include <assert.h>
#include <dnnl.h>
#include <stdio.h>
#include <stdlib.h>

#include "vitcod/gemm.h"

/* oneDNN 3 made descriptors opaque; these few functions are all that differs from 2.x. */
#if DNNL_VERSION_MAJOR >= 3

typedef dnnl_memory_desc_t desc;
typedef const_dnnl_memory_desc_t desc_view;

static desc_view view(const desc *d)
{
    return *d;
}

static int desc_plain(desc *out, int64_t rows, int64_t columns, int64_t row_stride,
                      int64_t column_stride)
{
    const dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    return dnnl_memory_desc_create_with_strides(out, 2, dims, dnnl_f32, strides) == dnnl_success;
}

static int desc_any(desc *out, int64_t rows, int64_t columns)
{
    const dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_create_with_tag(out, 2, dims, dnnl_f32, dnnl_format_tag_any) ==
           dnnl_success;
}

static int desc_copy(desc *out, desc_view from)
{
    return dnnl_memory_desc_clone(out, from) == dnnl_success;
}

static void desc_close(desc *d)
{
    if (*d)
        dnnl_memory_desc_destroy(*d);
    *d = NULL;
}

static int append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_f32) == dnnl_success;
}

static int matmul_create(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const desc *a,
                         const desc *b, const desc *c, dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(out, engine, *a, *b, NULL, *c, attr) == dnnl_success;
}

#else

typedef dnnl_memory_desc_t desc;
typedef const dnnl_memory_desc_t *desc_view;

static desc_view view(const desc *d)
{
    return d;
}

static int desc_plain(desc *out, int64_t rows, int64_t columns, int64_t row_stride,
                      int64_t column_stride)
{
    const dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    return dnnl_memory_desc_init_by_strides(out, 2, dims, dnnl_f32, strides) == dnnl_success;
}

static int desc_any(desc *out, int64_t rows, int64_t columns)
{
    const dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_init_by_tag(out, 2, dims, dnnl_f32, dnnl_format_tag_any) ==
           dnnl_success;
}

static int desc_copy(desc *out, desc_view from)
{
    *out = *from;
    return 1;
}

static void desc_close(desc *d)
{
    (void)d;
}

static int append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f) == dnnl_success;
}

static int matmul_create(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const desc *a,
                         const desc *b, const desc *c, dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t op;
    return dnnl_matmul_desc_init(&op, a, b, NULL, c) == dnnl_success &&
           dnnl_primitive_desc_create(out, &op, attr, engine, NULL) == dnnl_success;
}

#endif

void vc_gemm(float *c, const float *a, const float *b, const vc_gemm_shape *s, float alpha,
             float beta)
{
    dnnl_status_t status =
        dnnl_sgemm(s->transpose_a ? 'T' : 'N', s->transpose_b ? 'T' : 'N', (dnnl_dim_t)s->m,
                   (dnnl_dim_t)s->n, (dnnl_dim_t)s->k, alpha, a, (dnnl_dim_t)s->lda, b,
                   (dnnl_dim_t)s->ldb, beta, c, (dnnl_dim_t)s->ldc);
    assert(status == dnnl_success);
    (void)status;
}

enum { MAX_PRIMITIVES = 8 };

typedef struct product {
    size_t rows;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, y;
} product;

struct vc_packed {
    size_t outputs, inputs;
    const float *plain; /* the caller's weights, used when no primitive can be had */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    desc layout; /* of the packed weights, the same for all products */
    dnnl_memory_t weights;
    product products[MAX_PRIMITIVES];
    size_t product_count;
};

/* A description of the product for `rows`; the weights' layout is free while none is packed. */
static int describe(dnnl_primitive_desc_t *out, vc_packed *p, size_t rows)
{
    int64_t m = (int64_t)rows, k = (int64_t)p->inputs, n = (int64_t)p->outputs;
    desc a = {0}, b = {0}, c = {0};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    int ok = desc_plain(&a, m, k, k, 1) && desc_plain(&c, m, n, n, 1) &&
             (p->weights ? desc_copy(&b, view(&p->layout)) : desc_any(&b, k, n)) &&
             dnnl_primitive_attr_create(&attr) == dnnl_success &&
             dnnl_post_ops_create(&ops) == dnnl_success && append_sum(ops) &&
             dnnl_primitive_attr_set_post_ops(attr, ops) == dnnl_success &&
             matmul_create(out, p->engine, &a, &b, &c, attr);
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    desc_close(&a);
    desc_close(&b);
    desc_close(&c);
    return ok;
}

static int pack(vc_packed *p, const float *weight, size_t rows)
{
    int64_t k = (int64_t)p->inputs, n = (int64_t)p->outputs;
    dnnl_primitive_desc_t product_pd = NULL, reorder_pd = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_memory_t source = NULL, target = NULL;
    desc plain = {0};
    int ok =
        describe(&product_pd, p, rows) &&
        desc_copy(&p->layout, dnnl_primitive_desc_query_md(product_pd, dnnl_query_weights_md, 0)) &&
        desc_plain(&plain, k, n, 1, k) &&
        dnnl_memory_create(&source, view(&plain), p->engine, (void *)weight) == dnnl_success &&
        dnnl_memory_create(&target, view(&p->layout), p->engine, DNNL_MEMORY_ALLOCATE) ==
            dnnl_success &&
        dnnl_reorder_primitive_desc_create(&reorder_pd, view(&plain), p->engine, view(&p->layout),
                                           p->engine, NULL) == dnnl_success &&
        dnnl_primitive_create(&reorder, reorder_pd) == dnnl_success;
    if (ok) {
        const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}};
        ok = dnnl_primitive_execute(reorder, p->stream, 2, args) == dnnl_success &&
             dnnl_stream_wait(p->stream) == dnnl_success;
    }
    if (ok)
        p->weights = target;
    else if (target)
        dnnl_memory_destroy(target);
    if (source)
        dnnl_memory_destroy(source);
    if (reorder)
        dnnl_primitive_destroy(reorder);
    if (reorder_pd)
        dnnl_primitive_desc_destroy(reorder_pd);
    if (product_pd)
        dnnl_primitive_desc_destroy(product_pd);
    desc_close(&plain);
    return ok;
}

static int product_open(product *out, vc_packed *p, size_t rows)
{
    *out = (product){.rows = rows};
    int64_t m = (int64_t)rows, k = (int64_t)p->inputs, n = (int64_t)p->outputs;
    dnnl_primitive_desc_t pd = NULL;
    desc a = {0}, c = {0};
    int ok = describe(&pd, p, rows) && dnnl_primitive_create(&out->primitive, pd) == dnnl_success &&
             desc_plain(&a, m, k, k, 1) && desc_plain(&c, m, n, n, 1) &&
             dnnl_memory_create(&out->x, view(&a), p->engine, DNNL_MEMORY_NONE) == dnnl_success &&
             dnnl_memory_create(&out->y, view(&c), p->engine, DNNL_MEMORY_NONE) == dnnl_success;
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    desc_close(&a);
    desc_close(&c);
    return ok;
}

static void product_close(product *made)
{
    if (made->primitive)
        dnnl_primitive_destroy(made->primitive);
    if (made->x)
        dnnl_memory_destroy(made->x);
    if (made->y)
        dnnl_memory_destroy(made->y);
    *made = (product){0};
}

vc_status vc_packed_open(vc_packed **out, const float *weight, size_t outputs, size_t inputs,
                         size_t rows)
{
    *out = NULL;
    vc_packed *p = calloc(1, sizeof *p);
    if (!p)
        return vc_fail(VC_ENOMEM, "out of memory");
    p->outputs = outputs;
    p->inputs = inputs;
    p->plain = weight;
    if (dnnl_engine_create(&p->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&p->stream, p->engine, dnnl_stream_default_flags) != dnnl_success ||
        !pack(p, weight, rows)) {
        vc_packed_close(p);
        return vc_fail(VC_EUNSUPPORTED, "oneDNN cannot pack weights of %zu x %zu", outputs, inputs);
    }
    *out = p;
    return VC_OK;
}

static product *find_product(vc_packed *p, size_t rows)
{
    for (size_t i = 0; i < p->product_count; i++)
        if (p->products[i].rows == rows)
            return &p->products[i];
    if (p->product_count == MAX_PRIMITIVES)
        return NULL;
    product *made = &p->products[p->product_count];
    if (!product_open(made, p, rows)) {
        product_close(made);
        return NULL;
    }
    p->product_count++;
    return made;
}

void vc_packed_add(float *y, const float *x, vc_packed *p, size_t rows)
{
    product *made = find_product(p, rows);
    if (!made) {
        vc_gemm_shape shape = {.transpose_b = 1,
                               .m = rows,
                               .n = p->outputs,
                               .k = p->inputs,
                               .lda = p->inputs,
                               .ldb = p->inputs,
                               .ldc = p->outputs};
        vc_gemm(y, x, p->plain, &shape, 1.0f, 1.0f);
        return;
    }
    dnnl_memory_set_data_handle(made->x, (void *)x);
    dnnl_memory_set_data_handle(made->y, y);
    const dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, made->x}, {DNNL_ARG_WEIGHTS, p->weights}, {DNNL_ARG_DST, made->y}};
    dnnl_status_t status = dnnl_primitive_execute(made->primitive, p->stream, 3, args);
    assert(status == dnnl_success);
    (void)status;
    dnnl_stream_wait(p->stream);
}

void vc_packed_close(vc_packed *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->product_count; i++)
        product_close(&p->products[i]);
    if (p->weights)
        dnnl_memory_destroy(p->weights);
    desc_close(&p->layout);
    if (p->stream)
        dnnl_stream_destroy(p->stream);
    if (p->engine)
        dnnl_engine_destroy(p->engine);
    free(p);
}
