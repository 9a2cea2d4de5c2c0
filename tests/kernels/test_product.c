/* Packed products in every precision against sums in double, for numbers of rows that come and go,
 * and against each other to the bit. */
#include <stdlib.h>

#include "random.h"
#include "testing.h"
#include "vitcod/kernels.h"
#include "vitcod/product.h"

enum { IN = 40, OUT = 37, ROWS = 21, SUMS = ROWS * OUT };

static float x[ROWS * IN], w[OUT * IN], b[OUT];
static vc_products *products;
static const size_t counts[] = {5, ROWS, 1, 5, 20};

static float rounded(float value)
{
    uint16_t half;
    uint32_t bits;
    vc_kernels_of(VC_ISA_REF)->to_bf16(&half, &value, 1);
    bits = (uint32_t)half << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void check_float(vc_precision precision, int add)
{
    const vc_product_form form = {precision, OUT, IN, 1, add};
    uint16_t halves[ROWS * IN];
    float y[SUMS], before[SUMS];
    size_t index;
    assert_ok(vc_products_add(&index, products, &form, w, b, 7));
    vc_kernels_get()->to_bf16(halves, x, ROWS * IN);
    fill(before, SUMS, 4);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_ok(vc_products_prepare(products, index, counts[i]));
        memcpy(y, before, sizeof y);
        vc_products_run(products, index, y, precision == VC_IN_BF16 ? (void *)halves : x, counts[i],
                        i % 2);
        for (size_t r = 0; r < counts[i]; r++)
            for (size_t o = 0; o < OUT; o++) {
                double want = (double)b[o] + (add ? before[r * OUT + o] : 0.0f);
                for (size_t k = 0; k < IN; k++)
                    want += precision == VC_IN_BF16
                                ? (double)rounded(x[r * IN + k]) * rounded(w[o * IN + k])
                                : (double)x[r * IN + k] * w[o * IN + k];
                assert_near(y[r * OUT + o], want, 1e-5);
            }
    }
}

static void floats(void **state)
{
    (void)state;
    check_float(VC_IN_FP32, 0);
    check_float(VC_IN_FP32, 1);
}

static void bfloats(void **state)
{
    (void)state;
    if (!vc_precision_supported(VC_IN_BF16))
        skip();
    check_float(VC_IN_BF16, 0);
    check_float(VC_IN_BF16, 1);
}

/* Whole numbers: exact, at both ends of their range. */
static void integers(void **state)
{
    (void)state;
    const vc_product_form form = {VC_IN_INT8, OUT, IN, 0, 0};
    if (!vc_precision_supported(VC_IN_INT8))
        skip();
    uint8_t a[ROWS * IN];
    int8_t v[OUT * IN];
    int32_t y[SUMS];
    size_t index;
    for (size_t i = 0; i < sizeof a; i++)
        a[i] = (uint8_t)(i % 3 ? 255 - i % 7 : i * 31);
    for (size_t i = 0; i < sizeof v; i++)
        v[i] = (int8_t)(i % 5 ? 127 - (int)(i % 3) : -127 + (int)(i % 11));
    assert_ok(vc_products_add(&index, products, &form, v, NULL, ROWS));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_ok(vc_products_prepare(products, index, counts[i]));
        vc_products_run(products, index, y, a, counts[i], 0);
        for (size_t r = 0; r < counts[i]; r++)
            for (size_t o = 0; o < OUT; o++) {
                int32_t want = 0;
                for (size_t k = 0; k < IN; k++)
                    want += (int32_t)a[r * IN + k] * v[o * IN + k];
                assert_int_equal(y[r * OUT + o], want);
            }
    }
}

/* The bits of products of other numbers of rows, some of them from the middle, against one of all
 * rows. */
static void check_neighbours(const vc_product_form *form, size_t step)
{
    const size_t k = form->inputs, n = form->outputs, most = VC_PRODUCT_ROWS,
                 bytes = form->precision == VC_IN_FP32   ? sizeof(float)
                         : form->precision == VC_IN_BF16 ? sizeof(uint16_t)
                                                         : 1;
    float *inputs = malloc(most * k * sizeof *inputs), *weight = malloc(n * k * sizeof *weight),
          *bias = malloc(n * sizeof *bias), *before = malloc(most * n * sizeof *before),
          *want = malloc(most * n * sizeof *want), *have = malloc(most * n * sizeof *have);
    uint16_t *halves = malloc(most * k * sizeof *halves);
    size_t index;
    fill(inputs, most * k, 5);
    fill(weight, n * k, 6);
    fill(bias, n, 7);
    fill(before, most * n, 8);
    vc_kernels_get()->to_bf16(halves, inputs, most * k);
    unsigned char *rows = form->precision == VC_IN_BF16 ? (void *)halves : (void *)inputs;
    /* int8 takes the bytes of the floats as they come */
    assert_ok(vc_products_add(&index, products, form, weight, bias, most));
    memcpy(want, before, most * n * sizeof *want);
    vc_products_run(products, index, want, rows, most, 0);
    for (size_t count = 1; count <= most; count += step) {
        const size_t first = count % 3 ? most - count : 0;
        assert_ok(vc_products_prepare(products, index, count));
        memcpy(have, before + first * n, count * n * sizeof *have);
        vc_products_run(products, index, have, rows + first * k * bytes, count, 1);
        if (memcmp(have, want + first * n, count * n * sizeof *have) != 0)
            fail_msg("%s, %zu x %zu: rows %zu to %zu have other bits than within %zu rows",
                     vc_precision_name(form->precision), n, k, first, first + count - 1, most);
    }
    /* the same row at every place */
    for (size_t r = 1; r < most; r++) {
        memcpy(rows + r * k * bytes, rows, k * bytes);
        memcpy(before + r * n, before, n * sizeof *before);
    }
    memcpy(want, before, most * n * sizeof *want);
    vc_products_run(products, index, want, rows, most, 0);
    for (size_t r = 1; r < most; r++)
        assert_memory_equal(want + r * n, want, n * sizeof *want);
    free(inputs);
    free(weight);
    free(bias);
    free(before);
    free(want);
    free(have);
    free(halves);
}

/* A row's result is the same bits whatever lies beside it: few sums, where AMX is left aside for
 * few rows, and many inputs, which AMX cuts by the number of rows. */
static void neighbours(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{OUT, IN, 1}, {16, 27, 1},     {192, 64, 1},
                                       {10, 500, 1}, {768, 1536, 21}, {768, 2048, 13}};
    for (vc_precision precision = 0; precision < VC_PRECISION_COUNT; precision++) {
        if (!vc_precision_supported(precision))
            continue;
        const int whole = precision == VC_IN_INT8;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int add = 0; add <= !whole; add++) {
                const vc_product_form form = {precision, shapes[i][0], shapes[i][1], !whole, add};
                check_neighbours(&form, shapes[i][2]);
            }
    }
}

static int set_up(void **state)
{
    (void)state;
    fill(x, ROWS * IN, 1);
    fill(w, OUT * IN, 2);
    fill(b, OUT, 3);
    return vc_products_open(&products, 2) != VC_OK;
}

/* Each weight is the nearest multiple of its output's scale, ties to even, for rows of any length;
 * a row of zeros has the scale 1. */
static void weights_are_quantized(void **state)
{
    (void)state;
    enum { MOST = 203, ROW_COUNT = 3 };
    float weight[ROW_COUNT * MOST], scale[ROW_COUNT];
    int8_t have[ROW_COUNT * MOST];
    for (size_t n = 1; n <= MOST; n++) {
        fill(weight, ROW_COUNT * n, (uint64_t)n);
        for (size_t i = 0; i < n; i++) {
            weight[n + i] = 0.0f;
            weight[2 * n + i] = (float)((int)(i * 37 % 254) - 127) + 0.5f; /* ties */
        }
        weight[2 * n + n / 2] = n % 2 ? 127.0f : -127.0f;
        if (n > 1)
            weight[2 * n] = n > 127 ? -126.5f : 0.5f;
        vc_quantize_weights(have, scale, weight, ROW_COUNT, n);
        for (size_t r = 0; r < ROW_COUNT; r++) {
            float most = 0.0f;
            for (size_t i = 0; i < n; i++)
                most = fmaxf(most, fabsf(weight[r * n + i]));
            assert_true(scale[r] == (most > 0.0f ? most / 127.0f : 1.0f));
            for (size_t i = 0; i < n; i++)
                assert_int_equal(have[r * n + i], lrintf(weight[r * n + i] / scale[r]));
        }
    }
}

static int tear_down(void **state)
{
    (void)state;
    vc_products_close(products);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(floats), cmocka_unit_test(bfloats),
                                       cmocka_unit_test(integers), cmocka_unit_test(neighbours),
                                       cmocka_unit_test(weights_are_quantized)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
