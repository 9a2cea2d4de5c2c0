/* Attention of a few queries: a tile of queries at a time against a block of the panel's keys, then each
 * query against its own keys. Softmax runs along: the highest score so far, the sum of powers and the output
 * are brought up to date when a block raises the highest (Milakov, Gimelshein 2018). */
#include "simd.h"

enum {
    TILE = 6,                   /* queries whose sums stay in registers */
    WIDE = LANES == 16 ? 4 : 2, /* vectors of a query's sums */
    BLOCK = 512,                /* keys whose scores are held at a time */
    GROUP = 96                  /* queries that go through a block before the next block */
};
#define INLINE static inline __attribute__((always_inline))

static const float PRUNED = -3.4e38f;

typedef struct running { /* softmax of one query so far */
    float highest, sum;
} running;

/* scores (rows, BLOCK) of `vectors` vectors of keys */
INLINE void score_tile(float *scores, const float *q, size_t q_stride, const float *panel,
                       size_t head_dim, const size_t rows, const size_t vectors)
{
    vec sums[TILE][WIDE];
    _Pragma("GCC unroll 8") for (size_t r = 0; r < rows; r++)
        _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++) sums[r][i] = splat(0.0f);
    for (size_t d = 0; d < head_dim; d++) {
        vec keys[WIDE];
        _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++) keys[i] =
            load(panel + (i * LANES / VC_PANEL * head_dim + d) * VC_PANEL + i * LANES % VC_PANEL);
        _Pragma("GCC unroll 8") for (size_t r = 0; r < rows; r++)
        {
            vec x = splat(q[r * q_stride + d]);
            _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++) sums[r][i] =
                muladd(x, keys[i], sums[r][i]);
        }
    }
    _Pragma("GCC unroll 8") for (size_t r = 0; r < rows; r++)
        _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++)
            store(scores + r * BLOCK + i * LANES, sums[r][i]);
}

/* The scores of `keys` keys from `start` of the panel on, a multiple of VC_PANEL. */
INLINE void score_block(float *scores, const vc_attend_view *view, size_t query, size_t start,
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

/* Bias, and the lowest score where nothing is to be seen; returns the highest. */
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

/* Scores to powers; returns what the output so far is to be multiplied by. */
INLINE float soften(running *now, float *scores, size_t keys, vec highest)
{
    float above = max_of(highest), before = now->highest;
    now->highest = above > before || above != above ? above : before;
    vec top = splat(now->highest), sum = splat(0.0f);
    for (size_t i = 0; i < keys; i += LANES) {
        vec p = power_of_two(sub(load(scores + i), top));
        store(scores + i, p);
        sum = add(sum, p);
    }
    float keep = first_of(power_of_two(splat(before - now->highest)));
    now->sum = now->sum * keep + sum_of(sum);
    return keep;
}

/* out = keep * out + scores V over `vectors` vectors of values, the last of them `part` lanes wide. */
INLINE void value_tile(float *out, size_t out_stride, const float *keep, const float *scores,
                       const float *v, size_t v_stride, const int32_t *order, size_t keys,
                       const size_t rows, const size_t vectors, size_t part)
{
    vec sums[TILE][WIDE];
    _Pragma("GCC unroll 8") for (size_t r = 0; r < rows; r++)
        _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++) sums[r][i] =
            mul(splat(keep[r]), i + 1 < vectors
                                    ? load(out + r * out_stride + i * LANES)
                                    : load_part(out + r * out_stride + i * LANES, part));
    for (size_t j = 0; j < keys; j++) {
        const float *from = v + (order ? (size_t)order[j] : j) * v_stride;
        vec values[WIDE];
        _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++) values[i] =
            part == LANES || i + 1 < vectors ? load(from + i * LANES)
                                             : load_part(from + i * LANES, part);
        _Pragma("GCC unroll 8") for (size_t r = 0; r < rows; r++)
        {
            vec p = splat(scores[r * BLOCK + j]);
            _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++) sums[r][i] =
                muladd(p, values[i], sums[r][i]);
        }
    }
    _Pragma("GCC unroll 8") for (size_t r = 0; r < rows; r++)
        _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++)
    {
        float *to = out + r * out_stride + i * LANES;
        if (part == LANES || i + 1 < vectors)
            store(to, sums[r][i]);
        else
            store_part(to, sums[r][i], part);
    }
}

INLINE void value_block(float *out, size_t out_stride, const float *keep, const float *scores,
                        const vc_attend_view *view, size_t start, size_t keys, const size_t rows)
{
    const int32_t *order = view->head->panel_keys ? view->head->panel_keys + start : NULL;
    const float *v = view->v + (order ? 0 : start * view->v_stride);
    size_t c = 0;
    for (; c + WIDE * LANES <= view->value_dim; c += WIDE * LANES)
        value_tile(out + c, out_stride, keep, scores, v + c, view->v_stride, order, keys, rows,
                   WIDE, LANES);
    for (; c < view->value_dim; c += LANES)
        value_tile(out + c, out_stride, keep, scores, v + c, view->v_stride, order, keys, rows, 1,
                   lanes_left(view->value_dim, c));
}

/* `rows` queries from `query` on against one block of the panel. */
INLINE void panel_tile(float *out, size_t out_stride, running *now, const vc_attend_view *view,
                       size_t query, size_t first, size_t start, size_t keys, const size_t rows)
{
    const vc_attend_head *head = view->head;
    const size_t blocks = (head->panel_count + VC_PANEL - 1) / VC_PANEL;
    _Alignas(64) float scores[TILE * BLOCK];
    float keep[TILE];
    score_block(scores, view, query, start, keys, rows);
    _Pragma("GCC unroll 8") for (size_t r = 0; r < rows; r++)
    {
        size_t at = (first + query + r) * blocks + start / VC_PANEL;
        vec highest = restrict_scores(scores + r * BLOCK, keys,
                                      head->panel_bias ? head->panel_bias + at * VC_PANEL : NULL,
                                      head->panel_kept ? head->panel_kept + at : NULL);
        keep[r] = soften(&now[r], scores + r * BLOCK, keys, highest);
    }
    value_block(out, out_stride, keep, scores, view, start, keys, rows);
}

static void panel_block(float *out, size_t out_stride, running *now, const vc_attend_view *view,
                        size_t query, size_t count, size_t first, size_t start, size_t keys)
{
    size_t i = 0;
    for (; i + TILE <= count; i += TILE)
        panel_tile(out + i * out_stride, out_stride, now + i, view, query + i, first, start, keys,
                   TILE);
    for (; i + 2 <= count; i += 2)
        panel_tile(out + i * out_stride, out_stride, now + i, view, query + i, first, start, keys,
                   2);
    if (i < count)
        panel_tile(out + i * out_stride, out_stride, now + i, view, query + i, first, start, keys,
                   1);
}

/* scores of a query and `count` keys that lie apart, four at a time; the last key stands in for those that
 * are missing */
INLINE void score_row(float *scores, const float *q, const float *k, size_t k_stride,
                      const int32_t *keys, size_t count, size_t head_dim)
{
    for (size_t i = 0; i < count; i += 4) {
        const float *from[4];
        vec sums[4];
        _Pragma("GCC unroll 8") for (size_t j = 0; j < 4; j++)
        {
            from[j] = k + (size_t)keys[i + j < count ? i + j : count - 1] * k_stride;
            sums[j] = splat(0.0f);
        }
        for (size_t d = 0; d < head_dim; d += LANES) {
            size_t n = lanes_left(head_dim, d);
            vec x = n == LANES ? load(q + d) : load_part(q + d, n);
            _Pragma("GCC unroll 8") for (size_t j = 0; j < 4; j++) sums[j] =
                muladd(x, n == LANES ? load(from[j] + d) : load_part(from[j] + d, n), sums[j]);
        }
        _mm_storeu_ps(scores + i, sum_of_four(sums[0], sums[1], sums[2], sums[3]));
    }
}

/* out = factor * (keep * out + scores V) over the keys of a row */
INLINE void value_row(float *out, float keep, float factor, const float *scores, const float *v,
                      size_t v_stride, const int32_t *keys, size_t count, const size_t vectors,
                      size_t part)
{
    vec sums[WIDE];
    _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++) sums[i] = mul(
        splat(keep), i + 1 < vectors ? load(out + i * LANES) : load_part(out + i * LANES, part));
    for (size_t j = 0; j < count; j++) {
        const float *from = v + (size_t)keys[j] * v_stride;
        vec p = splat(scores[j]);
        _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++) sums[i] =
            muladd(p,
                   part == LANES || i + 1 < vectors ? load(from + i * LANES)
                                                    : load_part(from + i * LANES, part),
                   sums[i]);
    }
    _Pragma("GCC unroll 8") for (size_t i = 0; i < vectors; i++)
    {
        vec y = mul(sums[i], splat(factor));
        if (part == LANES || i + 1 < vectors)
            store(out + i * LANES, y);
        else
            store_part(out + i * LANES, y, part);
    }
}

INLINE void value_row_all(float *out, float keep, float factor, const float *scores,
                          const vc_attend_view *view, const int32_t *keys, size_t count,
                          const size_t value_dim)
{
    size_t c = 0;
    for (; c + WIDE * LANES <= value_dim; c += WIDE * LANES)
        value_row(out + c, keep, factor, scores, view->v + c, view->v_stride, keys, count, WIDE,
                  LANES);
    for (; c < value_dim; c += LANES)
        value_row(out + c, keep, factor, scores, view->v + c, view->v_stride, keys, count, 1,
                  lanes_left(value_dim, c));
}

/* The sparser part of one query, and the division by the sum. */
INLINE void finish_row(float *out, running now, const vc_attend_view *view, size_t query,
                       size_t first, const size_t head_dim, const size_t value_dim)
{
    const vc_attend_head *head = view->head;
    size_t start = 0, end = 0;
    _Alignas(64) float scores[BLOCK + 4];
    if (head->row_start) {
        start = (size_t)head->row_start[first + query];
        end = (size_t)head->row_start[first + query + 1];
    }
    float keep = 1.0f;
    do {
        size_t count = end - start < BLOCK ? end - start : BLOCK;
        const int32_t *keys = head->row_keys + start;
        if (count > 0) {
            score_row(scores, view->q + query * view->q_stride, view->k, view->k_stride, keys,
                      count, head_dim);
            vec highest = restrict_scores(scores, count,
                                          head->row_bias ? head->row_bias + start : NULL, NULL);
            keep = soften(&now, scores, count, highest);
        }
        start += count;
        value_row_all(out, keep, start == end ? 1.0f / now.sum : 1.0f, scores, view, keys, count,
                      value_dim);
    } while (start < end);
}

/* `panel`: how queries go through a block of the panel. */
INLINE void attend_by(float *out, size_t out_stride, const vc_attend_view *view, size_t first,
                      size_t rows, __typeof__(panel_block) *panel)
{
    const vc_attend_head *head = view->head;
    for (size_t group = 0; group < rows; group += GROUP) {
        size_t count = rows - group < GROUP ? rows - group : GROUP;
        running now[GROUP];
        for (size_t i = 0; i < count; i++) {
            now[i] = (running){PRUNED, 0.0f};
            for (size_t c = 0; c < view->value_dim; c++)
                out[(group + i) * out_stride + c] = 0.0f;
        }
        for (size_t start = 0; start < head->panel_count; start += BLOCK) {
            size_t left = head->panel_count - start;
            panel(out + group * out_stride, out_stride, now, view, group, count, first, start,
                  left < BLOCK ? left : BLOCK);
        }
        for (size_t i = 0; i < count; i++) {
            float *to = out + (group + i) * out_stride;
            if (view->head_dim == 64 && view->value_dim == 64)
                finish_row(to, now[i], view, group + i, first, 64, 64);
            else
                finish_row(to, now[i], view, group + i, first, view->head_dim, view->value_dim);
        }
    }
}
