#include "pictures.h"
#include "vitcod/image.h"

enum { SIZE = 8 };

static vc_loader_options small(size_t batch, size_t workers)
{
    vc_loader_options o = vc_loader_options_default();
    o.size = vc_square(SIZE);
    o.batch = batch;
    o.workers = workers;
    for (size_t c = 0; c < 3; c++) {
        o.mean[c] = 0.4f + 0.05f * (float)c;
        o.std[c] = 0.22f + 0.01f * (float)c;
    }
    return o;
}

/* All batches of a run, in one array, for comparing two runs. */
typedef struct record {
    float x[SAMPLES * 3 * SIZE * SIZE];
    size_t indices[SAMPLES], batches[SAMPLES], count, calls;
    int32_t labels[SAMPLES];
    char told[4096];
} record;

static void note(void *context, size_t index, const char *name, const char *message)
{
    record *r = context;
    assert_true(strncmp(message, name, strlen(name)) == 0);
    size_t length = strlen(r->told);
    snprintf(r->told + length, sizeof r->told - length, "%zu %s\n", index, strrchr(message, '/'));
}

static record *run(vc_source *source, vc_loader_options o)
{
    record *r = calloc(1, sizeof *r);
    vc_loader *loader;
    vc_loaded b;
    size_t values = o.channels * vc_extent_area(o.size);
    o.on_broken = note;
    o.context = r;
    assert_ok(vc_loader_open(&loader, source, &o));
    for (;;) {
        assert_ok(vc_loader_next(&b, loader));
        if (b.count == 0)
            break;
        assert_true(r->count + b.count <= SAMPLES);
        memcpy(r->x + r->count * values, b.x, b.count * values * sizeof *b.x);
        memcpy(r->indices + r->count, b.indices, b.count * sizeof *b.indices);
        memcpy(r->labels + r->count, b.labels, b.count * sizeof *b.labels);
        r->batches[r->calls++] = b.count;
        r->count += b.count;
    }
    assert_ok(vc_loader_next(&b, loader)); /* the end again */
    assert_int_equal(b.count, 0);
    assert_int_equal(r->count + vc_loader_broken(loader), vc_loader_total(loader));
    vc_loader_close(loader);
    return r;
}

/* Compares with images decoded, resized and normalised one by one. */
static void check_values(const record *r, vc_source *source, const vc_loader_options *o)
{
    vc_bytes bytes = {0};
    vc_image image = {0}, cropped = {0};
    vc_resize_scratch scratch = {0};
    for (size_t i = 0; i < r->count; i++) {
        size_t index = r->indices[i];
        assert_int_equal(r->labels[i], index / 8);
        assert_ok(vc_source_read(&bytes, source, index));
        assert_ok(vc_image_decode(&image, bytes.data, bytes.count, 3, "test"));
        assert_ok(
            vc_image_resize_crop(&cropped, &image, 9, SIZE, VC_BICUBIC, &scratch)); /* 8 / 0.875 */
        for (size_t c = 0; c < 3; c++)
            for (size_t k = 0; k < SIZE * SIZE; k++) {
                float pixel = (float)cropped.pixels[3 * k + c];
                float want = (pixel / 255.0f - o->mean[c]) / o->std[c];
                float have = r->x[(i * 3 + c) * SIZE * SIZE + k];
                if (have != want)
                    fail_msg("sample %zu channel %zu value %zu is %.9g, wanted %.9g", index, c, k,
                             (double)have, (double)want);
            }
    }
    vc_bytes_close(&bytes);
    vc_image_close(&image);
    vc_image_close(&cropped);
    vc_resize_scratch_close(&scratch);
}

static void batches_do_not_depend_on_workers(void **state)
{
    (void)state;
    static const size_t workers[] = {1, 2, 5};
    vc_source *source = open_source(make_folder(0));
    vc_loader_options o = small(4, 1);
    record *first = run(source, o);
    assert_int_equal(first->count, SAMPLES);
    assert_int_equal(first->calls, 6);
    assert_int_equal(first->batches[5], 3);
    check_values(first, source, &o);
    for (size_t i = 1; i < 3; i++) {
        o.workers = workers[i];
        record *other = run(source, o);
        assert_memory_equal(first, other, sizeof *first);
        free(other);
    }
    free(first);
    vc_source_close(source);
}

static void broken_images_are_left_out_and_told_in_order(void **state)
{
    (void)state;
    const char *d = make_folder(5); /* 0, 5, 10, 15, 20 */
    vc_source *source = open_source(d);
    write_bytes(joined(d, "b/13.jpg"), "GIF89a", 6);
    unlink(joined(d, "b/14.jpg"));
    for (size_t workers = 1; workers <= 5; workers += 2) {
        vc_loader_options o = small(1, workers);
        record *alone = run(source, o);
        assert_int_equal(alone->count, SAMPLES - 7);
        assert_int_equal(alone->calls, SAMPLES - 7); /* empty batches are skipped */
        o.batch = 6;
        record *r = run(source, o);
        check_values(r, source, &o);
        assert_int_equal(r->calls, 4);
        assert_int_equal(r->batches[0], 4); /* without 0 and 5 */
        assert_int_equal(r->batches[1], 5); /* without 10 */
        assert_int_equal(r->batches[2], 3); /* without 13, 14, 15 */
        assert_int_equal(r->batches[3], 4); /* without 20 */
        assert_string_equal(alone->told, r->told);
        assert_memory_equal(alone->x, r->x, sizeof r->x);
        static const char *const starts[] = {"0 /00.jpg: JPEG: Premature end",
                                             "\n5 /05.png: PNG: truncated",
                                             "\n10 /10.jpg: JPEG: ",
                                             "\n13 /13.jpg: GIF: truncated",
                                             "\n14 /14.jpg: cannot open",
                                             "\n15 /15.png: PNG: truncated",
                                             "\n20 /20.jpg: JPEG: "};
        const char *at = r->told;
        for (size_t i = 0; i < 7; i++) {
            at = strstr(at, starts[i]);
            if (!at)
                fail_msg("'%s' is not told, or not in order: %s", starts[i], r->told);
        }
        free(alone);
        free(r);
    }
    vc_source_close(source);
}

static void a_limit_ends_it_early(void **state)
{
    (void)state;
    vc_source *source = open_source(make_folder(0));
    vc_loader_options o = small(4, 3);
    o.limit = 6;
    record *r = run(source, o);
    assert_int_equal(r->count, 6);
    assert_int_equal(r->batches[1], 2);
    free(r);
    o.limit = 1000;
    o.batch = 500;
    r = run(source, o);
    assert_int_equal(r->batches[0], SAMPLES);
    free(r);
    vc_source_close(source);
}

/* Batch k of all is batch k / RANKS of rank k % RANKS. */
static void ranks_have_every_batch_once(void **state)
{
    enum { RANKS = 3 };
    (void)state;
    for (size_t batch = 1; batch <= SAMPLES + 1; batch++) {
        vc_source *source = open_source(make_folder(1));
        vc_loader_options o = small(batch, 2);
        record *whole = run(source, o), *of[RANKS];
        const size_t values = 3 * SIZE * SIZE;
        size_t met = 0;
        o.ranks = RANKS;
        for (o.rank = 0; o.rank < RANKS; o.rank++)
            of[o.rank] = run(source, o);
        size_t at[RANKS] = {0};
        for (size_t k = 0; k * batch < SAMPLES; k++) {
            const size_t rank = k % RANKS;
            for (size_t i = k * batch; i < (k + 1) * batch && i < SAMPLES; i++) {
                if (met == whole->count || whole->indices[met] != i)
                    continue; /* broken */
                assert_int_equal(of[rank]->indices[at[rank]], i);
                assert_memory_equal(of[rank]->x + at[rank] * values, whole->x + met * values,
                                    values * sizeof *whole->x);
                at[rank]++;
                met++;
            }
        }
        assert_int_equal(met, whole->count);
        for (size_t r = 0; r < RANKS; r++) {
            assert_int_equal(of[r]->count, at[r]);
            free(of[r]);
        }
        free(whole);
        vc_source_close(source);
    }
}

static void it_can_be_closed_at_any_time(void **state)
{
    (void)state;
    vc_source *source = open_source(make_folder(3));
    for (size_t taken = 0; taken < 6; taken++)
        for (size_t workers = 1; workers <= 5; workers += 2) {
            vc_loader_options o = small(2, workers);
            vc_loader *loader;
            vc_loaded b;
            assert_ok(vc_loader_open(&loader, source, &o));
            for (size_t i = 0; i < taken; i++)
                assert_ok(vc_loader_next(&b, loader));
            vc_loader_close(loader);
        }
    vc_loader_close(NULL);
    vc_source_close(source);
}

/* Archives are read strictly forward, by one worker at a time. */
static void archives_give_the_same(void **state)
{
    (void)state;
    const char *d = make_folder(5);
    char command[2048];
    snprintf(command, sizeof command,
             "cd '%s' && find a b c -type f | sort | tar --no-recursion -T - -czf ../x.tgz", d);
    assert_int_equal(system(command), 0);
    vc_source *folder = open_source(d), *archive = open_source(temporary("x.tgz"));
    vc_loader_options o = small(4, 5);
    record *a = run(folder, o), *b = run(archive, o);
    assert_int_equal(b->count, SAMPLES - 5);
    assert_memory_equal(a->x, b->x, sizeof a->x);
    assert_memory_equal(a->labels, b->labels, sizeof a->labels);
    assert_memory_equal(a->indices, b->indices, sizeof a->indices);
    free(a);
    free(b);
    vc_source_close(folder);
    vc_source_close(archive);
}

enum { SIDE = 8 };

static void fill(uint8_t *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pixels[i] = (uint8_t)(i * 41 + i / 7);
}

static void images_in_memory_of_the_right_size_are_taken_as_they_are(void **state)
{
    (void)state;
    uint8_t pixels[2 * 3 * SIDE * SIDE];
    int32_t labels[2] = {4, 2};
    fill(pixels, sizeof pixels);
    const vc_dataset coloured = {2, 3, SIDE, SIDE, 5, pixels, labels, NULL};
    vc_source *source;
    vc_loader_options o = small(2, 2);
    assert_ok(vc_source_of_dataset(&source, &coloured));
    record *r = run(source, o);
    assert_int_equal(r->labels[0], 4);
    for (size_t i = 0; i < sizeof pixels; i++) {
        size_t c = i / (SIDE * SIDE) % 3;
        float want = ((float)pixels[i] / 255.0f - o.mean[c]) / o.std[c];
        assert_true(r->x[i] == want);
    }
    free(r);
    vc_source_convert(source);
    o.channels = 1; /* RGB to grey */
    r = run(source, o);
    const uint8_t *p = pixels + 3 * SIDE * SIDE + 9; /* of the second image */
    float grey = (float)vc_grey_of_rgb(p[0], p[SIDE * SIDE], p[2 * SIDE * SIDE]);
    assert_true(r->x[SIDE * SIDE + 9] == (grey / 255.0f - o.mean[0]) / o.std[0]);
    free(r);
    vc_source_close(source);

    const vc_dataset greys = {6, 1, SIDE, SIDE, 5, pixels, (int32_t[6]){0}, NULL};
    assert_ok(vc_source_of_dataset(&source, &greys));
    vc_source_convert(source);
    o.channels = 3; /* grey to RGB */
    r = run(source, o);
    for (size_t c = 0; c < 3; c++) {
        float want = ((float)pixels[5 * SIDE * SIDE + 9] / 255.0f - o.mean[c]) / o.std[c];
        assert_true(r->x[(5 * 3 + c) * SIDE * SIDE + 9] == want);
    }
    free(r);
    vc_source_close(source);
}

static void images_in_memory_of_another_size_are_resized(void **state)
{
    (void)state;
    uint8_t pixels[12 * 10], expected[SIZE * SIZE];
    int32_t label = 1;
    vc_image image = {0}, cropped = {0};
    vc_resize_scratch scratch = {0};
    fill(pixels, sizeof pixels);
    assert_ok(vc_image_reserve(&image, 10, 12, 1, "test"));
    memcpy(image.pixels, pixels, sizeof pixels);
    assert_ok(vc_image_resize_crop(&cropped, &image, 9, SIZE, VC_BICUBIC, &scratch));
    memcpy(expected, cropped.pixels, sizeof expected);
    const vc_dataset data = {1, 1, 12, 10, 2, pixels, &label, NULL};
    vc_source *source;
    assert_ok(vc_source_of_dataset(&source, &data));
    vc_source_convert(source);
    for (size_t channels = 1; channels <= 3; channels += 2) {
        vc_loader_options o = small(1, 1);
        o.channels = channels;
        record *r = run(source, o);
        for (size_t i = 0; i < channels * SIZE * SIZE; i++) {
            size_t c = i / (SIZE * SIZE);
            float pixel = (float)expected[i % (SIZE * SIZE)];
            assert_true(r->x[i] == (pixel / 255.0f - o.mean[c]) / o.std[c]);
        }
        free(r);
    }
    vc_source_close(source);
    vc_image_close(&image);
    vc_image_close(&cropped);
    vc_resize_scratch_close(&scratch);
}

/* Of 12 rows and 10 columns: as they are, and cut to 6 rows and 8 columns. */
static void models_of_oblong_images(void **state)
{
    (void)state;
    static const vc_extent sizes[] = {{12, 10}, {6, 8}};
    uint8_t pixels[12 * 10];
    int32_t label = 1;
    vc_image image = {0}, cropped = {0};
    vc_resize_scratch scratch = {0};
    vc_source *source;
    const vc_dataset data = {1, 1, 12, 10, 2, pixels, &label, NULL};
    fill(pixels, sizeof pixels);
    assert_ok(vc_image_reserve(&image, 10, 12, 1, "test"));
    memcpy(image.pixels, pixels, sizeof pixels);
    assert_ok(vc_image_cover_crop(&cropped, &image, (vc_extent){7, 10}, sizes[1], VC_BICUBIC,
                                  &scratch)); /* of 0.8 */
    assert_ok(vc_source_of_dataset(&source, &data));
    for (size_t s = 0; s < 2; s++) {
        const uint8_t *want = s == 0 ? pixels : cropped.pixels;
        vc_loader_options o = small(1, 1);
        o.channels = 1;
        o.size = sizes[s];
        o.crop_fraction = 0.8;
        record *r = run(source, o);
        for (size_t i = 0; i < vc_extent_area(sizes[s]); i++)
            assert_true(r->x[i] == ((float)want[i] / 255.0f - o.mean[0]) / o.std[0]);
        free(r);
    }
    vc_source_close(source);
    vc_image_close(&image);
    vc_image_close(&cropped);
    vc_resize_scratch_close(&scratch);
}

/* All samples once, in their order, changed by seed and index alone. */
static void samples_are_changed_outside_training(void **state)
{
    (void)state;
    vc_source *source = open_source(make_folder(5));
    const vc_augment_options changes = vc_augment_options_default();
    vc_loader_options o = small(4, 1);
    record *plain = run(source, o);
    o.augment = &changes;
    o.seed = 7;
    record *first = run(source, o);
    assert_int_equal(first->count, plain->count);
    assert_memory_equal(first->indices, plain->indices, sizeof first->indices);
    assert_memory_equal(first->labels, plain->labels, sizeof first->labels);
    assert_memory_not_equal(first->x, plain->x, sizeof first->x);
    o.workers = 5;
    record *again = run(source, o);
    assert_memory_equal(first, again, sizeof *first);
    o.seed = 8;
    record *other = run(source, o);
    assert_memory_not_equal(first->x, other->x, sizeof first->x);
    free(plain);
    free(first);
    free(again);
    free(other);
    vc_source_close(source);
}

static void put_picture(const char *d, const char *name, const char *picture)
{
    char golden[128];
    vc_mapped_file file;
    snprintf(golden, sizeof golden, "tests/data/golden/%s", picture);
    assert_ok(vc_file_map(&file, golden));
    put_bytes(d, name, file.data, file.bytes);
    vc_file_unmap(&file);
}

/* A model of one channel takes grey files as they are, and loses no colours that nobody gave up. */
static void grey_files_fit_one_channel(void **state)
{
    (void)state;
    const char *d = fresh_directory();
    put_picture(d, "a/0.jpg", "grey.jpg");
    put_picture(d, "a/1.png", "grey16.png");
    put_picture(d, "a/2.png", "grey_alpha8.png");
    put_picture(d, "a/3.png", "rgb8.png");
    vc_source *source = open_source(d), *converting = open_source(d);
    vc_source_convert(converting);
    vc_loader_options o = small(4, 2);
    o.channels = 1;
    record *r = run(source, o), *all = run(converting, o);
    assert_int_equal(r->count, 3);
    assert_string_equal(r->told, "3 /3.png: is in colour, the model takes images of 1 channel: "
                                 "wanted grey ones, or --convert-channels\n");
    assert_int_equal(all->count, 4);
    assert_memory_equal(r->x, all->x, 3 * SIZE * SIZE * sizeof *r->x);
    free(r);
    free(all);
    vc_source_close(source);
    vc_source_close(converting);
}

static void refuses_impossible_options(void **state)
{
    (void)state;
    uint8_t pixels[2] = {0};
    int32_t label = 0;
    const vc_dataset two = {1, 2, 1, 1, 1, pixels, &label, NULL},
                     grey = {1, 1, 1, 1, 1, pixels, &label, NULL};
    vc_source *folder = open_source(make_folder(0)), *memory, *greys;
    vc_loader *loader;
    assert_ok(vc_source_of_dataset(&memory, &two));
    assert_ok(vc_source_of_dataset(&greys, &grey));
#define REFUSES(source, change, text)                                                              \
    do {                                                                                           \
        vc_loader_options o = small(1, 1);                                                         \
        change;                                                                                    \
        assert_fails(vc_loader_open(&loader, source, &o), VC_EINVAL, text);                        \
        assert_null(loader);                                                                       \
    } while (0)
    REFUSES(folder, o.batch = 0, "a batch of 0, wanted 1 to 65536");
    REFUSES(folder, o.workers = 2000, "workers: 2000, wanted 1 to 1024");
    REFUSES(folder, o.size = vc_square(0), "an image side of 0");
    REFUSES(folder, o.channels = 2, "2 channels asked for, wanted 1 or 3");
    REFUSES(folder, o.crop_fraction = 0.0, "as 0 of the shorter side");
    REFUSES(folder, o.crop_fraction = (double)NAN, "of the shorter side");
    REFUSES(folder, o.crop_fraction = 1e-4, "at most 8192 pixels");
    REFUSES(folder, o.std[1] = 0.0f, "channel 1 has mean");
    REFUSES(memory, o.channels = 3, "memory: images of 2 channels, wanted 3");
    REFUSES(greys, o.channels = 3, "images of 1 channel, wanted 3, or --convert-channels");
    REFUSES(folder, o.channels = 1, "a/00.jpg: is in colour, the model takes images of 1 channel");
#undef REFUSES
    vc_source_close(folder);
    vc_source_close(memory);
    vc_source_close(greys);
}

/* The first value of the only image; `upright`: turned as turned.jpg's EXIF data say (6: its left
 * column becomes the upper row, from below). */
static void first_and_last(float out[2], int upright)
{
    const char *const path = "tests/data/golden/turned.jpg";
    const vc_source_options how = {.upright = upright};
    vc_loader_options o = vc_loader_options_default();
    vc_source *source;
    vc_loader *loader;
    vc_loaded batch;
    o.size = vc_square(13); /* of 19 x 13 pixels, as they are */
    o.crop_fraction = 1.0;
    assert_ok(vc_source_of_files(&source, &path, 1, &how));
    assert_ok(vc_loader_open(&loader, source, &o));
    assert_ok(vc_loader_next(&batch, loader));
    assert_int_equal(batch.count, 1);
    out[0] = batch.x[0];
    out[1] = batch.x[12];
    vc_loader_close(loader);
    vc_source_close(source);
}

static void images_are_turned_where_that_is_asked_for(void **state)
{
    (void)state;
    float lying[2], upright[2];
    vc_image image = {0};
    vc_mapped_file file;
    first_and_last(lying, 0);
    first_and_last(upright, 1);
    assert_ok(vc_file_map(&file, "tests/data/golden/turned.jpg"));
    assert_ok(vc_image_decode(&image, file.data, file.bytes, 3, "turned"));
    const uint8_t *p = image.pixels; /* the crop leaves three columns to the left */
    assert_true(fabsf(lying[0] - (float)p[3 * 3] / 255.0f) < 1e-6f);
    assert_true(fabsf(lying[1] - (float)p[3 * 15] / 255.0f) < 1e-6f);
    assert_true(fabsf(upright[0] - (float)p[3 * (12 * 19 + 3)] / 255.0f) < 1e-6f);
    assert_true(fabsf(upright[1] - (float)p[3 * 3] / 255.0f) < 1e-6f);
    vc_image_close(&image);
    vc_file_unmap(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_are_turned_where_that_is_asked_for),
        cmocka_unit_test(batches_do_not_depend_on_workers),
        cmocka_unit_test(broken_images_are_left_out_and_told_in_order),
        cmocka_unit_test(a_limit_ends_it_early),
        cmocka_unit_test(ranks_have_every_batch_once),
        cmocka_unit_test(it_can_be_closed_at_any_time),
        cmocka_unit_test(archives_give_the_same),
        cmocka_unit_test(images_in_memory_of_the_right_size_are_taken_as_they_are),
        cmocka_unit_test(images_in_memory_of_another_size_are_resized),
        cmocka_unit_test(models_of_oblong_images),
        cmocka_unit_test(grey_files_fit_one_channel),
        cmocka_unit_test(samples_are_changed_outside_training),
        cmocka_unit_test(refuses_impossible_options),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
