/* BatchNorm in training: forward against its definition, backward against central differences of
 * it, running statistics against PyTorch's rule. */
#include "random.h"
#include "testing.h"
#include "vitcod/ops.h"

enum { ROWS = 37, CHANNELS = 67, COUNT = ROWS * CHANNELS }; /* more channels than a block */
static const double eps = 1e-5;
static float x[COUNT], dy[COUNT], residual[COUNT], weight[CHANNELS], bias[CHANNELS];

static void set_up(void)
{
    fill(x, COUNT, 1);
    fill(dy, COUNT, 2);
    fill(residual, COUNT, 3);
    fill(weight, CHANNELS, 4);
    fill(bias, CHANNELS, 5);
    for (size_t i = 0; i < COUNT; i++)
        x[i] = 2.0f * x[i] + (float)(i % CHANNELS); /* means that are large beside the deviation */
}

typedef struct moments {
    double mean, variance;
} moments;

static moments moments_of(size_t channel)
{
    moments m = {0};
    for (size_t r = 0; r < ROWS; r++)
        m.mean += x[r * CHANNELS + channel] / (double)ROWS;
    for (size_t r = 0; r < ROWS; r++)
        m.variance += pow(x[r * CHANNELS + channel] - m.mean, 2.0) / ROWS;
    return m;
}

static double expected(size_t row, size_t channel, moments m)
{
    return (x[row * CHANNELS + channel] - m.mean) / sqrt(m.variance + eps) * weight[channel] +
           bias[channel];
}

/* Sum over a channel of dy * y: nothing else depends on its x. */
static double loss_of(size_t channel)
{
    const moments m = moments_of(channel);
    double sum = 0.0;
    for (size_t r = 0; r < ROWS; r++)
        sum += dy[r * CHANNELS + channel] * expected(r, channel, m);
    return sum;
}

static void forward(void **state)
{
    (void)state;
    static float y[COUNT], in_place[COUNT];
    float mean[CHANNELS], variance[CHANNELS];
    set_up();
    vc_batchnorm_forward(y, mean, variance, x, weight, bias, residual, ROWS, CHANNELS, (float)eps);
    for (size_t i = 0; i < COUNT; i++) {
        const moments m = moments_of(i % CHANNELS);
        assert_near(mean[i % CHANNELS], m.mean, 1e-5);
        assert_near(variance[i % CHANNELS], m.variance, 1e-5);
        assert_near(y[i], expected(i / CHANNELS, i % CHANNELS, m) + residual[i], 1e-4);
    }
    memcpy(in_place, x, sizeof x);
    vc_batchnorm_forward(in_place, mean, variance, in_place, weight, bias, residual, ROWS, CHANNELS,
                         (float)eps);
    assert_memory_equal(in_place, y, sizeof y);
}

static double quotient(float *value, size_t channel)
{
    const float kept = *value, h = 1e-3f;
    *value = kept + h;
    double up = loss_of(channel), step = *value;
    *value = kept - h;
    double down = loss_of(channel);
    step -= *value;
    *value = kept;
    return (up - down) / step;
}

static void backward(void **state)
{
    (void)state;
    static float y[COUNT], dx[COUNT];
    float mean[CHANNELS], variance[CHANNELS], dw[CHANNELS], db[CHANNELS];
    set_up();
    vc_batchnorm_forward(y, mean, variance, x, weight, bias, NULL, ROWS, CHANNELS, (float)eps);
    for (size_t c = 0; c < CHANNELS; c++)
        dw[c] = db[c] = 1.0f; /* added to */
    vc_batchnorm_backward(dx, dw, db, dy, x, mean, variance, weight, ROWS, CHANNELS, (float)eps);
    for (size_t i = 0; i < COUNT; i += 3)
        assert_near(dx[i], quotient(&x[i], i % CHANNELS), 1e-4);
    for (size_t c = 0; c < CHANNELS; c++) {
        assert_near(dw[c] - 1.0f, quotient(&weight[c], c), 1e-4);
        assert_near(db[c] - 1.0f, quotient(&bias[c], c), 1e-4);
    }
    memcpy(y, dy, sizeof dy);
    vc_batchnorm_backward(y, dw, db, y, x, mean, variance, weight, ROWS, CHANNELS, (float)eps);
    assert_memory_equal(y, dx, sizeof dx);
}

/* All rows alike: no deviation, and nothing that is not finite. */
static void a_constant_channel(void **state)
{
    (void)state;
    static float y[COUNT], dx[COUNT];
    float mean[CHANNELS], variance[CHANNELS], dw[CHANNELS] = {0}, db[CHANNELS] = {0};
    set_up();
    for (size_t i = 0; i < COUNT; i++)
        x[i] = 0.1f * (float)(i % CHANNELS);
    vc_batchnorm_forward(y, mean, variance, x, weight, bias, NULL, ROWS, CHANNELS, (float)eps);
    vc_batchnorm_backward(dx, dw, db, dy, x, mean, variance, weight, ROWS, CHANNELS, (float)eps);
    for (size_t i = 0; i < COUNT; i++) {
        assert_near(y[i], bias[i % CHANNELS], 1e-4);
        assert_true(isfinite(dx[i]) && isfinite(dw[i % CHANNELS]));
    }
}

/* torch.nn.BatchNorm1d(1) in training, once on 1, 2, 6 and once on 0, 4, 4. */
static void running_statistics(void **state)
{
    (void)state;
    const float batches[2][3] = {{1.0f, 2.0f, 6.0f}, {0.0f, 4.0f, 4.0f}}, one = 1.0f, zero = 0.0f;
    float running_mean = 0.0f, running_variance = 1.0f, mean, variance, y[3];
    for (size_t i = 0; i < 2; i++) {
        vc_batchnorm_forward(y, &mean, &variance, batches[i], &one, &zero, NULL, 3, 1, (float)eps);
        vc_batchnorm_settle(&running_mean, &running_variance, &mean, &variance, 3, 1, 0.1f);
    }
    assert_near(running_mean, 0.9 * 0.3 + 0.1 * 8.0 / 3.0, 1e-6);
    assert_near(running_variance, 0.9 * (0.9 + 0.1 * 7.0) + 0.1 * 16.0 / 3.0, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forward), cmocka_unit_test(backward),
                                       cmocka_unit_test(a_constant_channel),
                                       cmocka_unit_test(running_statistics)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
