/* Nearest neighbours. */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "features_impl.h"
#include "vitcod/loss.h"
#include "vitcod/threads.h"

static const double temperature = 0.07;

typedef struct neighbour {
    double cosine;
    size_t image;
} neighbour;

static int is_nearer(neighbour a, neighbour b)
{
    return a.cosine > b.cosine || (!(a.cosine < b.cosine) && a.image < b.image);
}

/* Keeps the nearest, nearest first. */
static void insert(neighbour *nearest, size_t *count, size_t most, neighbour one)
{
    size_t at = *count;
    if (at == most && !is_nearer(one, nearest[most - 1]))
        return;
    at = at == most ? most - 1 : at;
    while (at > 0 && is_nearer(one, nearest[at - 1])) {
        nearest[at] = nearest[at - 1];
        at--;
    }
    nearest[at] = one;
    *count += *count < most;
}

/* Of vectors of length 1. Sums side by side need not wait for each other. */
static double cosine_of(const float *x, const float *y, size_t width)
{
    enum { SUMS = 8 };
    double sums[SUMS] = {0}, all = 0.0;
    const size_t rest = width % SUMS;
    for (size_t i = 0; i + SUMS <= width; i += SUMS)
        for (size_t s = 0; s < SUMS; s++)
            sums[s] += (double)x[i + s] * y[i + s];
    for (size_t s = 0; s < rest; s++)
        sums[s] += (double)x[width - rest + s] * y[width - rest + s];
    for (size_t s = 0; s < SUMS; s++)
        all += sums[s];
    return all;
}

/* votes (classes) */
static void vote(float *votes, neighbour *nearest, const float *x, const vc_features *train,
                 size_t neighbours)
{
    size_t count = 0;
    for (size_t i = 0; i < train->images; i++) {
        const neighbour one = {cosine_of(x, train->values + i * train->width, train->width), i};
        insert(nearest, &count, neighbours, one);
    }
    memset(votes, 0, train->classes * sizeof *votes);
    for (size_t i = 0; i < count; i++)
        votes[train->labels[nearest[i].image]] +=
            (float)exp((nearest[i].cosine - nearest[0].cosine) / temperature);
}

/* votes (threads, classes), nearest (threads, neighbours) */
static void judge(size_t hits[2], float *votes, neighbour *nearest, const vc_features *train,
                  const vc_features *test, size_t neighbours)
{
    size_t first = 0, among_five = 0;
#pragma omp parallel for schedule(dynamic, 8) reduction(+ : first, among_five)
    for (size_t i = 0; i < test->images; i++) {
        const size_t thread = (size_t)omp_get_thread_num();
        float *own = votes + thread * train->classes;
        vote(own, nearest + thread * neighbours, test->values + i * test->width, train, neighbours);
        const size_t rank = vc_rank_of(own, train->classes, (size_t)test->labels[i]);
        first += rank == 0;
        among_five += rank < 5;
    }
    hits[0] = first;
    hits[1] = among_five;
}

vc_status vc_features_knn(vc_feature_accuracy *out, const vc_features *train,
                          const vc_features *test, size_t neighbours)
{
    size_t hits[2] = {0};
    VC_TRY(vc__features_check(train, test));
    if (neighbours == 0 || neighbours > train->images)
        return vc_fail(VC_EINVAL, "%zu neighbours, wanted 1 to the %zu images to learn from",
                       neighbours, train->images);
    const size_t threads = (size_t)vc_threads_count();
    float *votes = malloc(threads * train->classes * sizeof *votes);
    neighbour *nearest = malloc(threads * neighbours * sizeof *nearest);
    const vc_status status =
        votes && nearest ? VC_OK
                         : vc_fail(VC_ENOMEM, "out of memory for %zu neighbours", neighbours);
    if (status == VC_OK)
        judge(hits, votes, nearest, train, test, neighbours);
    free(votes);
    free(nearest);
    *out = (vc_feature_accuracy){
        .judge = "knn", .neighbours = neighbours, .temperature = temperature, .train_top1 = NAN};
    vc__features_end(out, train, test, hits);
    return status;
}
