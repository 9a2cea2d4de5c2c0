/* Products by cuBLASLt. Sums are float in every precision, and never TF32. */
#include <dlfcn.h>
#include <stdlib.h>

#include "cuda_impl.h"

enum { WORKSPACE = 32 << 20 };

/* Values of cuBLASLt's enumerations. */
enum { R_32F = 0, R_16F = 2, R_16BF = 14, COMPUTE_32F = 68 };
enum { DESC_TRANSA = 3, PREFERENCE_WORKSPACE = 1, TRANSPOSED = 1 };

vc_status vc__cu_products_find(vc__blaslt *out, int *there, int driver)
{
    static const char *const versions[] = {"13", "12", "11", NULL};
    const char *file = getenv("VC_CUBLASLT");
    vc__products wanted;
    *there = 0;
    VC_TRY(vc__products_wanted(&wanted));
    if (wanted == VC__PRODUCTS_PLAIN)
        return VC_OK;
    void *library = vc__cu_library("VC_CUBLASLT", "libcublasLt.so", versions, driver);
    if (!library && wanted == VC__PRODUCTS_USUAL && !(file && *file))
        return VC_OK;
    if (!library)
        return vc_fail(VC_EUNSUPPORTED, "libcublasLt.so: is asked for, and not there: %s",
                       dlerror());
#define BLASLT_FIND(name, arguments)                                                               \
    if (!vc__device_symbol(library, &out->name, #name))                                            \
        return vc_fail(VC_EUNSUPPORTED,                                                            \
                       "libcublasLt.so: has no '%s'; VC_PRODUCTS=plain goes without it", #name);
    VC__BLASLT_MAP(BLASLT_FIND)
#undef BLASLT_FIND
    *there = 1;
    return VC_OK;
}

vc_status vc__cu_products_open(vc__cu_queue *q)
{
    int there;
    VC_TRY(vc__cu_products_find(&q->blaslt, &there, q->driver));
    if (!there)
        return VC_OK;
    const vc__cu_result error = q->cu.cuMemAlloc_v2(&q->workspace, WORKSPACE);
    if (error != 0)
        return vc__cu_fail(q, error, "allocating room for products");
    const int refused = q->blaslt.cublasLtCreate(&q->blaslt_handle);
    if (refused) {
        q->blaslt_handle = NULL;
        return vc_fail(VC_EUNSUPPORTED,
                       "cuda:%zu (%s): cuBLASLt does not start, error %d; VC_PRODUCTS=plain goes "
                       "without it",
                       q->info.index, q->info.name, refused);
    }
    q->info.products = "cuBLASLt";
    return VC_OK;
}

static void close_product(const vc__cu_queue *q, const vc__cu_product *p)
{
    if (p->desc)
        q->blaslt.cublasLtMatmulDescDestroy(p->desc);
    if (p->a)
        q->blaslt.cublasLtMatrixLayoutDestroy(p->a);
    if (p->b)
        q->blaslt.cublasLtMatrixLayoutDestroy(p->b);
    if (p->c)
        q->blaslt.cublasLtMatrixLayoutDestroy(p->c);
}

void vc__cu_products_close(vc__cu_queue *q)
{
    for (size_t i = 0; i < q->product_count; i++)
        close_product(q, &q->products[i]);
    free(q->products);
    if (q->blaslt_handle)
        q->blaslt.cublasLtDestroy(q->blaslt_handle);
    if (q->workspace)
        q->cu.cuMemFree_v2(q->workspace);
}

int vc__cu_multiplies(void *queue, vc_precision precision)
{
    (void)precision;
    return ((const vc__cu_queue *)queue)->blaslt_handle != NULL;
}

static int type_of(vc_precision precision)
{
    return precision == VC_IN_FP32 ? R_32F : precision == VC_IN_BF16 ? R_16BF : R_16F;
}

static int find_algorithm(vc__cu_product *p, const vc__cu_queue *q)
{
    const vc__blaslt *l = &q->blaslt;
    const size_t room = WORKSPACE;
    void *preference;
    int found = 0;
    if (l->cublasLtMatmulPreferenceCreate(&preference) != 0)
        return 0;
    int error = l->cublasLtMatmulPreferenceSetAttribute(preference, PREFERENCE_WORKSPACE, &room,
                                                        sizeof room);
    if (error == 0)
        error = l->cublasLtMatmulAlgoGetHeuristic(q->blaslt_handle, p->desc, p->b, p->a, p->c, p->c,
                                                  preference, 1, &p->how, &found);
    l->cublasLtMatmulPreferenceDestroy(preference);
    return error == 0 && found > 0 && p->how.state == 0;
}

/* Rows that lie one after the other are columns to cuBLASLt: C^T = (B^T)^T A^T. */
static vc_status make_ready(vc__cu_product *p, const vc__cu_queue *q)
{
    const vc__blaslt *l = &q->blaslt;
    const int type = type_of(p->precision), transposed = TRANSPOSED;
    const int made =
        l->cublasLtMatmulDescCreate(&p->desc, COMPUTE_32F, R_32F) == 0 &&
        l->cublasLtMatmulDescSetAttribute(p->desc, DESC_TRANSA, &transposed, sizeof transposed) ==
            0 &&
        l->cublasLtMatrixLayoutCreate(&p->b, type, p->inputs, p->outputs, (int64_t)p->inputs) ==
            0 &&
        l->cublasLtMatrixLayoutCreate(&p->a, type, p->inputs, p->rows, (int64_t)p->inputs) == 0 &&
        l->cublasLtMatrixLayoutCreate(&p->c, R_32F, p->outputs, p->rows, (int64_t)p->outputs) ==
            0 &&
        find_algorithm(p, q);
    return made ? VC_OK
                : vc_fail(VC_EUNSUPPORTED,
                          "cuda:%zu (%s): cuBLASLt has no product of %zu rows, %zu inputs and %zu "
                          "outputs in %s; VC_PRODUCTS=plain goes without it",
                          q->info.index, q->info.name, p->rows, p->inputs, p->outputs,
                          vc_precision_name(p->precision));
}

static vc_status product_for(const vc__cu_product **out, vc__cu_queue *q,
                             const vc__multiplication *m)
{
    for (size_t i = 0; i < q->product_count; i++) {
        const vc__cu_product *p = &q->products[i];
        *out = p;
        if (p->rows == m->rows && p->inputs == m->inputs && p->outputs == m->outputs &&
            p->precision == m->precision)
            return VC_OK;
    }
    vc__cu_product *grown = realloc(q->products, (q->product_count + 1) * sizeof *grown);
    if (!grown)
        return vc_fail(VC_ENOMEM, "out of memory");
    q->products = grown;
    vc__cu_product *made = &grown[q->product_count];
    *made = (vc__cu_product){
        .rows = m->rows, .inputs = m->inputs, .outputs = m->outputs, .precision = m->precision};
    const vc_status status = make_ready(made, q);
    *out = made;
    if (status == VC_OK)
        q->product_count++;
    else
        close_product(q, made);
    return status;
}

static void *pointer_of(vc__memory memory)
{
    return (void *)(uintptr_t)memory.handle;
}

vc_status vc__cu_multiply(void *queue, const vc__multiplication *m)
{
    vc__cu_queue *q = queue;
    const float one = 1.0f, held = m->add ? 1.0f : 0.0f;
    const vc__cu_product *p = NULL;
    VC_TRY(vc__cu_enter(q));
    VC_TRY(product_for(&p, q, m));
    const int error = q->blaslt.cublasLtMatmul(
        q->blaslt_handle, p->desc, &one, pointer_of(m->b), p->b, pointer_of(m->a), p->a, &held,
        pointer_of(m->c), p->c, pointer_of(m->c), p->c, p->how.algorithm,
        (void *)(uintptr_t)q->workspace, WORKSPACE, q->stream);
    return error == 0 ? VC_OK
                      : vc_fail(VC_EUNSUPPORTED,
                                "cuda:%zu (%s): a product of cuBLASLt failed, "
                                "error %d",
                                q->info.index, q->info.name, error);
}
