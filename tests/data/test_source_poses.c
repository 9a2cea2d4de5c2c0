/* A source of poses, and what a loader makes of it. */
#include <string.h>

#include "core/pickling.h"
#include "testing.h"
#include "vitcod/loader.h"
#include "vitcod/poses.h"

enum { FRAMES = 9, JOINTS = 17, WINDOW = FRAMES * JOINTS, BATCH = 4 };
static const char positions[] = "tests/data/golden/motion_2d.npz",
                  truth[] = "tests/data/golden/motion_3d.npz";

static vc_source *open_source(const char *of, const char *subjects, size_t every)
{
    vc_source_options how = vc_source_options_default();
    vc_source *source;
    how.truth = of;
    how.subjects = subjects;
    how.every = every;
    assert_ok(vc_source_open(&source, positions, &how));
    return source;
}

static vc_loader_options options(void)
{
    vc_loader_options how = vc_loader_options_default();
    how.frames = FRAMES;
    how.joints = JOINTS;
    how.batch = BATCH;
    how.workers = 2;
    return how;
}

static void frames_of_sequences(void **state)
{
    (void)state;
    char name[VC_SOURCE_NAME];
    vc_source *all = open_source(truth, NULL, 0), *some = open_source(NULL, "C", 3),
              *first = open_source(NULL, NULL, SIZE_MAX);
    assert_int_equal(vc_source_count(all), 2 * 104 + 44);
    assert_int_equal(vc_source_count(some), 8 + 7);
    assert_int_equal(vc_source_count(first), 2 * 4 + 2); /* one of each sequence */
    assert_int_equal(vc_source_joints(all), JOINTS);
    assert_int_equal(vc_source_classes(all), 0);
    assert_int_equal(vc_source_label(all, 3), -1);
    assert_true(vc_source_has_truth(all) && !vc_source_has_truth(some));
    assert_string_equal(vc_source_name(name, some, 9),
                        "tests/data/golden/motion_2d.npz: C/Turning/0, frame 3");
    vc_source_close(all);
    vc_source_close(some);
    vc_source_close(first);
}

static void told_apart(void **state)
{
    (void)state;
    vc_source *sources[] = {open_source(truth, "A", 0), open_source(NULL, "A", 0),
                            open_source(truth, "B", 0), open_source(truth, "A", 2)};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(vc_source_hash(sources[i]) != vc_source_hash(sources[j]));
    for (size_t i = 0; i < 4; i++)
        vc_source_close(sources[i]);
}

static void check_window(const vc_loaded *batch, size_t i, const vc_poses *poses, size_t sequence,
                         size_t at, int mirrored)
{
    float window[2 * WINDOW], deep[3 * WINDOW];
    vc_poses_window(window, FRAMES, poses, sequence, at, mirrored);
    vc_poses_truth(deep, FRAMES, poses, sequence, at, mirrored);
    assert_memory_equal(batch->x + i * 2 * WINDOW, window, sizeof window);
    assert_memory_equal(batch->truth + i * 3 * WINDOW, deep, sizeof deep);
}

static void windows(void **state)
{
    (void)state;
    vc_loader_options how = options();
    vc_source *source = open_source(truth, "C", 0);
    vc_loader *loader;
    vc_loaded batch;
    vc_poses poses;
    size_t seen = 0;
    assert_ok(vc_poses_open(&poses, positions, truth, NULL, "C"));
    assert_ok(vc_loader_open(&loader, source, &how));
    for (;;) {
        assert_ok(vc_loader_next(&batch, loader));
        if (batch.count == 0)
            break;
        for (size_t i = 0; i < batch.count; i++, seen++)
            check_window(&batch, i, &poses, seen >= 24, seen < 24 ? seen : seen - 24, 0);
    }
    assert_int_equal(seen, 44);
    vc_loader_close(loader);
    vc_poses_close(&poses);
    vc_source_close(source);
}

/* Of a mirror image the first value of each joint is turned round, on the other side. */
static void mirrored(void **state)
{
    (void)state;
    const float flip[] = {0.0f, 1.0f};
    vc_source *source = open_source(truth, "C", 0);
    vc_poses poses;
    vc_sampler sampler;
    vc_sampler_options order = vc_sampler_options_default();
    order.images = vc_source_count(source);
    order.batch = BATCH;
    order.repetitions = 1;
    assert_ok(vc_poses_open(&poses, positions, truth, NULL, "C"));
    assert_ok(vc_sampler_open(&sampler, &order));
    for (int f = 0; f < 2; f++) {
        vc_loader_training training = {&sampler, 0, {.flip = (double)flip[f]}};
        vc_loader_options how = options();
        vc_loader *loader;
        vc_loaded batch;
        how.training = &training;
        assert_ok(vc_loader_open(&loader, source, &how));
        assert_ok(vc_loader_next(&batch, loader));
        assert_int_equal(batch.count, BATCH);
        assert_true(batch.lambda == 1.0);
        for (size_t i = 0; i < BATCH; i++) {
            const size_t at = batch.indices[i];
            check_window(&batch, i, &poses, at >= 24, at < 24 ? at : at - 24, f);
        }
        vc_loader_close(loader);
    }
    vc_sampler_close(&sampler);
    vc_poses_close(&poses);
    vc_source_close(source);
}

/* Whole ones: frames of a sequence that is held back are not learnt from. */
static void sequences_held_back(void **state)
{
    (void)state;
    static const double shares[] = {0.25, 2.0};
    vc_source *whole = open_source(truth, "A,B", 0), *learn, *held;
    char name[VC_SOURCE_NAME];
    for (size_t s = 0; s < 2; s++) {
        assert_ok(vc_source_split(&learn, &held, whole, shares[s]));
        assert_int_equal(vc_source_count(held), 20 + 20);
        assert_int_equal(vc_source_count(learn), 208 - 40);
        assert_true(vc_source_joints(held) == JOINTS && vc_source_has_truth(held));
        for (size_t i = 0; i < vc_source_count(held); i++)
            assert_non_null(strstr(vc_source_name(name, held, i), "/Waving/"));
        vc_source_close(learn);
        vc_source_close(held);
    }
    assert_fails(vc_source_split(&learn, &held, whole, 9.0), VC_EINVAL, "has 8 sequences");
    assert_fails(vc_source_split(&learn, &held, whole, 1.5), VC_EINVAL,
                 "a whole number of sequences");
    vc_source_close(whole);
}

static void sampled_over_sequences(void **state)
{
    (void)state;
    vc_source_options how = vc_source_options_default();
    vc_source *source;
    char name[VC_SOURCE_NAME];
    size_t of_each[2] = {0};
    how.subjects = "C";
    how.sample = 11;
    assert_ok(vc_source_open(&source, positions, &how));
    assert_int_equal(vc_source_count(source), 11);
    for (size_t i = 0; i < 11; i++)
        of_each[strstr(vc_source_name(name, source, i), "/Turning/") != NULL]++;
    assert_int_equal(of_each[0], 6);
    assert_int_equal(of_each[1], 5);
    vc_source_close(source);
}

static void refused(void **state)
{
    (void)state;
    vc_source *source = open_source(NULL, NULL, 0), *other;
    vc_loader *loader;
    vc_loader_options how = options(), images = vc_loader_options_default();
    const vc_augment_options crops = {.crop_least = 0.5, .crop_most = 1.0};
    vc_source_options asked = vc_source_options_default();
    how.joints = 5;
    assert_fails(vc_loader_open(&loader, source, &how), VC_EINVAL,
                 "poses of 17 joints, wanted poses of 5");
    assert_fails(vc_loader_open(&loader, source, &images), VC_EINVAL, "wanted images");
    how.joints = JOINTS;
    how.augment = &crops;
    assert_fails(vc_loader_open(&loader, source, &how), VC_EINVAL, "mirrored and no more");
    asked.every = 2;
    assert_fails(vc_source_open(&other, "tests/data", &asked), VC_EINVAL, "is no npz of poses");
    asked.every = 0;
    asked.upright = 1;
    assert_fails(vc_source_open(&other, positions, &asked), VC_EINVAL, "nor EXIF data");
    vc_source_close(source);
}

/* Writes an npz whose only member, positions_2d or positions_3d, is the pickle in `b`, which is
 * freed. Returns its path. */
static const char *pickled_poses(bytes *b, const char *member)
{
    static const char head[] = "\x93NUMPY\1\0\x36\0{'descr': '|O', 'fortran_order': False, "
                               "'shape': ()}";
    const char *path = temporary("many.npz");
    bytes npy = {0};
    put(&npy, head, sizeof head - 1);
    while (npy.count < 10 + 0x36)
        put_ops(&npy, " ");
    put(&npy, b->data, b->count);
    const zip_entry entry = {.name = member, .data = npy.data, .count = npy.count};
    bytes zip = zipped(&entry, 1);
    write_bytes(path, zip.data, zip.count);
    free(zip.data);
    free(npy.data);
    free(b->data);
    *b = (bytes){0};
    return path;
}

/* {'n0': [], 'n1': [], ..}, of which the last has a name of `letters`. */
static void put_names(bytes *b, size_t count, size_t letters)
{
    char name[512];
    put_ops(b, "}(");
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "n%zu", i);
        if (i + 1 == count)
            snprintf(name, sizeof name, "%0*d", (int)letters, 0);
        put_text(b, name);
        put_ops(b, "]");
    }
    put_ops(b, "u");
}

/* An array (1, 1, 2), and `count` more references to it. */
static void put_cameras(bytes *b, size_t count)
{
    put_ops(b, "](cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"
               "C\1b\x87R(K\1(K\1K\1K\2tcnumpy\ndtype\n\x8c\2f4\x89\x88\x87R(K\3\x8c\1<NNN"
               "J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
               "B\x8\0\0\0\0\0\0\0\0\0\0\0tbq\0");
    for (size_t i = 0; i < count; i++)
        put_ops(b, "h\0");
    put_ops(b, "e");
}

/* A small file must not take long, though its names are looked for one by one, nor much memory,
 * though its arrays may be one. */
static void too_many(void **state)
{
    (void)state;
    static const struct {
        size_t names, letters;
        const char *subject, *message; /* subject: whose actions have the names */
    } rows[] = {{4097, 5, NULL, "many.npz: 4097 entries, wanted at most 4096 subjects"},
                {4097, 5, "A", "many.npz: 4097 entries, wanted at most 4096 actions of a subject"},
                {3, 256, NULL, "many.npz: a name of 256 bytes, wanted subjects of at most 255"},
                {3, 256, "A", "many.npz: a name of 256 bytes, wanted actions of a subject of at"}};
    vc_poses poses;
    bytes b = {0};
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        const int in_3d = i % 2;
        put_ops(&b, "\x80\4");
        if (rows[i / 2].subject) {
            put_ops(&b, "}");
            put_text(&b, rows[i / 2].subject);
        }
        put_names(&b, rows[i / 2].names, rows[i / 2].letters);
        if (rows[i / 2].subject)
            put_ops(&b, "s");
        put_ops(&b, ".");
        const char *path = pickled_poses(&b, in_3d ? "positions_3d.npy" : "positions_2d.npy");
        assert_fails(
            vc_poses_open(&poses, in_3d ? positions : path, in_3d ? path : NULL, NULL, NULL),
            VC_EFORMAT, rows[i / 2].message);
    }
    put_ops(&b, "\x80\4}");
    put_text(&b, "S1");
    put_ops(&b, "}");
    put_text(&b, "Walking");
    put_cameras(&b, 1 << 16);
    put_ops(&b, "ss.");
    assert_fails(vc_poses_open(&poses, pickled_poses(&b, "positions_2d.npy"), NULL, NULL, NULL),
                 VC_EFORMAT, "many.npz: 65537 sequences up to S1, 'Walking', wanted at most 65536");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(frames_of_sequences),
                                       cmocka_unit_test(told_apart),
                                       cmocka_unit_test(windows),
                                       cmocka_unit_test(mirrored),
                                       cmocka_unit_test(sequences_held_back),
                                       cmocka_unit_test(sampled_over_sequences),
                                       cmocka_unit_test(refused),
                                       cmocka_unit_test(too_many)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
