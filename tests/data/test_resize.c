#include "testing.h"
#include "vitcod/image.h"
#include "vitcod/isa.h"
#include "vitcod/npy.h"
#include "vitcod/rng.h"

typedef struct geometry {
    size_t width, height, resize, crop;
} geometry;

/* tools/golden/images.py has the same list. */
static const geometry geometries[] = {
    {37, 29, 16, 14}, {29, 37, 16, 14}, {9, 7, 32, 28},   {7, 9, 32, 28},
    {1, 1, 8, 8},     {1, 300, 8, 7},   {300, 1, 8, 7},   {64, 64, 64, 55},
    {61, 50, 50, 50}, {40, 33, 33, 30}, {5, 120, 24, 21}, {211, 190, 9, 5},
};
enum { GEOMETRIES = sizeof geometries / sizeof geometries[0] };

static void make_picture(vc_image *out, size_t width, size_t height, size_t channels)
{
    assert_ok(vc_image_reserve(out, width, height, channels, "a picture"));
    uint8_t *pixel = out->pixels;
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            uint8_t rgb[3];
            for (size_t c = 0; c < 3; c++)
                rgb[c] = (uint8_t)(x * x * 7 + y * 13 + c * 29 + x * y);
            if (channels == 1)
                *pixel++ = vc_grey_of_rgb(rgb[0], rgb[1], rgb[2]);
            for (size_t c = 0; channels == 3 && c < 3; c++)
                *pixel++ = rgb[c];
        }
}

static void check_against_pillow(void)
{
    vc_npy npy;
    vc_image in = {0}, out = {0};
    vc_resize_scratch scratch = {0};
    assert_ok(vc_npy_open(&npy, "tests/data/golden/resized.npy"));
    const uint8_t *want = npy.tensor.data;
    for (size_t i = 0; i < 2 * GEOMETRIES; i++) {
        geometry g = geometries[i / 2];
        size_t channels = i % 2 == 0 ? 3 : 1, count = g.crop * g.crop * channels;
        make_picture(&in, g.width, g.height, channels);
        assert_ok(vc_image_resize_crop(&out, &in, g.resize, g.crop, VC_BICUBIC, &scratch));
        assert_true(out.width == g.crop && out.height == g.crop && out.channels == channels);
        for (size_t k = 0; k < count; k++)
            if (out.pixels[k] != want[k])
                fail_msg("%zux%zu to %zu, crop %zu, %zu channels: value %zu is %u, wanted %u",
                         g.width, g.height, g.resize, g.crop, channels, k, out.pixels[k], want[k]);
        want += count;
    }
    assert_ptr_equal(want, (uint8_t *)npy.tensor.data + npy.tensor.shape[0]);
    vc_npy_close(&npy);
    vc_image_close(&in);
    vc_image_close(&out);
    vc_resize_scratch_close(&scratch);
}

/* tools/golden/covered.py has the same list. */
static const struct {
    size_t width, height;
    vc_extent size;
    double crop_pct;
    vc_interpolation interpolation;
} covers[] = {
    {37, 29, {14, 20}, 0.875, VC_BICUBIC}, {29, 37, {14, 20}, 0.875, VC_BILINEAR},
    {37, 29, {20, 14}, 0.9, VC_BICUBIC},   {9, 7, {30, 12}, 1.0, VC_BICUBIC},
    {7, 9, {12, 30}, 0.95, VC_BICUBIC},    {64, 48, {24, 32}, 1.0, VC_BICUBIC},
    {61, 50, {25, 31}, 0.7, VC_BILINEAR},  {200, 133, {16, 24}, 1.0, VC_BICUBIC},
    {1, 1, {3, 8}, 1.0, VC_BICUBIC},       {45, 60, {16, 4}, 0.5, VC_BICUBIC},
};
enum { COVERS = sizeof covers / sizeof covers[0] };

/* Images that are higher than wide, or the other way round, as timm's evaluation sees them. */
static void check_covers_against_timm(void)
{
    vc_npy npy;
    vc_image in = {0}, out = {0};
    vc_resize_scratch scratch = {0};
    assert_ok(vc_npy_open(&npy, "tests/data/golden/covered.npy"));
    const uint8_t *want = npy.tensor.data;
    for (size_t i = 0; i < COVERS; i++) {
        const vc_extent crop = covers[i].size,
                        resize = {(size_t)floor((double)crop.height / covers[i].crop_pct),
                                  (size_t)floor((double)crop.width / covers[i].crop_pct)};
        const size_t count = 3 * vc_extent_area(crop);
        make_picture(&in, covers[i].width, covers[i].height, 3);
        assert_ok(vc_image_cover_crop(&out, &in, resize, crop, covers[i].interpolation, &scratch));
        assert_true(out.width == crop.width && out.height == crop.height && out.channels == 3);
        for (size_t k = 0; k < count; k++)
            if (out.pixels[k] != want[k])
                fail_msg("%zux%zu seen at %zux%zu: value %zu is %u, wanted %u", covers[i].width,
                         covers[i].height, crop.width, crop.height, k, out.pixels[k], want[k]);
        want += count;
    }
    assert_ptr_equal(want, (uint8_t *)npy.tensor.data + npy.tensor.shape[0]);
    vc_npy_close(&npy);
    vc_image_close(&in);
    vc_image_close(&out);
    vc_resize_scratch_close(&scratch);
}

/* tools/golden/images.py has the same list. */
static const struct {
    size_t width, height;
    vc_box box;
    size_t out_width, out_height;
} boxes[] = {
    {37, 29, {3, 2, 20, 25}, 16, 14},   {37, 29, {0, 0, 37, 29}, 14, 14},
    {9, 7, {2, 1, 5, 5}, 24, 24},       {64, 50, {63, 49, 1, 1}, 6, 4},
    {64, 50, {10, 10, 16, 16}, 16, 16}, {61, 300, {1, 9, 60, 280}, 12, 12},
};
enum { BOXES = sizeof boxes / sizeof boxes[0] };

static void check_boxes_against_pillow(void)
{
    vc_npy npy;
    vc_image in = {0}, out = {0};
    vc_resize_scratch scratch = {0};
    assert_ok(vc_npy_open(&npy, "tests/data/golden/boxes.npy"));
    const uint8_t *want = npy.tensor.data;
    for (size_t i = 0; i < 2 * BOXES; i++) {
        const size_t b = i / 2, channels = i % 2 == 0 ? 3 : 1;
        const size_t count = boxes[b].out_width * boxes[b].out_height * channels;
        make_picture(&in, boxes[b].width, boxes[b].height, channels);
        assert_ok(vc_image_resize_box(&out, &in, boxes[b].box, boxes[b].out_width,
                                      boxes[b].out_height, &scratch));
        assert_true(out.width == boxes[b].out_width && out.height == boxes[b].out_height);
        for (size_t k = 0; k < count; k++)
            if (out.pixels[k] != want[k])
                fail_msg("box %zu, %zu channels: value %zu is %u, wanted %u", b, channels, k,
                         out.pixels[k], want[k]);
        want += count;
    }
    assert_ptr_equal(want, (uint8_t *)npy.tensor.data + npy.tensor.shape[0]);
    vc_npy_close(&npy);
    vc_image_close(&in);
    vc_image_close(&out);
    vc_resize_scratch_close(&scratch);
}

static void equals_pillow(void **state)
{
    (void)state;
    for (int isa = 0; isa <= (int)vc_isa_best(); isa++) {
        setenv("VC_ISA", vc_isa_name((vc_isa)isa), 1);
        check_against_pillow();
        check_boxes_against_pillow();
        check_covers_against_timm();
    }
    unsetenv("VC_ISA");
}

/* Extreme pixels, so that sums go below 0 and above 255; an input of exactly its size, so that a
 * read beyond it is seen. */
static void every_instruction_set_gives_the_same_bytes(void **state)
{
    (void)state;
    vc_image ref = {0}, simd = {0};
    vc_resize_scratch scratch = {0};
    vc_rng rng = vc_rng_open(1, 2, 3);
    for (int round = 0; round < 300; round++) {
        vc_image in = {0};
        size_t resize = 1 + vc_rng_below(&rng, 60), crop = 1 + vc_rng_below(&rng, resize);
        size_t channels = vc_rng_below(&rng, 4) == 0 ? 1 : 3;
        assert_ok(vc_image_reserve(&in, 1 + vc_rng_below(&rng, 90), 1 + vc_rng_below(&rng, 90),
                                   channels, "noise"));
        for (size_t i = 0; i < in.width * in.height * channels; i++)
            in.pixels[i] = vc_rng_below(&rng, 2) ? 255 : 0;
        setenv("VC_ISA", "ref", 1);
        assert_ok(vc_image_resize_crop(&ref, &in, resize, crop, VC_BICUBIC, &scratch));
        unsetenv("VC_ISA");
        assert_ok(vc_image_resize_crop(&simd, &in, resize, crop, VC_BICUBIC, &scratch));
        assert_memory_equal(ref.pixels, simd.pixels, crop * crop * channels);
        vc_box box = {.left = vc_rng_below(&rng, in.width), .top = vc_rng_below(&rng, in.height)};
        box.width = 1 + vc_rng_below(&rng, in.width - box.left);
        box.height = 1 + vc_rng_below(&rng, in.height - box.top);
        setenv("VC_ISA", "ref", 1);
        assert_ok(vc_image_resize_box(&ref, &in, box, resize, crop, &scratch));
        unsetenv("VC_ISA");
        assert_ok(vc_image_resize_box(&simd, &in, box, resize, crop, &scratch));
        assert_memory_equal(ref.pixels, simd.pixels, resize * crop * channels);
        vc_image_close(&in);
    }
    vc_image_close(&ref);
    vc_image_close(&simd);
    vc_resize_scratch_close(&scratch);
}

static void long_lines_cost_no_more_than_others(void **state)
{
    (void)state;
    static const size_t sides[][2] = {{1, 1}, {1, 20000}, {20000, 1}, {1000000, 2}, {3, 1000000}};
    vc_image in = {0}, out = {0};
    vc_resize_scratch scratch = {0};
    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        assert_ok(vc_image_reserve(&in, sides[i][0], sides[i][1], 3, "line"));
        memset(in.pixels, 77, sides[i][0] * sides[i][1] * 3);
        assert_ok(vc_image_resize_crop(&out, &in, 256, 224, VC_BICUBIC, &scratch));
        for (size_t k = 0; k < 224 * 224 * 3; k++)
            assert_int_equal(out.pixels[k], 77);
    }
    assert_true(scratch.capacity < 1 << 20);
    vc_image_close(&in);
    vc_image_close(&out);
    vc_resize_scratch_close(&scratch);
}

static void the_scratch_is_used_again(void **state)
{
    (void)state;
    vc_image in = {0}, out = {0};
    vc_resize_scratch scratch = {0};
    make_picture(&in, 50, 40, 3);
    assert_ok(vc_image_resize_crop(&out, &in, 20, 18, VC_BICUBIC, &scratch));
    const unsigned char *kept = scratch.memory;
    make_picture(&in, 30, 40, 3);
    assert_ok(vc_image_resize_crop(&out, &in, 20, 18, VC_BICUBIC, &scratch));
    assert_ptr_equal(scratch.memory, kept);
    vc_image_close(&in);
    vc_image_close(&out);
    vc_resize_scratch_close(&scratch);
}

static void refuses_impossible_crops(void **state)
{
    (void)state;
    static const size_t pairs[][2] = {{8, 0}, {0, 0}, {8, 9}, {VC_RESIZE_MAX + 1, 4}};
    vc_image in = {0}, out = {0};
    vc_resize_scratch scratch = {0};
    make_picture(&in, 5, 4, 1);
    for (size_t i = 0; i < 4; i++)
        assert_fails(
            vc_image_resize_crop(&out, &in, pairs[i][0], pairs[i][1], VC_BICUBIC, &scratch),
            VC_EINVAL, "wanted 1 <= crop <= resize <= 8192");
    static const vc_extent covers_not[][2] = {
        {{8, 9}, {8, 10}}, {{8, 9}, {0, 9}}, {{VC_RESIZE_MAX + 1, 9}, {8, 9}}};
    for (size_t i = 0; i < 3; i++)
        assert_fails(vc_image_cover_crop(&out, &in, covers_not[i][0], covers_not[i][1], VC_BICUBIC,
                                         &scratch),
                     VC_EINVAL, "wanted 1 <= crop <= resize <= 8192 along both sides");
    static const vc_box outside[] = {{5, 0, 1, 1}, {0, 0, 6, 1}, {0, 0, 0, 1},
                                     {0, 0, 1, 0}, {4, 3, 2, 1}, {1, 0, SIZE_MAX, 1}};
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        assert_fails(vc_image_resize_box(&out, &in, outside[i], 4, 4, &scratch), VC_EINVAL,
                     "wanted one inside an image of 5x4");
    assert_fails(
        vc_image_resize_box(&out, &in, (vc_box){0, 0, 5, 4}, 4, VC_RESIZE_MAX + 1, &scratch),
        VC_EINVAL, "wanted sides of 1 to 8192");
    vc_image_close(&in);
    vc_image_close(&out);
    vc_resize_scratch_close(&scratch);
}

/* As Pillow's BILINEAR: up from 5 to 8 and down from 5 to 4 rows. */
static void resizes_bilinearly(void **state)
{
    (void)state;
    static const uint8_t down[4][4] = {
        {13, 59, 112, 165}, {16, 62, 115, 168}, {20, 66, 119, 172}, {23, 69, 122, 175}};
    static const uint8_t up[2][8] = {{17, 40, 64, 87, 111, 135, 158, 182},
                                     {29, 52, 76, 99, 123, 147, 170, 194}};
    vc_image in = {0}, out = {0};
    vc_resize_scratch scratch = {0};
    assert_ok(vc_image_reserve(&in, 7, 5, 1, "a ramp"));
    for (size_t i = 0; i < 35; i++)
        in.pixels[i] = (uint8_t)(i * 37 % 256);
    assert_ok(vc_image_resize_crop(&out, &in, 4, 4, VC_BILINEAR, &scratch));
    assert_memory_equal(out.pixels, down, sizeof down);
    assert_ok(vc_image_resize_crop(&out, &in, 8, 8, VC_BILINEAR, &scratch));
    /* 11 columns: the middle 8 begin at half of 3, rounded to even */
    for (size_t x = 0; x < 7; x++) {
        assert_int_equal(out.pixels[x], up[0][x + 1]);
        assert_int_equal(out.pixels[7 * 8 + x], up[1][x + 1]);
    }
    vc_image_close(&in);
    vc_image_close(&out);
    vc_resize_scratch_close(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow),
        cmocka_unit_test(every_instruction_set_gives_the_same_bytes),
        cmocka_unit_test(long_lines_cost_no_more_than_others),
        cmocka_unit_test(the_scratch_is_used_again),
        cmocka_unit_test(resizes_bilinearly),
        cmocka_unit_test(refuses_impossible_crops),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
