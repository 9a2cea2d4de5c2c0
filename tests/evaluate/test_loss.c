/* Cross-entropy and distillation: values in closed form, gradients against differences. */
#include "testing.h"
#include "vitcod/loss.h"

enum { B = 2, C = 4 };
static const int32_t labels[B] = {2, 0};
static float logits[B * C] = {0.3f, -1.2f, 2.0f, 0.1f, -0.7f, 0.4f, 1.1f, -2.0f};
static const float teacher[B * C] = {0.9f, 0.2f, 1.0f, -1.0f, 2.0f, 0.0f, -0.5f, 0.3f};

static void cross_entropy(void **state)
{
    (void)state;
    const float even[C] = {1, 1, 1, 1}, sure[C] = {0, 0, 50, 0};
    float gradient[B * C], ignored[B * C];
    assert_near(vc_cross_entropy(NULL, even, labels, 1, C, 0.0f).task, log(4.0), 1e-12);
    assert_near(vc_cross_entropy(NULL, even, labels, 1, C, 0.3f).task, log(4.0), 1e-12);
    assert_near(vc_cross_entropy(NULL, sure, labels, 1, C, 0.0f).task, 0.0, 1e-12);
    assert_near(vc_cross_entropy(NULL, sure, labels, 1, C, 0.1f).task, 0.075 * 50.0, 1e-6);
    vc_loss loss = vc_cross_entropy(gradient, logits, labels, B, C, 0.1f);
    assert_int_equal(loss.top1, 1); /* the second label is third */
    assert_int_equal(loss.top5, 2);
    for (size_t i = 0; i < B * C; i++) {
        float kept = logits[i], high = kept + 1e-2f, low = kept - 1e-2f;
        logits[i] = high;
        double up = vc_cross_entropy(ignored, logits, labels, B, C, 0.1f).task;
        logits[i] = low;
        double down = vc_cross_entropy(ignored, logits, labels, B, C, 0.1f).task;
        logits[i] = kept;
        assert_near(gradient[i], (up - down) / ((double)high - low), 1e-5);
    }
}

/* Linear in the weight of the two labels, and so is the gradient. */
static void mixed_labels(void **state)
{
    (void)state;
    const int32_t partners[B] = {0, 0};
    const vc_labels mixed = {labels, partners, 0.3};
    float own[B * C], others[B * C], both[B * C];
    const double of_own = vc_cross_entropy(own, logits, labels, B, C, 0.1f).task,
                 of_others = vc_cross_entropy(others, logits, partners, B, C, 0.1f).task;
    const vc_loss loss = vc_cross_entropy_mixed(both, logits, &mixed, B, C, 0.1f);
    assert_near(loss.task, 0.3 * of_own + 0.7 * of_others, 1e-7);
    assert_int_equal(loss.top1, 1); /* of their own */
    for (size_t i = 0; i < B * C; i++)
        assert_near(both[i], 0.3f * own[i] + 0.7f * others[i], 1e-6);
}

static double divergence(double temperature)
{
    float ignored[B * C] = {0};
    return vc_distillation(ignored, logits, teacher, B, C, 0.5, temperature);
}

static void distillation(void **state)
{
    (void)state;
    float same[B * C] = {0}, gradient[B * C];
    assert_near(vc_distillation(same, teacher, teacher, B, C, 1.0, 3.0), 0.0, 1e-12);
    for (size_t i = 0; i < B * C; i++)
        assert_near(same[i], 0.0, 1e-7);
    for (int t = 1; t <= 3; t += 2) {
        for (size_t i = 0; i < B * C; i++)
            gradient[i] = 1.0f; /* of the labels' loss */
        assert_true(vc_distillation(gradient, logits, teacher, B, C, 0.7, t) > 0.0);
        for (size_t i = 0; i < B * C; i++) {
            float kept = logits[i], high = kept + 1e-2f, low = kept - 1e-2f;
            logits[i] = high;
            double up = divergence(t);
            logits[i] = low;
            double down = divergence(t);
            logits[i] = kept;
            assert_near(gradient[i], 0.3 + 0.7 * (up - down) / ((double)high - low), 2e-5);
        }
    }
}

static double hard(float *gradient)
{
    return vc_hard_distillation(gradient, logits, teacher, B, C, 0.7);
}

/* The teacher's first classes are 2 and 0, which happen to be the labels. */
static void hard_distillation(void **state)
{
    (void)state;
    float gradient[B * C];
    for (size_t i = 0; i < B * C; i++)
        gradient[i] = 1.0f; /* of the labels' loss */
    assert_near(hard(gradient), vc_cross_entropy(NULL, logits, labels, B, C, 0.0f).task, 1e-12);
    for (size_t i = 0; i < B * C; i++) {
        float kept = logits[i], high = kept + 1e-2f, low = kept - 1e-2f;
        logits[i] = high;
        double up = hard(NULL);
        logits[i] = low;
        double down = hard(NULL);
        logits[i] = kept;
        assert_near(gradient[i], 0.3 + 0.7 * (up - down) / ((double)high - low), 2e-5);
    }
}

/* Each head's part as if it were alone; nothing reaches the other. */
static void two_heads(void **state)
{
    (void)state;
    float heads[2 * B * C], gradient[2 * B * C], first[B * C], second[B * C] = {0};
    const int32_t partners[B] = {0, 3};
    const vc_labels mixed = {labels, partners, 0.3};
    memcpy(heads, logits, sizeof logits);
    for (size_t i = 0; i < B * C; i++)
        heads[B * C + i] = 0.5f - logits[i];
    for (int is_hard = 0; is_hard < 2; is_hard++) {
        const vc_teaching how = {teacher, 0.25, 2.0, is_hard};
        memset(second, 0, sizeof second);
        const vc_loss have = vc_two_head_loss(gradient, heads, &mixed, &how, B, C, 0.1f);
        const vc_loss want = vc_cross_entropy_mixed(first, heads, &mixed, B, C, 0.1f);
        const double taught =
            is_hard ? vc_hard_distillation(second, heads + B * C, teacher, B, C, 0.25)
                    : vc_distillation(second, heads + B * C, teacher, B, C, 0.25, 2.0);
        assert_near(have.task, want.task, 1e-12);
        assert_near(have.distillation, taught, 1e-12);
        assert_int_equal(have.top1, want.top1);
        for (size_t i = 0; i < B * C; i++) {
            assert_near(gradient[i], 0.75f * first[i], 1e-7);
            assert_near(gradient[B * C + i], second[i], 1e-7);
        }
        assert_near(vc_two_head_loss(NULL, heads, &mixed, &how, B, C, 0.1f).task, want.task, 1e-12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_entropy), cmocka_unit_test(mixed_labels),
        cmocka_unit_test(distillation), cmocka_unit_test(hard_distillation),
        cmocka_unit_test(two_heads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
