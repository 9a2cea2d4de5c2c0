/* Attention of inference on two plans of one shape, in turn, on one thread: all layers of an image,
 * with the pooling of summaries and the packing of panels. The time is that which the thread had of
 * the CPU. Prints JSON, a line for each precision and way to split heads: microseconds per image of
 * both (medians), and the second over the first with quartiles. Values are random; `vitcod profile`
 * verifies the results.
 *
 * usage: bench_plans PLAN OTHER [HEAD_DIM [ROUNDS]] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "vitcod/arena.h"
#include "vitcod/attention_costs.h"
#include "vitcod/isa.h"
#include "vitcod/packed_attention.h"
#include "vitcod/profile.h"
#include "vitcod/rng.h"

enum { PLANS = 2, IMAGES = 4 };

typedef struct contender {
    vc_plan plan;
    vc_packed_attention *layers;
    float **panels, *summaries, *weights; /* panels: of each layer */
    double *samples;                      /* (rounds) seconds */
} contender;

typedef struct work {
    contender of[PLANS];
    size_t d, rounds, tokens, width; /* head_dim; floats of all heads of a token */
    float *qkv, *out, *mean;
    double *ratios;
    vc_arena arena;
} work;

static void must(vc_status status)
{
    if (status == VC_OK)
        return;
    fprintf(stderr, "bench_plans: %s\n", vc_last_error());
    exit(1);
}

static double seconds_of_the_cpu(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Lays out the memory; the same code first counts and then hands out. */
static void place_contender(work *w, contender *c)
{
    size_t summaries = 0, entries = 0;
    for (size_t l = 0; l < c->plan.layer_count; l++) {
        const vc_pooling *p = &c->plan.layers[l].pooling;
        float *panels = vc_arena_floats(&w->arena, c->layers[l].panel_floats);
        if (w->arena.base)
            c->panels[l] = panels;
        summaries = p->count > summaries ? p->count : summaries;
        entries = p->entries > entries ? p->entries : entries;
    }
    c->summaries = vc_arena_floats(&w->arena, summaries * 2 * w->width);
    c->weights = vc_arena_floats(&w->arena, entries);
    c->samples = vc_arena_take(&w->arena, w->rounds * sizeof *c->samples);
}

/* qkv is as behind a projection of Q, K and V. */
static void place(work *w)
{
    for (size_t i = 0; i < PLANS; i++)
        place_contender(w, &w->of[i]);
    w->qkv = vc_arena_floats(&w->arena, IMAGES * w->tokens * 3 * w->width);
    w->out = vc_arena_floats(&w->arena, w->tokens * w->width);
    w->mean = vc_arena_floats(&w->arena, w->d);
    w->ratios = vc_arena_take(&w->arena, w->rounds * sizeof *w->ratios);
}

static void open_layers(work *w, contender *c, const vc_pattern_options *how, int bf16)
{
    c->layers = calloc(c->plan.layer_count, sizeof *c->layers);
    c->panels = calloc(c->plan.layer_count, sizeof *c->panels);
    if (!c->layers || !c->panels)
        exit(1);
    for (size_t l = 0; l < c->plan.layer_count; l++) {
        const vc_plan_layer *p = &c->plan.layers[l];
        c->layers[l] = (vc_packed_attention){.heads = p->heads,
                                             .queries = p->queries,
                                             .keys = p->keys,
                                             .head_dim = w->d,
                                             .value_dim = w->d,
                                             .bf16 = bf16};
        must(vc_packed_attention_open(&c->layers[l], p, NULL, how));
    }
}

static void close_layers(contender *c)
{
    for (size_t l = 0; l < c->plan.layer_count; l++)
        vc_packed_attention_close(&c->layers[l]);
    free(c->layers);
    free(c->panels);
}

static void attend(const work *w, const contender *c, const float *q, size_t l)
{
    const vc_packed_attention *layer = &c->layers[l];
    const size_t stride = 3 * w->width, summaries = vc_pattern_summaries(&layer->pattern);
    const vc_pooled_keys keys = {q + w->width, q + 2 * w->width, stride};
    const vc_attention_operands x = {.q = q,
                                     .k = keys.k,
                                     .v = keys.v,
                                     .q_stride = stride,
                                     .k_stride = stride,
                                     .v_stride = stride,
                                     .summaries = summaries > 0 ? c->summaries : NULL,
                                     .panels = c->panels[l],
                                     .mean = w->mean};
    vc_attention_pack(c->panels[l], layer, keys.k, keys.v, stride, 0, w->tokens);
    if (summaries > 0)
        vc_attention_pool(c->summaries, c->panels[l], c->weights, layer, &keys, 0, summaries);
    for (size_t h = 0; h < layer->heads; h++)
        vc_attention_head_run(w->out, w->width, layer, &x, h, 0, w->tokens);
}

static double time_once(const work *w, const contender *c)
{
    const double start = seconds_of_the_cpu();
    for (size_t i = 0; i < IMAGES; i++)
        for (size_t l = 0; l < c->plan.layer_count; l++)
            attend(w, c, w->qkv + i * w->tokens * 3 * w->width, l);
    return (seconds_of_the_cpu() - start) / IMAGES;
}

/* The first round warms up. */
static void measure(work *w)
{
    vc_rng rng = vc_rng_open(1, 0, 0);
    for (size_t i = 0; i < IMAGES * w->tokens * 3 * w->width; i++)
        w->qkv[i] = 0.3f * (float)vc_rng_normal(&rng);
    for (size_t r = 0; r <= w->rounds; r++) {
        double seconds[PLANS];
        for (size_t i = 0; i < PLANS; i++)
            seconds[i] = time_once(w, &w->of[i]);
        for (size_t i = 0; r > 0 && i < PLANS; i++)
            w->of[i].samples[r - 1] = seconds[i];
        if (r > 0)
            w->ratios[r - 1] = seconds[1] / seconds[0];
    }
}

static void run(work *w, vc_pattern_split split, int bf16)
{
    vc_pattern_options how = {.split = split};
    must(vc_attention_costs_fill(&how, bf16));
    for (size_t i = 0; i < PLANS; i++)
        open_layers(w, &w->of[i], &how, bf16);
    place(w);
    must(vc_arena_reserve(&w->arena));
    place(w);
    measure(w);
    const vc_spread ratio = vc_spread_of(w->ratios, w->rounds);
    printf("{\"isa\": \"%s\", \"panels\": \"%s\", \"split\": \"%s\", \"kept\": [%.4f, %.4f], "
           "\"us\": [%.1f, %.1f], \"ratio\": %.3f, \"low\": %.3f, \"high\": %.3f}\n",
           vc_isa_name(vc_isa_get()), bf16 ? "bf16" : "fp32", vc_pattern_split_name(split),
           vc_plan_kept_share(&w->of[0].plan), vc_plan_kept_share(&w->of[1].plan),
           1e6 * vc_spread_of(w->of[0].samples, w->rounds).median,
           1e6 * vc_spread_of(w->of[1].samples, w->rounds).median, ratio.median, ratio.low,
           ratio.high);
    for (size_t i = 0; i < PLANS; i++)
        close_layers(&w->of[i]);
    vc_arena_close(&w->arena);
}

/* All layers of both plans are of one square shape. */
static void check_shapes(const work *w)
{
    const vc_plan_layer *first = &w->of[0].plan.layers[0];
    for (size_t i = 0; i < PLANS; i++)
        for (size_t l = 0; l < w->of[i].plan.layer_count; l++) {
            const vc_plan_layer *p = &w->of[i].plan.layers[l];
            if (p->heads == first->heads && p->queries == first->keys && p->keys == first->keys)
                continue;
            fprintf(stderr, "bench_plans: wanted plans of one square shape\n");
            exit(1);
        }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: bench_plans PLAN OTHER [HEAD_DIM [ROUNDS]]\n", stderr);
        return 2;
    }
    work w = {.d = argc > 3 ? (size_t)atoi(argv[3]) : 64,
              .rounds = argc > 4 ? (size_t)atoi(argv[4]) : 101};
    for (size_t i = 0; i < PLANS; i++)
        must(vc_plan_read(&w.of[i].plan, argv[1 + i]));
    check_shapes(&w);
    w.tokens = w.of[0].plan.layers[0].keys;
    w.width = w.of[0].plan.layers[0].heads * w.d;
    for (int bf16 = 0; bf16 <= (vc_isa_get() == VC_ISA_AVX512 && vc_cpu_has_bf16()); bf16++)
        for (int split = VC_PATTERN_BY_PLAN; split <= VC_PATTERN_BY_COST; split++)
            run(&w, (vc_pattern_split)split, bf16);
    for (size_t i = 0; i < PLANS; i++)
        vc_plan_close(&w.of[i].plan);
    return 0;
}
