/* Sources taken apart, and what tells one from another. */
#include "folders.h"
#include "vitcod/loader.h"

enum { COUNT = 10 };

static void a_fifth_is_every_fifth(void **state)
{
    (void)state;
    uint8_t pixels[COUNT];
    int32_t labels[COUNT];
    for (int i = 0; i < COUNT; i++) {
        pixels[i] = (uint8_t)(10 * i);
        labels[i] = i;
    }
    const vc_dataset data = {COUNT, 1, 1, 1, COUNT, pixels, labels, NULL};
    vc_source *whole, *first, *second, *neither;
    char name[VC_SOURCE_NAME];
    assert_ok(vc_source_of_dataset(&whole, &data));
    assert_ok(vc_source_split(&first, &second, whole, 0.2));
    assert_int_equal(vc_source_count(first), 8);
    assert_int_equal(vc_source_count(second), 2);
    assert_int_equal(vc_source_classes(second), COUNT);
    assert_int_equal(vc_source_label(first, 4), 5);
    assert_int_equal(vc_source_label(second, 1), 9);
    assert_string_equal(vc_source_name(name, second, 0), "memory: image 4");
    vc_loader *loader;
    vc_loaded batch;
    vc_loader_options o = vc_loader_options_default();
    o.size = vc_square(1);
    o.channels = 1;
    o.batch = COUNT;
    assert_ok(vc_loader_open(&loader, second, &o));
    assert_ok(vc_loader_next(&batch, loader));
    assert_int_equal(batch.count, 2);
    assert_near(batch.x[0], 40.0 / 255.0, 1e-6);
    assert_near(batch.x[1], 90.0 / 255.0, 1e-6);
    assert_int_equal(batch.labels[1], 9);
    vc_loader_close(loader);
    assert_fails(vc_source_split(&neither, &neither, first, 0.5), VC_EINVAL, "a part");
    vc_source_close(first);
    vc_source_close(second);
    assert_fails(vc_source_split(&first, &second, whole, 1.5), VC_EINVAL, "a share of 1.5");
    vc_source_close(whole);
}

/* Classes that take turns: every second image would be of one class. */
static void a_part_has_every_class(void **state)
{
    (void)state;
    uint8_t pixels[COUNT] = {0};
    int32_t labels[COUNT];
    for (int i = 0; i < COUNT; i++)
        labels[i] = i % 2;
    const vc_dataset data = {COUNT, 1, 1, 1, 2, pixels, labels, NULL};
    vc_source *whole, *first, *second;
    assert_ok(vc_source_of_dataset(&whole, &data));
    assert_ok(vc_source_split(&first, &second, whole, 0.5));
    size_t of_class[2] = {0};
    for (size_t i = 0; i < vc_source_count(second); i++)
        of_class[vc_source_label(second, i)]++;
    assert_int_equal(vc_source_count(second), 5);
    assert_int_equal(of_class[0], 2);
    assert_int_equal(of_class[1], 3);
    vc_source_close(first);
    vc_source_close(second);
    vc_source_close(whole);
}

static void files_are_read_through_a_part(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    put_bytes(d, "a/1.jpg", "one", 3);
    put_bytes(d, "b/2.jpg", "three", 5);
    const vc_source_options o = vc_source_options_default();
    vc_source *whole, *first, *second;
    vc_bytes bytes = {0};
    assert_ok(vc_source_open(&whole, d, &o));
    assert_ok(vc_source_split(&first, &second, whole, 0.5));
    assert_int_equal(vc_source_count(second), 1);
    assert_string_equal(vc_source_class_name(second, 1), "b");
    assert_int_equal(vc_source_label(second, 0), 1);
    assert_ok(vc_source_read(&bytes, second, 0));
    assert_int_equal(bytes.count, 5);
    vc_bytes_close(&bytes);
    vc_source_close(first);
    vc_source_close(second);
    vc_source_close(whole);
}

static uint64_t hash_of(const char *directory)
{
    const vc_source_options o = vc_source_options_default();
    vc_source *source;
    assert_ok(vc_source_open(&source, directory, &o));
    const uint64_t hash = vc_source_hash(source);
    vc_source_close(source);
    return hash;
}

static void a_hash_names_the_images(void **state)
{
    (void)state;
    uint8_t pixels[3] = {1, 2, 3};
    int32_t labels[3] = {0, 1, 0};
    const vc_dataset data = {3, 1, 1, 1, 2, pixels, labels, NULL};
    vc_source *whole, *first, *second;
    assert_ok(vc_source_of_dataset(&whole, &data));
    assert_ok(vc_source_split(&first, &second, whole, 0.34));
    const uint64_t all = vc_source_hash(whole), part = vc_source_hash(first);
    assert_true(all != part && part != vc_source_hash(second));
    pixels[1] = 9; /* held back, as the last of its class */
    assert_true(vc_source_hash(whole) != all && vc_source_hash(first) == part);
    labels[0] = 1;
    assert_true(vc_source_hash(first) != part);
    vc_source_close(first);
    vc_source_close(second);
    vc_source_close(whole);

    const char *d = fresh_directory();
    put_bytes(d, "a/1.jpg", "one", 3);
    put_bytes(d, "b/2.jpg", "two", 3);
    const uint64_t before = hash_of(d);
    assert_true(hash_of(d) == before);
    put_bytes(d, "b/2.jpg", "four", 4);
    const uint64_t longer = hash_of(d);
    put_bytes(d, "c/3.jpg", "x", 1);
    assert_true(longer != before && hash_of(d) != longer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fifth_is_every_fifth), cmocka_unit_test(a_part_has_every_class),
        cmocka_unit_test(files_are_read_through_a_part), cmocka_unit_test(a_hash_names_the_images)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
