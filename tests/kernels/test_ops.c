/* Operators: forward against plain loops, backward against central differences. */
#include <math.h>
#include <omp.h>

#include "random.h"
#include "testing.h"
#include "vitcod/ops.h"

enum { ROWS = 37, IN = 19, OUT = 23 };
static float x[ROWS * IN], w[OUT * IN], b[OUT], residual[ROWS * OUT], dy[ROWS * OUT];

static void set_up(void)
{
    fill(x, ROWS * IN, 1);
    fill(w, OUT * IN, 2);
    fill(b, OUT, 3);
    fill(residual, ROWS * OUT, 4);
    fill(dy, ROWS * OUT, 5);
}

static void linear_forward(void **state)
{
    (void)state;
    set_up();
    float plain[ROWS * OUT];
    const vc_linear linear = {IN, OUT, w, b};
    vc_linear_forward(plain, x, &linear, ROWS, residual);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t o = 0; o < OUT; o++) {
            double want = (double)b[o] + residual[r * OUT + o];
            for (size_t i = 0; i < IN; i++)
                want += (double)x[r * IN + i] * w[o * IN + i];
            assert_near(plain[r * OUT + o], want, 1e-5);
        }
    vc_linear_forward(residual, x, &linear, ROWS, residual); /* in place */
    for (size_t i = 0; i < ROWS * OUT; i++)
        assert_near(residual[i], plain[i], 1e-6);
}

static double linear_loss(const float *input, const float *weight, const float *bias)
{
    double loss = 0.0;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t o = 0; o < OUT; o++) {
            double y = bias[o];
            for (size_t i = 0; i < IN; i++)
                y += (double)input[r * IN + i] * weight[o * IN + i];
            loss += y * dy[r * OUT + o];
        }
    return loss;
}

/* (f(p + h) - f(p - h)) / 2h for a few entries of p, against the analytic gradient. */
static void check_linear_gradient(float *p, size_t count, const float *gradient)
{
    for (size_t i = 0; i < count; i += 7) {
        float kept = p[i], h = 0.5f; /* linear: any step is exact */
        p[i] = kept + h;
        double up = linear_loss(x, w, b);
        p[i] = kept - h;
        double down = linear_loss(x, w, b);
        p[i] = kept;
        assert_near(gradient[i], (up - down) / (2.0 * h), 1e-4);
    }
}

static void linear_backward(void **state)
{
    (void)state;
    set_up();
    float dx[ROWS * IN], dw[OUT * IN] = {0}, db[OUT] = {0};
    const vc_linear linear = {IN, OUT, w, b};
    vc_linear_backward(dx, dw, db, dy, x, &linear, ROWS);
    check_linear_gradient(x, ROWS * IN, dx);
    check_linear_gradient(w, OUT * IN, dw);
    check_linear_gradient(b, OUT, db);
    float twice[OUT * IN];
    memcpy(twice, dw, sizeof dw);
    vc_linear_backward(NULL, twice, db, dy, x, &linear, ROWS);
    assert_near(twice[3], 2.0 * dw[3], 1e-4); /* parameter gradients accumulate */
}

static int by_deviation; /* of norm_loss, whose eps is then large enough to be seen */

static double norm_loss(const float *input, const float *weight, const float *bias)
{
    double loss = 0.0;
    for (size_t r = 0; r < ROWS; r++) {
        double mean = 0.0, variance = 0.0;
        for (size_t c = 0; c < IN; c++)
            mean += input[r * IN + c] / (double)IN;
        for (size_t c = 0; c < IN; c++)
            variance += (input[r * IN + c] - mean) * (input[r * IN + c] - mean) / IN;
        const double by =
            by_deviation ? sqrt(variance * IN / (IN - 1)) + 0.25 : sqrt(variance + 1e-6);
        for (size_t c = 0; c < IN; c++)
            loss += ((input[r * IN + c] - mean) / by * weight[c] + bias[c]) * dy[r * IN + c];
    }
    return loss;
}

static void norm_backward(void)
{
    set_up();
    float y[ROWS * IN], mean[ROWS], rstd[ROWS], dx[ROWS * IN], dw[IN] = {0}, db[IN] = {0};
    double loss = 0.0;
    if (by_deviation)
        vc_deviation_norm_forward(y, mean, rstd, x, w, b, ROWS, IN, 0.25f);
    else
        vc_layernorm_forward(y, mean, rstd, x, w, b, ROWS, IN, 1e-6f);
    for (size_t i = 0; i < ROWS * IN; i++) {
        dx[i] = 1.0f; /* it adds to what the residual stream brought */
        loss += (double)y[i] * dy[i];
    }
    assert_near(loss, norm_loss(x, w, b), 1e-4);
    if (by_deviation)
        vc_deviation_norm_backward(dx, dw, db, dy, x, mean, rstd, w, ROWS, IN, 0.25f);
    else
        vc_layernorm_backward(dx, dw, db, dy, x, mean, rstd, w, ROWS, IN);
    for (size_t i = 0; i < ROWS * IN; i += 5) {
        float kept = x[i], h = 1e-2f;
        x[i] = kept + h;
        double up = norm_loss(x, w, b), step = x[i];
        x[i] = kept - h;
        double down = norm_loss(x, w, b);
        step -= x[i];
        x[i] = kept;
        assert_near(dx[i] - 1.0f, (up - down) / step, 2e-3);
    }
    for (size_t c = 0; c < IN; c++) {
        float kept = w[c];
        w[c] = kept + 0.5f;
        double up = norm_loss(x, w, b);
        w[c] = kept - 0.5f;
        double down = norm_loss(x, w, b);
        w[c] = kept;
        assert_near(dw[c], up - down, 1e-3);
        double sum = 0.0;
        for (size_t r = 0; r < ROWS; r++)
            sum += dy[r * IN + c];
        assert_near(db[c], sum, 1e-4);
    }
}

static void layernorm_backward(void **state)
{
    (void)state;
    by_deviation = 0;
    norm_backward();
}

/* Rows that are all alike have no deviation: what comes out is the shift, and nothing is NaN. */
static void deviation_norm_backward(void **state)
{
    (void)state;
    by_deviation = 1;
    norm_backward();
    float y[IN], mean, rstd, flat[IN], dx[IN] = {0}, dw[IN] = {0}, db[IN] = {0};
    for (size_t i = 0; i < IN; i++)
        flat[i] = 2.0f;
    vc_deviation_norm_forward(y, &mean, &rstd, flat, w, b, 1, IN, 1e-6f);
    assert_memory_equal(y, b, sizeof y);
    vc_deviation_norm_backward(dx, dw, db, dy, flat, &mean, &rstd, w, 1, IN, 1e-6f);
    for (size_t i = 0; i < IN; i++)
        assert_true(isfinite(dx[i]) && dw[i] == 0.0f);
}

static void relu(void **state)
{
    (void)state;
    const float in[] = {-2.0f, -0.0f, 0.0f, 3.0f, NAN}, dout[] = {5.0f, 6.0f, 7.0f, 8.0f, 9.0f};
    float y[5], dx[5];
    vc_relu_forward(y, in, 5);
    vc_relu_backward(dx, dout, in, 5);
    assert_true(y[0] == 0.0f && y[1] == 0.0f && y[2] == 0.0f && y[3] == 3.0f && isnan(y[4]));
    assert_true(dx[0] == 0.0f && dx[1] == 0.0f && dx[2] == 0.0f && dx[3] == 8.0f);
}

static void gelu_backward(void **state)
{
    (void)state;
    float in[200], slope[200], one[200];
    for (int i = 0; i < 200; i++) {
        in[i] = -5.0f + 0.05f * (float)i;
        one[i] = 1.0f;
    }
    vc_gelu_backward(slope, one, in, 200);
    for (int i = 0; i < 200; i++) {
        double z = in[i], h = 1e-4;
        double up = (z + h) * 0.5 * erfc(-(z + h) / sqrt(2.0));
        double down = (z - h) * 0.5 * erfc(-(z - h) / sqrt(2.0));
        assert_near(slope[i], (up - down) / (2.0 * h), 2e-6);
    }
}

/* The gradient of a bias is the sum over rows, with the same bits from any number of threads. */
static void gelu_backward_with_bias(void **state)
{
    (void)state;
    enum { TALL = 333, BROAD = 4100 }; /* several parts, rows wider than what is done at once */
    static const size_t wide[] = {5, 48, BROAD}, tall[] = {TALL, 7, TALL};
    static float in[TALL * BROAD], dout[TALL * BROAD], dx[2][TALL * BROAD], sums[2][BROAD];
    const int threads = omp_get_max_threads();
    fill(in, TALL * BROAD, 31);
    fill(dout, TALL * BROAD, 32);
    for (size_t i = 0; i < 3; i++) {
        const size_t n = wide[i], rows = tall[i];
        for (int more = 0; more < 2; more++) {
            omp_set_num_threads(1 + 4 * more);
            for (size_t c = 0; c < n; c++)
                sums[more][c] = 3.0f; /* it is added to */
            vc_gelu_backward_in(NULL, dx[more], sums[more], dout, in, rows, n);
        }
        omp_set_num_threads(threads);
        assert_memory_equal(sums[0], sums[1], n * sizeof(float));
        vc_gelu_backward(dx[1], dout, in, rows * n);
        assert_memory_equal(dx[0], dx[1], rows * n * sizeof(float));
        for (size_t c = 0; c < n; c++) {
            double sum = 3.0;
            for (size_t r = 0; r < rows; r++)
                sum += dx[1][r * n + c];
            assert_near(sums[0][c], sum, 1e-4);
        }
    }
}

static void patches_are_convolution_windows(void **state)
{
    (void)state;
    float images[2 * 2 * 16], rows[2 * 4 * 8];
    for (int i = 0; i < 64; i++)
        images[i] = (float)i;
    const vc_patches square = {2, {4, 4}, {2, 2}}, oblong = {1, {4, 8}, {2, 4}};
    vc_patches_gather(rows, images, 2, &square);
    const float first[] = {0, 1, 4, 5, 16, 17, 20, 21}, last[] = {42, 43, 46, 47, 58, 59, 62, 63};
    assert_memory_equal(rows, first, sizeof first);
    assert_memory_equal(rows + 7 * 8, last, sizeof last);
    vc_patches_gather(rows, images, 2, &oblong);
    const float second[] = {4, 5, 6, 7, 12, 13, 14, 15}, third[] = {16, 17, 18, 19, 24, 25, 26, 27},
                end[] = {52, 53, 54, 55, 60, 61, 62, 63};
    assert_memory_equal(rows + 8, second, sizeof second);
    assert_memory_equal(rows + 2 * 8, third, sizeof third);
    assert_memory_equal(rows + 7 * 8, end, sizeof end);
}

/* Against difference quotients, for points whose step does not cross a bend of the function. */
static void hardswish_backward(void **state)
{
    (void)state;
    float in[200], one[200], up[200], down[200], slope[200];
    const float h = 1e-2f;
    for (size_t i = 0; i < 200; i++) {
        in[i] = -5.0f + 0.05f * (float)i + 0.02f;
        one[i] = 1.0f;
        up[i] = in[i] + h;
        down[i] = in[i] - h;
    }
    vc_hardswish_backward(slope, one, in, 200);
    vc_hardswish_forward(up, up, 200);
    vc_hardswish_forward(down, down, 200);
    for (size_t i = 0; i < 200; i++)
        assert_near(slope[i], (up[i] - down[i]) / (2.0 * h), 1e-3);
}

/* Against its definition and difference quotients. */
static void silu(void **state)
{
    (void)state;
    float in[200], one[200], out[200], up[200], down[200], slope[200];
    const float h = 1e-2f;
    for (size_t i = 0; i < 200; i++) {
        in[i] = -5.0f + 0.05f * (float)i;
        one[i] = 1.0f;
        up[i] = in[i] + h;
        down[i] = in[i] - h;
    }
    vc_silu_forward(out, in, 200);
    vc_silu_backward(slope, one, in, 200);
    vc_silu_forward(up, up, 200);
    vc_silu_forward(down, down, 200);
    for (size_t i = 0; i < 200; i++) {
        assert_near(out[i], in[i] / (1.0 + exp(-(double)in[i])), 1e-6);
        assert_near(slope[i], (up[i] - down[i]) / (2.0 * h), 1e-3);
    }
}

/* Channels times their scales, and back. */
static void scaled_channels(void **state)
{
    (void)state;
    float scales[IN], y[ROWS * IN], dx[ROWS * IN], dscales[IN];
    fill(x, ROWS * IN, 1);
    fill(dy, ROWS * IN, 2);
    fill(scales, IN, 3);
    for (size_t c = 0; c < IN; c++)
        dscales[c] = 0.5f;
    vc_scale_channels(y, x, scales, dy, ROWS, IN);
    vc_scale_channels_backward(dx, dscales, dy, x, scales, ROWS, IN);
    for (size_t c = 0; c < IN; c++) {
        double sum = 0.5;
        for (size_t i = c; i < ROWS * IN; i += IN) {
            assert_near(y[i], (double)scales[c] * (double)x[i] + (double)dy[i], 1e-6);
            assert_near(dx[i], (double)scales[c] * (double)dy[i], 1e-6);
            sum += (double)dy[i] * (double)x[i];
        }
        assert_near(dscales[c], sum, 1e-5);
    }
    vc_scale_channels(y, y, scales, NULL, ROWS, IN);
    assert_near(y[1], (double)scales[1] * ((double)scales[1] * (double)x[1] + (double)dy[1]), 1e-6);
}

/* A 3 x 3 convolution with stride 2 and padding 1, channels first and last, against its
 * definition. */
static void windows(void **state)
{
    (void)state;
    enum { BATCH = 2, CHANNELS = 3, SIDE = 5, KERNEL = 3, TO = 3, VALUES = KERNEL * KERNEL };
    static float first[BATCH * CHANNELS * SIDE * SIDE], last[BATCH * SIDE * SIDE * CHANNELS];
    static float a[BATCH * TO * TO * VALUES * CHANNELS], c[BATCH * TO * TO * VALUES * CHANNELS];
    fill(first, BATCH * CHANNELS * SIDE * SIDE, 6);
    for (size_t i = 0; i < BATCH * CHANNELS * SIDE * SIDE; i++) {
        size_t image = i / (CHANNELS * SIDE * SIDE), channel = i / (SIDE * SIDE) % CHANNELS;
        last[(image * SIDE * SIDE + i % (SIDE * SIDE)) * CHANNELS + channel] = first[i];
    }
    const vc_window planar = {CHANNELS, SIDE, KERNEL, 2, 1, CHANNELS * SIDE * SIDE, 1, SIDE * SIDE};
    const vc_window packed = {CHANNELS, SIDE, KERNEL, 2, 1, CHANNELS * SIDE * SIDE, CHANNELS, 1};
    assert_int_equal(vc_window_side(&planar), TO);
    vc_windows_gather(a, first, BATCH, &planar);
    vc_windows_gather(c, last, BATCH, &packed);
    assert_memory_equal(a, c, sizeof a);
    for (size_t i = 0; i < sizeof a / sizeof *a; i++) {
        size_t channel = i % CHANNELS, kx = i / CHANNELS % KERNEL;
        size_t ky = i / CHANNELS / KERNEL % KERNEL, pixel = i / CHANNELS / VALUES;
        ptrdiff_t y = (ptrdiff_t)(pixel / TO % TO * 2 + ky) - 1;
        ptrdiff_t column = (ptrdiff_t)(pixel % TO * 2 + kx) - 1;
        int inside = y >= 0 && column >= 0 && y < SIDE && column < SIDE;
        size_t at = ((pixel / (TO * TO) * CHANNELS + channel) * SIDE + (size_t)y) * SIDE;
        assert_true(a[i] == (inside ? first[at + (size_t)column] : 0.0f));
    }
}

/* Windows along tokens against their definition; the way back is the transpose of the way there. */
static void spans(void **state)
{
    (void)state;
    enum { BATCH = 2, TOKENS = 11, CHANNELS = 3, ALL = BATCH * TOKENS * CHANNELS, MOST = 5 * ALL };
    static const vc_span kinds[] = {{TOKENS, CHANNELS, 3, 3, 1},
                                    {TOKENS, CHANNELS, 1, 4, 0},
                                    {TOKENS, CHANNELS, 5, 1, 2},
                                    {TOKENS, CHANNELS, 3, 13, 1}};
    static const size_t wanted[] = {4, 3, 11, 1};
    float in[ALL], back[ALL], rows[MOST], drows[MOST];
    fill(in, ALL, 6);
    fill(drows, MOST, 7);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const vc_span *s = &kinds[k];
        const size_t out = vc_span_tokens(s), row = s->kernel * CHANNELS;
        double there = 0.0, here = 0.0;
        assert_int_equal(out, wanted[k]);
        vc_spans_gather(rows, in, BATCH, s);
        for (size_t i = 0; i < BATCH * out * row; i++) {
            const size_t image = i / row / out, tap = i % row / CHANNELS;
            const ptrdiff_t t =
                (ptrdiff_t)(i / row % out * s->stride + tap) - (ptrdiff_t)s->padding;
            const int inside = t >= 0 && t < TOKENS;
            const float *from = in + image * TOKENS * CHANNELS + i % CHANNELS;
            assert_true(rows[i] == (inside ? from[t * CHANNELS] : 0.0f));
            there += (double)rows[i] * drows[i];
        }
        vc_spans_gather_backward(back, drows, BATCH, s);
        for (size_t i = 0; i < ALL; i++)
            here += (double)in[i] * back[i];
        assert_near(there, here, 1e-5);
    }
}

static void grids_of_tokens(void **state)
{
    (void)state;
    enum { BATCH = 2, SIDE = 5, CHANNELS = 4, TO = 3 };
    static float tokens[BATCH * SIDE * SIDE * CHANNELS], fewer[BATCH * TO * TO * CHANNELS];
    float mean[BATCH * CHANNELS];
    fill(tokens, BATCH * SIDE * SIDE * CHANNELS, 7);
    vc_tokens_subsample(fewer, tokens, BATCH, SIDE, 2, CHANNELS);
    for (size_t i = 0; i < BATCH * TO * TO * CHANNELS; i++) {
        size_t image = i / (TO * TO * CHANNELS), y = i / (TO * CHANNELS) % TO;
        size_t column = i / CHANNELS % TO, from = (image * SIDE + 2 * y) * SIDE + 2 * column;
        assert_true(fewer[i] == tokens[from * CHANNELS + i % CHANNELS]);
    }
    vc_tokens_mean(mean, tokens, BATCH, SIDE * SIDE, CHANNELS);
    for (size_t i = 0; i < BATCH * CHANNELS; i++) {
        double sum = 0.0;
        for (size_t t = 0; t < SIDE * SIDE; t++)
            sum += tokens[(i / CHANNELS * SIDE * SIDE + t) * CHANNELS + i % CHANNELS];
        assert_near(mean[i], sum / (SIDE * SIDE), 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(linear_forward),
                                       cmocka_unit_test(linear_backward),
                                       cmocka_unit_test(layernorm_backward),
                                       cmocka_unit_test(deviation_norm_backward),
                                       cmocka_unit_test(relu),
                                       cmocka_unit_test(spans),
                                       cmocka_unit_test(gelu_backward),
                                       cmocka_unit_test(gelu_backward_with_bias),
                                       cmocka_unit_test(hardswish_backward),
                                       cmocka_unit_test(silu),
                                       cmocka_unit_test(scaled_channels),
                                       cmocka_unit_test(windows),
                                       cmocka_unit_test(grids_of_tokens),
                                       cmocka_unit_test(patches_are_convolution_windows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
