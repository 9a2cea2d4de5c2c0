/* Four queries against their own keys: K and V of a key are read once for all that keep it. They go
 * on from what they met of the panel. Included by attention_rows_simd.h. */

enum { GROUP_ROWS = VC_GROUP_ROWS, GROUP_SPACE = VC_GROUP_KEYS + LANES };

/* The scores of `count` keys with the queries of `set`, four keys at a time. They go to row r of
 * `scores` from at[r] on. */
INLINE void score_set(float *scores, const size_t *at, const float *const *q, const float *k,
                      const int32_t *keys, size_t count, const unsigned set, const size_t head_dim)
{
    const int whole = head_dim % LANES == 0, single = (set & (set - 1)) == 0;
    for (size_t i = 0; i < count; i += 4) {
        const float *from[4];
        vec sums[GROUP_ROWS][4];
        UNROLL
        for (size_t j = 0; j < 4; j++) {
            from[j] = k + (size_t)keys[!single || i + j < count ? i + j : count - 1] * head_dim;
            UNROLL
            for (size_t r = 0; r < GROUP_ROWS; r++)
                sums[r][j] = splat(0.0f);
        }
        /* Unrolled, the queries would be kept in registers and the sums would not. */
        _Pragma("GCC unroll 1") for (size_t d = 0; d < head_dim; d += LANES)
        {
            const size_t n = whole ? LANES : lanes_left(head_dim, d);
            vec x[GROUP_ROWS];
            UNROLL
            for (size_t r = 0; r < GROUP_ROWS; r++)
                if (set >> r & 1)
                    x[r] = load_last(q[r] + d, n, whole);
            UNROLL
            for (size_t j = 0; j < 4; j++) {
                const vec key = load_last(from[j] + d, n, whole);
                UNROLL
                for (size_t r = 0; r < GROUP_ROWS; r++)
                    if (set >> r & 1)
                        sums[r][j] = muladd(x[r], key, sums[r][j]);
            }
        }
        UNROLL
        for (size_t r = 0; r < GROUP_ROWS; r++)
            if (set >> r & 1)
                _mm_storeu_ps(scores + r * GROUP_SPACE + at[r] + i,
                              sum_of_four(sums[r][0], sums[r][1], sums[r][2], sums[r][3]));
    }
}

/* Adds powers V of `count` keys to the sums of the queries of `set`. */
INLINE void value_set(vec sums[GROUP_ROWS][WIDE], const float *scores, const size_t *at,
                      value_rows from, const unsigned set, const size_t vectors, size_t part)
{
    for (size_t j = 0; j < from.count; j++) {
        const float *v = from.v + (size_t)from.order[j] * from.stride;
        vec values[WIDE];
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            values[i] = load_last(v + i * LANES, part, i + 1 < vectors);
        UNROLL
        for (size_t r = 0; r < GROUP_ROWS; r++)
            if (set >> r & 1) {
                const vec p = splat(scores[r * GROUP_SPACE + at[r] + j]);
                UNROLL
                for (size_t i = 0; i < vectors; i++)
                    sums[r][i] = muladd(p, values[i], sums[r][i]);
            }
    }
}

/* Where the next scores of each query are, behind those of a set. */
INLINE void step_over(size_t *at, size_t count, const unsigned set)
{
    UNROLL
    for (size_t r = 0; r < GROUP_ROWS; r++)
        at[r] += set >> r & 1 ? count : 0;
}

/* The scores of a part's keys. Returns in `at` how many each query has. */
INLINE void score_part(float *scores, size_t *at, const float *const *q,
                       const vc_attention_view *view, const vc_group_part *part,
                       const size_t head_dim)
{
    const vc_row_groups *groups = view->head->groups;
    const float *k = view->panel + groups->k_at;
    const int32_t *keys = groups->keys + part->start;
    for (size_t r = 0; r < GROUP_ROWS; r++)
        at[r] = 0;
#define VC_SET(index, set)                                                                         \
    {                                                                                              \
        const size_t count = part->counts[index];                                                  \
        score_set(scores, at, q, k, keys, count, set, head_dim);                                   \
        step_over(at, count, set);                                                                 \
        keys += count;                                                                             \
    }
    VC_GROUP_SETS_OF(VC_SET)
#undef VC_SET
}

/* Rows of the output of a group; NULL: the row is not wanted. What a row holds is multiplied by
 * `keep`, unless `empty`, and in the end by `factor`. */
typedef struct group_output {
    float *out[GROUP_ROWS];
    float keep[GROUP_ROWS], factor[GROUP_ROWS];
    int empty;
} group_output;

/* One stripe of the output, from value `c` on. */
INLINE void value_stripe(const group_output *to, const float *scores, const vc_attention_view *view,
                         const vc_group_part *p, size_t c, const size_t value_dim,
                         const size_t vectors, size_t part)
{
    const vc_row_groups *groups = view->head->groups;
    value_rows from = {view->panel + groups->v_at + c, value_dim, groups->keys + p->start, 0};
    vec sums[GROUP_ROWS][WIDE];
    size_t at[GROUP_ROWS] = {0};
    UNROLL
    for (size_t r = 0; r < GROUP_ROWS; r++) {
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            sums[r][i] = to->empty || !to->out[r]
                             ? splat(0.0f)
                             : mul(splat(to->keep[r]),
                                   load_last(to->out[r] + c + i * LANES, part, i + 1 < vectors));
    }
#define VC_SET(index, set)                                                                         \
    {                                                                                              \
        from.count = p->counts[index];                                                             \
        value_set(sums, scores, at, from, set, vectors, part);                                     \
        step_over(at, from.count, set);                                                            \
        from.order += from.count;                                                                  \
    }
    VC_GROUP_SETS_OF(VC_SET)
#undef VC_SET
    UNROLL
    for (size_t r = 0; r < GROUP_ROWS; r++) {
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            if (to->out[r])
                store_last(to->out[r] + c + i * LANES, mul(sums[r][i], splat(to->factor[r])), part,
                           i + 1 < vectors);
    }
}

INLINE void value_part(const group_output *to, const float *scores, const vc_attention_view *view,
                       const vc_group_part *p, const size_t value_dim)
{
    size_t c = 0;
    for (; c + WIDE * LANES <= value_dim; c += WIDE * LANES)
        value_stripe(to, scores, view, p, c, value_dim, WIDE, LANES);
    for (; c < value_dim; c += LANES)
        value_stripe(to, scores, view, p, c, value_dim, 1, lanes_left(value_dim, c));
}

/* The own keys of those queries of a group that are among rows `from` to `end` - 1 of the job.
 * now: of row `from`. */
INLINE void attend_group(const attend_job *job, running *now, size_t from, size_t end,
                         const size_t head_dim, const size_t value_dim)
{
    const vc_attention_view *view = job->view;
    const vc_row_groups *groups = view->head->groups;
    const size_t before = (job->first + from) % GROUP_ROWS,
                 group = (job->first + from) / GROUP_ROWS, parts = groups->part_start[group + 1];
    _Alignas(64) float scores[GROUP_ROWS * GROUP_SPACE];
    const float *q[GROUP_ROWS];
    group_output to = {.empty = view->head->pattern->panel_count == 0};
    running of[GROUP_ROWS];
    uint64_t since = view->ticks ? __rdtsc() : 0;
    for (size_t r = 0; r < GROUP_ROWS; r++) {
        const int there = r >= before && from + r - before < end;
        const size_t row = there ? from + r - before : from;
        q[r] = view->q + row * view->q_stride;
        to.out[r] = there ? job->out + row * job->out_stride : NULL;
        of[r] = now[row - from];
    }
    for (size_t p = groups->part_start[group]; p < parts; p++) {
        const vc_group_part *part = &groups->parts[p];
        size_t count[GROUP_ROWS];
        score_part(scores, count, q, view, part, head_dim);
        tick(view->ticks, 0, &since);
        for (size_t r = 0; r < GROUP_ROWS; r++) {
            float *mine = scores + r * GROUP_SPACE;
            const vec highest = restrict_scores(mine, count[r], NULL, NULL);
            to.keep[r] = soften(&of[r], highest, NULL, 0, mine, count[r]);
            to.factor[r] = p + 1 < parts ? 1.0f : 1.0f / of[r].sum;
        }
        tick(view->ticks, 1, &since);
        value_part(&to, scores, view, part, value_dim);
        to.empty = 0;
        tick(view->ticks, 2, &since);
    }
}

/* The own keys of `count` rows of the job from `row` on. */
INLINE void attend_groups(const attend_job *job, running *now, size_t row, size_t count,
                          const size_t head_dim, const size_t value_dim)
{
    const size_t end = row + count;
    while (row < end) {
        const size_t left = GROUP_ROWS - (job->first + row) % GROUP_ROWS,
                     rows = left < end - row ? left : end - row;
        attend_group(job, now, row, row + rows, head_dim, value_dim);
        row += rows;
        now += rows;
    }
}
