#include "testing.h"
#include "vitcod/attention_stats.h"
#include "vitcod/autoencoder_setup.h"
#include "vitcod/rng.h"

enum { H = 3, D = 4, TOKENS = 200 };

/* Heads that lie in a plane plus an offset: rank 2 reconstructs them exactly. */
static void rank_two_is_found(void **state)
{
    (void)state;
    static float x[TOKENS * H * D];
    vc_rng rng = vc_rng_open(1, 1, 1);
    for (int t = 0; t < TOKENS; t++)
        for (int d = 0; d < D; d++) {
            double a = vc_rng_normal(&rng), b = vc_rng_normal(&rng);
            x[(t * H + 0) * D + d] = (float)(a + 1.0);
            x[(t * H + 1) * D + d] = (float)(b - 2.0);
            x[(t * H + 2) * D + d] = (float)(0.5 * a - 2.0 * b + 3.0);
        }
    vc_head_moments moments;
    float ew[2 * H], eb[2], dw[H * 2], db[H];
    assert_ok(vc_head_moments_open(&moments, H));
    vc_head_moments_add(&moments, x, H * D, TOKENS / 2, D);
    vc_head_moments_add(&moments, x + TOKENS / 2 * H * D, H * D, TOKENS / 2, D);
    assert_ok(vc_autoencoder_setup(ew, eb, dw, db, &moments, 2));
    for (int t = 0; t < TOKENS; t++)
        for (int h = 0; h < H; h++) {
            double y = db[h];
            for (int c = 0; c < 2; c++) {
                double z = eb[c];
                for (int i = 0; i < H; i++)
                    z += (double)ew[c * H + i] * x[(t * H + i) * D];
                y += dw[h * 2 + c] * z;
            }
            assert_near(y, x[(t * H + h) * D], 1e-4);
        }
    vc_head_moments_close(&moments);
}

static void no_samples_is_an_error(void **state)
{
    (void)state;
    vc_head_moments moments;
    float out[16];
    assert_ok(vc_head_moments_open(&moments, H));
    assert_fails(vc_autoencoder_setup(out, out, out, out, &moments, 2), VC_EINVAL, "0 samples");
    vc_head_moments_close(&moments);
}

static void mean_does_not_depend_on_batches(void **state)
{
    (void)state;
    float probs[3 * 4] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, one[4], two[4];
    vc_attention_stats a, b;
    assert_ok(vc_attention_stats_open(&a, 1, 1, 2, 2));
    assert_ok(vc_attention_stats_open(&b, 1, 1, 2, 2));
    vc_attention_stats_add(&a, 0, probs, 3);
    vc_attention_stats_add(&b, 0, probs, 1);
    vc_attention_stats_add(&b, 0, probs + 4, 2);
    vc_attention_stats_mean(one, &a);
    vc_attention_stats_mean(two, &b);
    const float want[] = {5, 6, 7, 8};
    assert_memory_equal(one, want, sizeof want);
    assert_memory_equal(two, want, sizeof want);
    vc_attention_stats_close(&a);
    vc_attention_stats_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rank_two_is_found),
                                       cmocka_unit_test(no_samples_is_an_error),
                                       cmocka_unit_test(mean_does_not_depend_on_batches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
