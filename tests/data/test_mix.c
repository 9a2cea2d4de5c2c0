#include "testing.h"
#include "vitcod/augment.h"

enum { DRAWS = 20000, WIDTH = 64, HEIGHT = 48 };

typedef struct moments {
    double cut, none, lambda, squares, count; /* lambda of those that are weighted */
} moments;

static moments draw_many(const vc_augment_options *o)
{
    moments m = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        vc_rng rng = vc_rng_open(5, 0, i);
        const vc_mix mix = vc_mix_draw(&rng, WIDTH, HEIGHT, o);
        const vc_box b = mix.box;
        assert_true(mix.lambda >= 0.0 && mix.lambda <= 1.0);
        assert_true(b.left + b.width <= WIDTH && b.top + b.height <= HEIGHT);
        if (mix.lambda == 1.0) {
            m.none++;
        } else if (b.width > 0) {
            m.cut++;
            assert_near(mix.lambda, 1.0 - (double)(b.width * b.height) / (WIDTH * HEIGHT), 1e-12);
        } else {
            m.count++;
            m.lambda += mix.lambda;
            m.squares += (mix.lambda - 0.5) * (mix.lambda - 0.5);
        }
    }
    return m;
}

static void draws_have_the_shares_asked_for(void **state)
{
    (void)state;
    vc_augment_options o = vc_augment_options_default();
    moments m = draw_many(&o);
    assert_near(m.cut / DRAWS, 0.5, 0.02);
    assert_true(m.none / DRAWS < 0.01); /* empty cuts */
    assert_near(m.lambda / m.count, 0.5, 0.01);
    assert_near(m.squares / m.count, 0.25 / (2 * 0.8 + 1), 0.004); /* of Beta(0.8, 0.8) */
    o.mix = 0.3;
    o.cutmix = 0.0;
    m = draw_many(&o);
    assert_near(m.count / DRAWS, 0.3, 0.015);
    assert_near(m.cut, 0.0, 0.0);
    o.mixup = 0.0;
    o.cutmix = 1.0;
    m = draw_many(&o);
    assert_near(m.cut / DRAWS, 0.3, 0.015);
    assert_near(m.count, 0.0, 0.0);
    o.cutmix = 0.0;
    m = draw_many(&o);
    assert_near(m.none, DRAWS, 0.0);
}

/* lambda is uniform, the side of the box is sqrt(1 - lambda), and boxes are cut at the borders. */
static void cuts_cover_what_they_should(void **state)
{
    (void)state;
    vc_augment_options o = vc_augment_options_default();
    double area = 0.0;
    o.mixup = 0.0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        vc_rng rng = vc_rng_open(6, 0, i);
        area += (1.0 - vc_mix_draw(&rng, 1000, 1000, &o).lambda) / DRAWS;
    }
    /* along a side r the expected cover is r - r^2 / 4; the mean of its square over r^2 uniform in
     * 0 to 1 is 1/2 - 1/5 + 1/48 */
    assert_near(area, 0.5 - 0.2 + 1.0 / 48.0, 0.01);
}

enum { COUNT = 5, CHANNELS = 2, SIDE = 6, VALUES = CHANNELS * SIDE * SIDE };

static void fill(float *x)
{
    for (size_t i = 0; i < COUNT * VALUES; i++)
        x[i] = (float)(i * 37 % 101) / 7.0f;
}

static void images_are_mixed_with_the_batch_in_reverse(void **state)
{
    (void)state;
    float x[COUNT * VALUES], plain[COUNT * VALUES];
    const vc_mix weighted = {.lambda = 0.3}, cut = {0.75, {1, 2, 3, 3}}, none = {.lambda = 1.0};
    fill(plain);
    fill(x);
    vc_mix_apply(x, COUNT, CHANNELS, SIDE, SIDE, &none);
    assert_memory_equal(x, plain, sizeof x);
    vc_mix_apply(x, COUNT, CHANNELS, SIDE, SIDE, &weighted);
    for (size_t i = 0; i < COUNT * VALUES; i++) {
        const float other = plain[(COUNT - 1 - i / VALUES) * VALUES + i % VALUES];
        assert_near((double)x[i], 0.3 * (double)plain[i] + 0.7 * (double)other, 1e-5);
    }
    fill(x);
    vc_mix_apply(x, COUNT, CHANNELS, SIDE, SIDE, &cut);
    for (size_t i = 0; i < COUNT * VALUES; i++) {
        const size_t row = i / SIDE % SIDE, column = i % SIDE;
        const int in = row >= 2 && row < 5 && column >= 1 && column < 4;
        const size_t image = in ? COUNT - 1 - i / VALUES : i / VALUES;
        assert_true(x[i] == plain[image * VALUES + i % VALUES]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_have_the_shares_asked_for),
        cmocka_unit_test(cuts_cover_what_they_should),
        cmocka_unit_test(images_are_mixed_with_the_batch_in_reverse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
