#include "testing.h"
#include "vitcod/augment.h"

static const uint8_t fill[] = {124, 116, 104};

/* timm's arguments at magnitude 9: rand-m9-inc1 without noise. */
static void magnitudes_become_timms_values(void **state)
{
    (void)state;
    static const double at_nine[VC_IMAGE_OPS][2] = {
        {0, 0},       {0, 0},        {0, 0},        {27, -27},       {1, 1},
        {26, 26},     {99, 99},      {1.81, 0.19},  {1.81, 0.19},    {1.81, 0.19},
        {1.81, 0.19}, {0.27, -0.27}, {0.27, -0.27}, {0.405, -0.405}, {0.405, -0.405}};
    for (int op = 0; op < VC_IMAGE_OPS; op++)
        for (int negative = 0; negative < 2; negative++)
            assert_near(vc_image_op_value((vc_image_op)op, 9.0, negative), at_nine[op][negative],
                        1e-12);
    assert_near(vc_image_op_value(VC_IMAGE_POSTERIZE, 10.0, 0), 0.0, 0.0);
    assert_near(vc_image_op_value(VC_IMAGE_SOLARIZE, 10.0, 0), 0.0, 0.0);
    assert_near(vc_image_op_value(VC_IMAGE_COLOUR, 10.0, 1), 0.1, 1e-12);
    assert_near(vc_image_op_value(VC_IMAGE_COLOUR, 10.0, 0), 1.9, 1e-12);
    assert_near(vc_image_op_value(VC_IMAGE_ROTATE, 0.0, 1), 0.0, 0.0);
}

enum { SIDE = 12, VALUES = SIDE * SIDE * 3 };

static void make_picture(vc_image *out)
{
    assert_ok(vc_image_reserve(out, SIDE, SIDE, 3, "a picture"));
    for (size_t i = 0; i < VALUES; i++)
        out->pixels[i] = (uint8_t)(30 + (i * i * 7 + i / 5) % 190);
}

static double share_changed(const vc_augment_options *o)
{
    enum { COUNT = 4000 };
    vc_image image = {0}, spare = {0}, plain = {0};
    unsigned changed = 0;
    make_picture(&plain);
    for (uint64_t i = 0; i < COUNT; i++) {
        vc_rng rng = vc_rng_open(3, 0, i), again = rng;
        make_picture(&image);
        assert_ok(vc_rand_augment(&image, &spare, &rng, o, fill));
        changed += memcmp(image.pixels, plain.pixels, VALUES) != 0;
        if (i % 50 == 0) {
            uint8_t kept[VALUES];
            memcpy(kept, image.pixels, VALUES);
            make_picture(&image);
            assert_ok(vc_rand_augment(&image, &spare, &again, o, fill));
            assert_memory_equal(image.pixels, kept, VALUES);
        }
    }
    vc_image_close(&image);
    vc_image_close(&spare);
    vc_image_close(&plain);
    return (double)changed / COUNT;
}

/* Every operation changes the picture but Equalize, for which it has too few pixels. */
static void as_many_images_change_as_chance_has_it(void **state)
{
    (void)state;
    vc_augment_options o = vc_augment_options_default();
    const double one = 0.5 * 14.0 / 15.0;
    assert_near(share_changed(&o), 1.0 - (1.0 - one) * (1.0 - one), 0.03);
    o.interpolation = VC_EITHER;
    o.operations = 1;
    assert_near(share_changed(&o), one, 0.03);
    o.operation_share = 0.0;
    assert_near(share_changed(&o), 0.0, 0.0);
    o.operations = 3;
    o.operation_share = 1.0;
    assert_true(share_changed(&o) > 0.99);
    o.operations = 0;
    assert_near(share_changed(&o), 0.0, 0.0);
}

/* Of a grey image only brightness and contrast are left: around the mean, and times a factor. */
static void jitter_stays_within_its_factors(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    vc_image image = {0}, spare = {0};
    double sum = 0.0, low = 1e9, high = 0.0;
    for (uint64_t i = 0; i < COUNT; i++) {
        vc_rng rng = vc_rng_open(9, 0, i);
        assert_ok(vc_image_reserve(&image, 1, 1, 1, "grey"));
        image.pixels[0] = 100;
        assert_ok(vc_colour_jitter(&image, &spare, &rng, 0.4));
        sum += image.pixels[0];
        low = fmin(low, image.pixels[0]);
        high = fmax(high, image.pixels[0]);
    }
    assert_near(sum / COUNT, 99.5, 1.5); /* cut off, not rounded */
    assert_true(low >= 60.0 - 1.0 && low < 62.0);
    assert_true(high <= 140.0 && high > 138.0);
    vc_image_close(&image);
    vc_image_close(&spare);
}

static void refuses_impossible_options(void **state)
{
    (void)state;
    const vc_augment_options none = {0};
    vc_augment_options o = vc_augment_options_default();
    assert_ok(vc_augment_check(&o));
    assert_ok(vc_augment_check(&none));
#define REFUSES(change, text)                                                                      \
    do {                                                                                           \
        o = vc_augment_options_default();                                                          \
        change;                                                                                    \
        assert_fails(vc_augment_check(&o), VC_EINVAL, text);                                       \
    } while (0)
    REFUSES(o.crop_least = 0.0, "a crop shows: 0 to 1, wanted a range inside 1e-06 to 1");
    REFUSES(o.crop_least = (double)NAN, "a crop shows: nan");
    REFUSES(o.crop_most = 1.5, "a crop shows: 0.08 to 1.5");
    REFUSES(o.crop_most = 0.0, "the smallest crop, without crops, is 0.08");
    REFUSES(o.aspect_least = 2.0, "a crop's sides: 2 to 1.33333");
    REFUSES(o.aspect_most = (double)INFINITY, "a crop's sides: 0.75 to inf");
    REFUSES(o.shift = 4, "a shift by up to 4 pixels beside random crops");
    REFUSES((o.crop_least = o.crop_most = 0.0, o.shift = 9000), "a shift by up to 9000 pixels");
    REFUSES(o.flip = -0.1, "mirrored is -0.1, wanted 0 to 1");
    REFUSES(o.operations = 65, "65 operations per image, wanted at most 64");
    REFUSES(o.operation_share = 2.0, "carried out is 2");
    REFUSES(o.magnitude = 11.0, "the magnitude is 11, wanted 0 to 10");
    REFUSES(o.magnitude_std = (double)NAN, "the magnitude's deviation is nan");
    REFUSES(o.interpolation = (vc_interpolation)7, "interpolation 7");
    REFUSES(o.jitter = 1.1, "colour jitter is 1.1");
    REFUSES(o.erase = 1.1, "erased in part is 1.1");
    REFUSES(o.erase_most = 0.01, "an image that is erased: 0.02 to 0.01");
    REFUSES(o.erase_aspect = 0.0, "the ratio of what is erased is 0");
    REFUSES(o.mix = -1.0, "batches that are mixed is -1");
    REFUSES(o.mixup = -0.8, "mixup's alpha is -0.8");
    REFUSES(o.mixup = 1e-9, "mixup's alpha is 1e-09, wanted 0.001 to 1000");
    REFUSES(o.cutmix = (double)NAN, "cutmix's alpha is nan");
    REFUSES(o.cutmix_share = 3.0, "batches that are cut is 3");
#undef REFUSES
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(magnitudes_become_timms_values),
        cmocka_unit_test(as_many_images_change_as_chance_has_it),
        cmocka_unit_test(jitter_stays_within_its_factors),
        cmocka_unit_test(refuses_impossible_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
