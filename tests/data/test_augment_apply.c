#include "testing.h"
#include "vitcod/augment.h"
#include "vitcod/npy.h"

static const uint8_t fill[] = {124, 116, 104};

/* tools/golden/augment.py's picture, in RGB or in grey. */
static void open_picture(vc_image *out, size_t channels)
{
    vc_npy npy;
    assert_ok(vc_npy_open(&npy, "tests/data/golden/augment_picture.npy"));
    const uint8_t *p = npy.tensor.data;
    const size_t height = npy.tensor.shape[0], width = npy.tensor.shape[1];
    assert_ok(vc_image_reserve(out, width, height, channels, "a picture"));
    for (size_t i = 0; i < width * height; i++, p += 3)
        if (channels == 1)
            out->pixels[i] = vc_grey_of_rgb(p[0], p[1], p[2]);
        else
            memcpy(out->pixels + 3 * i, p, 3);
    vc_npy_close(&npy);
}

static void equals_pillow(void **state)
{
    (void)state;
    vc_npy cases, made;
    vc_image image = {0}, spare = {0};
    assert_ok(vc_npy_open(&cases, "tests/data/golden/augment_cases.npy"));
    assert_ok(vc_npy_open(&made, "tests/data/golden/augment_made.npy"));
    const double *row = cases.tensor.data;
    const uint8_t *want = made.tensor.data;
    unsigned seen[VC_IMAGE_OPS] = {0};
    for (size_t i = 0; i < cases.tensor.shape[0]; i++, row += 3)
        for (int grey = 0; grey < 2; grey++) {
            const size_t channels = grey ? 1 : 3;
            const vc_image_op op = (vc_image_op)row[0];
            open_picture(&image, channels);
            const size_t count = image.width * image.height * channels;
            assert_ok(vc_image_apply(&image, &spare, op, row[1], (vc_interpolation)row[2], fill));
            for (size_t k = 0; k < count; k++)
                if (image.pixels[k] != want[k])
                    fail_msg("%s by %g, interpolation %g, %zu channels: value %zu is %u, wanted %u",
                             vc_image_op_name(op), row[1], row[2], channels, k, image.pixels[k],
                             want[k]);
            want += count;
            seen[op]++;
        }
    assert_ptr_equal(want, (uint8_t *)made.tensor.data + made.tensor.shape[0]);
    for (int op = 0; op < VC_IMAGE_OPS; op++)
        assert_true(seen[op] > 0);
    vc_npy_close(&cases);
    vc_npy_close(&made);
    vc_image_close(&image);
    vc_image_close(&spare);
}

/* Pillow 13 refuses 0 bits. Earlier versions, and timm at the highest magnitude, make the image
 * black. */
static void posterizing_to_nothing_is_black(void **state)
{
    (void)state;
    vc_image image = {0}, spare = {0};
    open_picture(&image, 3);
    assert_ok(vc_image_apply(&image, &spare, VC_IMAGE_POSTERIZE, 0, VC_BICUBIC, fill));
    for (size_t i = 0; i < image.width * image.height * 3; i++)
        assert_int_equal(image.pixels[i], 0);
    vc_image_close(&image);
}

static void small_images_are_no_trouble(void **state)
{
    (void)state;
    static const size_t sides[][2] = {{1, 1}, {1, 5}, {5, 1}, {2, 3}, {3, 2}};
    vc_image image = {0}, spare = {0};
    for (size_t s = 0; s < 5; s++)
        for (int op = 0; op < VC_IMAGE_OPS; op++)
            for (int negative = 0; negative < 2; negative++)
                for (int kind = 0; kind < 2; kind++) {
                    assert_ok(vc_image_reserve(&image, sides[s][0], sides[s][1], 3, "small"));
                    memset(image.pixels, 99, sides[s][0] * sides[s][1] * 3);
                    const double value = vc_image_op_value((vc_image_op)op, 10.0, negative);
                    assert_ok(vc_image_apply(&image, &spare, (vc_image_op)op, value,
                                             (vc_interpolation)kind, fill));
                    assert_int_equal(image.width, sides[s][0]);
                    assert_int_equal(image.height, sides[s][1]);
                    vc_image_flip(&image);
                }
    vc_image_close(&image);
    vc_image_close(&spare);
}

static void far_away_is_all_fill(void **state)
{
    (void)state;
    static const vc_image_op ops[] = {VC_IMAGE_SHEAR_X, VC_IMAGE_SHEAR_Y, VC_IMAGE_TRANSLATE_X,
                                      VC_IMAGE_TRANSLATE_Y};
    vc_image image = {0}, spare = {0};
    for (size_t i = 0; i < 8; i++) {
        open_picture(&image, 3);
        const double far = i % 2 == 0 ? 1e6 : -1e6;
        assert_ok(vc_image_apply(&image, &spare, ops[i / 2], far, VC_BICUBIC, fill));
        for (size_t k = 0; k < image.width * image.height * 3; k++)
            assert_int_equal(image.pixels[k], fill[k % 3]);
    }
    vc_image_close(&image);
    vc_image_close(&spare);
}

static void refuses_values_out_of_range(void **state)
{
    (void)state;
    vc_image image = {0}, spare = {0};
    open_picture(&image, 1);
#define REFUSES(op, value, text)                                                                   \
    assert_fails(vc_image_apply(&image, &spare, op, value, VC_BICUBIC, fill), VC_EINVAL, text)
    REFUSES(VC_IMAGE_POSTERIZE, 9, "Posterize by 9, wanted a whole number of 0 to 8");
    REFUSES(VC_IMAGE_POSTERIZE, 1.5, "Posterize by 1.5");
    REFUSES(VC_IMAGE_SOLARIZE, -1, "Solarize by -1, wanted a whole number of 0 to 256");
    REFUSES(VC_IMAGE_SOLARIZE_ADD, 256, "SolarizeAdd by 256");
    REFUSES(VC_IMAGE_ROTATE, (double)NAN, "Rotate by nan, wanted a number of");
    REFUSES(VC_IMAGE_COLOUR, 1e7, "Color by 1e+07");
    REFUSES(VC_IMAGE_SHEAR_X, (double)-INFINITY, "ShearX by -inf");
#undef REFUSES
    vc_image_close(&image);
}

static void flips_and_shifts(void **state)
{
    (void)state;
    vc_image image = {0}, moved = {0};
    for (size_t channels = 1; channels <= 3; channels += 2) {
        open_picture(&image, channels);
        const size_t w = image.width, h = image.height;
        for (ptrdiff_t down = -20; down <= 20; down += 5)
            for (ptrdiff_t right = -24; right <= 24; right += 6) {
                assert_ok(vc_image_shift(&moved, &image, down, right));
                for (size_t i = 0; i < w * h * channels; i++) {
                    const ptrdiff_t y = (ptrdiff_t)(i / channels / w) - down,
                                    x = (ptrdiff_t)(i / channels % w) - right;
                    const int in = y >= 0 && y < (ptrdiff_t)h && x >= 0 && x < (ptrdiff_t)w;
                    const size_t from =
                        in ? ((size_t)y * w + (size_t)x) * channels + i % channels : 0;
                    assert_int_equal(moved.pixels[i], in ? image.pixels[from] : 0);
                }
            }
        assert_ok(vc_image_shift(&moved, &image, 0, 0));
        vc_image_flip(&moved);
        for (size_t i = 0; i < w * h; i++)
            assert_memory_equal(moved.pixels + i * channels,
                                image.pixels + (i / w * w + w - 1 - i % w) * channels, channels);
    }
    vc_image_close(&image);
    vc_image_close(&moved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow),
        cmocka_unit_test(posterizing_to_nothing_is_black),
        cmocka_unit_test(small_images_are_no_trouble),
        cmocka_unit_test(far_away_is_all_fill),
        cmocka_unit_test(refuses_values_out_of_range),
        cmocka_unit_test(flips_and_shifts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
