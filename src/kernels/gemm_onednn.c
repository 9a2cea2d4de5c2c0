/* oneDNN cuts a product by the number of threads, the sum over k included. So a product outside a
 * parallel region is cut here, and one thread computes each piece. */
#include <assert.h>
#include <omp.h>
#include <stdlib.h>

#include "gemm_cut.h"
#include "onednn.h"

static void run_alone(float *c, const float *a, const float *b, const vc_gemm_shape *s, float alpha,
                      float beta)
{
    const int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    dnnl_status_t status =
        dnnl_sgemm(s->transpose_a ? 'T' : 'N', s->transpose_b ? 'T' : 'N', (dnnl_dim_t)s->m,
                   (dnnl_dim_t)s->n, (dnnl_dim_t)s->k, alpha, a, (dnnl_dim_t)s->lda, b,
                   (dnnl_dim_t)s->ldb, beta, c, (dnnl_dim_t)s->ldc);
    omp_set_num_threads(threads);
    assert(status == dnnl_success);
    (void)status;
}

static void run_piece(float *c, float *parts, const float *a, const float *b,
                      const vc_gemm_shape *shape, const vc__piece *p, float alpha, float beta)
{
    vc_gemm_shape own = *shape;
    own.m = p->rows;
    own.n = p->columns;
    own.k = p->deep;
    own.ldc = parts ? shape->n : shape->ldc;
    float *to = parts ? parts + p->part * shape->m * shape->n : c;
    run_alone(to + p->m * own.ldc + p->n, a + vc__piece_in_a(p, shape),
              b + vc__piece_in_b(p, shape), &own, alpha, parts ? 0.0f : beta);
}

static void run_whole(float *c, const float *a, const float *b, const vc_gemm_shape *shape,
                      float alpha, float beta, const vc_gemm_start *start)
{
    const vc__cut one = {1, 1, 1}, cut = omp_get_level() > 0 ? one : vc__cut_of(shape);
    const size_t pieces = vc__cut_pieces(&cut);
    float *parts = vc__parts_open(&cut, shape);
#pragma omp parallel for schedule(static) if (pieces > 1)
    for (size_t i = 0; i < pieces; i++) {
        const vc__piece piece = vc__piece_of(&cut, shape, i);
        vc__start_piece(c, start, shape, &piece);
        run_piece(c, parts, a, b, shape, &piece, alpha, beta);
    }
    if (parts)
        vc__add_parts(c, parts, shape, cut.k, beta);
    free(parts);
}

void vc_gemm(float *c, const float *a, const float *b, const vc_gemm_shape *shape, float alpha,
             float beta)
{
    if (omp_get_level() > 0) /* as of a head of attention: not even a team of one */
        run_alone(c, a, b, shape, alpha, beta);
    else
        run_whole(c, a, b, shape, alpha, beta, NULL);
}

void vc_gemm_add(float *c, const float *a, const float *b, const vc_gemm_shape *shape,
                 const vc_gemm_start *start)
{
    run_whole(c, a, b, shape, 1.0f, 1.0f, start);
}
