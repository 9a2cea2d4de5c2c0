/* Linear layers with products in bfloat16 equal exact products of rounded operands. */
#include <omp.h>
#include <stdlib.h>

#include "random.h"
#include "testing.h"
#include "vitcod/kernels.h"
#include "vitcod/ops.h"
#include "vitcod/product.h"

enum { ROWS = 37, IN = 64, OUT = 48 };
static float x[ROWS * IN], w[OUT * IN], b[OUT], residual[ROWS * OUT], dy[ROWS * OUT];

/* The value rounded to bfloat16. */
static double rounded(float value)
{
    uint16_t half;
    vc_kernels_get()->to_bf16(&half, &value, 1);
    const uint32_t bits = (uint32_t)half << 16;
    float back;
    memcpy(&back, &bits, sizeof back);
    return back;
}

static vc_half *open_half(void)
{
    vc_half *half = NULL;
    fill(x, ROWS * IN, 1);
    fill(w, OUT * IN, 2);
    fill(b, OUT, 3);
    fill(residual, ROWS * OUT, 4);
    fill(dy, ROWS * OUT, 5);
    if (!vc_precision_supported(VC_IN_BF16)) {
        assert_fails(vc_half_open(&half), VC_EUNSUPPORTED, "bf16");
        skip();
    }
    assert_ok(vc_half_open(&half));
    return half;
}

static void forward(void **state)
{
    (void)state;
    vc_half *half = open_half();
    const vc_linear linear = {IN, OUT, w, b};
    float y[ROWS * OUT], exact[ROWS * OUT];
    for (int twice = 0; twice < 2; twice++) {
        vc_linear_forward_in(half, y, x, &linear, ROWS, residual);
        for (size_t r = 0; r < ROWS; r++)
            for (size_t o = 0; o < OUT; o++) {
                double want = (double)b[o] + residual[r * OUT + o];
                for (size_t i = 0; i < IN; i++)
                    want += rounded(x[r * IN + i]) * rounded(w[o * IN + i]);
                assert_near(y[r * OUT + o], want, 1e-4);
            }
    }
    vc_linear_forward(exact, x, &linear, ROWS, residual);
    assert_true(memcmp(exact, y, sizeof y) != 0); /* it does round */
    vc_half_close(half);
}

static void backward(void **state)
{
    (void)state;
    vc_half *half = open_half();
    const vc_linear linear = {IN, OUT, w, b};
    static float dx[ROWS * IN], dw[OUT * IN], db[OUT], want_db[OUT];
    vc_linear_backward_in(half, dx, dw, db, dy, x, &linear, ROWS);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < IN; i++) {
            double want = 0.0;
            for (size_t o = 0; o < OUT; o++)
                want += rounded(dy[r * OUT + o]) * rounded(w[o * IN + i]);
            assert_near(dx[r * IN + i], want, 1e-4);
        }
    for (size_t o = 0; o < OUT; o++)
        for (size_t i = 0; i < IN; i++) {
            double want = 0.0;
            for (size_t r = 0; r < ROWS; r++)
                want += rounded(dy[r * OUT + o]) * rounded(x[r * IN + i]);
            assert_near(dw[o * IN + i], want, 1e-4);
        }
    vc_column_sum(want_db, dy, ROWS, OUT); /* is a reduction: in float32 */
    assert_memory_equal(db, want_db, sizeof db);
    const float before = dw[5];
    vc_linear_backward_in(half, NULL, dw, NULL, dy, x, &(vc_linear){IN, OUT, w, NULL}, ROWS);
    assert_near(dw[5], 2.0 * before, 1e-4); /* parameter gradients accumulate */
    vc_half_close(half);
}

/* Gradients of weights are long sums, which oneDNN would cut by the number of threads. */
static void any_number_of_threads(void **state)
{
    (void)state;
    enum { TALL = 6272, WIDE = 128, HIGH = 128 };
    static const int threads[] = {2, 3, 8, 16};
    static float weight[HIGH * WIDE], want[HIGH * WIDE], have[HIGH * WIDE];
    vc_half *half = open_half();
    const vc_linear linear = {WIDE, HIGH, weight, NULL};
    float *tall = malloc(TALL * WIDE * sizeof *tall), *dout = malloc(TALL * HIGH * sizeof *dout);
    const int before = omp_get_max_threads();
    fill(tall, TALL * WIDE, 6);
    fill(dout, TALL * HIGH, 7);
    omp_set_num_threads(1);
    vc_linear_backward_in(half, NULL, want, NULL, dout, tall, &linear, TALL);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        vc_half_close(half); /* which would keep what it made for one thread */
        half = open_half();
        omp_set_num_threads(threads[i]);
        memset(have, 0, sizeof have);
        vc_linear_backward_in(half, NULL, have, NULL, dout, tall, &linear, TALL);
        assert_memory_equal(have, want, sizeof have);
    }
    omp_set_num_threads(before);
    free(tall);
    free(dout);
    vc_half_close(half);
}

/* GELU's gradient goes into the operand without a copy in float32: the same bits as with one. */
static void gelu_into_the_operand(void **state)
{
    (void)state;
    enum { TALL = 150 };
    vc_half *half = open_half();
    const vc_linear linear = {IN, OUT, w, b};
    static float in[TALL * IN], pre[TALL * OUT], dout[TALL * OUT], made[TALL * OUT];
    static float dx[2][TALL * IN], dw[2][OUT * IN], db[2][OUT];
    fill(in, TALL * IN, 8);
    fill(pre, TALL * OUT, 9);
    fill(dout, TALL * OUT, 10);
    vc_gelu_backward(made, dout, pre, TALL * OUT);
    vc_linear_backward_in(half, dx[0], dw[0], db[0], made, in, &linear, TALL);
    vc_gelu_backward_in(half, NULL, db[1], dout, pre, TALL, OUT);
    vc_linear_backward_in(half, dx[1], dw[1], NULL, NULL, in, &linear, TALL);
    assert_memory_equal(dx[0], dx[1], sizeof dx[0]);
    assert_memory_equal(dw[0], dw[1], sizeof dw[0]);
    for (size_t i = 0; i < OUT; i++)
        assert_near(db[1][i], db[0][i], 1e-4);
    vc_half_close(half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forward), cmocka_unit_test(backward),
                                       cmocka_unit_test(any_number_of_threads),
                                       cmocka_unit_test(gelu_into_the_operand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
