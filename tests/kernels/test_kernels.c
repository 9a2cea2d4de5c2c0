/* Every kernel of kernels.def on every instruction set against the reference. */
#include "random.h"
#include "testing.h"
#include "vitcod/kernels.h"

enum { MOST = 300 };
static const size_t sizes[] = {0, 1, 7, 8, 9, 15, 16, 17, 33, 64, 197, 255};
enum { SIZES = sizeof sizes / sizeof *sizes };

static const vc_kernels *ref;

static void close_arrays(const float *have, const float *want, size_t count, double tolerance,
                         const char *what, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)have[i] - want[i]) <= tolerance * (1.0 + fabs((double)want[i]))))
            fail_msg("%s, size %zu, index %zu: %.9g, reference %.9g", what, size, i,
                     (double)have[i], (double)want[i]);
}

/* 2e-6: float32 sums of a few hundred terms, and the stated bounds of exp and erf. */
static void check_gelu(const vc_kernels *k, size_t n)
{
    float x[MOST], dy[MOST], a[MOST], b[MOST];
    fill(x, MOST, 1);
    fill(dy, MOST, 2);
    for (size_t i = 0; i < MOST; i++)
        x[i] *= 4.0f;
    x[0] = -30.0f;
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    k->gelu_forward(a, x, n);
    ref->gelu_forward(b, x, n);
    close_arrays(a, b, MOST, 2e-6, "gelu_forward", n);
    k->gelu_backward(a, dy, x, n);
    ref->gelu_backward(b, dy, x, n);
    close_arrays(a, b, MOST, 2e-6, "gelu_backward", n);
    x[0] = NAN;
    k->gelu_forward(a, x, 1);
    k->gelu_backward(b, dy, x, 1);
    assert_true(isnan(a[0]) && isnan(b[0]));
}

static void check_hardswish(const vc_kernels *k, size_t n)
{
    float x[MOST], dy[MOST], a[MOST] = {0}, b[MOST] = {0};
    fill(x, MOST, 1);
    fill(dy, MOST, 2);
    for (size_t i = 0; i < MOST; i++)
        x[i] *= 4.0f;
    x[0] = -3.0f;
    x[1] = 3.0f;
    k->hardswish_forward(a, x, n);
    ref->hardswish_forward(b, x, n);
    close_arrays(a, b, MOST, 1e-6, "hardswish_forward", n);
    k->hardswish_backward(a, dy, x, n);
    ref->hardswish_backward(b, dy, x, n);
    close_arrays(a, b, MOST, 1e-6, "hardswish_backward", n);
}

static void check_silu(const vc_kernels *k, size_t n)
{
    float x[MOST], dy[MOST], a[MOST] = {0}, b[MOST] = {0};
    fill(x, MOST, 1);
    fill(dy, MOST, 2);
    for (size_t i = 0; i < MOST; i++)
        x[i] *= 8.0f;
    x[0] = -100.0f; /* exp(100) is no float */
    x[1] = 100.0f;
    k->silu_forward(a, x, n);
    ref->silu_forward(b, x, n);
    close_arrays(a, b, MOST, 2e-6, "silu_forward", n);
    k->silu_backward(a, dy, x, n);
    ref->silu_backward(b, dy, x, n);
    close_arrays(a, b, MOST, 2e-6, "silu_backward", n);
}

static void check_softmax(const vc_kernels *k, size_t n, size_t split)
{
    float a[MOST], b[MOST], da[MOST], db[MOST];
    uint16_t kept[MOST / 16 + 1] = {0};
    if (n == 0)
        return;
    fill(a, MOST, 3);
    for (size_t i = 0; i < MOST; i++) {
        a[i] *= 20.0f;
        kept[i / 16] |= (uint16_t)((i % 3 != 1) << i % 16);
    }
    memcpy(b, a, sizeof a);
    const uint16_t *marks = split > 0 ? kept : NULL;
    k->softmax_row(a, split, marks, a + split, n - split);
    ref->softmax_row(b, split, marks, b + split, n - split);
    close_arrays(a, b, MOST, 2e-6, "softmax_row", n);
    for (size_t i = 0; i < split; i++)
        if (i % 3 == 1)
            assert_true(a[i] == 0.0f);
    fill(da, MOST, 4);
    memcpy(db, da, sizeof da);
    k->softmax_row_backward(da, b, split, da + split, b + split, n - split);
    ref->softmax_row_backward(db, b, split, db + split, b + split, n - split);
    close_arrays(da, db, MOST, 4e-6, "softmax_row_backward", n);
}

static void check_layernorm(const vc_kernels *k, size_t n)
{
    enum { ROWS = 3 };
    float x[ROWS * MOST], w[MOST], bias[MOST], y[2][ROWS * MOST], mean[2][ROWS], rstd[2][ROWS];
    float dy[ROWS * MOST];
    if (n == 0)
        return;
    fill(x, ROWS * MOST, 5);
    fill(w, MOST, 6);
    fill(bias, MOST, 7);
    fill(dy, ROWS * MOST, 8);
    const vc_kernels *both[] = {k, ref};
    for (int deviation = n > 1; deviation >= 0; deviation--) { /* of one channel there is none */
        const vc_layernorm norm = {w, bias, n, 1e-6f, deviation};
        memset(y, 0, sizeof y);
        for (int i = 0; i < 2; i++)
            both[i]->layernorm_rows(y[i], mean[i], rstd[i], x, &norm, ROWS);
        close_arrays(y[0], y[1], ROWS * MOST, n == 1 ? 1e-4 : 1e-5, "layernorm_rows", n);
    }
    memset(y, 0, sizeof y);
    for (int i = 0; i < 2; i++)
        both[i]->layernorm_rows_backward(y[i], dy, x, mean[1], rstd[1], w, ROWS, n);
    /* A single channel has variance 0: its gradient is a difference of equal numbers x 1000. */
    close_arrays(y[0], y[1], ROWS * MOST, n == 1 ? 1e-2 : 1e-5, "layernorm_rows_backward", n);
}

static void check_sparse(const vc_kernels *k, size_t count, size_t d)
{
    enum { TOKENS = 256, WIDE = 80 };
    static float x[TOKENS * WIDE], grads[2][TOKENS * WIDE];
    float q[WIDE], s[2][MOST] = {{0}}, out[2][WIDE] = {{0}}, pooled[2][WIDE] = {{0}};
    int32_t keys[MOST];
    fill(x, TOKENS * WIDE, 9);
    fill(q, WIDE, 10);
    memset(grads, 0, sizeof grads);
    for (size_t i = 0; i < count; i++)
        keys[i] = (int32_t)((i * 7) % TOKENS);
    const vc_kernels *both[] = {k, ref};
    for (int i = 0; i < 2; i++)
        both[i]->sddmm_row(s[i], q, x, WIDE, keys, count, d, 0.3f);
    for (int i = 0; i < 2; i++) {
        both[i]->spmm_row(out[i], s[1], x, WIDE, keys, count, d, 0.5f);
        both[i]->pool_row(pooled[i], x, WIDE, keys, s[1], count, d);
        both[i]->scatter_row(grads[i], WIDE, s[1], q, keys, count, d, 0.7f);
    }
    close_arrays(s[0], s[1], MOST, 1e-5, "sddmm_row", count);
    close_arrays(out[0], out[1], WIDE, 2e-4, "spmm_row", count);
    close_arrays(pooled[0], pooled[1], WIDE, 2e-4, "pool_row", count);
    close_arrays(grads[0], grads[1], TOKENS * WIDE, 1e-5, "scatter_row", count);
}

/* 1e-5: float32 sums over heads; 1e-4: over up to 255 tokens x 79 channels. */
static void check_head_mix(const vc_kernels *k, size_t tokens, size_t d)
{
    enum { IN = 3, OUT = 2, STRIDE = 250 };
    static float x[MOST * STRIDE], dy[MOST * STRIDE], y[2][MOST * STRIDE];
    float w[IN * OUT], bias[IN], dw[2][IN * OUT] = {{0}}, db[2][IN] = {{0}};
    const vc_kernels *both[] = {k, ref};
    fill(x, MOST * STRIDE, 15);
    fill(dy, MOST * STRIDE, 16);
    fill(w, IN * OUT, 17);
    fill(bias, IN, 18);
    for (int variant = 0; variant < 4; variant++) {
        int back = variant & 1, add = variant >> 1;
        const vc_head_mix mix = {back ? OUT : IN, back ? IN : OUT, d, STRIDE, STRIDE, back, add};
        for (int i = 0; i < 2; i++) {
            memcpy(y[i], dy, sizeof y[i]);
            both[i]->head_mix_rows(y[i], x, w, back ? NULL : bias, tokens, &mix);
        }
        close_arrays(y[0], y[1], (tokens + 1) * STRIDE, 1e-5, "head_mix_rows", tokens);
        for (int i = 0; i < 2; i++)
            both[i]->head_mix_gradient_rows(dw[i], db[i], dy, x, tokens, &mix);
        close_arrays(dw[0], dw[1], IN * OUT, 1e-4, "head_mix_gradient_rows weight", tokens);
        close_arrays(db[0], db[1], IN, 1e-4, "head_mix_gradient_rows bias", tokens);
    }
}

static void check_adamw(const vc_kernels *k, size_t n)
{
    float p[2][MOST], m[2][MOST], v[2][MOST], g[MOST];
    const vc_adamw_coefficients c = {1e-2f, 0.9f, 0.999f, 1e-8f, 0.05f, 2.0f, 3.0f, 0.5f};
    const vc_kernels *both[] = {k, ref};
    fill(g, MOST, 11);
    for (int i = 0; i < 2; i++) {
        fill(p[i], MOST, 12);
        fill(m[i], MOST, 13);
        fill(v[i], MOST, 14);
        for (size_t j = 0; j < MOST; j++)
            v[i][j] = fabsf(v[i][j]);
        both[i]->adamw_step(p[i], m[i], v[i], g, n, &c);
    }
    close_arrays(p[0], p[1], MOST, 1e-6, "adamw_step", n);
    close_arrays(m[0], m[1], MOST, 1e-6, "adamw_step m", n);
    close_arrays(v[0], v[1], MOST, 1e-6, "adamw_step v", n);
}

/* The same bits: rounding is part of the definition. */
static void check_precision(const vc_kernels *k, size_t n)
{
    float x[2 * MOST], scale[2][2], scales[MOST], bias[MOST], y[2][MOST];
    uint16_t half[2][MOST] = {{0}};
    uint8_t bytes[2][2 * MOST] = {{0}};
    int32_t sums[MOST], offset[MOST];
    fill(x, 2 * MOST, 15);
    fill(scales, MOST, 16);
    fill(bias, MOST, 17);
    x[1] = NAN;
    x[2] = -INFINITY;
    x[3] = 1.00390625f; /* a tie */
    k->to_bf16(half[0], x, n);
    ref->to_bf16(half[1], x, n);
    assert_memory_equal(half[0], half[1], sizeof *half);
    x[1] = x[2] = 0.0f;
    for (size_t i = 0; i < n; i++)
        x[n + i] *= i % 2 ? 1e-9f : 0.0f;
    k->quantize_rows(bytes[0], scale[0], x, 2, n);
    ref->quantize_rows(bytes[1], scale[1], x, 2, n);
    assert_memory_equal(bytes[0], bytes[1], sizeof *bytes);
    assert_memory_equal(scale[0], scale[1], sizeof *scale);
    for (size_t i = 0; i < MOST; i++) {
        sums[i] = (int32_t)(i * 7919 % 200000) - 100000;
        offset[i] = (int32_t)(i * 104729 % 3000) - 1500;
        y[0][i] = y[1][i] = x[i];
    }
    for (int add = 0; add < 2; add++) {
        k->dequantize_row(y[0], sums, 0.01f, scales, offset, bias, add, n);
        ref->dequantize_row(y[1], sums, 0.01f, scales, offset, bias, add, n);
        close_arrays(y[0], y[1], MOST, 1e-6, "dequantize_row", n);
    }
}

enum { MOST_INPUTS = 200, MOST_OUTPUTS = 150, MOST_ROWS = 19 };

/* Against sums over weights that are not packed; rows of every height, every number of vectors. */
static void check_product_int8(const vc_kernels *k)
{
    static int8_t weight[MOST_OUTPUTS * MOST_INPUTS],
        packed[(MOST_OUTPUTS + VC_INT8_BLOCK) * MOST_INPUTS];
    static uint8_t x[MOST_ROWS * MOST_INPUTS];
    static float y[MOST_ROWS * MOST_OUTPUTS], want[MOST_ROWS * MOST_OUTPUTS];
    static const size_t outputs[] = {1, 16, 63, 64, 80, 100, 150}, inputs[] = {4, 64, 200};
    float scale[MOST_OUTPUTS], bias[MOST_OUTPUTS], row_scale[MOST_ROWS];
    int32_t offset[MOST_OUTPUTS], sums[MOST_OUTPUTS];
    if (k->isa == VC_ISA_AVX512 && !vc_cpu_has_int8_rows()) {
        print_message("skipped: this CPU has no AVX512_VNNI, or AMX\n");
        return;
    }
    fill(scale, MOST_OUTPUTS, 18);
    fill(bias, MOST_OUTPUTS, 19);
    fill(row_scale, MOST_ROWS, 20);
    for (size_t i = 0; i < sizeof weight; i++)
        weight[i] = (int8_t)((int)(i * 7919 % 255) - 127);
    for (size_t i = 0; i < sizeof x; i++)
        x[i] = (uint8_t)(i * 104729 % 256);
    for (size_t s = 0; s < 7 * 3 * MOST_ROWS * 2; s++) {
        const size_t n = outputs[s % 7], m = inputs[s / 7 % 3], rows = s / 21 % MOST_ROWS + 1;
        const int add = (int)(s / 21 / MOST_ROWS);
        const vc_int8_weights w = {m, n, packed, offset, scale, bias};
        assert_true(vc_int8_packed_bytes(n, m) <= sizeof packed);
        vc_int8_pack(packed, weight, n, m);
        fill(y, MOST_ROWS * MOST_OUTPUTS, 21);
        memcpy(want, y, sizeof y);
        for (size_t r = 0; r < rows; r++) {
            for (size_t o = 0; o < n; o++) {
                offset[o] = sums[o] = 0;
                for (size_t i = 0; i < m; i++) {
                    sums[o] += x[r * m + i] * weight[o * m + i];
                    offset[o] += VC_ZERO_POINT * weight[o * m + i];
                }
            }
            ref->dequantize_row(want + r * n, sums, row_scale[r], scale, offset, bias, add, n);
        }
        k->product_int8(y, x, row_scale, &w, add, rows);
        close_arrays(y, want, MOST_ROWS * MOST_OUTPUTS, 1e-6, "product_int8", n);
    }
}

static void check_isa(vc_isa isa)
{
    const vc_kernels *k = vc_kernels_of(isa);
    ref = vc_kernels_of(VC_ISA_REF);
    if (!k) {
        print_message("skipped: this CPU has no %s\n", vc_isa_name(isa));
        skip();
    }
    check_product_int8(k);
    for (size_t i = 0; i < SIZES; i++) {
        check_gelu(k, sizes[i]);
        check_hardswish(k, sizes[i]);
        check_silu(k, sizes[i]);
        check_softmax(k, sizes[i], 0);
        check_softmax(k, sizes[i], sizes[i]);
        check_softmax(k, sizes[i], sizes[i] / 3);
        check_layernorm(k, sizes[i]);
        check_adamw(k, sizes[i]);
        check_precision(k, sizes[i]);
        for (size_t d = 1; d <= 80; d += 7)
            check_sparse(k, sizes[i], d);
        for (size_t d = 1; d <= 80; d += 13)
            check_head_mix(k, sizes[i], d);
    }
}

static void avx2_equals_reference(void **state)
{
    (void)state;
    check_isa(VC_ISA_AVX2);
}

static void avx512_equals_reference(void **state)
{
    (void)state;
    check_isa(VC_ISA_AVX512);
}

/* Fails when a kernel is added to the list without a check in this file. */
static void every_kernel_is_checked(void **state)
{
    (void)state;
    int count = 0;
#define VC_KERNEL(name, r, a, b, args) count++;
#include "vitcod/kernels.def"
#undef VC_KERNEL
    assert_int_equal(count, 23); /* attention_rows.. are checked in test_packed_attention.c */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(avx2_equals_reference),
                                       cmocka_unit_test(avx512_equals_reference),
                                       cmocka_unit_test(every_kernel_is_checked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
