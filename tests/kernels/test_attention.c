/* Attention: dense against plain loops, sparse against masked dense, backward against differences. */
#include "random.h"
#include "testing.h"
#include "vitcod/attention.h"

enum { B = 2, H = 3, T = 21, D = 5, WIDTH = H * D, THREADS = 64 };
static float qkv[B * T * 3 * WIDTH], dout[B * T * WIDTH];
static uint8_t pruned[H * T * T];
static const vc_attention_shape shape = {B, H, T, T, D, 3 * WIDTH, 3 * WIDTH, 3 * WIDTH, WIDTH};

static void set_up(void)
{
    fill(qkv, sizeof qkv / sizeof *qkv, 1);
    fill(dout, sizeof dout / sizeof *dout, 2);
    /* Two columns mostly kept, a diagonal, a sprinkle; in head 2 no column is global. */
    for (size_t h = 0; h < H; h++)
        for (size_t i = 0; i < T; i++)
            for (size_t j = 0; j < T; j++) {
                int column = h < 2 && (j == 4 || j == 11) && i % 5 != 0;
                pruned[(h * T + i) * T + j] = !(column || i == j || (i * 7 + j * 3 + h) % 13 == 0);
            }
}

/* The definition, in double; also the probabilities. */
static double plain_loss(const uint8_t *mask)
{
    double loss = 0.0;
    for (size_t b = 0; b < B; b++)
        for (size_t h = 0; h < H; h++)
            for (size_t i = 0; i < T; i++) {
                const float *q = qkv + (b * T + i) * 3 * WIDTH + h * D;
                double e[T], sum = 0.0;
                for (size_t j = 0; j < T; j++) {
                    const float *k = qkv + (b * T + j) * 3 * WIDTH + WIDTH + h * D;
                    double s = 0.0;
                    for (size_t d = 0; d < D; d++)
                        s += (double)q[d] * k[d];
                    e[j] = mask && mask[(h * T + i) * T + j] ? 0.0 : exp(s / sqrt((double)D));
                    sum += e[j];
                }
                for (size_t j = 0; j < T; j++)
                    for (size_t d = 0; d < D; d++)
                        loss += e[j] / sum * qkv[(b * T + j) * 3 * WIDTH + 2 * WIDTH + h * D + d] *
                                dout[(b * T + i) * WIDTH + h * D + d];
            }
    return loss;
}

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void check_gradient(const float *gradient, const uint8_t *mask)
{
    for (size_t i = 0; i < sizeof qkv / sizeof *qkv; i += 11) {
        float kept = qkv[i], h = 1e-2f;
        qkv[i] = kept + h;
        double up = plain_loss(mask), step = qkv[i];
        qkv[i] = kept - h;
        double down = plain_loss(mask);
        step -= qkv[i];
        qkv[i] = kept;
        assert_near(gradient[i], (up - down) / step, 1e-3);
    }
}

static void check_dense(const uint8_t *mask)
{
    static float out[B * T * WIDTH], probs[B * H * T * T], grads[B * T * 3 * WIDTH];
    static float scratch[THREADS * T * T];
    set_up();
    vc_attention_forward(out, probs, qkv, qkv + WIDTH, qkv + 2 * WIDTH, &shape, mask);
    assert_near(dot(out, dout, B * T * WIDTH), plain_loss(mask), 1e-4);
    vc_attention_backward(grads, grads + WIDTH, grads + 2 * WIDTH, scratch, dout, probs, qkv,
                          qkv + WIDTH, qkv + 2 * WIDTH, &shape);
    check_gradient(grads, mask);
}

static void dense(void **state)
{
    (void)state;
    check_dense(NULL);
}

static void masked(void **state)
{
    (void)state;
    check_dense(pruned);
}

/* A plan with the mask's two full columns as global tokens, swapped to the front. */
static vc_status make_plan(vc_plan *plan, int32_t globals)
{
    int32_t queries[H * T], keys[H * T], counts[H] = {globals, globals, 0};
    const vc_mask mask = {1, H, T, T, pruned};
    for (size_t h = 0; h < H; h++)
        for (size_t i = 0; i < T; i++)
            queries[h * T + i] = keys[h * T + i] = (int32_t)i;
    for (size_t h = 0; h < 2 && globals == 2; h++) {
        const int32_t order[] = {4, 11};
        for (size_t g = 0; g < 2; g++) {
            int32_t other = keys[h * T + g];
            keys[h * T + (size_t)order[g]] = queries[h * T + (size_t)order[g]] = other;
            keys[h * T + g] = queries[h * T + g] = order[g];
        }
    }
    const vc_token_order order = {queries, keys, counts};
    return vc_plan_assemble(plan, &mask, &order, 10);
}

static void check_sparse(int32_t globals)
{
    static float out[B * T * WIDTH], grads[B * T * 3 * WIDTH];
    vc_plan plan;
    vc_sparse_layer layer;
    set_up();
    assert_ok(make_plan(&plan, globals));
    assert_ok(vc_sparse_layer_open(&layer, &plan.layers[0], D));
    float *probs = malloc(B * layer.probs_per_image * sizeof *probs);
    float *scratch = malloc(THREADS * layer.scratch_floats * sizeof *scratch);
    vc_sparse_attention_forward(out, probs, scratch, qkv, qkv + WIDTH, qkv + 2 * WIDTH, &shape,
                                &layer);
    assert_near(dot(out, dout, B * T * WIDTH), plain_loss(pruned), 1e-4);
    vc_sparse_attention_backward(grads, grads + WIDTH, grads + 2 * WIDTH, scratch, dout, probs, qkv,
                                 qkv + WIDTH, qkv + 2 * WIDTH, &shape, &layer);
    check_gradient(grads, pruned);
    free(probs);
    free(scratch);
    vc_sparse_layer_close(&layer);
    vc_plan_close(&plan);
}

static void sparse_with_global_tokens(void **state)
{
    (void)state;
    check_sparse(2);
}

static void sparse_without_global_tokens(void **state)
{
    (void)state;
    check_sparse(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dense), cmocka_unit_test(masked),
                                       cmocka_unit_test(sparse_with_global_tokens),
                                       cmocka_unit_test(sparse_without_global_tokens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
