#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"

/* Keys' cubic convolution. */
static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    return x < 2.0 ? a * (((x - 5.0) * x + 8.0) * x - 4.0) : 0.0;
}

/* weights (to, from): what each old place along a side gives to a new one. */
static void weigh(double *weights, size_t to, size_t from)
{
    double scale = (double)from / (double)to, widening = fmax(scale, 1.0);
    for (size_t i = 0; i < to; i++) {
        double *row = weights + i * from, sum = 0.0;
        for (size_t j = 0; j < from; j++) {
            row[j] = cubic(((double)j + 0.5 - scale * ((double)i + 0.5)) / widening);
            sum += row[j];
        }
        for (size_t j = 0; j < from; j++)
            row[j] /= sum;
    }
}

/* out (width) = the sum of weights[i] * x[i], x (count, width). */
static void mix(double *out, const double *weights, const double *x, size_t count, size_t width)
{
    memset(out, 0, width * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        if (weights[i] == 0.0) /* most are */
            continue;
        for (size_t k = 0; k < width; k++)
            out[k] += weights[i] * x[i * width + k];
    }
}

vc_status vc__resample_positions(float *out, size_t to, const float *in, size_t from, size_t others,
                                 size_t width)
{
    size_t line = from * width;
    double *weights = malloc((to * from + from * line + line + width) * sizeof *weights);
    if (!weights)
        return vc_fail(VC_ENOMEM, "out of memory for %zu x %zu positions", to, to);
    double *grid = weights + to * from, *mixed = grid + from * line, *sums = mixed + line;
    memcpy(out, in, others * width * sizeof *out);
    in += others * width;
    out += others * width;
    for (size_t i = 0; i < from * line; i++)
        grid[i] = (double)in[i];
    weigh(weights, to, from);
    for (size_t y = 0; y < to; y++) {
        mix(mixed, weights + y * from, grid, from, line);
        for (size_t x = 0; x < to; x++, out += width) {
            mix(sums, weights + x * from, mixed, from, width);
            for (size_t c = 0; c < width; c++)
                out[c] = (float)sums[c];
        }
    }
    free(weights);
    return VC_OK;
}
