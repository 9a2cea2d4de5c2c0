/* Several sources as one: order, labels, parts, and what a loader makes of them. */
#include "pictures.h"

static vc_source_options labelled_or_not(int labelled)
{
    vc_source_options o = vc_source_options_default();
    o.labelled = labelled;
    return o;
}

/* Two folders with the same classes a and b, of 3 and 2 images. */
static void make_two(const char *paths[2])
{
    paths[0] = fresh_directory();
    put(paths[0], "a/1.jpg");
    put(paths[0], "a/2.jpg");
    put(paths[0], "b/3.jpg");
    paths[1] = fresh_directory();
    put(paths[1], "a/4.jpg");
    put(paths[1], "b/5.jpg");
}

static void images_come_one_source_after_the_other(void **state)
{
    (void)state;
    const char *paths[2];
    char name[VC_SOURCE_NAME];
    const int32_t labels[5] = {0, 0, 1, 0, 1};
    const vc_source_options o = labelled_or_not(1);
    vc_source *all;
    vc_bytes bytes = {0};
    make_two(paths);
    assert_ok(vc_source_open_all(&all, paths, 2, &o));
    assert_int_equal(vc_source_count(all), 5);
    assert_int_equal(vc_source_classes(all), 2);
    assert_string_equal(vc_source_class_name(all, 1), "b");
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(vc_source_label(all, i), labels[i]);
        assert_int_equal(vc_source_part_of(all, i), i >= 3);
    }
    assert_string_equal(vc_source_name(name, all, 3), joined(paths[1], "a/4.jpg"));
    assert_ok(vc_source_read(&bytes, all, 4));
    assert_memory_equal(bytes.data, "b/5.jpg", 7);
    assert_int_equal(vc_source_parts(all), 2);
    assert_int_equal(vc_source_part_count(all, 0), 3);
    assert_string_equal(vc_source_path(all, 1), paths[1]);
    vc_bytes_close(&bytes);
    vc_source_close(all);
}

static void labels_want_the_same_classes(void **state)
{
    (void)state;
    const char *paths[2];
    const vc_source_options with = labelled_or_not(1), without = labelled_or_not(0);
    vc_source *all, *two[2];
    make_two(paths);
    put(paths[1], "c/6.jpg");
    assert_fails(vc_source_open_all(&all, paths, 2, &with), VC_EINVAL, "its classes are not those");
    assert_ok(vc_source_open(&two[0], paths[0], &with));
    assert_ok(vc_source_open(&two[1], paths[1], &with));
    assert_ok(vc_source_join(&all, two, 2));
    assert_int_equal(vc_source_count(all), 6);
    assert_int_equal(vc_source_classes(all), 0);
    assert_int_equal(vc_source_named(all), 0);
    assert_int_equal(vc_source_label(all, 5), -1);
    vc_source_close(all);
    assert_ok(vc_source_open_all(&all, paths, 2, &without));
    assert_int_equal(vc_source_label(all, 0), -1);
    vc_source_close(all);
}

static void one_stays_as_it_is(void **state)
{
    (void)state;
    const char *paths[2];
    const vc_source_options o = labelled_or_not(1);
    vc_source *one, *all, *many[VC_SOURCE_MOST_PARTS + 1];
    make_two(paths);
    assert_ok(vc_source_open(&one, paths[0], &o));
    assert_ok(vc_source_join(&all, &one, 1));
    assert_ptr_equal(all, one);
    assert_int_equal(vc_source_parts(all), 1);
    assert_int_equal(vc_source_part_of(all, 2), 0);
    vc_source_close(all);
    for (size_t i = 0; i < VC_SOURCE_MOST_PARTS + 1; i++)
        assert_ok(vc_source_open(&many[i], paths[0], &o));
    assert_fails(vc_source_join(&all, many, VC_SOURCE_MOST_PARTS + 1), VC_EINVAL, "17 sources");
    assert_fails(vc_source_join(&all, many, 0), VC_EINVAL, "0 sources");
}

/* A limit counts for each path, and a share is taken of each source. */
static void every_source_gives_its_share(void **state)
{
    (void)state;
    const char *paths[2] = {make_folder(0), make_folder(0)};
    vc_source_options o = labelled_or_not(0);
    vc_source *all, *first, *second;
    char name[VC_SOURCE_NAME];
    o.limit = 10;
    assert_ok(vc_source_open_all(&all, paths, 2, &o));
    assert_int_equal(vc_source_count(all), 20);
    assert_string_equal(vc_source_name(name, all, 10), joined(paths[1], "a/00.jpg"));
    assert_ok(vc_source_split(&first, &second, all, 0.2));
    assert_int_equal(vc_source_count(first), 16);
    assert_int_equal(vc_source_count(second), 4);
    for (size_t part = 0; part < 2; part++) {
        assert_int_equal(vc_source_part_count(second, part), 2);
        assert_int_equal(vc_source_part_of(second, 2 * part + 1), part);
    }
    assert_string_equal(vc_source_name(name, second, 2), joined(paths[1], "a/04.png"));
    assert_string_equal(vc_source_path(second, 1), paths[1]);
    vc_source_close(first);
    vc_source_close(second);
    vc_source_close(all);
}

/* So many images of each, evenly spread; each part may have a number or share of its own. */
static void or_a_number_of_images(void **state)
{
    (void)state;
    const char *paths[2] = {make_folder(0), make_folder(0)};
    const vc_source_options o = labelled_or_not(0);
    const double shares[2] = {0.5, 7.0};
    vc_source *all, *first, *second;
    char name[VC_SOURCE_NAME];
    assert_ok(vc_source_open_all(&all, paths, 2, &o));
    for (size_t number = 2; number <= SAMPLES; number++) { /* none is lost by rounding */
        assert_ok(vc_source_split(&first, &second, all, (double)number));
        assert_int_equal(vc_source_part_count(second, 0), number);
        assert_int_equal(vc_source_part_count(second, 1), number);
        vc_source_close(first);
        vc_source_close(second);
    }
    assert_ok(vc_source_split_parts(&first, &second, all, shares));
    assert_int_equal(vc_source_part_count(second, 0), SAMPLES / 2);
    assert_int_equal(vc_source_part_count(second, 1), 7);
    assert_string_equal(vc_source_name(name, second, SAMPLES / 2), joined(paths[1], "a/03.jpg"));
    vc_source_close(first);
    vc_source_close(second);
    assert_fails(vc_source_split(&first, &second, all, 24.0), VC_EINVAL, "has 23 images");
    assert_fails(vc_source_split(&first, &second, all, 2.5), VC_EINVAL, "a share of 2.5");
    vc_source_close(all);
}

static void a_hash_tells_the_order(void **state)
{
    (void)state;
    const char *paths[2], *turned[2];
    const vc_source_options o = labelled_or_not(0);
    uint64_t hashes[2];
    make_two(paths);
    turned[0] = paths[1];
    turned[1] = paths[0];
    for (int i = 0; i < 2; i++) {
        vc_source *all;
        assert_ok(vc_source_open_all(&all, i ? turned : paths, 2, &o));
        hashes[i] = vc_source_hash(all);
        vc_source_close(all);
    }
    assert_true(hashes[0] != hashes[1]);
}

/* Images in memory and files, each as a loader makes them alone. */
static void a_loader_takes_both_kinds(void **state)
{
    (void)state;
    enum { SIDE = 8, VALUES = 3 * SIDE * SIDE, IN_MEMORY = 5 };
    static uint8_t pixels[IN_MEMORY * VALUES];
    int32_t labels[IN_MEMORY] = {0};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(7 * i % 251);
    const vc_dataset data = {IN_MEMORY, 3, SIDE, SIDE, 1, pixels, labels, NULL};
    const vc_source_options o = labelled_or_not(0);
    const char *folder = make_folder(4);
    vc_source *alone[2], *parts[2], *all;
    vc_loader_options how = vc_loader_options_default();
    how.size = vc_square(SIDE);
    how.batch = IN_MEMORY + SAMPLES;
    for (int i = 0; i < 2; i++) {
        vc_source **to = i ? parts : alone;
        assert_ok(vc_source_of_dataset(&to[0], &data));
        assert_ok(vc_source_open(&to[1], folder, &o));
    }
    assert_ok(vc_source_join(&all, parts, 2));
    vc_loader *loader, *single;
    vc_loaded batch, want;
    size_t seen = 0;
    assert_ok(vc_loader_open(&loader, all, &how));
    assert_ok(vc_loader_next(&batch, loader));
    assert_int_equal(batch.count, IN_MEMORY + SAMPLES - 6); /* six are broken */
    for (int i = 0; i < 2; i++) {
        assert_ok(vc_loader_open(&single, alone[i], &how));
        assert_ok(vc_loader_next(&want, single));
        assert_memory_equal(batch.x + seen * VALUES, want.x, want.count * VALUES * sizeof(float));
        seen += want.count;
        vc_loader_close(single);
        vc_source_close(alone[i]);
    }
    assert_int_equal(seen, batch.count);
    vc_loader_close(loader);
    how.channels = 4;
    assert_fails(vc_loader_open(&loader, all, &how), VC_EINVAL, "images of 3 channels, wanted 4");
    vc_source_close(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(images_come_one_source_after_the_other),
                                       cmocka_unit_test(labels_want_the_same_classes),
                                       cmocka_unit_test(one_stays_as_it_is),
                                       cmocka_unit_test(every_source_gives_its_share),
                                       cmocka_unit_test(or_a_number_of_images),
                                       cmocka_unit_test(a_hash_tells_the_order),
                                       cmocka_unit_test(a_loader_takes_both_kinds)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
