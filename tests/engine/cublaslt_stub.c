/* cuBLASLt, as the stub of CUDA. */
#include "stub_impl.h"

/* A matrix: rows, columns, bytes of a value. */
typedef struct matrix {
    uint64_t rows, columns, value_bytes;
} matrix;

int cublasLtCreate(void **out);
int cublasLtCreate(void **out)
{
    STUB_CALLED(1);
    *out = stub_make(PLAN, 1);
    return 0;
}

int cublasLtDestroy(void *handle);
int cublasLtDestroy(void *handle)
{
    stub_release(handle, PLAN, __func__);
    return 0;
}

int cublasLtMatmulDescCreate(void **out, int compute, int scale);
int cublasLtMatmulDescCreate(void **out, int compute, int scale)
{
    STUB_CALLED(1);
    if (compute != 68 || scale != 0)
        stub_fault(__func__, "sums that are not float's");
    *out = stub_make(PLAN, 1);
    return 0;
}

int cublasLtMatmulDescDestroy(void *desc);
int cublasLtMatmulDescDestroy(void *desc)
{
    stub_release(desc, PLAN, __func__);
    return 0;
}

int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t size);
int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t size)
{
    int32_t transposed = 0;
    STUB_CALLED(1);
    stub_find(desc, PLAN, __func__);
    if (size == sizeof transposed)
        memcpy(&transposed, value, size);
    if (attribute != 3 || transposed != 1)
        stub_fault(__func__, "wanted the first operand transposed");
    return 0;
}

int cublasLtMatrixLayoutCreate(void **out, int type, uint64_t rows, uint64_t columns,
                               int64_t stride);
int cublasLtMatrixLayoutCreate(void **out, int type, uint64_t rows, uint64_t columns,
                               int64_t stride)
{
    const matrix m = {rows, columns, type == 0 ? 4 : 2};
    STUB_CALLED(1);
    if (stride != (int64_t)rows || rows == 0 || columns == 0)
        stub_fault(__func__, "the shape");
    object *made = stub_make(PLAN, sizeof m);
    memcpy(made->at, &m, sizeof m);
    *out = made;
    return 0;
}

int cublasLtMatrixLayoutDestroy(void *layout);
int cublasLtMatrixLayoutDestroy(void *layout)
{
    stub_release(layout, PLAN, __func__);
    return 0;
}

int cublasLtMatmulPreferenceCreate(void **out);
int cublasLtMatmulPreferenceCreate(void **out)
{
    STUB_CALLED(1);
    *out = stub_make(PLAN, 1);
    return 0;
}

int cublasLtMatmulPreferenceDestroy(void *preference);
int cublasLtMatmulPreferenceDestroy(void *preference)
{
    stub_release(preference, PLAN, __func__);
    return 0;
}

int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value,
                                         size_t size);
int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value,
                                         size_t size)
{
    STUB_CALLED(1);
    stub_find(preference, PLAN, __func__);
    if (attribute != 1 || size != sizeof(size_t) || !value)
        stub_fault(__func__, "wanted the bytes of a workspace");
    return 0;
}

int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d,
                                   void *preference, int wanted, void *results, int *found);
int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d,
                                   void *preference, int wanted, void *results, int *found)
{
    void *const given[] = {handle, desc, a, b, c, d, preference};
    STUB_CALLED(1);
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        stub_find(given[i], PLAN, __func__);
    memset(results, 1, 64);
    memset((char *)results + 72, stub_state.no_algorithm ? 15 : 0, sizeof(int)); /* its state */
    *found = wanted;
    return 0;
}

static matrix check_matrix(const void *at, const void *layout)
{
    matrix m = {0};
    const object *o = stub_find(layout, PLAN, "cublasLtMatmul");
    if (o)
        memcpy(&m, o->at, sizeof m);
    stub_check_range((uint64_t)(uintptr_t)at, m.rows * m.columns * m.value_bytes, "cublasLtMatmul");
    return m;
}

int cublasLtMatmul(void *handle, void *desc, const void *alpha, const void *a, void *a_layout,
                   const void *b, void *b_layout, const void *beta, const void *c, void *c_layout,
                   void *d, void *d_layout, const void *algorithm, void *workspace,
                   size_t workspace_bytes, void *stream);
int cublasLtMatmul(void *handle, void *desc, const void *alpha, const void *a, void *a_layout,
                   const void *b, void *b_layout, const void *beta, const void *c, void *c_layout,
                   void *d, void *d_layout, const void *algorithm, void *workspace,
                   size_t workspace_bytes, void *stream)
{
    STUB_CALLED(1);
    stub_state.multiplications++;
    stub_find(handle, PLAN, __func__);
    stub_find(desc, PLAN, __func__);
    stub_find(stream, STREAM, __func__);
    stub_check_range((uint64_t)(uintptr_t)workspace, workspace_bytes, __func__);
    const matrix of_a = check_matrix(a, a_layout), of_b = check_matrix(b, b_layout),
                 of_c = check_matrix(c, c_layout);
    check_matrix(d, d_layout);
    if (of_a.rows != of_b.rows || of_a.columns != of_c.rows || of_b.columns != of_c.columns)
        stub_fault(__func__, "shapes that do not fit");
    if (!alpha || !beta || !algorithm || c != d)
        stub_fault(__func__, "what it is given");
    return 0;
}
