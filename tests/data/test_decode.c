/* Images decoded into memory once: the loader's pixels. */
#include "testing.h"
#include "vitcod/loader.h"

static void pixels_stay_as_they_are(void **state)
{
    (void)state;
    enum { COUNT = 5, SIDE = 6, VALUES = 3 * SIDE * SIDE };
    uint8_t pixels[COUNT * VALUES];
    int32_t labels[COUNT] = {3, 1, 4, 1, 5};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * 37 % 256);
    const vc_dataset from = {.count = COUNT,
                             .channels = 3,
                             .height = SIDE,
                             .width = SIDE,
                             .classes = 6,
                             .images = pixels,
                             .labels = labels};
    vc_source *source;
    vc_dataset out;
    vc_loader_options o = vc_loader_options_default();
    o.size = SIDE;
    o.batch = 2;
    o.mean[0] = 0.5f; /* is no matter */
    assert_ok(vc_source_of_dataset(&source, &from));
    assert_ok(vc_dataset_decode(&out, source, &o));
    assert_int_equal(out.count, COUNT);
    assert_int_equal(out.classes, 6);
    assert_memory_equal(out.images, pixels, sizeof pixels);
    assert_memory_equal(out.labels, labels, sizeof labels);
    vc_dataset_close(&out);
    o.limit = 3;
    assert_ok(vc_dataset_decode(&out, source, &o));
    assert_int_equal(out.count, 3);
    vc_dataset_close(&out);
    vc_source_close(source);
}

static void broken_images_are_left_out(void **state)
{
    (void)state;
    const char *bad = temporary("bad.jpg"), *const paths[] = {bad, bad};
    write_bytes(bad, "no jpeg", 7);
    vc_source *source;
    vc_dataset out;
    const vc_loader_options o = vc_loader_options_default();
    assert_ok(vc_source_of_files(&source, paths, 2, NULL));
    assert_fails(vc_dataset_decode(&out, source, &o), VC_EFORMAT, "all of 2 images are broken");
    vc_source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pixels_stay_as_they_are),
                                       cmocka_unit_test(broken_images_are_left_out)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
