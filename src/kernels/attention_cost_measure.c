/* Measures the costs of entries, by timing the kernel on heads that differ in one thing. */
#include <math.h>
#include <stdlib.h>

#include "attention_costs_impl.h"
#include "vitcod/arena.h"
#include "vitcod/clock.h"
#include "vitcod/kernels.h"
#include "vitcod/packed_attention.h"
#include "vitcod/rng.h"

enum { QUERIES = 96, KEYS = 256, DIM = 64, STRIDE = 1152 /* as in a projection of six heads */ };
enum { ROUNDS = 24, LEAST_ROUNDS = 2 };
#define MOST_SECONDS 0.03

/* The heads that are timed: keys in the panel, and entries of each row. */
static const struct {
    size_t panel, row;
} heads[] = {{64, 0}, {256, 0}, {16, 0}, {16, 4}, {16, 32}};
enum { HEADS = sizeof heads / sizeof *heads };

typedef struct bench {
    vc_packed_attention layer[HEADS];
    float *kv, *q, *out, *panels[HEADS];
    vc_arena arena;
} bench;

/* The keys of a row are spread with a stride that has no divisor in common with their number. */
static vc_status open_layer(vc_packed_attention *layer, size_t panel, size_t row, int bf16)
{
    const vc_pattern_options options = {.split = VC_PATTERN_BY_PLAN};
    int32_t queries[QUERIES], keys[KEYS], globals = (int32_t)panel;
    vc_mask mask;
    vc_plan plan;
    VC_TRY(vc_mask_open(&mask, 1, 1, QUERIES, KEYS));
    for (size_t i = 0; i < QUERIES; i++)
        for (size_t j = 0; j < KEYS; j++) {
            const size_t turn = (j * 37 + i * 11) % (KEYS - panel + (panel == KEYS));
            mask.pruned[i * KEYS + j] = j >= panel && turn >= row;
        }
    for (size_t i = 0; i < QUERIES; i++)
        queries[i] = (int32_t)i;
    for (size_t j = 0; j < KEYS; j++)
        keys[j] = (int32_t)j;
    const vc_token_order order = {queries, keys, &globals};
    vc_status status = vc_plan_assemble(&plan, &mask, &order, QUERIES);
    vc_mask_close(&mask);
    VC_TRY(status);
    *layer = (vc_packed_attention){.heads = 1,
                                   .queries = QUERIES,
                                   .keys = KEYS,
                                   .head_dim = DIM,
                                   .value_dim = DIM,
                                   .bf16 = bf16};
    status = vc_packed_attention_open(layer, &plan.layers[0], NULL, &options);
    vc_plan_close(&plan);
    return status;
}

/* Lays out the memory; the same code first counts and then hands out. */
static void lay_out(bench *b)
{
    b->kv = vc_arena_floats(&b->arena, (size_t)KEYS * STRIDE);
    b->q = vc_arena_floats(&b->arena, (size_t)QUERIES * DIM);
    b->out = vc_arena_floats(&b->arena, (size_t)QUERIES * DIM);
    for (size_t i = 0; i < HEADS; i++)
        b->panels[i] = vc_arena_floats(&b->arena, b->layer[i].panel_floats);
}

static vc_status open_bench(bench *b, int bf16)
{
    for (size_t i = 0; i < HEADS; i++)
        VC_TRY(open_layer(&b->layer[i], heads[i].panel, heads[i].row, bf16));
    lay_out(b);
    VC_TRY(vc_arena_reserve(&b->arena));
    lay_out(b);
    vc_rng rng = vc_rng_open(1, 0, 0);
    for (size_t i = 0; i < (size_t)QUERIES * DIM; i++)
        b->q[i] = (float)vc_rng_uniform(&rng) * 0.1f;
    for (size_t j = 0; j < KEYS; j++)
        for (size_t d = 0; d < 2 * DIM; d++)
            b->kv[j * STRIDE + d] = (float)vc_rng_uniform(&rng);
    for (size_t i = 0; i < HEADS; i++)
        vc_attention_pack(b->panels[i], &b->layer[i], b->kv, b->kv + DIM, STRIDE, 0, KEYS);
    return VC_OK;
}

static double time_once(const bench *b, size_t head)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_packed_attention *layer = &b->layer[head];
    const vc_attention_view view = {.head = layer->head,
                                    .head_dim = DIM,
                                    .value_dim = DIM,
                                    .q = b->q,
                                    .k = b->kv,
                                    .v = b->kv + DIM,
                                    .q_stride = DIM,
                                    .k_stride = STRIDE,
                                    .v_stride = STRIDE,
                                    .panel = b->panels[head]};
    const double start = vc_clock_seconds();
    (layer->bf16 ? kernels->attention_rows_bf16 : kernels->attention_rows)(b->out, DIM, &view, 0,
                                                                           QUERIES);
    return 1e9 * (vc_clock_seconds() - start) / QUERIES;
}

/* Two panels give the cost of an entry of the panel, two lengths of rows that of an entry of a row;
 * what remains of the shorter row is the cost of the row itself. The least time of each is used,
 * since disturbances only add. */
static void solve(vc_split_costs *out, const double least[HEADS])
{
    const double tiny = 1e-3,
                 entry = (least[1] - least[0]) / (double)(heads[1].panel - heads[0].panel),
                 own = (least[4] - least[3]) / (double)(heads[4].row - heads[3].row);
    out->panel_entry = fmax(entry, tiny);
    out->row_entry = fmax(own, tiny);
    out->row = fmax(least[3] - least[2] - own * (double)heads[3].row, tiny);
}

vc_status vc__measure_costs(vc_split_costs *out, int bf16)
{
    bench b = {0};
    double least[HEADS];
    for (size_t i = 0; i < HEADS; i++)
        least[i] = INFINITY;
    const vc_status status = open_bench(&b, bf16);
    const double start = vc_clock_seconds();
    for (size_t r = 0; status == VC_OK && r < ROUNDS; r++) {
        if (r >= LEAST_ROUNDS && vc_clock_seconds() - start > MOST_SECONDS)
            break;
        for (size_t i = 0; i < HEADS; i++)
            least[i] = fmin(least[i], time_once(&b, i));
    }
    if (status == VC_OK)
        solve(out, least);
    for (size_t i = 0; i < HEADS; i++)
        vc_packed_attention_close(&b.layer[i]);
    vc_arena_close(&b.arena);
    return status;
}
