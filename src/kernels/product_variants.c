/* Choosing the primitive that runs a product of some number of rows.
 *
 * oneDNN chooses an implementation, and how the sum over the inputs is blocked, by the number of
 * rows. On a CPU with AMX, a row in bf16 therefore has different last bits in a product of 1 row
 * and of 100. Here the result of a row must not depend on the rows beside it. So the product of
 * VC_PRODUCT_ROWS rows is the reference. A primitive for another number of rows is used only if it
 * gives the same bits on random values; otherwise one for more rows is used, with rows of zeros
 * added. */
#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "product_impl.h"
#include "vitcod/kernels.h"

static const dnnl_data_type_t input_types[] = {dnnl_f32, dnnl_bf16, dnnl_u8};
static const dnnl_data_type_t weight_types[] = {dnnl_f32, dnnl_bf16, dnnl_s8};
static const dnnl_data_type_t output_types[] = {dnnl_f32, dnnl_f32, dnnl_s32};

/* Describes the product for `rows` rows. oneDNN chooses the layout of the weights, until the first
 * weights have been packed. */
static int describe(dnnl_primitive_desc_t *out, const vc_products *p, const vc__product_group *f,
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

void vc__product_variant_close(vc__product_variant *v, size_t workers)
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
    *v = (vc__product_variant){0};
}

/* Makes scratch for every worker: what the primitive needs, then rows of inputs and outputs with
 * zeros added. */
static int make_room(vc_products *p, size_t bytes)
{
    if (bytes <= p->scratch_bytes)
        return 1;
    bytes = vc__whole_lines(bytes);
    for (size_t w = 0; w < p->workers; w++) {
        free(p->scratch[w]);
        p->scratch[w] = aligned_alloc(VC__LINE, bytes);
        if (!p->scratch[w])
            return 0;
    }
    p->scratch_bytes = bytes;
    return 1;
}

static int variant_open(vc__product_variant *out, vc_products *p, const vc__product_group *f,
                        size_t rows, dnnl_primitive_desc_t pd)
{
    const vc_product_form *form = &f->form;
    const int64_t m = (int64_t)rows, k = (int64_t)form->inputs, n = (int64_t)form->outputs;
    desc_view scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    desc a = {0}, c = {0};
    *out =
        (vc__product_variant){.rows = rows,
                              .memory = calloc(p->workers, sizeof *out->memory),
                              .scratch_bytes = vc__whole_lines(dnnl_memory_desc_get_size(scratch))};
    const size_t filled =
        vc__whole_lines(rows * form->inputs * vc__product_input_bytes(form->precision)) +
        rows * form->outputs * VC__PRODUCT_OUTPUT_BYTES;
    int ok = out->memory && dnnl_primitive_create(&out->primitive, pd) == dnnl_success &&
             make_room(p, out->scratch_bytes + filled) &&
             desc_plain(&a, input_types[form->precision], m, k, k, 1) &&
             desc_plain(&c, output_types[form->precision], m, n, n, 1);
    for (size_t w = 0; ok && w < p->workers; w++) {
        vc__product_memory *memory = &out->memory[w];
        ok =
            dnnl_memory_create(&memory->x, view(&a), p->engine, DNNL_MEMORY_NONE) == dnnl_success &&
            dnnl_memory_create(&memory->y, view(&c), p->engine, DNNL_MEMORY_NONE) == dnnl_success &&
            dnnl_memory_create(&memory->scratch, scratch, p->engine, DNNL_MEMORY_NONE) ==
                dnnl_success;
    }
    desc_close(&a);
    desc_close(&c);
    if (!ok)
        vc__product_variant_close(out, p->workers);
    return ok;
}

void vc__product_execute(const vc_products *p, const vc__product_variant *v,
                         const vc__product *what, void *y, const void *x, size_t worker)
{
    const vc__product_memory *memory = &v->memory[worker];
    dnnl_memory_set_data_handle(memory->x, (void *)x);
    dnnl_memory_set_data_handle(memory->y, y);
    dnnl_memory_set_data_handle(memory->scratch, p->scratch[worker]);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, memory->x},
                                    {DNNL_ARG_WEIGHTS, what->weights},
                                    {DNNL_ARG_DST, memory->y},
                                    {DNNL_ARG_SCRATCHPAD, memory->scratch},
                                    {DNNL_ARG_BIAS, what->bias}};
    /* Below AVX-512 oneDNN cuts a product by the number of threads at run time, whatever it was
     * when the primitive was made, which gives other bits: one thread, also outside of a parallel
     * region. */
    const int threads = omp_in_parallel() ? 1 : omp_get_max_threads();
    if (threads > 1)
        omp_set_num_threads(1);
    dnnl_status_t status =
        dnnl_primitive_execute(v->primitive, p->streams[worker], what->bias ? 5 : 4, args);
    assert(status == dnnl_success);
    (void)status;
    dnnl_stream_wait(p->streams[worker]);
    if (threads > 1)
        omp_set_num_threads(threads);
}

enum { PLACES = 32 };

/* A product of random values, on which the primitives of a form are compared. */
typedef struct probe {
    vc__product made;
    float *weight, *bias, *x;    /* (outputs, inputs), (outputs), (VC_PRODUCT_ROWS, inputs) */
    uint16_t *halves;            /* x in bf16 */
    float *before, *want, *have; /* (VC_PRODUCT_ROWS, outputs); before: what `add` adds to */
} probe;

/* Random values from -1 to 1 that use all bits of the mantissa. */
static float *random_values(size_t count, uint64_t seed)
{
    float *values = vc_huge_alloc(count * sizeof *values);
    for (size_t i = 0; values && i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        values[i] = (float)(int32_t)(seed >> 32) * 0x1p-31f;
    }
    return values;
}

static void probe_close(probe *q)
{
    vc__product_close(&q->made);
    free(q->weight);
    free(q->bias);
    free(q->x);
    free(q->halves);
    free(q->before);
    free(q->want);
    free(q->have);
}

static int probe_open(probe *out, const vc_products *p, const vc__product_group *f)
{
    const size_t n = f->form.outputs, k = f->form.inputs;
    *out = (probe){.weight = random_values(n * k, 1),
                   .bias = random_values(n, 2),
                   .x = random_values(VC_PRODUCT_ROWS * k, 3),
                   .halves = malloc(VC_PRODUCT_ROWS * k * sizeof *out->halves),
                   .before = random_values(VC_PRODUCT_ROWS * n, 4),
                   .want = random_values(VC_PRODUCT_ROWS * n, 4),
                   .have = malloc(VC_PRODUCT_ROWS * n * sizeof *out->have)};
    if (!out->weight || !out->bias || !out->x || !out->halves || !out->before || !out->want ||
        !out->have || !vc__product_pack(&out->made, p, f, out->weight, out->bias, NULL)) {
        probe_close(out);
        return 0;
    }
    vc_kernels_get()->to_bf16(out->halves, out->x, VC_PRODUCT_ROWS * k);
    return 1;
}

/* Compares products of as many rows as the variant has with the product of all rows. They begin at
 * every v->rows-th row, and below AVX-512 at each of the first PLACES: there the order of a row's
 * sum may go by its place in a block of rows, which has fewer. */
static int is_like_the_first(const vc_products *p, const vc__product_group *f,
                             const vc__product_variant *v)
{
    const int any_place = vc__onednn_has(dnnl_cpu_isa_avx512_core);
    const size_t n = f->form.outputs, k = f->form.inputs, step = any_place ? v->rows : 1,
                 end = any_place ? VC_PRODUCT_ROWS : PLACES;
    probe q;
    if (!probe_open(&q, p, f))
        return 0;
    const unsigned char *x = f->form.precision == VC_IN_BF16 ? (void *)q.halves : q.x;
    vc__product_execute(p, &f->variants[0], &q.made, q.want, x, 0);
    int same = 1;
    for (size_t r = 0; same && r < end && r + v->rows <= VC_PRODUCT_ROWS; r += step) {
        memcpy(q.have, q.before + r * n, v->rows * n * sizeof *q.have);
        vc__product_execute(p, v, &q.made, q.have,
                            x + r * k * vc__product_input_bytes(f->form.precision), 0);
        same = !memcmp(q.have, q.want + r * n, v->rows * n * sizeof *q.have);
    }
    probe_close(&q);
    return same;
}

static vc_product_verdict verdict_of(const vc_product_form *f, size_t rows)
{
    return (vc_product_verdict){.precision = (uint32_t)f->precision,
                                .outputs = (uint32_t)f->outputs,
                                .inputs = (uint32_t)f->inputs,
                                .bias = f->bias != 0,
                                .add = f->add != 0,
                                .rows = (uint32_t)rows};
}

/* Known before, or found out now and kept. */
static int is_usable(vc_products *p, const vc__product_group *f, const vc__product_variant *v)
{
    vc_product_verdict is = verdict_of(&f->form, v->rows);
    for (size_t i = 0; i < p->verdict_count; i++) {
        is.usable = p->verdicts[i].usable;
        if (memcmp(&is, &p->verdicts[i], sizeof is) == 0)
            return (int)is.usable;
    }
    is.usable = (uint32_t)is_like_the_first(p, f, v);
    vc_product_verdict *grown = realloc(p->verdicts, (p->verdict_count + 1) * sizeof *grown);
    if (grown) {
        p->verdicts = grown;
        grown[p->verdict_count++] = is;
    }
    return (int)is.usable;
}

vc_status vc_products_know(vc_products *p, const vc_product_verdict *verdicts, size_t count)
{
    free(p->verdicts);
    p->verdict_count = 0;
    p->verdicts = malloc(count * sizeof *verdicts + 1);
    if (!p->verdicts)
        return vc_fail(VC_ENOMEM, "out of memory");
    if (count > 0)
        memcpy(p->verdicts, verdicts, count * sizeof *verdicts);
    p->verdict_count = count;
    return VC_OK;
}

const vc_product_verdict *vc_products_verdicts(const vc_products *p, size_t *count)
{
    *count = p->verdict_count;
    return p->verdicts;
}

static int add_variant(vc_products *p, vc__product_group *f, size_t rows)
{
    vc__product_variant *grown = realloc(f->variants, (f->variant_count + 1) * sizeof *grown);
    dnnl_primitive_desc_t pd = NULL;
    if (!grown)
        return 0;
    f->variants = grown;
    vc__product_variant *made = &grown[f->variant_count];
    int ok = describe(&pd, p, f, rows);
    if (ok && !f->packed)
        f->packed =
            desc_copy(&f->layout, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
    ok = ok && f->packed && variant_open(made, p, f, rows, pd);
    f->variant_count += (size_t)ok;
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (ok) /* sums of integers are exact in any order */
        made->usable =
            made == f->variants || f->form.precision == VC_IN_INT8 || is_usable(p, f, made);
    return ok;
}

/* The index of the variant for `rows`, which is made if there is none; variant_count if that
 * fails. */
static size_t variant_for(vc_products *p, vc__product_group *f, size_t rows)
{
    for (size_t i = 0; i < f->variant_count; i++)
        if (f->variants[i].rows == rows)
            return i;
    return add_variant(p, f, rows) ? f->variant_count - 1 : f->variant_count;
}

/* Chooses the variant with the fewest rows, of `rows` and the powers of 2 above it, that gives a
 * row the same bits as VC_PRODUCT_ROWS rows. */
static int choose_variant(vc_products *p, vc__product_group *f, size_t rows)
{
    if (variant_for(p, f, VC_PRODUCT_ROWS) == f->variant_count)
        return 0;
    for (size_t more = 16, candidate = rows;; candidate = more, more *= 2) {
        if (candidate < rows)
            continue;
        const size_t index = variant_for(p, f, candidate);
        if (index == f->variant_count)
            return 0;
        if (f->variants[index].usable) {
            f->chosen[rows] = (unsigned char)(index + 1);
            return 1;
        }
    }
}

vc_status vc__product_ready(vc_products *p, vc__product_group *f, size_t rows)
{
    assert(rows > 0 && rows <= VC_PRODUCT_ROWS);
    if (f->chosen[rows])
        return VC_OK;
    /* oneDNN prepares a primitive for the current number of threads; it will be run by one. */
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    const int ok = choose_variant(p, f, rows);
    omp_set_num_threads(threads);
    if (!ok)
        return vc_fail(VC_EUNSUPPORTED, "oneDNN has no %s product of %zu x %zu for %zu rows here",
                       vc_precision_name(f->form.precision), f->form.outputs, f->form.inputs, rows);
    return VC_OK;
}
