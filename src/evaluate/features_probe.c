/* A linear classifier on features, learnt by Nesterov's accelerated gradient. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "features_impl.h"
#include "vitcod/loss.h"
#include "vitcod/memory_limit.h"
#include "vitcod/ops.h"

static const float decay = 5e-4f;

/* Features with mean 0 and deviation 1 in `train`; one that is the same in all images is 0. */
typedef struct probe {
    const vc_features *train;
    float *mean, *scale;              /* (width) */
    float *x;                         /* (images, width) of train */
    float *weight, *bias;             /* (classes, width), (classes) */
    float *ahead, *before, *gradient; /* of both: (classes * (width + 1)) */
    float *logits;                    /* (images, classes), and their gradient */
} probe;

static vc_status open_probe(probe *p, const vc_features *train, size_t judged)
{
    const size_t width = train->width, classes = train->classes, count = classes * (width + 1),
                 most = judged > train->images ? judged : train->images;
    *p = (probe){.train = train};
    p->mean = calloc(2 * width, sizeof(float));
    p->weight = calloc(4 * count, sizeof(float));
    if (!p->mean || !p->weight)
        return vc_fail(VC_ENOMEM, "out of memory for a classifier of %zu features", width);
    p->x = vc_memory_take(most, width * sizeof(float), "features to learn from");
    p->logits = p->x ? vc_memory_take(most, classes * sizeof(float), "classes of features") : NULL;
    if (!p->logits)
        return VC_ENOMEM;
    p->scale = p->mean + width;
    p->bias = p->weight + classes * width;
    p->ahead = p->weight + count;
    p->before = p->ahead + count;
    p->gradient = p->before + count;
    return VC_OK;
}

static void close_probe(probe *p)
{
    free(p->mean);
    free(p->x);
    free(p->weight);
    free(p->logits);
}

static void measure(probe *p)
{
    const vc_features *f = p->train;
    for (size_t i = 0; i < f->width; i++) {
        double sum = 0.0, square = 0.0;
        for (size_t n = 0; n < f->images; n++)
            sum += f->values[n * f->width + i];
        const double mean = sum / (double)f->images;
        for (size_t n = 0; n < f->images; n++)
            square += pow(f->values[n * f->width + i] - mean, 2.0);
        p->mean[i] = (float)mean;
        p->scale[i] = square > 0.0 ? (float)(1.0 / sqrt(square / (double)f->images)) : 0.0f;
    }
}

static void normalise(float *out, const probe *p, const vc_features *f)
{
    for (size_t n = 0; n < f->images; n++)
        for (size_t i = 0; i < f->width; i++)
            out[n * f->width + i] = (f->values[n * f->width + i] - p->mean[i]) * p->scale[i];
}

/* The largest eigenvalue of X^T X / N, X with a column of ones, by power iteration: half of it
 * bounds how fast the gradient changes. */
static double largest_curvature(probe *p)
{
    enum { ROUNDS = 30 };
    const size_t width = p->train->width, images = p->train->images;
    float *v = p->gradient, *xv = p->logits;
    double norm = 1.0;
    for (size_t i = 0; i <= width; i++)
        v[i] = 1.0f / sqrtf((float)width + 1.0f);
    for (size_t round = 0; round < ROUNDS; round++) {
        const vc_linear along = {width, 1, v, v + width};
        vc_linear_forward(xv, p->x, &along, images, NULL);
        memset(v, 0, (width + 1) * sizeof *v);
        vc_linear_backward(NULL, v, v + width, xv, p->x, &along, images);
        double square = 0.0;
        for (size_t i = 0; i <= width; i++)
            square += (double)v[i] * v[i];
        norm = sqrt(square) / (double)images;
        for (size_t i = 0; i <= width; i++)
            v[i] = (float)(v[i] / sqrt(square));
    }
    return norm;
}

static void learn(probe *p)
{
    const vc_features *f = p->train;
    const size_t weights = f->classes * f->width, count = weights + f->classes;
    /* the power iteration may end a little below */
    const double rate = 1.0 / (1.1 * 0.5 * largest_curvature(p) + (double)decay);
    double momentum = 1.0;
    for (size_t epoch = 0; epoch < VC_PROBE_EPOCHS; epoch++) {
        const vc_linear at = {f->width, f->classes, p->ahead, p->ahead + weights};
        vc_linear_forward(p->logits, p->x, &at, f->images, NULL);
        vc_cross_entropy(p->logits, p->logits, f->labels, f->images, f->classes, 0.0f);
        memset(p->gradient, 0, count * sizeof(float));
        vc_linear_backward(NULL, p->gradient, p->gradient + weights, p->logits, p->x, &at,
                           f->images);
        const double next = 0.5 * (1.0 + sqrt(1.0 + 4.0 * momentum * momentum));
        const float along = (float)((momentum - 1.0) / next);
        momentum = next;
        memcpy(p->before, p->weight, count * sizeof(float));
        for (size_t i = 0; i < count; i++) {
            const float slope = p->gradient[i] + (i < weights ? decay * p->ahead[i] : 0.0f);
            p->weight[i] = (float)(p->ahead[i] - rate * slope);
            p->ahead[i] = p->weight[i] + along * (p->weight[i] - p->before[i]);
        }
    }
}

static void judge(size_t hits[2], probe *p, const vc_features *f)
{
    const vc_linear at = {f->width, f->classes, p->weight, p->bias};
    normalise(p->x, p, f);
    vc_linear_forward(p->logits, p->x, &at, f->images, NULL);
    hits[0] = hits[1] = 0;
    for (size_t n = 0; n < f->images; n++) {
        const size_t rank =
            vc_rank_of(p->logits + n * f->classes, f->classes, (size_t)f->labels[n]);
        hits[0] += rank == 0;
        hits[1] += rank < 5;
    }
}

vc_status vc_features_probe(vc_feature_accuracy *out, const vc_features *train,
                            const vc_features *test)
{
    probe p;
    size_t own[2] = {0}, hits[2] = {0};
    VC_TRY(vc__features_check(train, test));
    const vc_status status = open_probe(&p, train, test->images);
    if (status == VC_OK) {
        measure(&p);
        normalise(p.x, &p, train);
        learn(&p);
        judge(own, &p, train);
        judge(hits, &p, test);
    }
    close_probe(&p);
    *out = (vc_feature_accuracy){.judge = "probe",
                                 .epochs = VC_PROBE_EPOCHS,
                                 .temperature = NAN,
                                 .train_top1 = 100.0 * (double)own[0] / (double)train->images};
    vc__features_end(out, train, test, hits);
    return status;
}
