#include "vitcod/autoencoder_setup.h"

#include <math.h>
#include <stdlib.h>

vc_status vc_head_moments_open(vc_head_moments *out, size_t heads)
{
    *out = (vc_head_moments){.heads = heads,
                             .sum = calloc(heads, sizeof(double)),
                             .product = calloc(heads * heads, sizeof(double))};
    if (out->sum && out->product)
        return VC_OK;
    vc_head_moments_close(out);
    return vc_fail(VC_ENOMEM, "out of memory for the moments of %zu heads", heads);
}

void vc_head_moments_close(vc_head_moments *moments)
{
    free(moments->sum);
    free(moments->product);
    *moments = (vc_head_moments){0};
}

void vc_head_moments_add(vc_head_moments *m, const float *x, size_t stride, size_t tokens,
                         size_t head_dim)
{
    size_t heads = m->heads;
    /* One task per row of the product; it goes through the tokens in order. */
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < heads; i++)
        for (size_t t = 0; t < tokens; t++) {
            const float *a = x + t * stride + i * head_dim;
            for (size_t d = 0; d < head_dim; d++)
                m->sum[i] += a[d];
            for (size_t j = 0; j <= i; j++) {
                const float *b = x + t * stride + j * head_dim;
                double sum = 0.0;
                for (size_t d = 0; d < head_dim; d++)
                    sum += (double)a[d] * b[d];
                m->product[i * heads + j] += sum;
            }
        }
    m->count += (double)(tokens * head_dim);
}

/* Makes a[p][q] of the symmetric matrix 0 by a rotation, which is also applied to the columns of
 * u. */
static void rotate(double *a, double *u, size_t n, size_t p, size_t q)
{
    if (a[p * n + q] == 0.0)
        return;
    double theta = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
    double t = (theta >= 0.0 ? 1.0 : -1.0) / (fabs(theta) + sqrt(theta * theta + 1.0));
    double c = 1.0 / sqrt(t * t + 1.0), s = t * c;
    for (size_t k = 0; k < n; k++) {
        double x = a[k * n + p], y = a[k * n + q];
        a[k * n + p] = c * x - s * y;
        a[k * n + q] = s * x + c * y;
    }
    for (size_t k = 0; k < n; k++) {
        double x = a[p * n + k], y = a[q * n + k];
        a[p * n + k] = c * x - s * y;
        a[q * n + k] = s * x + c * y;
        x = u[k * n + p];
        y = u[k * n + q];
        u[k * n + p] = c * x - s * y;
        u[k * n + q] = s * x + c * y;
    }
}

/* Jacobi's eigenvalue method: the eigenvalues end up on the diagonal of a, the eigenvectors in the
 * columns of u. */
static void diagonalise(double *a, double *u, size_t n)
{
    enum { SWEEPS = 30 }; /* an upper limit: convergence is quadratic */
    for (size_t i = 0; i < n * n; i++)
        u[i] = i % (n + 1) == 0 ? 1.0 : 0.0;
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (size_t p = 0; p + 1 < n; p++)
            for (size_t q = p + 1; q < n; q++)
                rotate(a, u, n, p, q);
}

static void covariance(double *out, const vc_head_moments *m)
{
    size_t n = m->heads;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++)
            out[i * n + j] = out[j * n + i] =
                m->product[i * n + j] / m->count - m->sum[i] / m->count * (m->sum[j] / m->count);
}

/* Returns the index of the largest eigenvalue and lowers it below all others, so that the next call
 * finds the next one. */
static size_t take_largest(double *a, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (a[i * n + i] > a[best * n + best])
            best = i;
    a[best * n + best] = -INFINITY;
    return best;
}

static double orientation(const double *u, size_t n, size_t column)
{
    double largest = 0.0;
    for (size_t i = 0; i < n; i++)
        if (fabs(u[i * n + column]) > fabs(largest))
            largest = u[i * n + column];
    return largest < 0.0 ? -1.0 : 1.0;
}

vc_status vc_autoencoder_setup(float *encoder_w, float *encoder_b, float *decoder_w,
                               float *decoder_b, const vc_head_moments *m, size_t compressed)
{
    size_t n = m->heads;
    if (m->count == 0.0 || compressed == 0 || compressed > n)
        return vc_fail(VC_EINVAL, "an auto-encoder from %zu to %zu heads over %.0f samples", n,
                       compressed, m->count);
    double *a = malloc(2 * n * n * sizeof *a);
    if (!a)
        return vc_fail(VC_ENOMEM, "out of memory");
    double *u = a + n * n;
    covariance(a, m);
    diagonalise(a, u, n);
    for (size_t c = 0; c < compressed; c++) {
        size_t column = take_largest(a, n);
        double sign = orientation(u, n, column), offset = 0.0;
        for (size_t i = 0; i < n; i++) {
            double value = sign * u[i * n + column];
            encoder_w[c * n + i] = (float)value;
            decoder_w[i * compressed + c] = (float)value;
            offset -= value * m->sum[i] / m->count;
        }
        encoder_b[c] = (float)offset;
    }
    for (size_t i = 0; i < n; i++)
        decoder_b[i] = (float)(m->sum[i] / m->count);
    free(a);
    return VC_OK;
}
