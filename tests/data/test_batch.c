/* Random resized crops: within the image, at pixel centres, the same for the same seed. */
#include "testing.h"
#include "vitcod/data.h"

enum { SIDE = 24, PIXELS = SIDE * SIDE, COUNT = 40 };

/* Brighter from left to right, in steps of 10. */
static vc_dataset ramps(uint8_t *pixels, int32_t *labels)
{
    for (size_t i = 0; i < COUNT * PIXELS; i++)
        pixels[i] = (uint8_t)(10 * (i % SIDE));
    memset(labels, 0, COUNT * sizeof *labels);
    return (vc_dataset){.count = COUNT,
                        .channels = 1,
                        .height = SIDE,
                        .width = SIDE,
                        .classes = 1,
                        .images = pixels,
                        .labels = labels};
}

static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT], y[COUNT];
static float a[COUNT * PIXELS], b[COUNT * PIXELS];
static uint32_t order[COUNT];

static vc_batch_options cropping(double least)
{
    for (uint32_t i = 0; i < COUNT; i++)
        order[i] = i;
    return (vc_batch_options){
        .std = {1.0f / 255.0f}, .augmentation = {.crop = least}, .seed = 5, .epoch = 2};
}

static void ramps_stay_ramps(void **state)
{
    (void)state;
    const vc_dataset data = ramps(pixels, labels);
    vc_batch_options o = cropping(0.25);
    size_t narrow = 0;
    vc_batch_load(a, y, &data, order, COUNT, &o);
    for (size_t i = 0; i < COUNT; i++) {
        const float *image = a + i * PIXELS, first = image[0], last = image[SIDE - 1];
        assert_true(first >= 0.0f && last <= 10.0f * (SIDE - 1) + 1e-2f);
        /* a width of sqrt(0.25 x 3 / 4) of the side at the least, less a rounding */
        assert_true(last - first > 10.0f * (SIDE * 0.43f - 1.5f));
        narrow += last - first < 10.0f * SIDE * 0.8f;
        for (size_t p = 0; p < PIXELS; p++) {
            const size_t x = p % SIDE;
            assert_near(image[p], image[x], 1e-2); /* rows are alike */
            if (x > 0)
                assert_true(image[p] >= image[p - 1] - 1e-3f && image[p] <= image[p - 1] + 10.01f);
        }
    }
    assert_true(narrow > COUNT / 4);
    vc_batch_load(b, y, &data, order, COUNT, &o);
    assert_memory_equal(a, b, sizeof a);
    o.epoch = 3;
    vc_batch_load(b, y, &data, order, COUNT, &o);
    assert_true(memcmp(a, b, sizeof a) != 0);
}

static void the_whole_is_the_image(void **state)
{
    (void)state;
    const vc_dataset data = ramps(pixels, labels);
    const vc_batch_options o = cropping(1.0);
    vc_batch_load(a, y, &data, order, COUNT, &o);
    for (size_t i = 0; i < COUNT * PIXELS; i++)
        assert_near(a[i], pixels[i], 1e-2);
}

static void mirrored_crops_fall(void **state)
{
    (void)state;
    const vc_dataset data = ramps(pixels, labels);
    vc_batch_options o = cropping(0.5);
    size_t falling = 0;
    o.augmentation.flip = 1;
    vc_batch_load(a, y, &data, order, COUNT, &o);
    for (size_t i = 0; i < COUNT; i++)
        falling += a[i * PIXELS] > a[i * PIXELS + SIDE - 1];
    assert_true(falling > COUNT / 4 && falling < 3 * COUNT / 4);
}

/* A pair's images are mixed by one weight from both sides: their sum stays; half of the pairs is half. */
static void pairs_are_mixed(void **state)
{
    (void)state;
    const vc_dataset data = ramps(pixels, labels);
    vc_batch_options o = cropping(0.0);
    size_t mixed = 0;
    vc_batch_load(a, y, &data, order, COUNT, &o);
    o.augmentation.mixup = 0.5;
    for (size_t i = 0; i < COUNT * PIXELS; i++)
        a[i] += (float)(i / PIXELS); /* images that differ */
    for (size_t i = 0; i < COUNT * PIXELS; i++)
        pixels[i] = (uint8_t)a[i];
    vc_batch_load(b, y, &data, order, COUNT, &o);
    for (size_t i = 0; i < COUNT / 2; i++) {
        const size_t first = i * PIXELS, last = (COUNT - 1 - i) * PIXELS;
        mixed += b[first] != pixels[first];
        for (size_t p = 0; p < PIXELS; p++)
            assert_near(b[first + p] + b[last + p], pixels[first + p] + pixels[last + p], 1e-2);
    }
    assert_true(mixed > COUNT / 8 && mixed < 3 * COUNT / 8);
    vc_batch_load(a, y, &data, order, COUNT, &o);
    assert_memory_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ramps_stay_ramps), cmocka_unit_test(the_whole_is_the_image),
        cmocka_unit_test(mirrored_crops_fall), cmocka_unit_test(pairs_are_mixed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
