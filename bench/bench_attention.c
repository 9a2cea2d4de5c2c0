/* The attention of one layer on one thread: dense and split by a mask, with the inference kernel,
 * against products by OpenBLAS with our softmax, in turns. Each result is checked against the
 * reference kernel first. Prints JSON: microseconds per layer (medians), and ratios with quartiles.
 *
 * usage: bench_attention MASK.npy [HEAD_DIM [ROUNDS]] */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/attention_costs.h"
#include "vitcod/clock.h"
#include "vitcod/kernels.h"
#include "vitcod/mask.h"
#include "vitcod/profile.h"
#include "vitcod/rng.h"

typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *c, int ldc);
enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };
#define LOG2_E 1.44269504f

typedef struct work {
    vc_mask mask;
    vc_plan plan;    /* plain */
    size_t d, width; /* head_dim; floats of a token */
    vc_packed_attention *dense, *split;
    float *qkv, *panel, *out, *want, *scores;
    sgemm_fn *sgemm;
} work;

static void must(vc_status status)
{
    if (status == VC_OK)
        return;
    fprintf(stderr, "bench_attention: %s\n", vc_last_error());
    exit(1);
}

static void *room(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!p)
        exit(1);
    return memset(p, 0, bytes);
}

static sgemm_fn *find_openblas(void)
{
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return NULL;
    void (*threads)(int);
    sgemm_fn *sgemm;
    *(void **)&threads = dlsym(library, "openblas_set_num_threads");
    *(void **)&sgemm = dlsym(library, "cblas_sgemm");
    if (threads)
        threads(1);
    return sgemm;
}

static vc_packed_attention *layers_of(const work *w, vc_pattern_split split)
{
    const vc_mask *m = &w->mask;
    vc_pattern_options how = {.split = split};
    must(vc_attention_costs_fill(&how, 0));
    vc_packed_attention *layers = calloc(m->layers, sizeof *layers);
    for (size_t l = 0; layers && l < m->layers; l++) {
        layers[l] = (vc_packed_attention){.heads = m->heads,
                                          .queries = m->queries,
                                          .keys = m->keys,
                                          .head_dim = w->d,
                                          .value_dim = w->d};
        must(vc_packed_attention_open(
            &layers[l], split == VC_PATTERN_WHOLE ? NULL : &w->plan.layers[l], NULL, &how));
    }
    return layers;
}

static void attend(float *out, const work *w, const vc_packed_attention *layer,
                   const vc_kernels *kernels)
{
    const float *first = w->qkv + layer->heads * w->d;
    vc_attention_pack(w->panel, layer, first, first + layer->heads * w->d, w->width, 0,
                      layer->keys);
    for (size_t h = 0; h < layer->heads; h++) {
        const float *q = w->qkv + h * w->d, *k = q + layer->heads * w->d,
                    *v = k + layer->heads * w->d;
        const vc_attention_view view = {.head = &layer->head[h],
                                        .head_dim = w->d,
                                        .value_dim = w->d,
                                        .q = q,
                                        .k = k,
                                        .v = v,
                                        .q_stride = w->width,
                                        .k_stride = w->width,
                                        .v_stride = w->width,
                                        .panel = w->panel + layer->head[h].panel_start};
        kernels->attention_rows(out + h * w->d, layer->heads * w->d, &view, 0, layer->queries);
    }
}

static void attend_blas(float *out, const work *w)
{
    const vc_kernels *kernels = vc_kernels_get();
    const int t = (int)w->mask.queries, n = (int)w->mask.keys, d = (int)w->d, all = (int)w->width,
              heads = (int)w->mask.heads;
    for (int h = 0; h < heads; h++) {
        const float *q = w->qkv + h * d, *k = q + heads * d, *v = k + heads * d;
        w->sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, t, n, d, 1.0f / LOG2_E, q, all, k, all, 0.0f,
                 w->scores, n);
        for (int i = 0; i < t; i++)
            kernels->softmax_row(w->scores + i * n, (size_t)n, NULL, NULL, 0);
        w->sgemm(ROW_MAJOR, PLAIN, PLAIN, t, d, n, 1.0f, w->scores, n, v, all, 0.0f, out + h * d,
                 heads * d);
    }
}

static void check(const work *w, const char *what)
{
    double difference = 0.0, largest = 0.0;
    for (size_t i = 0; i < w->mask.queries * w->mask.heads * w->d; i++) {
        difference = fmax(difference, fabs((double)w->out[i] - w->want[i]));
        largest = fmax(largest, fabs((double)w->want[i]));
    }
    if (difference <= 1e-5 * largest)
        return;
    fprintf(stderr, "bench_attention: %s differs from the reference by %g of the largest value\n",
            what, difference / largest);
    exit(1);
}

static void verify(const work *w)
{
    const vc_kernels *ref = vc_kernels_of(VC_ISA_REF), *best = vc_kernels_get();
    for (size_t l = 0; l < w->mask.layers; l++) {
        attend(w->want, w, &w->split[l], ref);
        attend(w->out, w, &w->split[l], best);
        check(w, "the split head");
    }
    attend(w->want, w, &w->dense[0], ref);
    attend(w->out, w, &w->dense[0], best);
    check(w, "the dense head");
    if (!w->sgemm)
        return;
    attend_blas(w->out, w);
    check(w, "OpenBLAS");
}

static void print_spread(const char *name, double *samples, size_t count)
{
    const vc_spread s = vc_spread_of(samples, count);
    printf(", \"%s\": {\"median\": %.3f, \"low\": %.3f, \"high\": %.3f}", name, s.median, s.low,
           s.high);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: bench_attention MASK.npy [HEAD_DIM [ROUNDS]]\n", stderr);
        return 2;
    }
    work w = {.d = argc > 2 ? (size_t)atoi(argv[2]) : 64};
    const size_t rounds = argc > 3 ? (size_t)atoi(argv[3]) : 31;
    must(vc_mask_read(&w.mask, argv[1]));
    must(vc_plan_of_masks(&w.plan, &w.mask, 1));
    const vc_mask *m = &w.mask;
    if (m->queries != m->keys) {
        fputs("bench_attention: wanted a square mask\n", stderr);
        return 1;
    }
    w.width = 3 * m->heads * w.d;
    w.qkv = room(m->keys * w.width * sizeof(float));
    w.panel = room(m->heads * (m->keys + VC_PANEL) * w.d * sizeof(float));
    w.out = room(m->queries * m->heads * w.d * sizeof(float));
    w.want = room(m->queries * m->heads * w.d * sizeof(float));
    w.scores = room(m->queries * m->keys * sizeof(float));
    w.dense = layers_of(&w, VC_PATTERN_WHOLE);
    w.split = layers_of(&w, VC_PATTERN_BY_COST);
    w.sgemm = find_openblas();
    vc_rng rng = vc_rng_open(1, 0, 0);
    for (size_t i = 0; i < m->keys * w.width; i++)
        w.qkv[i] =
            (float)vc_rng_normal(&rng) * (i % w.width < m->heads * w.d ? 0.125f * LOG2_E : 1);
    verify(&w);

    double *times = calloc(6 * rounds, sizeof *times), *blas = times + rounds,
           *split = blas + rounds, *over_dense = split + rounds, *over_blas = over_dense + rounds;
    const vc_kernels *kernels = vc_kernels_get();
    for (size_t r = 0; r < rounds; r++) {
        double start = vc_clock_seconds();
        for (size_t l = 0; l < m->layers; l++)
            attend(w.out, &w, &w.dense[l], kernels);
        double middle = vc_clock_seconds();
        for (size_t l = 0; l < m->layers; l++)
            attend(w.out, &w, &w.split[l], kernels);
        double end = vc_clock_seconds();
        for (size_t l = 0; w.sgemm && l < m->layers; l++)
            attend_blas(w.out, &w);
        const double layer = 1e6 / (double)m->layers;
        blas[r] = (vc_clock_seconds() - end) * layer;
        times[r] = (middle - start) * layer;
        split[r] = (end - middle) * layer;
        over_dense[r] = times[r] / split[r];
        over_blas[r] = blas[r] / split[r];
    }
    printf("{\"tokens\": %zu, \"heads\": %zu, \"kept\": %.4f", m->keys, m->heads,
           (double)vc_mask_kept(m) / (double)(m->layers * m->heads * m->queries * m->keys));
    print_spread("dense_us", times, rounds);
    print_spread("split_us", split, rounds);
    print_spread("dense_over_split", over_dense, rounds);
    if (w.sgemm) {
        print_spread("openblas_us", blas, rounds);
        print_spread("openblas_over_split", over_blas, rounds);
    }
    puts("}");
    return 0;
}
