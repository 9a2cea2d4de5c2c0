/* Nearest neighbours. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "features_impl.h"
#include "vitcod/loss.h"

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

static double cosine_of(const float *x, const float *y, size_t width)
{
    double sum = 0.0;
    for (size_t i = 0; i < width; i++)
        sum += (double)x[i] * y[i];
    return sum;
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

vc_status vc_features_knn(vc_feature_accuracy *out, const vc_features *train,
                          const vc_features *test, size_t neighbours)
{
    size_t hits[2] = {0};
    VC_TRY(vc__features_check(train, test));
    if (neighbours == 0 || neighbours > train->images)
        return vc_fail(VC_EINVAL, "%zu neighbours, wanted 1 to the %zu images to learn from",
                       neighbours, train->images);
    float *votes = malloc(train->classes * sizeof *votes);
    neighbour *nearest = malloc(neighbours * sizeof *nearest);
    const vc_status status =
        votes && nearest ? VC_OK
                         : vc_fail(VC_ENOMEM, "out of memory for %zu neighbours", neighbours);
    for (size_t i = 0; status == VC_OK && i < test->images; i++) {
        vote(votes, nearest, test->values + i * test->width, train, neighbours);
        const size_t rank = vc_rank_of(votes, train->classes, (size_t)test->labels[i]);
        hits[0] += rank == 0;
        hits[1] += rank < 5;
    }
    free(votes);
    free(nearest);
    *out = (vc_feature_accuracy){
        .judge = "knn", .neighbours = neighbours, .temperature = temperature, .train_top1 = NAN};
    vc__features_end(out, train, test, hits);
    return status;
}
