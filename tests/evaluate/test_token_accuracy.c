/* A model with fewer tokens beside itself with all: classes and divergence, against both computed
 * apart. */
#include "tiny_deit.h"
#include "vitcod/token_accuracy.h"

static double divergence_of(const float *teacher, const float *student)
{
    double sums[2] = {0.0, 0.0}, total = 0.0;
    for (size_t c = 0; c < CLASSES; c++) {
        sums[0] += exp((double)teacher[c]);
        sums[1] += exp((double)student[c]);
    }
    for (size_t c = 0; c < CLASSES; c++)
        total += exp((double)teacher[c]) / sums[0] *
                 ((double)teacher[c] - log(sums[0]) - (double)student[c] + log(sums[1]));
    return total;
}

static size_t first_of(const float *logits)
{
    size_t first = 0;
    for (size_t c = 1; c < CLASSES; c++)
        first = logits[c] > logits[first] ? c : first;
    return first;
}

static void beside_all_tokens(void **state)
{
    (void)state;
    const vc_token_reduction how = {"prune", 0.1};
    vc_model *model = make_tiny_deit(3);
    float dense[IMAGES * CLASSES], fewer[IMAGES * CLASSES];
    vc_token_pass *pass;
    forward(dense, model);
    assert_ok(vc_token_pass_open(&pass, model, &how));
    vc_token_pass_run(pass, fewer, images, IMAGES);
    double same = 0.0, divergence = 0.0;
    for (size_t i = 0; i < IMAGES; i++) {
        same += first_of(dense + i * CLASSES) == first_of(fewer + i * CLASSES);
        divergence += divergence_of(dense + i * CLASSES, fewer + i * CLASSES) / IMAGES;
    }

    vc_token_accuracy accuracy;
    assert_ok(vc_token_accuracy_open(&accuracy, model, &how, 2));
    const vc_runner runner = vc_token_accuracy_runner(&accuracy);
    assert_int_equal(runner.batch, 2);
    for (size_t i = 0; i < IMAGES; i += 2) { /* the last is a batch of one */
        const float *logits;
        const size_t count = IMAGES - i < 2 ? IMAGES - i : 2;
        assert_ok(runner.run(runner.context, &logits, images + i * PIXELS, count));
        assert_memory_equal(logits, fewer + i * CLASSES, count * CLASSES * sizeof *logits);
    }
    const vc_token_result result = vc_token_result_of(&accuracy);
    const vc_token_schedule *schedule = vc_token_pass_schedule(pass);
    assert_string_equal(result.rule, "prune");
    assert_near(result.same_class_percent, 100.0 * same / IMAGES, 1e-9);
    assert_true(divergence > 1e-3);
    assert_near(result.divergence, divergence, 1e-4 * divergence);
    assert_near(result.macs_share, (double)schedule->macs / (double)schedule->dense_macs, 1e-12);
    assert_int_equal(result.layers, 3);
    assert_int_equal(result.tokens[2], 5); /* the class token and a tenth of 36 */
    vc_token_accuracy_close(&accuracy);
    vc_token_pass_close(pass);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(beside_all_tokens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
