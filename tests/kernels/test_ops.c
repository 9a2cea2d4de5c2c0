/* Operators: forward against plain loops, backward against central differences. */
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
    float plain[ROWS * OUT], packed[ROWS * OUT];
    vc_linear linear = {IN, OUT, w, b, NULL};
    vc_linear_forward(plain, x, &linear, ROWS, residual);
    assert_ok(vc_packed_open(&linear.packed, w, OUT, IN, ROWS));
    vc_linear_forward(packed, x, &linear, ROWS, residual);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t o = 0; o < OUT; o++) {
            double want = (double)b[o] + residual[r * OUT + o];
            for (size_t i = 0; i < IN; i++)
                want += (double)x[r * IN + i] * w[o * IN + i];
            assert_near(plain[r * OUT + o], want, 1e-5);
            assert_near(packed[r * OUT + o], want, 1e-5);
        }
    vc_linear_forward(residual, x, &linear, ROWS, residual); /* in place */
    for (size_t i = 0; i < ROWS * OUT; i++)
        assert_near(residual[i], packed[i], 1e-6);
    vc_packed_close(linear.packed);
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
    const vc_linear linear = {IN, OUT, w, b, NULL};
    vc_linear_backward(dx, dw, db, dy, x, &linear, ROWS);
    check_linear_gradient(x, ROWS * IN, dx);
    check_linear_gradient(w, OUT * IN, dw);
    check_linear_gradient(b, OUT, db);
    float twice[OUT * IN];
    memcpy(twice, dw, sizeof dw);
    vc_linear_backward(NULL, twice, db, dy, x, &linear, ROWS);
    assert_near(twice[3], 2.0 * dw[3], 1e-4); /* parameter gradients accumulate */
}

static double norm_loss(const float *input, const float *weight, const float *bias)
{
    double loss = 0.0;
    for (size_t r = 0; r < ROWS; r++) {
        double mean = 0.0, variance = 0.0;
        for (size_t c = 0; c < IN; c++)
            mean += input[r * IN + c] / (double)IN;
        for (size_t c = 0; c < IN; c++)
            variance += (input[r * IN + c] - mean) * (input[r * IN + c] - mean) / IN;
        for (size_t c = 0; c < IN; c++)
            loss += ((input[r * IN + c] - mean) / sqrt(variance + 1e-6) * weight[c] + bias[c]) *
                    dy[r * IN + c];
    }
    return loss;
}

static void layernorm_backward(void **state)
{
    (void)state;
    set_up();
    float y[ROWS * IN], mean[ROWS], rstd[ROWS], dx[ROWS * IN], dw[IN] = {0}, db[IN] = {0};
    vc_layernorm_forward(y, mean, rstd, x, w, b, ROWS, IN, 1e-6f);
    for (size_t i = 0; i < ROWS * IN; i++)
        dx[i] = 1.0f; /* it adds to what the residual stream brought */
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

static void patches_are_convolution_windows(void **state)
{
    (void)state;
    float images[2 * 2 * 16], rows[2 * 4 * 8];
    for (int i = 0; i < 64; i++)
        images[i] = (float)i;
    vc_patches_gather(rows, images, 2, 2, 4, 2);
    const float first[] = {0, 1, 4, 5, 16, 17, 20, 21}, last[] = {42, 43, 46, 47, 58, 59, 62, 63};
    assert_memory_equal(rows, first, sizeof first);
    assert_memory_equal(rows + 7 * 8, last, sizeof last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_forward), cmocka_unit_test(linear_backward),
        cmocka_unit_test(layernorm_backward), cmocka_unit_test(gelu_backward),
        cmocka_unit_test(patches_are_convolution_windows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
