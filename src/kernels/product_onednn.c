/* Packed products by oneDNN: packing weights and running rows. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "product_impl.h"

static const dnnl_data_type_t given_types[] = {dnnl_f32, dnnl_f32, dnnl_s8};

size_t vc__whole_lines(size_t bytes)
{
    return (bytes + VC__LINE - 1) / VC__LINE * VC__LINE;
}

size_t vc__product_input_bytes(vc_precision precision)
{
    static const size_t bytes[VC_PRECISION_COUNT] = {sizeof(float), sizeof(uint16_t),
                                                     sizeof(uint8_t)};
    return bytes[precision];
}

static const char *const precision_names[VC_PRECISION_COUNT] = {"fp32", "bf16", "int8", "fp16"};

const char *vc_precision_name(vc_precision precision)
{
    return precision_names[precision];
}

int vc__onednn_has(dnnl_cpu_isa_t wanted)
{
    return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)wanted) == (unsigned)wanted;
}

int vc_precision_supported(vc_precision precision)
{
    switch (precision) {
    case VC_IN_BF16:
        return vc__onednn_has(dnnl_cpu_isa_avx512_core);
    case VC_IN_INT8:
        return vc__onednn_has(dnnl_cpu_isa_avx512_core_vnni);
    case VC_IN_FP16:
        return 0;
    default:
        return 1;
    }
}

static int set_bias(vc__product *out, const vc_products *p, const vc__product_group *f,
                    const float *bias)
{
    const int64_t n = (int64_t)f->form.outputs;
    desc row = {0};
    void *to = NULL;
    int ok = desc_plain(&row, dnnl_f32, 1, n, n, 1) &&
             dnnl_memory_create(&out->bias, view(&row), p->engine, DNNL_MEMORY_ALLOCATE) ==
                 dnnl_success &&
             dnnl_memory_get_data_handle(out->bias, &to) == dnnl_success;
    if (ok)
        memcpy(to, bias, f->form.outputs * sizeof *bias);
    desc_close(&row);
    return ok;
}

static int set_weights(vc__product *out, const vc_products *p, const vc__product_group *f,
                       const void *packed)
{
    return dnnl_memory_create(&out->weights, view(&f->layout), p->engine, (void *)packed) ==
           dnnl_success;
}

static size_t packed_bytes(const vc__product_group *f)
{
    return dnnl_memory_desc_get_size(view(&f->layout));
}

int vc__product_pack(vc__product *out, const vc_products *p, const vc__product_group *f,
                     const void *weight, const float *bias, void *to)
{
    const int64_t k = (int64_t)f->form.inputs, n = (int64_t)f->form.outputs;
    dnnl_primitive_desc_t reorder_pd = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_memory_t source = NULL;
    desc plain = {0};
    if (!to)
        to = out->own = vc_huge_alloc(packed_bytes(f));
    int ok =
        to && desc_plain(&plain, given_types[f->form.precision], k, n, 1, k) &&
        dnnl_memory_create(&source, view(&plain), p->engine, (void *)weight) == dnnl_success &&
        set_weights(out, p, f, to) &&
        dnnl_reorder_primitive_desc_create(&reorder_pd, view(&plain), p->engine, view(&f->layout),
                                           p->engine, NULL) == dnnl_success &&
        dnnl_primitive_create(&reorder, reorder_pd) == dnnl_success;
    if (ok) {
        const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, out->weights}};
        ok = dnnl_primitive_execute(reorder, p->streams[0], 2, args) == dnnl_success &&
             dnnl_stream_wait(p->streams[0]) == dnnl_success;
    }
    if (ok && f->form.bias)
        ok = set_bias(out, p, f, bias);
    if (source)
        dnnl_memory_destroy(source);
    if (reorder)
        dnnl_primitive_destroy(reorder);
    if (reorder_pd)
        dnnl_primitive_desc_destroy(reorder_pd);
    desc_close(&plain);
    return ok;
}

void vc__product_close(vc__product *made)
{
    if (made->weights)
        dnnl_memory_destroy(made->weights);
    if (made->bias)
        dnnl_memory_destroy(made->bias);
    free(made->own);
    *made = (vc__product){0};
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

static vc__product_group *find_form(vc_products *p, const vc_product_form *form)
{
    for (size_t i = 0; i < p->form_count; i++) {
        const vc_product_form *have = &p->forms[i].form;
        if (have->precision == form->precision && have->outputs == form->outputs &&
            have->inputs == form->inputs && have->bias == form->bias && have->add == form->add)
            return &p->forms[i];
    }
    vc__product_group *grown = realloc(p->forms, (p->form_count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    p->forms = grown;
    grown[p->form_count] = (vc__product_group){.form = *form};
    return &grown[p->form_count++];
}

/* Makes room for one more product, of a group that is ready for so many rows. */
static vc_status begin_product(vc__product **out, vc_products *p, const vc_product_form *form,
                               size_t rows)
{
    if (!vc_precision_supported(form->precision))
        return vc_fail(VC_EUNSUPPORTED, "this CPU has no products in %s",
                       vc_precision_name(form->precision));
    vc__product *grown = realloc(p->products, (p->product_count + 1) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    p->products = grown;
    vc__product_group *f = find_form(p, form);
    if (!f)
        return vc_fail(VC_ENOMEM, "out of memory");
    VC_TRY(vc__product_ready(p, f, rows));
    *out = &grown[p->product_count++];
    **out = (vc__product){.form = (size_t)(f - p->forms)};
    return VC_OK;
}

vc_status vc_products_add(size_t *index, vc_products *p, const vc_product_form *form,
                          const void *weight, const float *bias, size_t rows)
{
    vc__product *made;
    VC_TRY(begin_product(&made, p, form, rows));
    const vc__product_group *f = &p->forms[made->form];
    void *room = vc_chunks_take(&p->packed, packed_bytes(f));
    *index = p->product_count - 1;
    if (!room)
        return vc_fail(VC_ENOMEM, "out of memory for weights of %zu x %zu", form->outputs,
                       form->inputs);
    if (!vc__product_pack(made, p, f, weight, bias, room))
        return vc_fail(VC_EUNSUPPORTED, "oneDNN cannot pack weights of %zu x %zu", form->outputs,
                       form->inputs);
    return VC_OK;
}

char *vc_products_packer(char text[VC_PACKER_TEXT])
{
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, VC_PACKER_TEXT, "oneDNN %d.%d.%d %s, instructions %x", v->major, v->minor,
             v->patch, v->hash, (unsigned)dnnl_get_effective_cpu_isa());
    return text;
}

vc_packed_weights vc_products_packed(const vc_products *p, size_t index)
{
    const vc__product *product = &p->products[index];
    const vc__product_group *f = &p->forms[product->form];
    void *data = NULL;
    dnnl_memory_get_data_handle(product->weights, &data);
    return (vc_packed_weights){data, packed_bytes(f), desc_hash(&f->layout)};
}

vc_status vc_products_add_packed(size_t *index, vc_products *p, const vc_product_form *form,
                                 const vc_packed_weights *weights, const float *bias, size_t rows)
{
    vc__product *made;
    VC_TRY(begin_product(&made, p, form, rows));
    const vc__product_group *f = &p->forms[made->form];
    *index = p->product_count - 1;
    if (weights->bytes < packed_bytes(f) || weights->layout != desc_hash(&f->layout)) {
        p->product_count--;
        return vc_fail(VC_EINVAL, "weights of %zu x %zu are packed otherwise", form->outputs,
                       form->inputs);
    }
    if (!set_weights(made, p, f, weights->data) || (form->bias && !set_bias(made, p, f, bias)))
        return vc_fail(VC_ENOMEM, "out of memory for weights of %zu x %zu", form->outputs,
                       form->inputs);
    return VC_OK;
}

vc_status vc_products_prepare(vc_products *p, size_t index, size_t rows)
{
    return vc__product_ready(p, &p->forms[p->products[index].form], rows);
}

/* Runs fewer rows than the variant has, by adding rows of zeros. */
static void run_filled(const vc_products *p, const vc__product *what, const vc__product_variant *v,
                       void *y, const void *x, size_t rows, size_t worker)
{
    const vc_product_form *form = &p->forms[what->form].form;
    const size_t x_row = form->inputs * vc__product_input_bytes(form->precision),
                 y_row = form->outputs * VC__PRODUCT_OUTPUT_BYTES;
    unsigned char *inputs = (unsigned char *)p->scratch[worker] + v->scratch_bytes,
                  *outputs = inputs + vc__whole_lines(v->rows * x_row);
    memcpy(inputs, x, rows * x_row);
    memset(inputs + rows * x_row, 0, (v->rows - rows) * x_row);
    if (form->add) {
        memcpy(outputs, y, rows * y_row);
        memset(outputs + rows * y_row, 0, (v->rows - rows) * y_row);
    }
    vc__product_execute(p, v, what, outputs, inputs, worker);
    memcpy(y, outputs, rows * y_row);
}

void vc_products_run(const vc_products *p, size_t index, void *y, const void *x, size_t rows,
                     size_t worker)
{
    const vc__product *what = &p->products[index];
    const vc__product_group *f = &p->forms[what->form];
    assert(rows > 0 && rows <= VC_PRODUCT_ROWS && f->chosen[rows] && worker < p->workers);
    const vc__product_variant *v = &f->variants[f->chosen[rows] - 1];
    if (v->rows == rows)
        vc__product_execute(p, v, what, y, x, worker);
    else
        run_filled(p, what, v, y, x, rows, worker);
}

void vc_products_close(vc_products *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->product_count; i++)
        vc__product_close(&p->products[i]);
    for (size_t f = 0; f < p->form_count; f++) {
        for (size_t i = 0; i < p->forms[f].variant_count; i++)
            vc__product_variant_close(&p->forms[f].variants[i], p->workers);
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
    vc_chunks_close(&p->packed);
    free(p->verdicts);
    free(p->streams);
    free(p->scratch);
    free(p->products);
    free(p->forms);
    free(p);
}
