/* Nearest neighbours and the linear classifier, on features whose answers are known. */
#include <math.h>

#include "testing.h"
#include "vitcod/features.h"
#include "vitcod/loss.h"
#include "vitcod/memory_limit.h"
#include "vitcod/rng.h"
#include "vitcod/threads.h"

/* Three in the plane, near the axes and between them. */
static float train_values[] = {1.0f, 0.0f, 0.8f, 0.6f, 0.0f, 1.0f};
static int32_t train_labels[] = {0, 1, 1};
static const vc_features train = {train_values, train_labels, 3, 2, 2, 0};

static void nearest_neighbours_vote_by_their_cosine(void **state)
{
    (void)state;
    /* cosines 1, 0.8, 0 and 0.6, 0.96, 0.8 */
    static float values[] = {1.0f, 0.0f, 0.6f, 0.8f};
    static int32_t labels[] = {0, 0};
    const vc_features test = {values, labels, 2, 2, 2, 0};
    vc_feature_accuracy a;
    assert_ok(vc_features_knn(&a, &train, &test, 1));
    assert_near(a.top1, 50.0, 1e-12);
    assert_near(a.top5, 100.0, 1e-12);
    assert_int_equal(a.neighbours, 1);
    /* Wilson's interval of 1 of 2: (1 + z^2 / 2 -+ z sqrt(1 / 2 + z^2 / 4)) / (2 + z^2) */
    assert_near(a.low, 9.4531, 1e-3);
    assert_near(a.high, 90.5469, 1e-3);
    /* exp(1 / 0.07) of class 0 outweighs exp(0.8 / 0.07) + exp(0) of class 1 */
    assert_ok(vc_features_knn(&a, &train, &test, 3));
    assert_near(a.top1, 50.0, 1e-12);
    assert_fails(vc_features_knn(&a, &train, &test, 4), VC_EINVAL,
                 "4 neighbours, wanted 1 to the 3 images");
    const vc_features others = {values, labels, 2, 2, 3, 0};
    assert_fails(vc_features_knn(&a, &train, &others, 1), VC_EINVAL, "2 classes");
}

/* However many threads there are; against a plain search for the nearest one. */
static void nearest_neighbours_of_many(void **state)
{
    (void)state;
    enum { IMAGES = 120, WIDTH = 19, CLASSES = 7 };
    static float values[2][IMAGES * WIDTH];
    static int32_t labels[2][IMAGES];
    size_t hits = 0;
    vc_rng rng = vc_rng_open(1, 0, 0);
    for (size_t set = 0; set < 2; set++)
        for (size_t i = 0; i < IMAGES; i++) {
            double square = 0.0;
            labels[set][i] = (int32_t)vc_rng_below(&rng, CLASSES);
            for (size_t k = 0; k < WIDTH; k++) {
                const double value = vc_rng_normal(&rng) + (k == (size_t)labels[set][i]);
                values[set][i * WIDTH + k] = (float)value;
                square += value * value;
            }
            for (size_t k = 0; k < WIDTH; k++)
                values[set][i * WIDTH + k] /= (float)sqrt(square);
        }
    for (size_t i = 0; i < IMAGES; i++) {
        double most = -2.0;
        int32_t label = -1;
        for (size_t j = 0; j < IMAGES; j++) {
            double cosine = 0.0;
            for (size_t k = 0; k < WIDTH; k++)
                cosine += (double)values[1][i * WIDTH + k] * values[0][j * WIDTH + k];
            label = cosine > most ? labels[0][j] : label;
            most = fmax(most, cosine);
        }
        hits += label == labels[1][i];
    }
    const vc_features learnt = {values[0], labels[0], IMAGES, WIDTH, CLASSES, 0},
                      judged = {values[1], labels[1], IMAGES, WIDTH, CLASSES, 0};
    vc_feature_accuracy a, five[2];
    for (int threads = 1; threads <= 4; threads += 3) {
        assert_ok(vc_threads_set(threads));
        assert_ok(vc_features_knn(&a, &learnt, &judged, 1));
        assert_near(a.top1, 100.0 * (double)hits / IMAGES, 1e-12);
        assert_ok(vc_features_knn(&five[threads / 4], &learnt, &judged, 5));
    }
    assert_near(five[0].top1, five[1].top1, 0.0);
    assert_near(five[0].top5, five[1].top5, 0.0);
}

/* Classes that a line parts are learnt; the same features again have the same answers. */
static void a_probe_learns_what_a_line_parts(void **state)
{
    (void)state;
    enum { IMAGES = 40 };
    static float values[3 * IMAGES];
    static int32_t labels[IMAGES];
    for (size_t i = 0; i < IMAGES; i++) {
        const double angle = 0.01 * (double)(i * i % 157);
        values[3 * i] = (float)cos(angle);
        values[3 * i + 1] = (float)sin(angle);
        values[3 * i + 2] = 0.25f; /* says nothing */
        labels[i] = angle > 0.9;
    }
    const vc_features all = {values, labels, IMAGES, 3, 2, 0};
    vc_feature_accuracy a, again;
    assert_ok(vc_features_probe(&a, &all, &all));
    assert_near(a.top1, 100.0, 1e-12);
    assert_near(a.train_top1, 100.0, 1e-12);
    assert_true(a.low > 90.0 && a.high == 100.0);
    assert_ok(vc_features_probe(&again, &all, &all));
    assert_memory_equal(&a.top1, &again.top1, sizeof a.top1);
    const vc_features too_many = {values, labels, (size_t)1 << 30, 3, 2, 0};
    vc_memory_set_limit((size_t)1 << 30); /* they would take 12 GiB */
    assert_fails(vc_features_probe(&again, &all, &too_many), VC_ENOMEM,
                 "features to learn from: out of memory: wanted 12288.0 MiB");
    vc_memory_set_limit(0);
    for (size_t i = 0; i < IMAGES; i++)
        labels[i] = (int32_t)(i % 2); /* nothing to learn */
    assert_ok(vc_features_probe(&a, &all, &all));
    assert_true(a.top1 < 90.0);
}

static void the_distance_of_features_has_its_gradient(void **state)
{
    (void)state;
    static const float teacher[] = {1.0f, 2.0f, -1.0f, 0.5f, 0.0f, 3.0f};
    float x[] = {0.5f, 1.0f, 1.0f, -2.0f, 0.25f, 1.0f}, dx[6] = {0};
    const double distance = vc_cosine_distance(dx, x, teacher, 2, 3, 1.0);
    const double first = 1.0 - 1.5 / sqrt(2.25 * 6.0), second = 1.0 - 2.0 / sqrt(5.0625 * 9.25);
    assert_near(distance, (first + second) / 2.0, 1e-12);
    for (size_t i = 0; i < 6; i++) {
        const float was = x[i], step = 1e-2f;
        x[i] = was + step;
        const double above = vc_cosine_distance(NULL, x, teacher, 2, 3, 1.0);
        x[i] = was - step;
        const double below = vc_cosine_distance(NULL, x, teacher, 2, 3, 1.0);
        x[i] = was;
        assert_near((double)dx[i], (above - below) / (2.0 * (double)step), 2e-4);
    }
    assert_near(vc_cosine_distance(NULL, teacher, teacher, 2, 3, 1.0), 0.0, 1e-12);
    x[0] = NAN;
    assert_true(isnan(vc_cosine_distance(NULL, x, teacher, 2, 3, 1.0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_neighbours_vote_by_their_cosine),
        cmocka_unit_test(nearest_neighbours_of_many),
        cmocka_unit_test(a_probe_learns_what_a_line_parts),
        cmocka_unit_test(the_distance_of_features_has_its_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
