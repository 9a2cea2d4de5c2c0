/* Attention over sequence lengths: dense, Linformer's, ViTCoD's. */
#include <math.h>
#include <stdlib.h>

#include "vitcod/arena.h"
#include "vitcod/attention_costs.h"
#include "vitcod/clock.h"
#include "vitcod/gemm.h"
#include "vitcod/kernels.h"
#include "vitcod/profile.h"
#include "vitcod/rng.h"

enum { CHUNK = 96 /* tokens that a thread takes at a time */, WARM_UP = 2, CHECKED = 3 };

typedef struct way {
    vc_packed_attention layer; /* of one head: all are alike */
    size_t kv_heads, kv_width; /* one head of keys and values that all share, or as many */
    const float *k, *v;        /* (keys, kv_width) */
    float *panels;             /* (kv_heads) of them */
} way;

typedef struct bench {
    const vc_length_options *o;
    size_t tokens, width, projected;
    way ways[VC_WAY_COUNT];
    float *q, *k, *v, *out, *want;
    float *e, *few;  /* (k, T), and (k, D): the keys, which are the values too */
    double *samples; /* (2, VC_WAY_COUNT, repeats): seconds, ratios */
    vc_arena arena;
} bench;

const char *vc_way_name(vc_way w)
{
    static const char *const names[] = {"dense", "linformer", "sparse"};
    return names[w];
}

static size_t at_most(size_t count, size_t most)
{
    return count < most ? count : most;
}

size_t vc_linformer_tokens(size_t tokens)
{
    enum { MULTIPLE = 8, SHARE = 8, MOST = 256 };
    const size_t wanted = tokens / SHARE / MULTIPLE * MULTIPLE;
    return at_most(at_most(wanted ? wanted : MULTIPLE, MOST), tokens);
}

/* ViTCoD's pattern of one head; all heads share it. Each row keeps as much: the band stays between
 * the global columns and the end. */
typedef struct band {
    size_t tokens, columns, width;
} band;

static band band_of(size_t tokens, double sparsity)
{
    const double kept = (1.0 - sparsity) * (double)tokens;
    const size_t columns = kept > 2.0 ? (size_t)(kept / 2.0) : 1;
    return (band){tokens, columns,
                  kept > (double)columns
                      ? at_most((size_t)ceil(kept - (double)columns), tokens - columns)
                      : 0};
}

/* Where a row's band starts; never before that of the row before. */
static size_t band_start(const band *b, size_t row)
{
    const size_t centred = row > b->columns + b->width / 2 ? row - b->width / 2 : b->columns;
    return at_most(centred, b->tokens - b->width);
}

/* The rows of each column follow each other. */
static void fill_columns(vc_plan_layer *layer, const band *b)
{
    int32_t used = 0;
    for (size_t j = 0, first = 0, end = 0; j < b->tokens; j++) {
        const int global = j < b->columns;
        layer->column_start[j] = used;
        while (!global && first < b->tokens && band_start(b, first) + b->width <= j)
            first++;
        while (!global && end < b->tokens && band_start(b, end) <= j)
            end++;
        for (size_t i = global ? 0 : first; i < (global ? b->tokens : end); i++)
            layer->rows[used++] = (int32_t)i;
    }
    layer->column_start[b->tokens] = used;
}

static vc_status open_sparse(way *w, const band *b, const vc_pattern_options *split)
{
    const size_t t = b->tokens, kept = t * (b->columns + b->width);
    int32_t globals = (int32_t)b->columns, *room = malloc((2 * t + 1 + kept) * sizeof *room);
    vc_plan_layer layer = {.heads = 1, .queries = t, .keys = t, .global_tokens = &globals};
    vc_pattern_options how = *split;
    if (!room)
        return vc_fail(VC_ENOMEM, "out of memory for a plan of %zu entries", kept);
    layer.query_order = layer.key_order = room;
    layer.column_start = room + t;
    layer.rows = layer.column_start + t + 1;
    for (size_t i = 0; i < t; i++)
        room[i] = (int32_t)i;
    fill_columns(&layer, b);
    vc_status status = vc_attention_costs_fill(&how, 0);
    if (status == VC_OK)
        status = vc_packed_attention_open(&w->layer, &layer, NULL, &how);
    free(room);
    return status;
}

static vc_status open_ways(bench *b)
{
    const vc_length_options *o = b->o;
    const vc_pattern_options whole = {.split = VC_PATTERN_WHOLE};
    const band kept = band_of(b->tokens, o->sparsity);
    for (int w = 0; w < VC_WAY_COUNT; w++) {
        way *at = &b->ways[w];
        at->kv_heads = w == VC_WAY_LINFORMER ? 1 : o->heads;
        at->kv_width = at->kv_heads * o->head_dim;
        at->layer = (vc_packed_attention){.heads = 1,
                                          .queries = b->tokens,
                                          .keys = w == VC_WAY_LINFORMER ? b->projected : b->tokens,
                                          .head_dim = o->head_dim,
                                          .value_dim = o->head_dim};
        VC_TRY(w == VC_WAY_SPARSE ? open_sparse(at, &kept, &o->split)
                                  : vc_packed_attention_open(&at->layer, NULL, NULL, &whole));
    }
    return VC_OK;
}

/* The same walk measures and places. */
static void place(bench *b)
{
    const size_t values = b->tokens * b->width;
    float **const long_ones[] = {&b->q, &b->k, &b->v, &b->out, &b->want};
    for (size_t i = 0; i < sizeof long_ones / sizeof *long_ones; i++)
        *long_ones[i] = vc_arena_floats(&b->arena, values);
    b->e = vc_arena_floats(&b->arena, b->projected * b->tokens);
    b->few = vc_arena_floats(&b->arena, b->projected * b->o->head_dim);
    for (int w = 0; w < VC_WAY_COUNT; w++) {
        way *at = &b->ways[w];
        at->panels = vc_arena_floats(&b->arena, at->kv_heads * at->layer.panel_floats);
        at->k = w == VC_WAY_LINFORMER ? b->few : b->k;
        at->v = w == VC_WAY_LINFORMER ? b->few : b->v;
    }
    b->samples = vc_arena_take(&b->arena, 2 * VC_WAY_COUNT * b->o->repeats * sizeof *b->samples);
}

static void fill(float *values, size_t count, double deviation, vc_rng *rng)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(deviation * vc_rng_normal(rng));
}

static void fill_all(bench *b)
{
    const double log2e = 1.4426950408889634;
    const size_t values = b->tokens * b->width;
    vc_rng rng = vc_rng_open(b->o->seed, b->tokens, 0);
    fill(b->q, values, log2e / sqrt((double)b->o->head_dim), &rng);
    fill(b->k, values, 1.0, &rng);
    fill(b->v, values, 1.0, &rng);
    fill(b->e, b->projected * b->tokens, 1.0 / sqrt((double)b->projected), &rng);
}

static vc_attention_view view_of(const bench *b, const way *w, size_t head, size_t first)
{
    const size_t at = head * b->o->head_dim, kv = head % w->kv_heads;
    return (vc_attention_view){.head = w->layer.head,
                               .head_dim = b->o->head_dim,
                               .value_dim = b->o->head_dim,
                               .q = b->q + first * b->width + at,
                               .k = w->k + kv * b->o->head_dim,
                               .v = w->v + kv * b->o->head_dim,
                               .q_stride = b->width,
                               .k_stride = w->kv_width,
                               .v_stride = w->kv_width,
                               .panel = w->panels + kv * w->layer.panel_floats};
}

/* The one head is the first of the others' keys. */
static void project(bench *b)
{
    const vc_gemm_shape shape = {.m = b->projected,
                                 .n = b->o->head_dim,
                                 .k = b->tokens,
                                 .lda = b->tokens,
                                 .ldb = b->width,
                                 .ldc = b->o->head_dim};
    vc_gemm(b->few, b->e, b->k, &shape, 1.0f, 0.0f);
}

static void run(bench *b, vc_way which)
{
    const vc_kernels *kernels = vc_kernels_get();
    const way *w = &b->ways[which];
    const size_t keys = w->layer.keys, heads = b->o->heads,
                 chunks = (b->tokens + CHUNK - 1) / CHUNK;
    if (which == VC_WAY_LINFORMER)
        project(b);
#pragma omp parallel
    {
#pragma omp for schedule(static)
        for (size_t c = 0; c < (keys + CHUNK - 1) / CHUNK; c++)
            for (size_t h = 0; h < w->kv_heads; h++) {
                const size_t at = c * CHUNK * w->kv_width + h * b->o->head_dim;
                vc_attention_pack(w->panels + h * w->layer.panel_floats, &w->layer, w->k + at,
                                  w->v + at, w->kv_width, c * CHUNK,
                                  at_most(keys - c * CHUNK, CHUNK));
            }
#pragma omp for schedule(static)
        for (size_t i = 0; i < heads * chunks; i++) {
            const size_t head = i / chunks, first = i % chunks * CHUNK;
            const vc_attention_view view = view_of(b, w, head, first);
            kernels->attention_rows(b->out + first * b->width + head * b->o->head_dim, b->width,
                                    &view, first, at_most(b->tokens - first, CHUNK));
        }
    }
}

static vc_status compare(const bench *b, vc_way which, size_t first, size_t rows)
{
    double difference = 0.0, largest = 0.0;
    for (size_t i = 0; i < rows * b->width; i++) {
        difference = fmax(difference, fabs((double)b->out[first * b->width + i] - b->want[i]));
        largest = fmax(largest, fabs((double)b->want[i]));
    }
    if (difference <= 1e-4 * largest)
        return VC_OK;
    return vc_fail(VC_EINVAL,
                   "%s attention of %zu tokens differs from query %zu on by %g of outputs up to %g",
                   vc_way_name(which), b->tokens, first, difference, largest);
}

/* Values all over the projection, by its definition. */
static vc_status check_projection(const bench *b)
{
    enum { PLACES = 64 };
    const size_t d = b->o->head_dim, count = b->projected * d;
    for (size_t p = 0; p < PLACES; p++) {
        const size_t at = p * (count - 1) / (PLACES - 1), row = at / d, column = at % d;
        double sum = 0.0, size = 0.0;
        for (size_t t = 0; t < b->tokens; t++) {
            const double part = (double)b->e[row * b->tokens + t] * b->k[t * b->width + column];
            sum += part;
            size += fabs(part);
        }
        if (fabs(sum - b->few[at]) > 1e-5 * size)
            return vc_fail(VC_EINVAL, "a projection to %zu of %zu tokens gives %g, wanted %g",
                           b->projected, b->tokens, (double)b->few[at], sum);
    }
    return VC_OK;
}

/* The first, the middle and the last queries, by the plain C kernel, which needs no panels. */
static vc_status check(bench *b, vc_way which)
{
    const vc_kernels *plain = vc_kernels_of(VC_ISA_REF);
    const size_t rows = at_most(b->tokens, CHECKED);
    const size_t firsts[] = {0, (b->tokens - rows) / 2, b->tokens - rows};
    run(b, which);
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        for (size_t h = 0; h < b->o->heads; h++) {
            const vc_attention_view view = view_of(b, &b->ways[which], h, firsts[i]);
            plain->attention_rows(b->want + h * b->o->head_dim, b->width, &view, firsts[i], rows);
        }
        VC_TRY(compare(b, which, firsts[i], rows));
    }
    return which == VC_WAY_LINFORMER ? check_projection(b) : VC_OK;
}

static void count(vc_length_times *out, const bench *b)
{
    const uint64_t t = b->tokens, width = b->width, k = b->projected;
    const uint64_t kept = b->o->heads * b->ways[VC_WAY_SPARSE].layer.pattern.head[0].kept;
    out->kept_share = (double)kept / (double)(b->o->heads * t * t);
    out->macs[VC_WAY_DENSE] = 2 * t * t * width;
    out->projected = b->projected;
    out->macs[VC_WAY_LINFORMER] = k * t * b->o->head_dim + 2 * t * k * width;
    out->macs[VC_WAY_SPARSE] = 2 * kept * b->o->head_dim;
}

static vc_status measure(vc_length_times *out, bench *b)
{
    const size_t n = b->o->repeats;
    fill_all(b);
    for (int w = 0; w < VC_WAY_COUNT; w++)
        VC_TRY(check(b, (vc_way)w));
    count(out, b);
    for (size_t r = 0; r < WARM_UP + n; r++)
        for (int w = 0; w < VC_WAY_COUNT; w++) {
            const double start = vc_clock_seconds();
            run(b, (vc_way)w);
            if (r >= WARM_UP)
                b->samples[(size_t)w * n + r - WARM_UP] = vc_clock_seconds() - start;
        }
    double *ratios = b->samples + VC_WAY_COUNT * n;
    for (size_t i = 0; i < VC_WAY_COUNT * n; i++)
        ratios[i] = b->samples[i % n] / b->samples[i];
    for (size_t w = 0; w < VC_WAY_COUNT; w++) {
        out->seconds[w] = vc_spread_of(b->samples + w * n, n);
        out->ratio[w] = vc_spread_of(ratios + w * n, n);
    }
    return VC_OK;
}

static vc_status refuse(size_t tokens, const vc_length_options *o)
{
    if (tokens == 0 || tokens > VC_MOST_TOKENS)
        return vc_fail(VC_EINVAL, "%zu tokens, wanted 1 to %d", tokens, VC_MOST_TOKENS);
    if (o->heads == 0 || o->head_dim == 0 || o->repeats == 0)
        return vc_fail(VC_EINVAL, "%zu heads of %zu values, %zu repeats: wanted 1 or more",
                       o->heads, o->head_dim, o->repeats);
    if (o->projected > VC_MOST_TOKENS)
        return vc_fail(VC_EINVAL, "a projection to %zu, wanted at most %d", o->projected,
                       VC_MOST_TOKENS);
    if (!(o->sparsity >= 0.0 && o->sparsity < 1.0))
        return vc_fail(VC_EINVAL, "a sparsity of %g, wanted 0 or more and less than 1",
                       o->sparsity);
    return VC_OK;
}

vc_status vc_profile_length(vc_length_times *out, size_t tokens, const vc_length_options *o)
{
    VC_TRY(refuse(tokens, o));
    bench b = {.o = o,
               .tokens = tokens,
               .width = o->heads * o->head_dim,
               .projected = o->projected ? o->projected : vc_linformer_tokens(tokens)};
    vc_status status = open_ways(&b);
    if (status == VC_OK) {
        place(&b);
        status = vc_arena_reserve(&b.arena);
    }
    if (status == VC_OK) {
        place(&b);
        status = measure(out, &b);
    }
    for (int w = 0; w < VC_WAY_COUNT; w++)
        vc_packed_attention_close(&b.ways[w].layer);
    vc_arena_close(&b.arena);
    return status;
}
