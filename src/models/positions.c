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

vc_status vc__resample_positions(float *out, vc_extent to, const float *in, vc_extent from,
                                 size_t others, size_t width)
{
    const size_t line = from.width * width, downs = to.height * from.height,
                 acrosses = to.width * from.width;
    double *down = malloc((downs + acrosses + from.height * line + line + width) * sizeof *down);
    if (!down)
        return vc_fail(VC_ENOMEM, "out of memory for %zu x %zu positions", to.height, to.width);
    double *across = down + downs, *grid = across + acrosses, *mixed = grid + from.height * line,
           *sums = mixed + line;
    memcpy(out, in, others * width * sizeof *out);
    in += others * width;
    out += others * width;
    for (size_t i = 0; i < from.height * line; i++)
        grid[i] = (double)in[i];
    weigh(down, to.height, from.height);
    weigh(across, to.width, from.width);
    for (size_t y = 0; y < to.height; y++) {
        mix(mixed, down + y * from.height, grid, from.height, line);
        for (size_t x = 0; x < to.width; x++, out += width) {
            mix(sums, across + x * from.width, mixed, from.width, width);
            for (size_t c = 0; c < width; c++)
                out[c] = (float)sums[c];
        }
    }
    free(down);
    return VC_OK;
}
