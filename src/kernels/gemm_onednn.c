#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "onednn.h"
#include "vitcod/gemm.h"
#include "vitcod/product.h"

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

static const dnnl_data_type_t input_types[] = {dnnl_f32, dnnl_bf16, dnnl_u8};
static const dnnl_data_type_t weight_types[] = {dnnl_f32, dnnl_bf16, dnnl_s8};
static const dnnl_data_type_t given_types[] = {dnnl_f32, dnnl_f32, dnnl_s8};
static const dnnl_data_type_t output_types[] = {dnnl_f32, dnnl_f32, dnnl_s32};

typedef struct worker_memory {
    dnnl_memory_t x, y, scratch;
} worker_memory;

/* A form for one number of rows. */
typedef struct variant {
    size_t rows;
    dnnl_primitive_t primitive;
    worker_memory *memory; /* (workers) */
} variant;

/* Products that differ in nothing but their weights share what is made for them. */
typedef struct shared_form {
    vc_product_form form;
    desc layout; /* of the packed weights; set when `packed` */
    int packed;
    variant *variants;
    size_t variant_count;
} shared_form;

typedef struct product {
    size_t form;
    dnnl_memory_t weights, bias;
} product;

struct vc_products {
    size_t workers;
    dnnl_engine_t engine;
    dnnl_stream_t *streams; /* (workers) */
    void **scratch;         /* (workers) of scratch_bytes */
    size_t scratch_bytes;
    shared_form *forms;
    size_t form_count;
    product *products;
    size_t product_count;
};

static const char *const precision_names[VC_PRECISION_COUNT] = {"fp32", "bf16", "int8"};

const char *vc_precision_name(vc_precision precision)
{
    return precision_names[precision];
}

int vc_precision_supported(vc_precision precision)
{
    switch (precision) {
    case VC_IN_BF16:
        return __builtin_cpu_supports("avx512bw") != 0;
    case VC_IN_INT8:
        return __builtin_cpu_supports("avx512vnni") != 0;
    default:
        return 1;
    }
}

/* A description of the product for `rows`; the weights' layout is free until the first is packed. */
static int describe(dnnl_primitive_desc_t *out, const vc_products *p, const shared_form *f,
                    size_t rows)
{
    const vc_product_form *form = &f->form;
    const int64_t m = (int64_t)rows, k = (int64_t)form->inputs, n = (int64_t)form->outputs;
    desc a = {0}, b = {0}, bias = {0}, c = {0};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    int ok =
        desc_plain(&a, input_types[form->precision], m, k, k, 1) &&
        desc_plain(&c, output_types[form->precision], m, n, n, 1) &&
        desc_plain(&bias, dnnl_f32, 1, n, n, 1) &&
        (f->packed ? desc_copy(&b, view(&f->layout))
                   : desc_any(&b, weight_types[form->precision], k, n)) &&
        dnnl_primitive_attr_create(&attr) == dnnl_success &&
        dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success &&
        dnnl_post_ops_create(&ops) == dnnl_success && (!form->add || append_sum(ops)) &&
        dnnl_primitive_attr_set_post_ops(attr, ops) == dnnl_success &&
        matmul_create(out, p->engine, &a, &b, form->bias ? &bias : NULL, &c, attr);
    if (ops)
        dnnl_post_ops_destroy(ops);
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    desc_close(&a);
    desc_close(&b);
    desc_close(&bias);
    desc_close(&c);
    return ok;
}

static void variant_close(variant *v, size_t workers)
{
    if (v->primitive)
        dnnl_primitive_destroy(v->primitive);
    for (size_t w = 0; v->memory && w < workers; w++) {
        dnnl_memory_t each[] = {v->memory[w].x, v->memory[w].y, v->memory[w].scratch};
        for (size_t i = 0; i < sizeof each / sizeof *each; i++)
            if (each[i])
                dnnl_memory_destroy(each[i]);
    }
    free(v->memory);
    *v = (variant){0};
}

static int make_room(vc_products *p, size_t bytes)
{
    if (bytes <= p->scratch_bytes)
        return 1;
    bytes = (bytes + 63) / 64 * 64;
    for (size_t w = 0; w < p->workers; w++) {
        free(p->scratch[w]);
        p->scratch[w] = aligned_alloc(64, bytes);
        if (!p->scratch[w])
            return 0;
    }
    p->scratch_bytes = bytes;
    return 1;
}

static int variant_open(variant *out, vc_products *p, const shared_form *f, size_t rows,
                        dnnl_primitive_desc_t pd)
{
    const vc_product_form *form = &f->form;
    const int64_t m = (int64_t)rows, k = (int64_t)form->inputs, n = (int64_t)form->outputs;
    desc_view scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    desc a = {0}, c = {0};
    *out = (variant){.rows = rows, .memory = calloc(p->workers, sizeof *out->memory)};
    int ok = out->memory && dnnl_primitive_create(&out->primitive, pd) == dnnl_success &&
             make_room(p, dnnl_memory_desc_get_size(scratch)) &&
             desc_plain(&a, input_types[form->precision], m, k, k, 1) &&
             desc_plain(&c, output_types[form->precision], m, n, n, 1);
    for (size_t w = 0; ok && w < p->workers; w++) {
        worker_memory *memory = &out->memory[w];
        ok =
            dnnl_memory_create(&memory->x, view(&a), p->engine, DNNL_MEMORY_NONE) == dnnl_success &&
            dnnl_memory_create(&memory->y, view(&c), p->engine, DNNL_MEMORY_NONE) == dnnl_success &&
            dnnl_memory_create(&memory->scratch, scratch, p->engine, DNNL_MEMORY_NONE) ==
                dnnl_success;
    }
    desc_close(&a);
    desc_close(&c);
    if (!ok)
        variant_close(out, p->workers);
    return ok;
}

static const variant *find_variant(const shared_form *f, size_t rows)
{
    for (size_t i = 0; i < f->variant_count; i++)
        if (f->variants[i].rows == rows)
            return &f->variants[i];
    return NULL;
}

static int add_variant(vc_products *p, shared_form *f, size_t rows)
{
    variant *grown = realloc(f->variants, (f->variant_count + 1) * sizeof *grown);
    dnnl_primitive_desc_t pd = NULL;
    if (!grown)
        return 0;
    f->variants = grown;
    int ok = describe(&pd, p, f, rows);
    if (ok && !f->packed)
        f->packed =
            desc_copy(&f->layout, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
    ok = ok && f->packed && variant_open(&grown[f->variant_count], p, f, rows, pd);
    f->variant_count += (size_t)ok;
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return ok;
}

static vc_status ready(vc_products *p, shared_form *f, size_t rows)
{
    if (find_variant(f, rows))
        return VC_OK;
    /* Made for one thread, which is what will run it. */
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    const int ok = add_variant(p, f, rows);
    omp_set_num_threads(threads);
    if (!ok)
        return vc_fail(VC_EUNSUPPORTED, "oneDNN has no %s product of %zu x %zu for %zu rows here",
                       vc_precision_name(f->form.precision), f->form.outputs, f->form.inputs, rows);
    return VC_OK;
}

vc_status vc_products_open(vc_products **out, size_t workers)
{
    vc_products *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return vc_fail(VC_ENOMEM, "out of memory");
    p->workers = workers;
    p->streams = calloc(workers, sizeof *p->streams);
    p->scratch = calloc(workers, sizeof *p->scratch);
    int ok =
        p->streams && p->scratch && dnnl_engine_create(&p->engine, dnnl_cpu, 0) == dnnl_success;
    for (size_t w = 0; ok && w < workers; w++)
        ok = dnnl_stream_create(&p->streams[w], p->engine, dnnl_stream_default_flags) ==
             dnnl_success;
    if (!ok) {
        vc_products_close(p);
        return vc_fail(VC_ENOMEM, "oneDNN has no engine for %zu workers", workers);
    }
    *out = p;
    return VC_OK;
}

static shared_form *find_form(vc_products *p, const vc_product_form *form)
{
    for (size_t i = 0; i < p->form_count; i++) {
        const vc_product_form *have = &p->forms[i].form;
        if (have->precision == form->precision && have->outputs == form->outputs &&
            have->inputs == form->inputs && have->bias == form->bias && have->add == form->add)
            return &p->forms[i];
    }
    shared_form *grown = realloc(p->forms, (p->form_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    p->forms = grown;
    grown[p->form_count] = (shared_form){.form = *form};
    return &grown[p->form_count++];
}

static int pack(product *out, const vc_products *p, const shared_form *f, const void *weight,
                const float *bias)
{
    const int64_t k = (int64_t)f->form.inputs, n = (int64_t)f->form.outputs;
    dnnl_primitive_desc_t reorder_pd = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_memory_t source = NULL;
    desc plain = {0}, row = {0};
    int ok =
        desc_plain(&plain, given_types[f->form.precision], k, n, 1, k) &&
        desc_plain(&row, dnnl_f32, 1, n, n, 1) &&
        dnnl_memory_create(&source, view(&plain), p->engine, (void *)weight) == dnnl_success &&
        dnnl_memory_create(&out->weights, view(&f->layout), p->engine, DNNL_MEMORY_ALLOCATE) ==
            dnnl_success &&
        dnnl_reorder_primitive_desc_create(&reorder_pd, view(&plain), p->engine, view(&f->layout),
                                           p->engine, NULL) == dnnl_success &&
        dnnl_primitive_create(&reorder, reorder_pd) == dnnl_success;
    if (ok) {
        const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, out->weights}};
        ok = dnnl_primitive_execute(reorder, p->streams[0], 2, args) == dnnl_success &&
             dnnl_stream_wait(p->streams[0]) == dnnl_success;
    }
    if (ok && f->form.bias) {
        void *to = NULL;
        ok = dnnl_memory_create(&out->bias, view(&row), p->engine, DNNL_MEMORY_ALLOCATE) ==
                 dnnl_success &&
             dnnl_memory_get_data_handle(out->bias, &to) == dnnl_success;
        if (ok)
            memcpy(to, bias, f->form.outputs * sizeof *bias);
    }
    if (source)
        dnnl_memory_destroy(source);
    if (reorder)
        dnnl_primitive_destroy(reorder);
    if (reorder_pd)
        dnnl_primitive_desc_destroy(reorder_pd);
    desc_close(&plain);
    desc_close(&row);
    return ok;
}

vc_status vc_products_add(size_t *index, vc_products *p, const vc_product_form *form,
                          const void *weight, const float *bias, size_t rows)
{
    product *grown = realloc(p->products, (p->product_count + 1) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    p->products = grown;
    shared_form *f = find_form(p, form);
    if (!f)
        return vc_fail(VC_ENOMEM, "out of memory");
    VC_TRY(ready(p, f, rows));
    product *made = &grown[p->product_count];
    *made = (product){.form = (size_t)(f - p->forms)};
    *index = p->product_count++;
    if (!pack(made, p, f, weight, bias))
        return vc_fail(VC_EUNSUPPORTED, "oneDNN cannot pack weights of %zu x %zu", form->outputs,
                       form->inputs);
    return VC_OK;
}

vc_status vc_products_prepare(vc_products *p, size_t index, size_t rows)
{
    return ready(p, &p->forms[p->products[index].form], rows);
}

void vc_products_run(const vc_products *p, size_t index, void *y, const void *x, size_t rows,
                     size_t worker)
{
    const product *what = &p->products[index];
    const variant *v = find_variant(&p->forms[what->form], rows);
    assert(v && worker < p->workers);
    const worker_memory *memory = &v->memory[worker];
    dnnl_memory_set_data_handle(memory->x, (void *)x);
    dnnl_memory_set_data_handle(memory->y, y);
    dnnl_memory_set_data_handle(memory->scratch, p->scratch[worker]);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, memory->x},
                                    {DNNL_ARG_WEIGHTS, what->weights},
                                    {DNNL_ARG_DST, memory->y},
                                    {DNNL_ARG_SCRATCHPAD, memory->scratch},
                                    {DNNL_ARG_BIAS, what->bias}};
    dnnl_status_t status =
        dnnl_primitive_execute(v->primitive, p->streams[worker], what->bias ? 5 : 4, args);
    assert(status == dnnl_success);
    (void)status;
    dnnl_stream_wait(p->streams[worker]);
}

void vc_products_close(vc_products *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->product_count; i++) {
        if (p->products[i].weights)
            dnnl_memory_destroy(p->products[i].weights);
        if (p->products[i].bias)
            dnnl_memory_destroy(p->products[i].bias);
    }
    for (size_t f = 0; f < p->form_count; f++) {
        for (size_t i = 0; i < p->forms[f].variant_count; i++)
            variant_close(&p->forms[f].variants[i], p->workers);
        free(p->forms[f].variants);
        desc_close(&p->forms[f].layout);
    }
    for (size_t w = 0; w < p->workers; w++) {
        if (p->streams && p->streams[w])
            dnnl_stream_destroy(p->streams[w]);
        if (p->scratch)
            free(p->scratch[w]);
    }
    if (p->engine)
        dnnl_engine_destroy(p->engine);
    free(p->streams);
    free(p->scratch);
    free(p->products);
    free(p->forms);
    free(p);
}
