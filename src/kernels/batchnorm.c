/* BatchNorm in training (Ioffe, Szegedy 2015). Statistics are in double: a batch of images has a
 * million rows, and a variance is a small difference of large sums. */
#include <math.h>

#include "vitcod/ops.h"

/* Sums over the rows are made per part and then added in the order of the parts, so that the result
 * is the same for any number of threads. */
enum { PARTS = 32, BLOCK = 64 };

typedef struct columns {
    const float *x, *dy; /* (rows, channels); dy may be NULL */
    size_t rows, channels, first, count;
} columns;

/* Adds up a part of the rows, per column: x - centre (NULL: 0) to the power of 1 or 2 or, for the
 * backward pass, dy and dy times that. */
typedef void add_part(double *sums, const columns *c, const double *centre, size_t begin,
                      size_t end);

static void add_values(double *sums, const columns *c, const double *centre, size_t begin,
                       size_t end)
{
    (void)centre;
    for (size_t r = begin; r < end; r++) {
        const float *x = c->x + r * c->channels + c->first;
        for (size_t i = 0; i < c->count; i++)
            sums[i] += x[i];
    }
}

static void add_squares(double *sums, const columns *c, const double *centre, size_t begin,
                        size_t end)
{
    for (size_t r = begin; r < end; r++) {
        const float *x = c->x + r * c->channels + c->first;
        for (size_t i = 0; i < c->count; i++)
            sums[i] += (x[i] - centre[i]) * (x[i] - centre[i]);
    }
}

static void add_gradients(double *sums, const columns *c, const double *centre, size_t begin,
                          size_t end)
{
    (void)centre;
    for (size_t r = begin; r < end; r++) {
        const float *dy = c->dy + r * c->channels + c->first;
        for (size_t i = 0; i < c->count; i++)
            sums[i] += dy[i];
    }
}

static void add_products(double *sums, const columns *c, const double *centre, size_t begin,
                         size_t end)
{
    for (size_t r = begin; r < end; r++) {
        const float *x = c->x + r * c->channels + c->first,
                    *dy = c->dy + r * c->channels + c->first;
        for (size_t i = 0; i < c->count; i++)
            sums[i] += dy[i] * (x[i] - centre[i]);
    }
}

static void sum_rows(double *out, const columns *c, const double *centre, add_part *add)
{
    double parts[PARTS][BLOCK] = {{0}};
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < PARTS; p++)
        add(parts[p], c, centre, c->rows * p / PARTS, c->rows * (p + 1) / PARTS);
    for (size_t i = 0; i < c->count; i++) {
        out[i] = 0.0;
        for (size_t p = 0; p < PARTS; p++)
            out[i] += parts[p][i];
    }
}

static double rstd_of(float variance, float eps)
{
    return 1.0 / sqrt((double)variance + (double)eps);
}

void vc_batchnorm_forward(float *y, float *mean, float *variance, const float *x,
                          const float *weight, const float *bias, const float *residual,
                          size_t rows, size_t channels, float eps)
{
    for (size_t first = 0; first < channels; first += BLOCK) {
        const size_t rest = channels - first;
        const columns c = {x, NULL, rows, channels, first, rest < BLOCK ? rest : BLOCK};
        double sums[BLOCK], centre[BLOCK];
        sum_rows(centre, &c, NULL, add_values);
        for (size_t i = 0; i < c.count; i++)
            centre[i] /= (double)rows;
        sum_rows(sums, &c, centre, add_squares);
        for (size_t i = 0; i < c.count; i++) {
            mean[first + i] = (float)centre[i];
            variance[first + i] = (float)(sums[i] / (double)rows);
        }
    }
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < PARTS; p++)
        for (size_t first = 0; first < channels; first += BLOCK) {
            const size_t rest = channels - first, count = rest < BLOCK ? rest : BLOCK;
            float scale[BLOCK];
            for (size_t i = 0; i < count; i++)
                scale[i] = (float)(weight[first + i] * rstd_of(variance[first + i], eps));
            for (size_t r = rows * p / PARTS; r < rows * (p + 1) / PARTS; r++) {
                const size_t at = r * channels + first;
                for (size_t i = 0; i < count; i++)
                    y[at + i] = (x[at + i] - mean[first + i]) * scale[i] + bias[first + i] +
                                (residual ? residual[at + i] : 0.0f);
            }
        }
}

/* dx = weight * rstd * (dy - mean of dy - x' * mean of dy * x'), where x' is the normalised
 * input. */
static void input_gradient(float *dx, const columns *c, const double *sums, const double *products,
                           const float *mean, const float *scale, const double *rstd)
{
    float constant[BLOCK], slope[BLOCK];
    for (size_t i = 0; i < c->count; i++) {
        constant[i] = (float)(sums[i] / (double)c->rows);
        slope[i] = (float)(products[i] * rstd[i] * rstd[i] / (double)c->rows);
    }
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < PARTS; p++)
        for (size_t r = c->rows * p / PARTS; r < c->rows * (p + 1) / PARTS; r++) {
            const size_t at = r * c->channels + c->first;
            for (size_t i = 0; i < c->count; i++)
                dx[at + i] = scale[i] * (c->dy[at + i] - constant[i] -
                                         slope[i] * (c->x[at + i] - mean[c->first + i]));
        }
}

void vc_batchnorm_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                           const float *mean, const float *variance, const float *weight,
                           size_t rows, size_t channels, float eps)
{
    for (size_t first = 0; first < channels; first += BLOCK) {
        const size_t rest = channels - first;
        const columns c = {x, dy, rows, channels, first, rest < BLOCK ? rest : BLOCK};
        double sums[BLOCK], products[BLOCK], centre[BLOCK], rstd[BLOCK] = {0};
        float scale[BLOCK];
        for (size_t i = 0; i < c.count; i++) {
            centre[i] = mean[first + i];
            rstd[i] = rstd_of(variance[first + i], eps);
            scale[i] = (float)(weight[first + i] * rstd[i]);
        }
        sum_rows(sums, &c, NULL, add_gradients);
        sum_rows(products, &c, centre, add_products);
        for (size_t i = 0; i < c.count; i++) {
            dw[first + i] += (float)(products[i] * rstd[i]);
            db[first + i] += (float)sums[i];
        }
        input_gradient(dx, &c, sums, products, mean, scale, rstd);
    }
}

void vc_batchnorm_settle(float *running_mean, float *running_variance, const float *mean,
                         const float *variance, size_t rows, size_t channels, float momentum)
{
    const float unbiased = (float)rows / ((float)rows - 1.0f);
    for (size_t c = 0; c < channels; c++) {
        running_mean[c] += momentum * (mean[c] - running_mean[c]);
        running_variance[c] += momentum * (unbiased * variance[c] - running_variance[c]);
    }
}
