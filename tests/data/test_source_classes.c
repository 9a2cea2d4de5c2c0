/* Whether the classes of what is learnt from and of what judges are the same ones. */
#include "folders.h"
#include "vitcod/source.h"

static vc_source *folder_of(const char *a, const char *b)
{
    vc_source *source;
    const char *path = fresh_directory();
    const vc_source_options how = vc_source_options_default();
    put(path, a);
    put(path, b);
    assert_ok(vc_source_open(&source, path, &how));
    return source;
}

static vc_source *memory_of(int32_t classes)
{
    static uint8_t pixels[2];
    static int32_t labels[2];
    static vc_dataset sets[8];
    static size_t made;
    vc_source *source;
    labels[1] = 1;
    sets[made] = (vc_dataset){2, 1, 1, 1, (size_t)classes, pixels, labels, NULL};
    assert_ok(vc_source_of_dataset(&source, &sets[made++]));
    return source;
}

static void the_same_classes_are_taken(void **state)
{
    (void)state;
    vc_source *a = folder_of("cat/1.png", "dog/2.png"), *b = folder_of("cat/3.png", "dog/4.png"),
              *m = memory_of(2), *n = memory_of(2);
    assert_false(vc_source_may_differ(a, b));
    assert_ok(vc_source_check_classes(a, b));
    assert_false(vc_source_may_differ(m, n)); /* nothing tells */
    assert_ok(vc_source_check_classes(m, n));
    vc_source *const all[] = {a, b, m, n};
    for (size_t i = 0; i < 4; i++)
        vc_source_close(all[i]);
}

static void others_are_named(void **state)
{
    (void)state;
    vc_source *a = folder_of("cat/1.png", "dog/2.png"), *b = folder_of("cat/3.png", "eel/4.png"),
              *m = memory_of(2), *three = memory_of(3);
    assert_true(vc_source_may_differ(a, b));
    assert_fails(vc_source_check_classes(a, b), VC_EINVAL, "class 1 is 'dog' in ");
    assert_true(vc_source_may_differ(a, m)); /* names on one side only */
    assert_fails(vc_source_check_classes(m, a), VC_EINVAL, "class 0 is '' in memory and 'cat' in ");
    assert_fails(vc_source_check_classes(a, three), VC_EINVAL, "2 classes in ");
    vc_source *const all[] = {a, b, m, three};
    for (size_t i = 0; i < 4; i++)
        vc_source_close(all[i]);
}

/* What messages call images. */
static void a_source_names_its_unit(void **state)
{
    (void)state;
    vc_source *images = memory_of(2), *poses;
    vc_source_options how = vc_source_options_default();
    how.labelled = 0;
    assert_ok(vc_source_open(&poses, "tests/data/golden/poses_2d.npz", &how));
    assert_string_equal(vc_source_unit(images, 1), "image");
    assert_string_equal(vc_source_unit(images, 2), "images");
    assert_string_equal(vc_source_unit(poses, 1), "frame");
    assert_string_equal(vc_source_unit(poses, 0), "frames");
    vc_source_close(images);
    vc_source_close(poses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_classes_are_taken),
                                       cmocka_unit_test(others_are_named),
                                       cmocka_unit_test(a_source_names_its_unit)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
