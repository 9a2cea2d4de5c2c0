#include "pictures.h"
#include "vitcod/image.h"

enum { SIZE = 12, VALUES = 3 * SIZE * SIZE, BATCH = 4, MOST = 64 };

/* All batches of an epoch, or of part of one, in one array. */
typedef struct record {
    float x[MOST * VALUES];
    double lambdas[MOST];
    size_t indices[MOST], count, calls, broken;
    int32_t labels[MOST], partners[MOST];
    char told[4096];
} record;

static void note(void *context, size_t index, const char *name, const char *message)
{
    record *r = context;
    assert_true(strncmp(message, name, strlen(name)) == 0);
    size_t length = strlen(r->told);
    snprintf(r->told + length, sizeof r->told - length, "%zu ", index);
}

static vc_loader_options small(size_t workers, const vc_loader_training *training)
{
    vc_loader_options o = vc_loader_options_default();
    o.size = vc_square(SIZE);
    o.workers = workers;
    o.training = training;
    for (size_t c = 0; c < 3; c++) {
        o.mean[c] = 0.4f + 0.05f * (float)c;
        o.std[c] = 0.22f + 0.01f * (float)c;
    }
    return o;
}

static vc_sampler open_sampler(size_t images, size_t repetitions, size_t rank, size_t ranks)
{
    vc_sampler s;
    vc_sampler_options o = vc_sampler_options_default();
    o.images = images;
    o.batch = BATCH;
    o.repetitions = repetitions;
    o.rank = rank;
    o.ranks = ranks;
    o.seed = 5;
    assert_ok(vc_sampler_open(&s, &o));
    vc_sampler_set_epoch(&s, 2);
    return s;
}

static record *run(vc_source *source, const vc_loader_training *training, size_t workers)
{
    record *r = calloc(1, sizeof *r);
    vc_loader_options o = small(workers, training);
    vc_loader *loader;
    vc_loaded b;
    o.on_broken = note;
    o.context = r;
    assert_ok(vc_loader_open(&loader, source, &o));
    for (;;) {
        assert_ok(vc_loader_next(&b, loader));
        if (b.count == 0)
            break;
        assert_int_equal(b.count, training->sampler->share);
        memcpy(r->x + r->count * VALUES, b.x, b.count * VALUES * sizeof *b.x);
        memcpy(r->indices + r->count, b.indices, b.count * sizeof *b.indices);
        memcpy(r->labels + r->count, b.labels, b.count * sizeof *b.labels);
        memcpy(r->partners + r->count, b.partners, b.count * sizeof *b.partners);
        r->lambdas[r->calls++] = b.lambda;
        r->count += b.count;
    }
    assert_int_equal(r->count, vc_loader_total(loader));
    r->broken = vc_loader_broken(loader);
    vc_loader_close(loader);
    return r;
}

static vc_loader_training whole_recipe(const vc_sampler *s)
{
    return (vc_loader_training){.sampler = s, .augment = vc_augment_options_default()};
}

static void batches_do_not_depend_on_workers(void **state)
{
    (void)state;
    vc_source *source = open_source(make_folder(0));
    vc_sampler s = open_sampler(SAMPLES, 3, 0, 1);
    const vc_loader_training t = whole_recipe(&s);
    record *one = run(source, &t, 1);
    assert_int_equal(one->calls, SAMPLES / BATCH);
    assert_string_equal(one->told, "");
    for (size_t workers = 2; workers <= 5; workers += 3) {
        record *other = run(source, &t, workers);
        assert_memory_equal(one, other, sizeof *one);
        free(other);
    }
    vc_sampler_set_epoch(&s, 3);
    record *later = run(source, &t, 2);
    assert_memory_not_equal(one->x, later->x, sizeof one->x);
    free(later);
    free(one);
    vc_sampler_close(&s);
    vc_source_close(source);
}

/* Makes a sample from the public functions of the recipe. */
static void make_by_hand(float *out, vc_source *source, const vc_sampler *s, vc_sample sample,
                         const vc_loader_options *o)
{
    const uint8_t fill[] = {102, 115, 128}; /* of the means */
    const vc_augment_options *a = &o->training->augment;
    vc_rng rng = vc_sampler_sample_rng(s, sample);
    vc_bytes bytes = {0};
    vc_image image = {0}, cropped = {0}, spare = {0};
    vc_resize_scratch scratch = {0};
    vc_normalizer normalizer;
    vc_normalizer_make(&normalizer, 3, o->mean, o->std);
    assert_ok(vc_source_read(&bytes, source, sample.index));
    assert_ok(vc_image_decode(&image, bytes.data, bytes.count, 3, "test"));
    const vc_box box = vc_crop_draw(&rng, image.width, image.height, a);
    assert_ok(vc_image_resize_box(&cropped, &image, box, SIZE, SIZE, &scratch));
    if (vc_rng_uniform(&rng) < a->flip)
        vc_image_flip(&cropped);
    if (a->operations > 0)
        assert_ok(vc_rand_augment(&cropped, &spare, &rng, a, fill));
    else
        assert_ok(vc_colour_jitter(&cropped, &spare, &rng, a->jitter));
    vc_image_normalize(out, &cropped, &normalizer);
    vc_image_erase(out, 3, SIZE, SIZE, &rng, a);
    vc_bytes_close(&bytes);
    vc_image_close(&image);
    vc_image_close(&cropped);
    vc_image_close(&spare);
    vc_resize_scratch_close(&scratch);
}

static void batches_hold_what_the_recipe_says(void **state)
{
    (void)state;
    vc_source *source = open_source(make_folder(0));
    vc_sampler s = open_sampler(SAMPLES, 3, 0, 1);
    for (size_t operations = 0; operations <= 2; operations += 2) {
        vc_loader_training t = whole_recipe(&s);
        t.augment.operations = operations;
        t.augment.erase = 0.5;
        const vc_loader_options o = small(1, &t);
        record *r = run(source, &t, 2);
        int mixed = 0;
        for (size_t step = 0; step < s.steps; step++) {
            float x[BATCH * VALUES];
            vc_rng rng = vc_sampler_mix_rng(&s, step);
            const vc_mix mix = vc_mix_draw(&rng, SIZE, SIZE, &t.augment);
            for (size_t i = 0; i < BATCH; i++) {
                const vc_sample sample = vc_sampler_at(&s, step, i, 0);
                make_by_hand(x + i * VALUES, source, &s, sample, &o);
                assert_int_equal(r->indices[step * BATCH + i], sample.index);
                assert_int_equal(r->labels[step * BATCH + i], sample.index / 8);
                assert_int_equal(r->partners[step * BATCH + i],
                                 vc_sampler_at(&s, step, BATCH - 1 - i, 0).index / 8);
            }
            vc_mix_apply(x, BATCH, 3, SIZE, SIZE, &mix);
            assert_memory_equal(x, r->x + step * BATCH * VALUES, sizeof x);
            assert_true(r->lambdas[step] == mix.lambda);
            mixed += mix.lambda < 1.0;
        }
        assert_true(mixed > 2);
        free(r);
    }
    vc_sampler_close(&s);
    vc_source_close(source);
}

static void an_epoch_goes_on_in_the_middle(void **state)
{
    (void)state;
    vc_source *source = open_source(make_folder(6));
    vc_sampler s = open_sampler(SAMPLES, 3, 0, 1);
    vc_loader_training t = whole_recipe(&s);
    record *all = run(source, &t, 2);
    for (t.first_step = 0; t.first_step <= s.steps; t.first_step++) {
        record *rest = run(source, &t, 3);
        const size_t skipped = t.first_step * BATCH;
        assert_int_equal(rest->calls, s.steps - t.first_step);
        assert_memory_equal(rest->x, all->x + skipped * VALUES,
                            rest->count * VALUES * sizeof *rest->x);
        assert_memory_equal(rest->indices, all->indices + skipped,
                            rest->count * sizeof *rest->indices);
        assert_memory_equal(rest->lambdas, all->lambdas + t.first_step,
                            rest->calls * sizeof *rest->lambdas);
        free(rest);
    }
    free(all);
    vc_sampler_close(&s);
    vc_source_close(source);
}

/* Each mixed image that one process makes of the global batch is also made by one of several
 * ranks. */
static void ranks_make_one_global_batch(void **state)
{
    (void)state;
    vc_source *source = open_source(make_folder(6));
    vc_sampler s = open_sampler(SAMPLES, 3, 0, 1);
    vc_loader_training t = whole_recipe(&s);
    record *all = run(source, &t, 2);
    vc_sampler_close(&s);
    int found[MOST] = {0};
    for (size_t rank = 0; rank < 2; rank++) {
        s = open_sampler(SAMPLES, 3, rank, 2);
        record *part = run(source, &t, 2);
        assert_int_equal(part->count, all->count / 2);
        for (size_t i = 0; i < part->count; i++)
            for (size_t k = i / 2 * BATCH; k < i / 2 * BATCH + BATCH; k++)
                found[k] +=
                    part->indices[i] == all->indices[k] && part->partners[i] == all->partners[k] &&
                    part->lambdas[i / 2] == all->lambdas[k / BATCH] &&
                    memcmp(part->x + i * VALUES, all->x + k * VALUES, VALUES * sizeof(float)) == 0;
        free(part);
        vc_sampler_close(&s);
    }
    for (size_t k = 0; k < all->count; k++)
        assert_int_equal(found[k], 1);
    free(all);
    vc_source_close(source);
}

static void broken_images_are_replaced_by_the_next(void **state)
{
    (void)state;
    vc_source *source = open_source(make_folder(3)); /* 0, 3, 6 and so on */
    vc_sampler s = open_sampler(SAMPLES, 3, 0, 1);
    const vc_loader_training t = whole_recipe(&s);
    record *r = run(source, &t, 1);
    unsigned told[SAMPLES] = {0}, count = 0;
    for (char *at = r->told; *at; at = strchr(at, ' ') + 1) {
        told[strtoul(at, NULL, 10)]++;
        count++;
    }
    assert_int_equal(count, r->broken);
    for (size_t i = 0; i < r->count; i++) {
        size_t further = 0;
        while (vc_sampler_at(&s, i / BATCH, i % BATCH, further).index % 3 == 0)
            assert_int_equal(told[vc_sampler_at(&s, i / BATCH, i % BATCH, further++).index], 1);
        assert_int_equal(r->indices[i], vc_sampler_at(&s, i / BATCH, i % BATCH, further).index);
    }
    for (size_t i = 0; i < SAMPLES; i++)
        assert_true(told[i] <= (i % 3 == 0));
    for (size_t workers = 2; workers <= 5; workers += 3) {
        record *other = run(source, &t, workers);
        assert_memory_equal(r, other, sizeof *r);
        free(other);
    }
    free(r);
    vc_sampler_close(&s);
    vc_source_close(source);
}

static void an_epoch_of_broken_images_ends(void **state)
{
    (void)state;
    vc_source *source = open_source(make_folder(1));
    vc_sampler s = open_sampler(SAMPLES, 3, 0, 1);
    const vc_loader_training t = whole_recipe(&s);
    for (size_t workers = 1; workers <= 5; workers += 4) {
        const vc_loader_options o = small(workers, &t);
        vc_loader *loader;
        vc_loaded b;
        assert_ok(vc_loader_open(&loader, source, &o));
        for (int again = 0; again < 2; again++)
            assert_fails(vc_loader_next(&b, loader), VC_EFORMAT, "23 images in a row are broken: ");
        vc_loader_close(loader);
    }
    vc_sampler_close(&s);
    vc_source_close(source);
}

static void archives_give_the_same(void **state)
{
    (void)state;
    const char *d = make_folder(5);
    char command[2048];
    snprintf(command, sizeof command,
             "cd '%s' && find a b c -type f | sort | tar --no-recursion -T - -czf ../x.tgz", d);
    assert_int_equal(system(command), 0);
    vc_source *folder = open_source(d), *archive = open_source(temporary("x.tgz"));
    vc_sampler s = open_sampler(SAMPLES, 1, 0, 1);
    const vc_loader_training t = whole_recipe(&s);
    record *a = run(folder, &t, 2), *b = run(archive, &t, 5);
    assert_memory_equal(a, b, sizeof *a);
    free(a);
    free(b);
    vc_sampler_close(&s);
    vc_source_close(folder);
    vc_source_close(archive);
}

static void a_gzipped_archive_wants_a_place_to_be_inflated(void **state)
{
    (void)state;
    const char *d = make_folder(5);
    char command[2048];
    snprintf(command, sizeof command, "cd '%s' && tar -czf ../y.tgz a b c", d);
    assert_int_equal(system(command), 0);
    vc_source *archive = open_source(temporary("y.tgz"));
    vc_source_convert(archive);
    vc_sampler s = open_sampler(SAMPLES, 1, 0, 1);
    const vc_loader_training t = whole_recipe(&s);
    vc_loader_options o = vc_loader_options_default();
    vc_loader *loader;
    o.size = vc_square(SIZE);
    o.channels = 1;
    o.training = &t;
    const char *before = getenv("TMPDIR");
    char *kept = before ? strdup(before) : NULL;
    setenv("TMPDIR", "/nowhere", 1);
    assert_int_equal(vc_loader_open(&loader, archive, &o), VC_EIO);
    assert_non_null(strstr(vc_last_error(), "/nowhere: no file can be made"));
    if (kept)
        setenv("TMPDIR", kept, 1);
    else
        unsetenv("TMPDIR");
    free(kept);
    vc_sampler_close(&s);
    vc_source_close(archive);
}

/* The pixels tell their position. */
static void images_in_memory_of_the_right_size_are_not_resized(void **state)
{
    (void)state;
    enum { IMAGES = 8, SHIFT = 3 };
    static uint8_t pixels[IMAGES * SIZE * SIZE];
    int32_t labels[IMAGES];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(1 + i % (SIZE * SIZE));
    for (int32_t i = 0; i < IMAGES; i++)
        labels[i] = i;
    const vc_dataset data = {IMAGES, 1, SIZE, SIZE, IMAGES, pixels, labels, NULL};
    vc_source *source;
    assert_ok(vc_source_of_dataset(&source, &data));
    vc_source_convert(source);
    vc_sampler s = open_sampler(IMAGES, 1, 0, 1);
    const vc_loader_training t = {.sampler = &s, .augment = {.shift = SHIFT, .flip = 0.5}};
    record *r = run(source, &t, 2);
    int mirrored = 0;
    for (size_t i = 0; i < IMAGES; i++) {
        int found = 0;
        for (int n = 0; n < 2 * (2 * SHIFT + 1) * (2 * SHIFT + 1); n++) {
            const int flip = n % 2, down = n / 2 % (2 * SHIFT + 1) - SHIFT,
                      right = n / 2 / (2 * SHIFT + 1) - SHIFT;
            int equal = 1;
            for (int k = 0; equal && k < SIZE * SIZE; k++) {
                const int column = flip ? SIZE - 1 - k % SIZE : k % SIZE;
                const int y = k / SIZE - down, x = column - right;
                const int in = y >= 0 && y < SIZE && x >= 0 && x < SIZE;
                const float pixel = in ? (float)(1 + y * SIZE + x) : 0.0f;
                equal = r->x[i * VALUES + (size_t)k] == (pixel / 255.0f - 0.4f) / 0.22f;
            }
            found += equal;
            mirrored += equal && flip;
        }
        assert_int_equal(found, 1);
        assert_int_equal(r->labels[i], r->indices[i]);
    }
    assert_true(mirrored > 0 && mirrored < IMAGES);
    free(r);
    vc_sampler_close(&s);
    vc_source_close(source);
}

static void it_can_be_closed_at_any_time(void **state)
{
    (void)state;
    vc_source *source = open_source(make_folder(3));
    vc_sampler s = open_sampler(SAMPLES, 3, 0, 1);
    const vc_loader_training t = whole_recipe(&s);
    for (size_t taken = 0; taken < 5; taken++)
        for (size_t workers = 1; workers <= 5; workers += 2) {
            const vc_loader_options o = small(workers, &t);
            vc_loader *loader;
            vc_loaded b;
            assert_ok(vc_loader_open(&loader, source, &o));
            for (size_t i = 0; i < taken; i++)
                assert_ok(vc_loader_next(&b, loader));
            vc_loader_close(loader);
        }
    vc_sampler_close(&s);
    vc_source_close(source);
}

static void refuses_impossible_options(void **state)
{
    (void)state;
    uint8_t pixels[4 * 2] = {0};
    int32_t labels[4] = {0};
    const vc_dataset two = {4, 2, 1, 1, 1, pixels, labels, NULL};
    vc_source *folder = open_source(make_folder(0)), *memory;
    vc_loader *loader;
    vc_sampler s = open_sampler(SAMPLES, 3, 0, 1), four = open_sampler(4, 1, 0, 1);
    assert_ok(vc_source_of_dataset(&memory, &two));
#define REFUSES(source, change, text)                                                              \
    do {                                                                                           \
        vc_loader_training t = whole_recipe(&s);                                                   \
        vc_loader_options o = small(1, &t);                                                        \
        change;                                                                                    \
        assert_fails(vc_loader_open(&loader, source, &o), VC_EINVAL, text);                        \
        assert_null(loader);                                                                       \
    } while (0)
    REFUSES(memory, (o.channels = 2), "a sampler of 23 images for a source of 4");
    REFUSES(folder, t.first_step = 6, "an epoch of 5 steps from step 6 on");
    REFUSES(folder, t.augment.magnitude = 20, "the magnitude is 20");
    REFUSES(folder, o.mean[2] = -0.5f, "channel 2 has mean -0.5, wanted 0 to 1: RandAugment");
    REFUSES(memory, (o.channels = 2, t.sampler = &four), "colour jitter of 2 channels");
    REFUSES(folder, o.workers = 2000, "workers: 2000");
#undef REFUSES
    vc_sampler_close(&s);
    vc_sampler_close(&four);
    vc_source_close(folder);
    vc_source_close(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_do_not_depend_on_workers),
        cmocka_unit_test(batches_hold_what_the_recipe_says),
        cmocka_unit_test(an_epoch_goes_on_in_the_middle),
        cmocka_unit_test(ranks_make_one_global_batch),
        cmocka_unit_test(broken_images_are_replaced_by_the_next),
        cmocka_unit_test(an_epoch_of_broken_images_ends),
        cmocka_unit_test(archives_give_the_same),
        cmocka_unit_test(a_gzipped_archive_wants_a_place_to_be_inflated),
        cmocka_unit_test(images_in_memory_of_the_right_size_are_not_resized),
        cmocka_unit_test(it_can_be_closed_at_any_time),
        cmocka_unit_test(refuses_impossible_options),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
