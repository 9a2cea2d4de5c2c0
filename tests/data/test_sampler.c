#include "testing.h"
#include "vitcod/sampler.h"

static vc_sampler open_sampler(size_t images, size_t batch, size_t repetitions, size_t rank,
                               size_t ranks)
{
    vc_sampler s;
    vc_sampler_options o = vc_sampler_options_default();
    o.images = images;
    o.batch = batch;
    o.repetitions = repetitions;
    o.rank = rank;
    o.ranks = ranks;
    o.seed = 7;
    assert_ok(vc_sampler_open(&s, &o));
    vc_sampler_set_epoch(&s, 3);
    return s;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(vc_sample));
}

enum { BATCH = 48 };

/* All ranks' samples of a step, sorted. */
static void global_batch(vc_sample out[BATCH], size_t step, size_t ranks)
{
    size_t count = 0;
    for (size_t rank = 0; rank < ranks; rank++) {
        vc_sampler s = open_sampler(1000, BATCH, 3, rank, ranks);
        assert_int_equal(s.share, BATCH / ranks);
        assert_int_equal(s.steps, 768 / BATCH);
        for (size_t i = 0; i < s.share; i++)
            out[count++] = vc_sampler_at(&s, step, i, 0);
        vc_sampler_close(&s);
    }
    assert_int_equal(count, BATCH);
    qsort(out, count, sizeof *out, compare);
}

static void global_batches_do_not_depend_on_the_ranks(void **state)
{
    (void)state;
    static const size_t ranks[] = {2, 3, 4, 24};
    for (size_t step = 0; step < 768 / BATCH; step++) {
        vc_sample one[BATCH], many[BATCH];
        global_batch(one, step, 1);
        for (size_t i = 0; i < BATCH; i += 3) /* 16 images, three times each */
            assert_true(one[i].index == one[i + 2].index);
        for (size_t i = 0; i < 4; i++) {
            global_batch(many, step, ranks[i]);
            assert_memory_equal(one, many, sizeof one);
        }
    }
}

/* Reversing a rank's batch pairs what reversing the global batch pairs. */
static void partners_are_on_the_same_rank(void **state)
{
    (void)state;
    vc_sampler all = open_sampler(1000, BATCH, 3, 0, 1);
    for (size_t rank = 0; rank < 4; rank++) {
        vc_sampler s = open_sampler(1000, BATCH, 3, rank, 4);
        for (size_t i = 0; i < s.share; i++) {
            const vc_sample a = vc_sampler_at(&s, 1, i, 0),
                            b = vc_sampler_at(&s, 1, s.share - 1 - i, 0);
            int found = 0;
            for (size_t k = 0; k < BATCH; k++) {
                const vc_sample c = vc_sampler_at(&all, 1, k, 0),
                                d = vc_sampler_at(&all, 1, BATCH - 1 - k, 0);
                found += compare(&a, &c) == 0 && compare(&b, &d) == 0;
            }
            assert_int_equal(found, 1);
        }
        vc_sampler_close(&s);
    }
    vc_sampler_close(&all);
}

static void repetitions_go_to_different_ranks(void **state)
{
    (void)state;
    vc_sampler s[3];
    for (size_t rank = 0; rank < 3; rank++)
        s[rank] = open_sampler(1000, 12, 3, rank, 3);
    for (size_t step = 0; step < s[0].steps; step++)
        for (size_t i = 0; i < 4; i++) {
            const vc_sample a = vc_sampler_at(&s[0], step, i, 0),
                            b = vc_sampler_at(&s[1], step, i, 0),
                            c = vc_sampler_at(&s[2], step, i, 0);
            assert_true(a.index == b.index && b.index == c.index);
            assert_int_equal(a.repetition + b.repetition + c.repetition, 3);
            assert_true(a.repetition != b.repetition && b.repetition != c.repetition);
        }
    for (size_t rank = 0; rank < 3; rank++)
        vc_sampler_close(&s[rank]);
}

static void without_repetitions_it_is_the_epochs_order(void **state)
{
    (void)state;
    unsigned seen[100] = {0};
    vc_sampler s = open_sampler(100, 7, 1, 0, 1);
    assert_int_equal(s.steps, 14);
    for (size_t i = 0; i < 98; i++) {
        const vc_sample sample = vc_sampler_at(&s, i / 7, i % 7, 0);
        assert_int_equal(sample.index, s.order[i]);
        assert_int_equal(sample.repetition, 0);
    }
    vc_sampler_close(&s);
    s = open_sampler(100, 10, 1, 0, 1);
    for (size_t i = 0; i < 100; i++)
        seen[vc_sampler_at(&s, i / 10, i % 10, 0).index]++;
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    vc_sampler_close(&s);
}

/* A third of the images in an epoch, all of them soon. */
static void repetitions_visit_every_image_in_time(void **state)
{
    (void)state;
    unsigned seen[300] = {0}, missing = 300;
    vc_sampler s = open_sampler(300, 16, 3, 0, 1);
    assert_int_equal(s.steps, 16); /* of 256 */
    for (uint64_t epoch = 0; epoch < 40; epoch++) {
        vc_sampler_set_epoch(&s, epoch);
        for (size_t i = 0; i < 256; i++)
            missing -= seen[vc_sampler_at(&s, i / 16, i % 16, 0).index]++ == 0;
    }
    assert_int_equal(missing, 0);
    vc_sampler_close(&s);
}

static void small_sets_and_limits(void **state)
{
    (void)state;
    vc_sampler s = open_sampler(100, 30, 3, 0, 1); /* below 256 nothing is rounded */
    assert_int_equal(s.steps, 3);
    vc_sampler_close(&s);
    s = open_sampler(300, 290, 3, 0, 1); /* nor when a batch would not fit any more */
    assert_int_equal(s.steps, 1);
    vc_sampler_close(&s);
    vc_sampler_options o = vc_sampler_options_default();
    o.images = 100;
    o.limit = 20;
    o.batch = 10;
    o.repetitions = 1;
    assert_ok(vc_sampler_open(&s, &o));
    assert_int_equal(s.steps, 2);
    assert_int_equal(s.images, 20);
    vc_sampler_close(&s);
}

static void substitutes_follow_in_the_order(void **state)
{
    (void)state;
    vc_sampler s = open_sampler(10, 6, 3, 0, 1);
    const vc_sample first = vc_sampler_at(&s, 0, 4, 0);
    assert_true(first.index == s.order[1] && first.repetition == 1);
    for (size_t further = 1; further < 10; further++) {
        const vc_sample other = vc_sampler_at(&s, 0, 4, further);
        assert_int_equal(other.index, s.order[(1 + further) % 10]);
        assert_int_equal(other.repetition, 1 + 3 * further);
    }
    vc_sampler_close(&s);
}

static void streams_differ_in_everything(void **state)
{
    (void)state;
    uint64_t drawn[7];
    vc_sampler s = open_sampler(10, 2, 3, 0, 1);
    vc_rng rng[7];
    rng[0] = vc_sampler_sample_rng(&s, (vc_sample){1, 0});
    rng[1] = vc_sampler_sample_rng(&s, (vc_sample){2, 0});
    rng[2] = vc_sampler_sample_rng(&s, (vc_sample){1, 1});
    rng[3] = vc_sampler_mix_rng(&s, 1);
    vc_sampler_set_epoch(&s, 4);
    rng[4] = vc_sampler_sample_rng(&s, (vc_sample){1, 0});
    rng[5] = vc_sampler_mix_rng(&s, 1);
    s.options.seed++;
    rng[6] = vc_sampler_sample_rng(&s, (vc_sample){1, 0});
    for (size_t i = 0; i < 7; i++) {
        drawn[i] = vc_rng_u64(&rng[i]);
        for (size_t k = 0; k < i; k++)
            assert_true(drawn[i] != drawn[k]);
    }
    vc_sampler_close(&s);
}

static void refuses_impossible_options(void **state)
{
    (void)state;
    vc_sampler s;
#define REFUSES(change, text)                                                                      \
    do {                                                                                           \
        vc_sampler_options o = {.images = 100, .batch = 8, .repetitions = 3, .ranks = 2};          \
        change;                                                                                    \
        assert_fails(vc_sampler_open(&s, &o), VC_EINVAL, text);                                    \
        vc_sampler_close(&s);                                                                      \
    } while (0)
    REFUSES(o.images = 0, "an order of 0 images");
    REFUSES(o.images = SIZE_MAX, "images, wanted 1 to 1431655765");
    REFUSES(o.repetitions = 0, "0 repetitions of an image, wanted 1 to 256");
    REFUSES(o.repetitions = 1000, "1000 repetitions");
    REFUSES(o.rank = 2, "rank 2 of 2");
    REFUSES(o.ranks = 0, "rank 0 of 0");
    REFUSES(o.batch = 6, "a batch of 6 for 2 ranks, wanted a multiple of 4");
    REFUSES(o.batch = 7, "a batch of 7 for 2 ranks");
    REFUSES(o.batch = 104, "a batch of 104 from 100 images, wanted at least one whole batch");
    REFUSES((o.joints = 17, o.batch = 104), "a batch of 104 from 100 frames, wanted at least");
    REFUSES((o.joints = 17, o.images = 0), "an order of 0 frames");
    REFUSES(o.batch = 0, "a batch of 0 from 100 images");
    REFUSES(o.limit = 4, "a batch of 8 from 4 images");
#undef REFUSES
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(global_batches_do_not_depend_on_the_ranks),
        cmocka_unit_test(partners_are_on_the_same_rank),
        cmocka_unit_test(repetitions_go_to_different_ranks),
        cmocka_unit_test(without_repetitions_it_is_the_epochs_order),
        cmocka_unit_test(repetitions_visit_every_image_in_time),
        cmocka_unit_test(small_sets_and_limits),
        cmocka_unit_test(substitutes_follow_in_the_order),
        cmocka_unit_test(streams_differ_in_everything),
        cmocka_unit_test(refuses_impossible_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
