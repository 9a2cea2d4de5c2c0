#include "testing.h"
#include "vitcod/augment.h"

enum { COUNT = 20000 };

static void crops_have_the_shares_and_ratios_asked_for(void **state)
{
    (void)state;
    const vc_augment_options o = vc_augment_options_default();
    double area = 0.0, ratio = 0.0, x = 0.0, y = 0.0;
    for (uint64_t i = 0; i < COUNT; i++) {
        vc_rng rng = vc_rng_open(1, 0, i);
        const vc_box b = vc_crop_draw(&rng, 1000, 1000, &o);
        assert_true(b.left + b.width <= 1000 && b.top + b.height <= 1000);
        const double share = (double)(b.width * b.height) / 1e6,
                     r = (double)b.width / (double)b.height;
        assert_true(share > 0.079 && share <= 1.0 && r > 0.745 && r < 1.34);
        area += share / COUNT;
        ratio += log(r) / COUNT;
        x += ((double)b.left + (double)b.width / 2.0) / COUNT;
        y += ((double)b.top + (double)b.height / 2.0) / COUNT;
    }
    assert_near(area, 0.478,
                0.008); /* below the middle of 0.08 to 1: large ones often do not fit */
    assert_near(ratio, 0.0, 0.01);
    assert_near(x, 500.0, 5.0);
    assert_near(y, 500.0, 5.0);
}

/* If nothing fits, the crop is the largest allowed one, in the centre. */
static void long_images_are_cropped_in_the_centre(void **state)
{
    (void)state;
    vc_augment_options o = vc_augment_options_default();
    o.crop_least = 1.0;
    vc_rng rng = vc_rng_open(1, 0, 0);
    vc_box b = vc_crop_draw(&rng, 100, 1000, &o);
    assert_true(b.width == 100 && b.height == 133 && b.left == 0 && b.top == 433);
    b = vc_crop_draw(&rng, 1000, 100, &o);
    assert_true(b.width == 133 && b.height == 100 && b.left == 433 && b.top == 0);
    b = vc_crop_draw(&rng, 1, 1, &o);
    assert_true(b.width == 1 && b.height == 1);
}

static void small_images_are_cropped_to_something(void **state)
{
    (void)state;
    const vc_augment_options o = vc_augment_options_default();
    for (uint64_t i = 0; i < 2000; i++) {
        vc_rng rng = vc_rng_open(2, 0, i);
        const size_t width = 1 + vc_rng_below(&rng, 4), height = 1 + vc_rng_below(&rng, 4);
        const vc_box b = vc_crop_draw(&rng, width, height, &o);
        assert_true(b.width >= 1 && b.height >= 1);
        assert_true(b.left + b.width <= width && b.top + b.height <= height);
    }
}

enum { SIDE = 40, CHANNELS = 3, VALUES = CHANNELS * SIDE * SIDE };

/* The number of pixels that are not 7 any more, which must be the same in every channel. */
static size_t erased(const float *x)
{
    size_t top = SIDE, left = SIDE, bottom = 0, right = 0, count = 0;
    for (size_t y = 0; y < SIDE; y++)
        for (size_t i = 0; i < SIDE; i++) {
            const int gone = x[y * SIDE + i] != 7.0f;
            for (size_t c = 1; c < CHANNELS; c++)
                assert_int_equal(x[(c * SIDE + y) * SIDE + i] != 7.0f, gone);
            if (!gone)
                continue;
            count++;
            top = y < top ? y : top;
            left = i < left ? i : left;
            bottom = y + 1 > bottom ? y + 1 : bottom;
            right = i + 1 > right ? i + 1 : right;
        }
    if (count > 0)
        assert_int_equal(count, (bottom - top) * (right - left));
    return count;
}

static void erasing_takes_rectangles_of_noise(void **state)
{
    (void)state;
    enum { IMAGES = 4000 };
    static float x[VALUES];
    vc_augment_options o = vc_augment_options_default();
    double images = 0.0, area = 0.0, sum = 0.0, squares = 0.0, values = 0.0;
    for (uint64_t i = 0; i < IMAGES; i++) {
        vc_rng rng = vc_rng_open(3, 0, i);
        for (size_t k = 0; k < VALUES; k++)
            x[k] = 7.0f;
        vc_image_erase(x, CHANNELS, SIDE, SIDE, &rng, &o);
        const double share = (double)erased(x) / (SIDE * SIDE);
        if (share == 0.0)
            continue;
        assert_true(share > 0.015 && share < 0.35);
        images += 1.0;
        area += share;
        for (size_t k = 0; k < VALUES; k++)
            if (x[k] != 7.0f) {
                sum += (double)x[k];
                squares += (double)x[k] * (double)x[k];
                values += 1.0;
            }
    }
    assert_near(images / IMAGES, 0.25, 0.025);
    assert_near(area / images, (0.02 + 1.0 / 3.0) / 2.0, 0.012); /* of 0.02 to 1/3 */
    assert_near(sum / values, 0.0, 0.01);
    assert_near(squares / values, 1.0, 0.02);
    o.erase = 0.0;
    vc_rng rng = vc_rng_open(3, 0, 0);
    for (size_t k = 0; k < VALUES; k++)
        x[k] = 7.0f;
    vc_image_erase(x, CHANNELS, SIDE, SIDE, &rng, &o);
    assert_int_equal(erased(x), 0);
}

/* A rectangle that never fits is given up. */
static void erasing_a_whole_image_does_not_happen(void **state)
{
    (void)state;
    static float x[VALUES];
    vc_augment_options o = {
        .erase = 1.0, .erase_least = 1.0, .erase_most = 1.0, .erase_aspect = 1.0};
    vc_rng rng = vc_rng_open(4, 0, 0);
    for (size_t k = 0; k < VALUES; k++)
        x[k] = 7.0f;
    vc_image_erase(x, CHANNELS, SIDE, SIDE, &rng, &o);
    assert_int_equal(erased(x), 0);
    vc_image_erase(x, 1, 1, 1, &rng, &o);
    assert_true(x[0] == 7.0f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_have_the_shares_and_ratios_asked_for),
        cmocka_unit_test(long_images_are_cropped_in_the_centre),
        cmocka_unit_test(small_images_are_cropped_to_something),
        cmocka_unit_test(erasing_takes_rectangles_of_noise),
        cmocka_unit_test(erasing_a_whole_image_does_not_happen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
