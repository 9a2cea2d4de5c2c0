#include "gemm_cut.h"

#include <stdio.h>
#include <stdlib.h>

/* Smaller pieces than these make oneDNN slower, since each packs its operands. */
enum { LEAST_ROWS = 64, LEAST_COLUMNS = 128, LEAST_DEPTH = 512 };

/* The largest power of two of parts, so that two threads and four get equal shares. */
static size_t parts_of(size_t count, size_t least, size_t most)
{
    size_t parts = 1;
    while (2 * parts <= most && 2 * parts * least <= count)
        parts *= 2;
    return parts;
}

/* Rows of A that lie one after the other are cut at no cost, its columns (as when the gradient of
 * weights is computed) as those of B. */
vc__cut vc__cut_of(const vc_gemm_shape *s)
{
    vc__cut cut;
    cut.m = parts_of(s->m, s->transpose_a ? LEAST_COLUMNS : LEAST_ROWS, VC__CUT_PIECES);
    cut.n = parts_of(s->n, LEAST_COLUMNS, VC__CUT_PIECES / cut.m);
    cut.k = parts_of(s->k, LEAST_DEPTH, VC__CUT_PIECES / (cut.m * cut.n));
    while (cut.k > 1 && cut.k * s->m * s->n > VC__CUT_FLOATS)
        cut.k /= 2;
    return cut;
}

size_t vc__cut_pieces(const vc__cut *cut)
{
    return cut->m * cut->n * cut->k;
}

static size_t start(size_t count, size_t parts, size_t index)
{
    return count * index / parts;
}

vc__piece vc__piece_of(const vc__cut *cut, const vc_gemm_shape *s, size_t index)
{
    const size_t m = index / cut->n % cut->m, n = index % cut->n, k = index / cut->n / cut->m;
    vc__piece p = {.m = start(s->m, cut->m, m),
                   .n = start(s->n, cut->n, n),
                   .k = start(s->k, cut->k, k),
                   .part = k};
    p.rows = start(s->m, cut->m, m + 1) - p.m;
    p.columns = start(s->n, cut->n, n + 1) - p.n;
    p.deep = start(s->k, cut->k, k + 1) - p.k;
    return p;
}

size_t vc__piece_in_a(const vc__piece *p, const vc_gemm_shape *s)
{
    return s->transpose_a ? p->k * s->lda + p->m : p->m * s->lda + p->k;
}

size_t vc__piece_in_b(const vc__piece *p, const vc_gemm_shape *s)
{
    return s->transpose_b ? p->n * s->ldb + p->k : p->k * s->ldb + p->n;
}

void vc__start_piece(float *c, const vc_gemm_start *start, const vc_gemm_shape *s,
                     const vc__piece *p)
{
    if (!start || p->part > 0 || (!start->bias && start->residual == c))
        return;
    const float *bias = start->bias ? start->bias + p->n : NULL;
    for (size_t r = p->m; r < p->m + p->rows; r++) {
        float *out = c + r * s->ldc + p->n;
        const float *from = start->residual ? start->residual + r * s->ldc + p->n : NULL;
        for (size_t i = 0; i < p->columns; i++)
            out[i] = (bias ? bias[i] : 0.0f) + (from ? from[i] : 0.0f);
    }
}

void vc__add_parts(float *c, const float *parts, const vc_gemm_shape *s, size_t count, float beta)
{
    const size_t whole = s->m * s->n;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < s->m; i++) {
        float *to = c + i * s->ldc;
        const float *from = parts + i * s->n;
        for (size_t j = 0; j < s->n; j++) {
            float sum = from[j];
            for (size_t p = 1; p < count; p++)
                sum += from[p * whole + j];
            to[j] = beta == 0.0f ? sum : beta * to[j] + sum;
        }
    }
}

float *vc__parts_open(const vc__cut *cut, const vc_gemm_shape *s)
{
    if (cut->k == 1)
        return NULL;
    float *parts = malloc(cut->k * s->m * s->n * sizeof *parts);
    if (!parts) {
        fputs("vitcod: out of memory for a product's parts\n", stderr);
        abort();
    }
    return parts;
}
