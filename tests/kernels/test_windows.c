/* Backward passes of operators that only move values. They must be the transpose: <y, forward(x)> =
 * <backward(y), x>. A convolution is checked against central differences. */
#include "random.h"
#include "testing.h"
#include "vitcod/ops.h"

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

enum { MOST = 4096 };
static float x[MOST], y[MOST], forth[MOST], back[MOST];

static void check_window(const vc_window *w, size_t batch)
{
    const size_t side = vc_window_side(w), values = w->kernel * w->kernel * w->channels;
    const size_t inputs = batch * w->side * w->side * w->channels, rows = batch * side * side;
    assert_true(inputs <= MOST && rows * values <= MOST);
    fill(x, inputs, 1);
    fill(y, rows * values, 2);
    vc_windows_gather(forth, x, batch, w);
    vc_windows_gather_backward(back, y, batch, w);
    assert_near(dot(forth, y, rows * values), dot(back, x, inputs), 1e-4);
    for (size_t i = 0; i < inputs; i++) { /* each value alone */
        memset(x, 0, inputs * sizeof *x);
        x[i] = 1.0f;
        vc_windows_gather(forth, x, batch, w);
        assert_near(back[i], dot(forth, y, rows * values), 1e-5);
    }
}

static void windows(void **state)
{
    (void)state;
    for (size_t side = 1; side <= 6; side++) {
        const vc_window planar = {3, side, 3, 2, 1, 3 * side * side, 1, side * side};
        const vc_window packed = {3, side, 3, 2, 1, 3 * side * side, 3, 1};
        const vc_window dense = {2, side, 3, 1, 1, 2 * side * side, 2, 1};
        check_window(&planar, 2);
        check_window(&packed, 2);
        check_window(&dense, 1);
    }
    const vc_window apart = {2, 7, 2, 3, 0, 98, 2, 1}; /* pixels that no window holds */
    check_window(&apart, 1);
}

/* Loss: dot of dy with the convolution. */
static void convolution(void **state)
{
    (void)state;
    enum { BATCH = 2, SIDE = 5, IN = 3, OUT = 4, TO = 3, VALUES = 9 * IN, ROWS = BATCH * TO * TO };
    const vc_window w = {IN, SIDE, 3, 2, 1, IN * SIDE * SIDE, IN, 1};
    static float image[BATCH * SIDE * SIDE * IN], weight[OUT * VALUES], dy[ROWS * OUT];
    static float rows[ROWS * VALUES], drows[ROWS * VALUES], dw[OUT * VALUES], out[ROWS * OUT];
    static float dx[BATCH * SIDE * SIDE * IN];
    const vc_linear linear = {VALUES, OUT, weight, NULL};
    fill(image, BATCH * SIDE * SIDE * IN, 3);
    fill(weight, OUT * VALUES, 4);
    fill(dy, ROWS * OUT, 5);
    vc_windows_gather(rows, image, BATCH, &w);
    vc_linear_backward(drows, dw, NULL, dy, rows, &linear, ROWS);
    vc_windows_gather_backward(dx, drows, BATCH, &w);
    float *const values[] = {image, weight}, *const gradients[] = {dx, dw};
    const size_t counts[] = {BATCH * SIDE * SIDE * IN, OUT * VALUES};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < counts[k]; i += 5) {
            const float kept = values[k][i];
            double sums[2];
            for (size_t side = 0; side < 2; side++) {
                values[k][i] = side ? kept - 0.5f : kept + 0.5f; /* linear: no error of the step */
                vc_windows_gather(rows, image, BATCH, &w);
                vc_linear_forward(out, rows, &linear, ROWS, NULL);
                sums[side] = dot(out, dy, ROWS * OUT);
            }
            values[k][i] = kept;
            assert_near(gradients[k][i], sums[0] - sums[1], 1e-4);
        }
}

static void tokens(void **state)
{
    (void)state;
    enum { BATCH = 2, SIDE = 5, CHANNELS = 4, TO = 3, IN = BATCH * SIDE * SIDE * CHANNELS };
    fill(x, IN, 6);
    fill(y, BATCH * TO * TO * CHANNELS, 7);
    fill(back, IN, 8);
    const double before = dot(back, x, IN);
    vc_tokens_subsample(forth, x, BATCH, SIDE, 2, CHANNELS);
    vc_tokens_subsample_backward(back, y, BATCH, SIDE, 2, CHANNELS);
    assert_near(dot(back, x, IN) - before, dot(forth, y, BATCH * TO * TO * CHANNELS), 1e-4);
    vc_tokens_mean(forth, x, BATCH, SIDE * SIDE, CHANNELS);
    vc_tokens_mean_backward(back, y, BATCH, SIDE * SIDE, CHANNELS);
    assert_near(dot(back, x, IN), dot(forth, y, BATCH * CHANNELS), 1e-4);
}

int main(void)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(windows), cmocka_unit_test(convolution),
                                     cmocka_unit_test(tokens)};
    return cmocka_run_group_tests(all, NULL, NULL);
}
