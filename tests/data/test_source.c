#include "folders.h"
#include "vitcod/source.h"

static vc_source_options options(const char *split, const char *classes, int labelled)
{
    return (vc_source_options){.split = split, .classes = classes, .labelled = labelled};
}

/* Opens it and expects these samples, written "name label name label ...". */
static void expect(const char *path, vc_source_options o, const char *want)
{
    vc_source *source;
    char have[1024] = "", name[VC_SOURCE_NAME], text[VC_SOURCE_NAME + 32];
    assert_ok(vc_source_open(&source, path, &o));
    for (size_t i = 0; i < vc_source_count(source); i++) {
        vc_source_name(name, source, i);
        assert_true(strncmp(name, path, strlen(path)) == 0);
        snprintf(text, sizeof text, "%s%s %d", i == 0 ? "" : " ", name + strlen(path) + 1,
                 vc_source_label(source, i));
        const size_t used = strlen(have);
        assert_true(used + strlen(text) < sizeof have);
        strcpy(have + used, text);
    }
    vc_source_close(source);
    assert_string_equal(have, want);
}

static void expect_failure(const char *path, vc_source_options o, vc_status status,
                           const char *text)
{
    vc_source *source = NULL;
    assert_fails(vc_source_open(&source, path, &o), status, text);
    assert_null(source);
}

static void class_folders_are_sorted(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    put(d, "dog/2.JPG");
    put(d, "dog/10.jpeg");
    put(d, "cat/b/1.png");
    put(d, "cat/b-2/1.png");
    put(d, "cat/z.webp");
    put(d, "cat/notes.txt");
    put(d, "cat-2/x.ppm");
    put(d, "README.md");
    put(d, ".hidden/y.jpg");
    put(d, "cat/.z.jpg");
    /* within a class as torchvision: by directory, then by name */
    expect(d, options("test", NULL, 1),
           "cat/z.webp 0 cat/b/1.png 0 cat/b-2/1.png 0 cat-2/x.ppm 1 dog/10.jpeg 2 dog/2.JPG 2");
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    assert_ok(vc_source_open(&source, d, &o));
    assert_int_equal(vc_source_classes(source), 3);
    assert_false(vc_source_has_list(source));
    assert_string_equal(vc_source_class_name(source, 2), "dog");
    assert_string_equal(vc_source_class_name(source, 3), "");
    vc_bytes bytes = {0};
    assert_ok(vc_source_read(&bytes, source, 5));
    assert_int_equal(bytes.count, strlen("dog/2.JPG"));
    assert_memory_equal(bytes.data, "dog/2.JPG", bytes.count);
    unlink(joined(d, "dog/2.JPG"));
    assert_fails(vc_source_read(&bytes, source, 5), VC_EIO, "dog/2.JPG: cannot open");
    mkfifo(joined(d, "dog/2.JPG"), 0600);
    assert_fails(vc_source_read(&bytes, source, 5), VC_EIO, "dog/2.JPG: is not a regular file");
    vc_bytes_close(&bytes);
    vc_source_close(source);
    /* it would take a number, and move those behind it */
    assert_ok(vc_directory_make(joined(d, "cow")));
    expect_failure(d, o, VC_EFORMAT, "cow: is a class folder without images");
}

static void a_split_is_looked_for(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    put(d, "train/a/1.jpg");
    put(d, "train/b/2.jpg");
    expect_failure(d, options("test", NULL, 1), VC_EABSENT,
                   "has a folder 'train', but none for the split 'test'");
    put(d, "test/flat.jpg"); /* holds no folders: no split of class folders */
    put(d, "val/b/3.jpg");
    expect(d, options("train", NULL, 1), "train/a/1.jpg 0 train/b/2.jpg 1");
    expect(d, options("test", NULL, 1), "val/b/3.jpg 0");
    expect(d, options("test", NULL, 0), "val/b/3.jpg -1");
    vc_source_options own = options("test", NULL, 1);
    own.own_split = 1;
    expect(d, own, "val/b/3.jpg 0");
    put(d, "cat/4.jpg");
    expect_failure(d, options("test", NULL, 1), VC_EFORMAT,
                   "has a folder 'val' for a split, and 'cat', which is none");
    const char *flat = fresh_directory(); /* no split either when nobody asks for classes */
    put(flat, "0.jpg");
    put(flat, "test/1.jpg");
    expect(flat, options("test", NULL, 0), "0.jpg -1 test/1.jpg -1");
    expect_failure(d, options("dev", NULL, 1), VC_EINVAL, "'dev', wanted train, test, val");
    const char *vehicles = fresh_directory();
    put(vehicles, "car/1.jpg");
    put(vehicles, "train/2.jpg"); /* a class */
    expect(vehicles, options("train", NULL, 1), "car/1.jpg 0 train/2.jpg 1");
    expect(vehicles, options("test", NULL, 1), "car/1.jpg 0 train/2.jpg 1");
    /* those that it has for training too are none */
    expect_failure(vehicles, own, VC_EABSENT, "no images of its own for the split 'test'");
}

static const char *list(const char *text)
{
    const char *path = joined(fresh_directory(), "classes.txt");
    write_bytes(path, text, strlen(text));
    return path;
}

/* What --split takes: every name, and the folders that have it. */
static void every_split_has_its_folder(void **state)
{
    (void)state;
    const char *d = fresh_directory(), *valid = fresh_directory();
    put(d, "train/a/1.jpg");
    put(d, "val/a/2.jpg");
    put(d, "test/a/3.jpg");
    put(valid, "train/a/4.jpg");
    put(valid, "valid/a/5.gif");
    expect(d, options("train", NULL, 1), "train/a/1.jpg 0");
    expect(d, options("test", NULL, 1), "test/a/3.jpg 0");
    expect(d, options("val", NULL, 1), "val/a/2.jpg 0");
    expect(d, options("validation", NULL, 1), "val/a/2.jpg 0");
    expect(valid, options("test", NULL, 1), "valid/a/5.gif 0");
    expect(valid, options("valid", NULL, 1), "valid/a/5.gif 0");
    assert_int_equal(rename(joined(d, "val"), joined(d, "train/a/aside")), 0);
    expect_failure(d, options("valid", NULL, 1), VC_EABSENT,
                   "has a folder 'train', but none for the split 'valid'");
}

/* Folders given as images: all below them, in order, whatever their names. */
static void a_folder_stands_for_its_images(void **state)
{
    (void)state;
    const char *d = fresh_directory(), *empty = fresh_directory();
    vc_source *source;
    const vc_source_options o = {0};
    char name[VC_SOURCE_NAME];
    put(d, "train/b.jpg");
    put(d, "a/2.png");
    put(d, "1.webp");
    put(d, "notes.txt");
    const char *const paths[] = {joined(d, "a/2.png"), joined(d, "")};
    assert_ok(vc_source_of_files(&source, paths, 2, &o));
    assert_int_equal(vc_source_count(source), 4);
    static const char *const wanted[] = {"a/2.png", "1.webp", "a/2.png", "train/b.jpg"};
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(vc_source_name(name, source, i), joined(d, wanted[i]));
    vc_source_close(source);
    assert_fails(vc_source_of_files(&source, &empty, 1, &o), VC_EFORMAT, "holds no images");
}

static void a_list_numbers_the_classes(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    put(d, "n2/1.jpg");
    put(d, "n1/2.jpg");
    const char *classes = list("\xef\xbb\xbfn3 tench, Tinca\nn2\tgoldfish\r\nn1\n\n");
    expect(d, options("test", classes, 1), "n1/2.jpg 2 n2/1.jpg 1");
    vc_source *source;
    vc_source_options o = options("test", classes, 1);
    assert_ok(vc_source_open(&source, d, &o));
    assert_int_equal(vc_source_classes(source), 3);
    assert_true(vc_source_has_list(source));
    assert_string_equal(vc_source_class_name(source, 0), "tench, Tinca");
    assert_string_equal(vc_source_class_name(source, 1), "goldfish");
    assert_string_equal(vc_source_class_name(source, 2), "n1");
    vc_source_close(source);
    expect_failure(d, options("test", list("n1\nn10\n"), 1), VC_EFORMAT,
                   "/n2: is a folder that the class list");
    expect_failure(d, options("test", list("n1\nn2\nn1 again\n"), 1), VC_EFORMAT,
                   "lines 1 and 3 both name 'n1'");
    expect_failure(d, options("test", list("n1\n\nn2\n"), 1), VC_EFORMAT, "line 2 is empty");
    expect_failure(d, options("test", list("\n"), 1), VC_EFORMAT, "holds no classes");
    expect_failure(d, options("test", joined(d, "none"), 1), VC_EIO, "none: cannot open");
}

static void without_labels_images_lie_anywhere(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    put(d, "top.jpg");
    put(d, "a/b/c/deep.png");
    expect(d, options("test", NULL, 0), "top.jpg -1 a/b/c/deep.png -1");
    expect_failure(d, options("test", NULL, 1), VC_EFORMAT, "/top.jpg: lies in no class folder");
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    expect_failure(d, options("test", NULL, 1), VC_EFORMAT,
                   "holds no folders, wanted one for each class");
    expect_failure(d, options("test", NULL, 0), VC_EFORMAT, "holds no images, wanted some");
    put(d, "cat/notes.txt");
    expect_failure(d, options("test", NULL, 1), VC_EFORMAT, "holds no images, wanted folders");
    expect_failure(joined(d, "none"), options("test", NULL, 1), VC_EIO, "none: cannot open");
    expect_failure(joined(d, "cat/notes.txt"), options("test", NULL, 1), VC_EFORMAT,
                   "notes.txt: is text that begins 'cat/notes.txt', wanted a folder of images, an "
                   "archive of one (zip, or tar");
    expect_failure("/dev/null", options("test", NULL, 1), VC_EIO, "neither a folder nor");
}

static void links_are_followed_but_loops_refused(void **state)
{
    (void)state;
    const char *d = fresh_directory(), *elsewhere = fresh_directory();
    put(elsewhere, "cats/1.jpg");
    put(d, "dog/2.jpg");
    assert_int_equal(symlink(joined(elsewhere, "cats"), joined(d, "cat")), 0);
    assert_int_equal(symlink("../dog/2.jpg", joined(d, "dog/3.jpg")), 0);
    expect(d, options("test", NULL, 1), "cat/1.jpg 0 dog/2.jpg 1 dog/3.jpg 1");
    assert_int_equal(symlink("..", joined(d, "dog/up")), 0);
    expect_failure(d, options("test", NULL, 1), VC_EFORMAT, "dog/up: leads back to a folder above");
    char deep[512] = "a";
    for (int i = 0; i < 64; i++)
        strcat(deep, "/b");
    const char *well = fresh_directory();
    put(well, strcat(deep, "/1.jpg"));
    expect_failure(well, options("test", NULL, 1), VC_EFORMAT, "folders deep, wanted at most 64");
}

static void a_dangling_link_is_an_unreadable_image(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    vc_bytes bytes = {0};
    put(d, "a/1.jpg");
    assert_int_equal(symlink("nowhere", joined(d, "a/2.jpg")), 0);
    assert_ok(vc_source_open(&source, d, &o));
    assert_int_equal(vc_source_count(source), 2);
    assert_fails(vc_source_read(&bytes, source, 1), VC_EIO, "a/2.jpg: cannot open");
    vc_source_close(source);
}

/* Bytes over the limit, in a file that takes no room. */
static void a_file_over_the_limit_is_refused(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    vc_source *source;
    vc_source_options o = vc_source_options_default();
    vc_bytes bytes = {0};
    put(d, "a/1.jpg");
    assert_int_equal(truncate(joined(d, "a/1.jpg"), (off_t)VC_SOURCE_MAX_FILE + 1), 0);
    assert_ok(vc_source_open(&source, d, &o));
    assert_fails(vc_source_read(&bytes, source, 0), VC_EIO, "wanted at most 1073741824");
    assert_int_equal(bytes.capacity, 0);
    vc_source_close(source);
}

/* Samples of 40 images, 30 of one class, in the order of the source. */
static void a_sample_is_drawn_over_classes(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    size_t times[40] = {0}, differ = 0, last_sum = 0;
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s/%02d.jpg", i < 10 ? "a" : "b", i);
        put(d, name);
    }
    for (int labelled = 0; labelled < 2; labelled++)
        for (uint64_t seed = 0; seed < 400; seed++) {
            vc_source_options o = options("test", NULL, labelled);
            vc_source *source;
            size_t of_a = 0, sum = 0;
            int last = -1;
            o.sample = 8;
            o.seed = seed;
            assert_ok(vc_source_open(&source, d, &o));
            assert_int_equal(vc_source_count(source), 8);
            for (size_t i = 0; i < 8; i++) {
                char name[VC_SOURCE_NAME];
                const int n = atoi(vc_source_name(name, source, i) + strlen(name) - 6);
                assert_true(n > last);
                last = n;
                of_a += n < 10;
                sum += (size_t)n;
                times[n]++;
            }
            assert_int_equal(of_a, 2);
            differ += sum != last_sum;
            last_sum = sum;
            vc_source_close(source);
        }
    for (size_t i = 0; i < 40; i++) /* of 800 draws each with a chance of 0.2 */
        assert_in_range(times[i], 110, 210);
    assert_true(differ > 600);
    vc_source_options all = options("test", NULL, 1);
    all.sample = 99;
    vc_source *source;
    assert_ok(vc_source_open(&source, d, &all));
    assert_int_equal(vc_source_count(source), 40);
    vc_source_close(source);
}

static void idx_is_told_by_its_files(void **state)
{
    (void)state;
    static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0,
                                           0, 1, 0, 0, 0, 2, 5, 6, 7, 8};
    static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 3, 1};
    const char *d = fresh_directory();
    put_bytes(d, "t10k-images-idx3-ubyte", images, sizeof images);
    put_bytes(d, "t10k-labels-idx1-ubyte", labels, sizeof labels);
    expect(d, options("test", NULL, 1), " image 0 3  image 1 1");
    expect(d, options("test", NULL, 0), " image 0 -1  image 1 -1");
    expect_failure(d, options("train", NULL, 1), VC_EABSENT, "train-images");
    expect_failure(d, options("test", list("a\nb\n"), 1), VC_EFORMAT, "names 2 classes, wanted");
    vc_source *source;
    vc_source_options o = options("test", list("a\nb\nc\nd big\n"), 1);
    assert_ok(vc_source_open(&source, d, &o));
    assert_string_equal(vc_source_class_name(source, 3), "big");
    assert_int_equal(vc_source_classes(source), 4);
    assert_memory_equal(vc_source_dataset(source)->images, images + 16, 4);
    vc_source_close(source);
}

static void a_data_set_is_borrowed(void **state)
{
    (void)state;
    uint8_t pixels[4] = {1, 2, 3, 4};
    int32_t labels[2] = {1, 0};
    const vc_dataset data = {2, 1, 1, 2, 2, pixels, labels, NULL};
    vc_source *source;
    char name[VC_SOURCE_NAME];
    assert_ok(vc_source_of_dataset(&source, &data));
    assert_int_equal(vc_source_count(source), 2);
    assert_int_equal(vc_source_label(source, 0), 1);
    assert_string_equal(vc_source_name(name, source, 1), "memory: image 1");
    assert_ptr_equal(vc_source_dataset(source), &data);
    vc_source_close(source);
}

static void the_calibration_images_have_their_classes(void **state)
{
    (void)state;
    vc_source *source;
    vc_source_options o = options("test", shared("imagenet_synsets.txt"), 1);
    assert_ok(vc_source_open(&source, shared("imagenet-samples"), &o));
    assert_int_equal(vc_source_count(source), 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(vc_source_label(source, i), i);
    vc_source_close(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_folders_are_sorted),
        cmocka_unit_test(a_split_is_looked_for),
        cmocka_unit_test(every_split_has_its_folder),
        cmocka_unit_test(a_folder_stands_for_its_images),
        cmocka_unit_test(a_list_numbers_the_classes),
        cmocka_unit_test(without_labels_images_lie_anywhere),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(links_are_followed_but_loops_refused),
        cmocka_unit_test(a_dangling_link_is_an_unreadable_image),
        cmocka_unit_test(a_file_over_the_limit_is_refused),
        cmocka_unit_test(a_sample_is_drawn_over_classes),
        cmocka_unit_test(idx_is_told_by_its_files),
        cmocka_unit_test(a_data_set_is_borrowed),
        cmocka_unit_test(the_calibration_images_have_their_classes),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
