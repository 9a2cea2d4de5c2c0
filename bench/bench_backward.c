/* Attention in training, forward and backward: on a plan against dense attention under its mask,
 * for all layers and a batch of images, in turns. The gradients are compared first. Prints JSON:
 * the largest relative differences of dQ, dK and dV, the bytes of probabilities kept for the
 * backward pass, median milliseconds, and the ratio with quartiles.
 *
 * usage: bench_backward PLAN [HEAD_DIM [BATCH [ROUNDS]]] */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/attention.h"
#include "vitcod/clock.h"
#include "vitcod/profile.h"
#include "vitcod/rng.h"

typedef struct work {
    vc_plan plan;
    vc_attention_shape shape;
    vc_pattern *pattern[2]; /* (layers) with all keys in the panel, and as the plan splits them */
    float *q, *k, *v, *dout, *out, *probs, *scratch;
    float *gradient[2];            /* dQ, dK, dV one behind the other: dense, sparse */
    size_t values, probs_count[2]; /* of all layers */
} work;

static void must(vc_status status)
{
    if (status == VC_OK)
        return;
    fprintf(stderr, "bench_backward: %s\n", vc_last_error());
    exit(1);
}

static float *room(size_t floats)
{
    float *p = aligned_alloc(64, (floats * sizeof *p + 63) / 64 * 64);
    if (!p)
        exit(1);
    memset(p, 0, floats * sizeof *p);
    return p;
}

static void open_work(work *w, const char *path, size_t head_dim, size_t batch)
{
    must(vc_plan_read(&w->plan, path));
    const vc_plan_layer *p = &w->plan.layers[0];
    for (size_t l = 0; l < w->plan.layer_count; l++)
        if (w->plan.layers[l].heads != p->heads || w->plan.layers[l].queries != p->queries ||
            w->plan.layers[l].keys != p->queries) {
            fputs("bench_backward: wanted equal square maps\n", stderr);
            exit(1);
        }
    const size_t width = p->heads * head_dim, layers = w->plan.layer_count;
    size_t scratch = 0;
    w->shape = (vc_attention_shape){batch,    p->heads, p->queries, p->keys, head_dim,
                                    head_dim, width,    width,      width,   width};
    w->values = batch * p->queries * width;
    for (size_t way = 0; way < 2; way++) {
        const vc_pattern_options options = {.split = way ? VC_PATTERN_BY_PLAN : VC_PATTERN_WHOLE};
        w->pattern[way] = calloc(layers, sizeof **w->pattern);
        for (size_t l = 0; w->pattern[way] && l < layers; l++) {
            vc_pattern *pattern = &w->pattern[way][l];
            must(vc_pattern_open(pattern, &w->plan.layers[l], &options));
            w->probs_count[way] += batch * pattern->values;
            const size_t wanted = vc_attention_scratch_floats(&w->shape, pattern, 1),
                         too = vc_attention_scratch_floats(&w->shape, pattern, 0);
            scratch = wanted > scratch ? wanted : scratch;
            scratch = too > scratch ? too : scratch;
        }
    }
    w->scratch = room(scratch * (size_t)omp_get_max_threads());
    w->probs = room(w->probs_count[0] / layers);
    float **const arrays[] = {&w->q, &w->k, &w->v, &w->dout, &w->out};
    vc_rng rng = vc_rng_open(1, 0, 0);
    for (size_t a = 0; a < sizeof arrays / sizeof *arrays; a++) {
        *arrays[a] = room(w->values);
        for (size_t i = 0; i < w->values; i++)
            (*arrays[a])[i] = (float)vc_rng_normal(&rng);
    }
    w->gradient[0] = room(3 * w->values);
    w->gradient[1] = room(3 * w->values);
}

static void run_way(work *w, size_t layer, size_t way)
{
    const vc_attention a = {
        .shape = w->shape, .q = w->q, .k = w->k, .v = w->v, .pattern = &w->pattern[way][layer]};
    float *d = w->gradient[way];
    vc_attention_forward(w->out, w->probs, w->scratch, &a);
    const vc_attention_gradients to = {.q = d, .k = d + w->values, .v = d + 2 * w->values};
    vc_attention_backward(&to, w->scratch, w->dout, w->probs, &a);
}

static void run_dense(work *w, size_t layer)
{
    run_way(w, layer, 0);
}

static void run_sparse(work *w, size_t layer)
{
    run_way(w, layer, 1);
}

static double difference(const float *have, const float *want, size_t count)
{
    double largest = 0.0, apart = 0.0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)want[i]));
        apart = fmax(apart, fabs((double)have[i] - (double)want[i]));
    }
    return apart / largest;
}

static void compare(work *w, double worst[3])
{
    for (size_t l = 0; l < w->plan.layer_count; l++) {
        run_dense(w, l);
        run_sparse(w, l);
        for (size_t i = 0; i < 3; i++)
            worst[i] = fmax(worst[i], difference(w->gradient[1] + i * w->values,
                                                 w->gradient[0] + i * w->values, w->values));
    }
}

int main(int argc, char **argv)
{
    const size_t head_dim = argc > 2 ? strtoul(argv[2], NULL, 10) : 64,
                 batch = argc > 3 ? strtoul(argv[3], NULL, 10) : 16,
                 rounds = argc > 4 ? strtoul(argv[4], NULL, 10) : 11;
    if (argc < 2 || head_dim == 0 || batch == 0 || rounds == 0) {
        fputs("usage: bench_backward PLAN [HEAD_DIM [BATCH [ROUNDS]]]\n", stderr);
        return 2;
    }
    work w = {0};
    double worst[3] = {0}, *samples = calloc(3 * rounds, sizeof *samples);
    if (!samples)
        return 1;
    open_work(&w, argv[1], head_dim, batch);
    for (size_t l = 0; l < w.plan.layer_count; l++)
        if (w.plan.layers[l].kept_share) {
            fputs("bench_backward: a plan with a residual has no dense equal, wanted one without\n",
                  stderr);
            return 1;
        }
    compare(&w, worst);
    for (size_t r = 0; r < rounds; r++) {
        const double start = vc_clock_seconds();
        for (size_t l = 0; l < w.plan.layer_count; l++)
            run_dense(&w, l);
        const double middle = vc_clock_seconds();
        for (size_t l = 0; l < w.plan.layer_count; l++)
            run_sparse(&w, l);
        samples[r] = 1e3 * (middle - start);
        samples[rounds + r] = 1e3 * (vc_clock_seconds() - middle);
        samples[2 * rounds + r] = samples[r] / samples[rounds + r];
    }
    const vc_spread dense = vc_spread_of(samples, rounds),
                    sparse = vc_spread_of(samples + rounds, rounds),
                    ratio = vc_spread_of(samples + 2 * rounds, rounds);
    printf("{\"difference\": {\"dq\": %.2e, \"dk\": %.2e, \"dv\": %.2e}, \"probability_bytes\": "
           "{\"dense\": %zu, \"sparse\": %zu}, \"ms\": {\"dense\": %.2f, \"sparse\": %.2f}, "
           "\"ratio\": {\"median\": %.2f, \"low\": %.2f, \"high\": %.2f}}\n",
           worst[0], worst[1], worst[2], w.probs_count[0] * sizeof(float),
           w.probs_count[1] * sizeof(float), dense.median, sparse.median, ratio.median, ratio.low,
           ratio.high);
    return 0;
}
