/* Attention of a few queries: tiles of queries against blocks of the keys of the panel, then each
 * query against its own keys. Softmax is computed on the way: when a block has a higher score than
 * all before, the sum of exponentials and the output are rescaled (Milakov, Gimelshein 2018). */
#include "simd.h"

enum {
    TILE = 6,                   /* queries whose sums stay in registers */
    WIDE = LANES == 16 ? 4 : 2, /* vectors of a query's sums */
    BLOCK = 512,                /* keys whose scores are held at a time */
    GROUP = 96                  /* queries that use a block before the next one */
};
#define UNROLL _Pragma("GCC unroll 8")
#define INLINE static inline __attribute__((always_inline))

static const float PRUNED = -3.4e38f;

typedef struct running { /* the softmax of a query so far */
    float highest, sum;
} running;

/* scores (rows, BLOCK) of `vectors` vectors of keys */
INLINE void score_tile(float *scores, const float *q, size_t q_stride, const float *panel,
                       size_t head_dim, const size_t rows, const size_t vectors)
{
    vec sums[TILE][WIDE];
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            sums[r][i] = splat(0.0f);
    }
    for (size_t d = 0; d < head_dim; d++) {
        vec keys[WIDE];
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            keys[i] = load(panel + (i * LANES / VC_PANEL * head_dim + d) * VC_PANEL +
                           i * LANES % VC_PANEL);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            vec x = splat(q[r * q_stride + d]);
            UNROLL
            for (size_t i = 0; i < vectors; i++)
                sums[r][i] = muladd(x, keys[i], sums[r][i]);
        }
    }
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            store(scores + r * BLOCK + i * LANES, sums[r][i]);
    }
}

/* The scores of `keys` keys from `start` of the panel on, a multiple of VC_PANEL. */
INLINE void score_block(float *scores, const vc_attention_view *view, size_t query, size_t start,
                        size_t keys, const size_t rows)
{
    const size_t step = WIDE * LANES, d = view->head_dim;
    const float *q = view->q + query * view->q_stride;
    size_t i = 0, end = (keys + VC_PANEL - 1) / VC_PANEL * VC_PANEL;
    for (; i + step <= end; i += step)
        score_tile(scores + i, q, view->q_stride, view->panel + (start + i) * d, d, rows, WIDE);
    for (; i < end; i += VC_PANEL)
        score_tile(scores + i, q, view->q_stride, view->panel + (start + i) * d, d, rows,
                   VC_PANEL / LANES);
}

/* Adds the bias and sets pruned entries to the lowest score. Returns the highest score. */
INLINE vec restrict_scores(float *scores, size_t keys, const float *bias, const uint16_t *kept)
{
    vec highest = splat(PRUNED);
    for (size_t i = 0; i < keys; i += LANES) {
        vec x = load(scores + i);
        if (bias)
            x = add(x, load(bias + i));
        if (kept)
            x = keep_bits(x, PRUNED, (unsigned)kept[i / VC_PANEL] >> i % VC_PANEL);
        x = replace_tail(x, PRUNED, lanes_left(keys, i));
        store(scores + i, x);
        highest = maximum(highest, x);
    }
    return highest;
}

/* Turns the scores of a query, some against the panel and some against its own keys, into
 * exponentials. Returns the factor by which the output so far is to be multiplied. */
INLINE float soften(running *now, vec highest, float *panel, size_t panel_count, float *own,
                    size_t own_count)
{
    const float above = max_of(highest), before = now->highest;
    now->highest = above > before || above != above ? above : before;
    vec top = splat(now->highest), sum = splat(0.0f);
    for (size_t i = 0; i < panel_count; i += LANES) {
        const vec p = power_of_two(sub(load(panel + i), top));
        store(panel + i, p);
        sum = add(sum, p);
    }
    for (size_t i = 0; i < own_count; i += LANES) {
        const vec p = power_of_two(sub(load(own + i), top));
        store(own + i, p);
        sum = add(sum, p);
    }
    if (before == PRUNED) {
        now->sum = sum_of(sum);
        return 0.0f;
    }
    const float keep = first_of(power_of_two(splat(before - now->highest)));
    now->sum = now->sum * keep + sum_of(sum);
    return keep;
}

/* Rows of the output. What they hold already is multiplied by `keep`, a factor for each; NULL: they
 * hold nothing yet. */
typedef struct output_rows {
    float *out;
    size_t stride;
    const float *keep;
} output_rows;

/* The values of some keys: rows order[0] to order[count - 1] of v; NULL: the first `count`. */
typedef struct value_rows {
    const float *v;
    size_t stride;
    const int32_t *order;
    size_t count;
} value_rows;

/* Adds scores V to the sums of value_tile. */
INLINE void add_values(vec sums[TILE][WIDE], const float *scores, value_rows from,
                       const size_t rows, const size_t vectors, size_t part)
{
    for (size_t j = 0; j < from.count; j++) {
        const float *v = from.v + (from.order ? (size_t)from.order[j] : j) * from.stride;
        vec values[WIDE];
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            values[i] = load_last(v + i * LANES, part, i + 1 < vectors);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const vec p = splat(scores[r * BLOCK + j]);
            UNROLL
            for (size_t i = 0; i < vectors; i++)
                sums[r][i] = muladd(p, values[i], sums[r][i]);
        }
    }
}

/* out = keep * out + scores V over `vectors` vectors of values, of which the last has `part`
 * lanes. V is that of tokens, then that of summaries. */
INLINE void value_tile(output_rows to, const float *scores, value_rows tokens, value_rows summaries,
                       const size_t rows, const size_t vectors, size_t part)
{
    vec sums[TILE][WIDE];
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            sums[r][i] =
                to.keep ? mul(splat(to.keep[r]),
                              load_last(to.out + r * to.stride + i * LANES, part, i + 1 < vectors))
                        : splat(0.0f);
    }
    add_values(sums, scores, tokens, rows, vectors, part);
    add_values(sums, scores + tokens.count, summaries, rows, vectors, part);
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            store_last(to.out + r * to.stride + i * LANES, sums[r][i], part, i + 1 < vectors);
    }
}

/* The values of the tokens among `keys` keys from `start` of the panel on. */
INLINE value_rows token_values(const vc_attention_view *view, size_t start, size_t keys)
{
    const vc_pattern_head *head = view->head->pattern;
    const size_t tokens = head->panel_count - view->head->summaries;
    if (start >= tokens)
        return (value_rows){.v = view->v};
    return (value_rows){.v = view->v + (head->panel_keys ? 0 : start * view->v_stride),
                        .stride = view->v_stride,
                        .order = head->panel_keys ? head->panel_keys + start : NULL,
                        .count = tokens - start < keys ? tokens - start : keys};
}

/* The values of the `count` summaries among them. */
INLINE value_rows summary_values(const vc_attention_view *view, size_t start, size_t count)
{
    const size_t tokens = view->head->pattern->panel_count - view->head->summaries,
                 first = start > tokens ? start - tokens : 0;
    if (count == 0)
        return (value_rows){.v = view->v};
    return (value_rows){.v = view->summary_v + first * view->summary_stride,
                        .stride = view->summary_stride,
                        .count = count};
}

INLINE void value_block(output_rows to, const float *scores, const vc_attention_view *view,
                        size_t start, size_t keys, const size_t rows)
{
    value_rows tokens = token_values(view, start, keys),
               summaries = summary_values(view, start, keys - tokens.count);
    size_t left = view->value_dim;
    for (; left >= WIDE * LANES; left -= WIDE * LANES) {
        value_tile(to, scores, tokens, summaries, rows, WIDE, LANES);
        to.out += WIDE * LANES;
        tokens.v += WIDE * LANES;
        summaries.v += WIDE * LANES;
    }
    for (; left > 0; left -= lanes_left(left, 0)) {
        value_tile(to, scores, tokens, summaries, rows, 1, lanes_left(left, 0));
        to.out += LANES;
        tokens.v += LANES;
        summaries.v += LANES;
    }
}

/* Scores of a query with `count` keys that are not adjacent, four at a time. The last key is
 * repeated if there are fewer than four. */
INLINE void score_row(float *scores, const float *q, const float *k, size_t k_stride,
                      const int32_t *keys, size_t count, const size_t head_dim)
{
    for (size_t i = 0; i < count; i += 4) {
        const float *from[4];
        vec sums[4];
        UNROLL
        for (size_t j = 0; j < 4; j++) {
            from[j] = k + (size_t)keys[i + j < count ? i + j : count - 1] * k_stride;
            sums[j] = splat(0.0f);
        }
        for (size_t d = 0; d < head_dim; d += LANES) {
            const size_t n = lanes_left(head_dim, d);
            const vec x = load_last(q + d, n, n == LANES);
            UNROLL
            for (size_t j = 0; j < 4; j++)
                sums[j] = muladd(x, load_last(from[j] + d, n, n == LANES), sums[j]);
        }
        _mm_storeu_ps(scores + i, sum_of_four(sums[0], sums[1], sums[2], sums[3]));
    }
}

/* out = factor * (keep * out + scores V) over the keys of a row; keep is NULL if there is no output
 * yet. */
INLINE void value_row(float *out, const float *keep, float factor, const float *scores,
                      value_rows from, const size_t vectors, size_t part)
{
    vec sums[WIDE];
    UNROLL
    for (size_t i = 0; i < vectors; i++)
        sums[i] = keep ? mul(splat(*keep), load_last(out + i * LANES, part, i + 1 < vectors))
                       : splat(0.0f);
    for (size_t j = 0; j < from.count; j++) {
        const float *v = from.v + (size_t)from.order[j] * from.stride;
        const vec p = splat(scores[j]);
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            sums[i] = muladd(p, load_last(v + i * LANES, part, i + 1 < vectors), sums[i]);
    }
    UNROLL
    for (size_t i = 0; i < vectors; i++)
        store_last(out + i * LANES, mul(sums[i], splat(factor)), part, i + 1 < vectors);
}

INLINE void value_row_all(float *out, const float *keep, float factor, const float *scores,
                          const vc_attention_view *view, const int32_t *keys, size_t count,
                          const size_t value_dim)
{
    size_t c = 0;
    for (; c + WIDE * LANES <= value_dim; c += WIDE * LANES) {
        const value_rows from = {view->v + c, view->v_stride, keys, count};
        value_row(out + c, keep, factor, scores, from, WIDE, LANES);
    }
    for (; c < value_dim; c += LANES) {
        const value_rows from = {view->v + c, view->v_stride, keys, count};
        value_row(out + c, keep, factor, scores, from, 1, lanes_left(value_dim, c));
    }
}

/* Some of a query's own keys, as many as are scored at a time. */
typedef struct own_keys {
    const int32_t *keys;
    const float *bias;
    size_t count, left;
} own_keys;

INLINE own_keys own_keys_of(const vc_packed_head *packed, size_t query, size_t from)
{
    const vc_pattern_head *head = packed->pattern;
    if (!head->row_start)
        return (own_keys){0};
    const size_t start = (size_t)head->row_start[query] + from,
                 left = (size_t)head->row_start[query + 1] - start;
    return (own_keys){head->row_keys + start, packed->row_bias ? packed->row_bias + start : NULL,
                      left < BLOCK ? left : BLOCK, left};
}

/* What is computed: the output of a view's queries, of which the first has the number `first`. */
typedef struct attend_job {
    const vc_attention_view *view;
    size_t first;
    float *out;
    size_t out_stride;
} attend_job;

/* Adds the output of a query's own keys, scores and adds those that did not fit before, and divides
 * by the sum. */
INLINE void finish_row(float *out, const float *keep, running *now, float *scores,
                       const attend_job *job, size_t query, const size_t head_dim,
                       const size_t value_dim)
{
    const vc_attention_view *view = job->view;
    own_keys own = own_keys_of(view->head, job->first + query, 0);
    size_t done = 0;
    float next;
    for (;;) {
        const int last = own.count == own.left;
        value_row_all(out, keep, last ? 1.0f / now->sum : 1.0f, scores, view, own.keys, own.count,
                      value_dim);
        if (last)
            return;
        done += own.count;
        own = own_keys_of(view->head, job->first + query, done);
        score_row(scores, view->q + query * view->q_stride, view->k, view->k_stride, own.keys,
                  own.count, head_dim);
        next = soften(now, restrict_scores(scores, own.count, own.bias, NULL), NULL, 0, scores,
                      own.count);
        keep = &next;
    }
}

typedef void score_fn(float *scores, const vc_attention_view *view, size_t query, size_t start,
                      size_t keys, const size_t rows);
typedef void value_fn(output_rows to, const float *scores, const vc_attention_view *view,
                      size_t start, size_t keys, const size_t rows);

/* Counts the time since the last tick for this phase. */
INLINE void tick(uint64_t *ticks, size_t phase, uint64_t *since)
{
    if (!ticks)
        return;
    const uint64_t now = __rdtsc();
    ticks[phase] += now - *since;
    *since = now;
}

/* A stretch of queries and a block of the panel. */
typedef struct attend_span {
    size_t query, start, keys; /* the first query; the first key and how many */
} attend_span;

#include "attention_groups_simd.h"

/* `rows` queries against a block of the panel and, if it is the last block, against their own
 * keys. */
INLINE void attend_tile(const attend_job *job, running *now, attend_span at, score_fn *score,
                        value_fn *value, const size_t rows, const size_t head_dim,
                        const size_t value_dim)
{
    static const float one = 1.0f;
    const vc_attention_view *view = job->view;
    const size_t query = at.query, start = at.start, keys = at.keys;
    float *out = job->out + query * job->out_stride;
    const vc_pattern_head *head = view->head->pattern;
    const float *panel_bias = view->head->panel_bias;
    const size_t blocks = vc_panel_blocks(head->panel_count);
    const int last = start + keys == head->panel_count && !view->head->groups;
    _Alignas(64) float scores[TILE * BLOCK], own_scores[TILE * BLOCK];
    own_keys own[TILE];
    float keep[TILE];
    uint64_t since = view->ticks ? __rdtsc() : 0;
    if (keys > 0)
        score(scores, view, query, start, keys, rows);
    for (size_t r = 0; r < rows; r++) {
        own[r] = last ? own_keys_of(view->head, job->first + query + r, 0) : (own_keys){0};
        score_row(own_scores + r * BLOCK, view->q + (query + r) * view->q_stride, view->k,
                  view->k_stride, own[r].keys, own[r].count, head_dim);
    }
    tick(view->ticks, 0, &since);
    for (size_t r = 0; r < rows; r++) {
        const size_t block = (job->first + query + r) * blocks + start / VC_PANEL;
        float *panel = scores + r * BLOCK, *mine = own_scores + r * BLOCK;
        const vec highest =
            maximum(restrict_scores(panel, keys, panel_bias ? panel_bias + block * VC_PANEL : NULL,
                                    head->panel_kept ? head->panel_kept + block : NULL),
                    restrict_scores(mine, own[r].count, own[r].bias, NULL));
        keep[r] = soften(&now[r], highest, panel, keys, mine, own[r].count);
    }
    tick(view->ticks, 1, &since);
    if (keys > 0)
        value((output_rows){out, job->out_stride, start > 0 ? keep : NULL}, scores, view, start,
              keys, rows);
    for (size_t r = 0; last && r < rows; r++)
        finish_row(out + r * job->out_stride, keys > 0 ? &one : NULL, &now[r],
                   own_scores + r * BLOCK, job, query + r, head_dim, value_dim);
    tick(view->ticks, 2, &since);
}

/* `count` queries, in tiles, against a block of the panel. */
INLINE void attend_block(const attend_job *job, running *now, attend_span at, size_t count,
                         score_fn *score, value_fn *value, const size_t head_dim,
                         const size_t value_dim)
{
    const size_t end = at.query + count;
    for (; at.query + TILE <= end; at.query += TILE, now += TILE)
        attend_tile(job, now, at, score, value, TILE, head_dim, value_dim);
    for (; at.query + 2 <= end; at.query += 2, now += 2)
        attend_tile(job, now, at, score, value, 2, head_dim, value_dim);
    if (at.query < end)
        attend_tile(job, now, at, score, value, 1, head_dim, value_dim);
}

/* `count` queries against the whole panel, and what they own. */
INLINE void attend_all(const attend_job *job, running *now, size_t query, size_t count,
                       score_fn *score, value_fn *value, const size_t head_dim,
                       const size_t value_dim)
{
    const vc_packed_head *head = job->view->head;
    const size_t panel = head->pattern->panel_count;
    for (size_t start = 0; start < panel || (start == 0 && !head->groups); start += BLOCK) {
        const size_t left = panel - start, keys = left < BLOCK ? left : BLOCK;
        const attend_span at = {query, start, keys};
        attend_block(job, now, at, count, score, value, head_dim, value_dim);
    }
    if (head->groups)
        attend_groups(job, now, query, count, head_dim, value_dim);
}

/* Attention of `rows` queries. `score` and `value` compute with the keys of the panel. */
INLINE void attend_by(float *out, size_t out_stride, const vc_attention_view *view, size_t first,
                      size_t rows, score_fn *score, value_fn *value)
{
    const attend_job job = {view, first, out, out_stride};
    for (size_t query = 0, count; query < rows; query += count) {
        const size_t most = GROUP - (first + query) % VC_GROUP_ROWS, left = rows - query;
        running now[GROUP];
        count = left < most ? left : most;
        for (size_t i = 0; i < count; i++)
            now[i] = (running){PRUNED, 0.0f};
        if (view->head_dim == 64 && view->value_dim == 64)
            attend_all(&job, now, query, count, score, value, 64, 64);
        else
            attend_all(&job, now, query, count, score, value, view->head_dim, view->value_dim);
    }
}
