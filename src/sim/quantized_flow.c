/* Attention in integers as single steps that a schedule takes, which give what plain loops do. */
#include <stdlib.h>

#include "quantized_impl.h"

struct vc__flow {
    vc_attention_sizes sizes;
    const vc_pattern *pattern;
    vc_chip_values values;
    size_t *panel_start; /* (H) */
    vc__summaries summaries;
    int32_t *panel;   /* (Tq, panel keys) of each head: scores, then probabilities */
    int32_t *entries; /* of the sparser part, at the plan's positions */
    int32_t *means;   /* (H, Dv) sums of all values, where there is a residual */
    /* Rows in parts: states, the factors of two parts that are under way, and how often the mean
     * is to be added. */
    vc__row_state *state; /* (H, Tq) */
    int64_t *factor;      /* (H, Tq, 2) */
    int32_t *added;       /* (H, Tq) */
    int in_parts;
    uint64_t scored;
};

static size_t count_entries(const vc_pattern *pattern)
{
    size_t count = 1;
    for (size_t h = 0; h < pattern->heads; h++)
        if (pattern->head[h].column_start)
            count = (size_t)pattern->head[h].column_start[pattern->keys] + 1;
    return count;
}

vc_status vc__flow_open(vc__flow **out, const vc_attention_sizes *sizes, const vc_pattern *pattern,
                        const vc_chip_values *values)
{
    vc__flow *f = *out = calloc(1, sizeof *f);
    size_t panel = 1;
    if (f)
        f->panel_start = malloc(pattern->heads * sizeof *f->panel_start);
    for (size_t h = 0; f && f->panel_start && h < pattern->heads; h++) {
        f->panel_start[h] = panel - 1;
        panel += pattern->queries * pattern->head[h].panel_count;
    }
    if (f) {
        f->sizes = *sizes;
        f->pattern = pattern;
        f->values = *values;
        f->panel = calloc(panel, sizeof *f->panel);
        f->entries = calloc(count_entries(pattern), sizeof *f->entries);
        f->means = calloc(sizes->heads * sizes->value_dim, sizeof *f->means);
        const size_t rows = sizes->heads * sizes->queries;
        f->state = calloc(rows, sizeof *f->state);
        f->factor = calloc(2 * rows, sizeof *f->factor);
        f->added = calloc(rows, sizeof *f->added);
        for (size_t i = 0; f->state && i < rows; i++)
            f->state[i].highest = INT32_MIN;
    }
    const int complete = f && f->panel_start && f->panel && f->entries && f->means && f->state &&
                         f->factor && f->added;
    vc_status status = complete ? vc__summaries_open(&f->summaries, sizes, values, pattern->pooling,
                                                     pattern->summary_bias)
                                : vc_fail(VC_ENOMEM, "out of memory for a layer's scores");
    if (status != VC_OK) {
        vc__flow_close(f);
        *out = NULL;
        return status;
    }
    for (size_t i = 0; i < sizes->heads * sizes->queries * sizes->value_dim; i++)
        values->out[i] = 0;
    return VC_OK;
}

void vc__flow_close(vc__flow *f)
{
    if (!f)
        return;
    free(f->panel_start);
    free(f->panel);
    free(f->entries);
    free(f->means);
    free(f->state);
    free(f->factor);
    free(f->added);
    vc__summaries_close(&f->summaries);
    free(f);
}

static size_t original(const int32_t *order, size_t index)
{
    return order ? (size_t)order[index] : index;
}

static size_t query_row(const vc__flow *f, size_t h, size_t query)
{
    return h * f->sizes.queries + original(f->pattern->head[h].query_order, query);
}

/* The row of K or V of a key, of which a summary's is its own. */
static const int8_t *key_row(const vc__flow *f, size_t h, size_t key, const int8_t *tokens,
                             const int8_t *summaries, size_t width)
{
    const size_t count = f->sizes.keys;
    if (key >= count)
        return summaries + (h * f->summaries.count + key - count) * width;
    return tokens + (h * count + original(f->pattern->head[h].key_order, key)) * width;
}

static int32_t score_of(vc__flow *f, size_t h, size_t query, size_t key)
{
    const size_t d = f->sizes.head_dim, row = query_row(f, h, query), tokens = f->sizes.keys;
    const int8_t *k = key_row(f, h, key, f->values.k, f->summaries.k, d);
    const int32_t bias =
        key < tokens ? 0 : f->summaries.bias[row * f->summaries.count + key - tokens];
    if (++f->scored == f->values.lost_score || bias == VC__NOT_SEEN)
        return 0;
    return bias + vc__dot(f->values.q + row * d, k, d);
}

static size_t panel_place(const vc_pattern_head *head, size_t key)
{
    return head->panel_place ? (size_t)head->panel_place[key] : key;
}

static int32_t *panel_at(const vc__flow *f, size_t h, size_t query, size_t key)
{
    const vc_pattern_head *head = &f->pattern->head[h];
    return f->panel + f->panel_start[h] + query * head->panel_count + panel_place(head, key);
}

/* Scores are added, so that one that is computed twice is as wrong as one that is missing. */
void vc__flow_score_panel(vc__flow *f, size_t h, size_t query, size_t key)
{
    *panel_at(f, h, query, key) += score_of(f, h, query, key);
}

void vc__flow_score_entry(vc__flow *f, size_t h, size_t entry, size_t query, size_t key)
{
    f->entries[entry] += score_of(f, h, query, key);
}

void vc__flow_softmax(vc__flow *f, size_t h, size_t query)
{
    const vc_pattern_head *head = &f->pattern->head[h];
    const vc__range own = vc__row_entries(head, query, 0, f->pattern->keys);
    int32_t *panel = f->panel + f->panel_start[h] + query * head->panel_count;
    const int32_t whole = vc__whole(head->kept_share, original(head->query_order, query));
    vc__softmax softmax = {f->values.score_scale, INT32_MIN, 0};
    for (size_t j = 0; j < head->panel_count; j++)
        if (vc_panel_keeps(head, query, j))
            vc__softmax_see(&softmax, panel[j]);
    for (size_t e = own.first; e < own.end; e++)
        vc__softmax_see(&softmax, f->entries[head->row_entry[e]]);
    for (size_t j = 0; j < head->panel_count; j++)
        if (vc_panel_keeps(head, query, j))
            softmax.sum += vc__softmax_power(&softmax, panel[j]);
    for (size_t e = own.first; e < own.end; e++)
        softmax.sum += vc__softmax_power(&softmax, f->entries[head->row_entry[e]]);
    for (size_t j = 0; j < head->panel_count; j++)
        panel[j] =
            vc_panel_keeps(head, query, j) ? vc__softmax_share(&softmax, panel[j], whole) : 0;
    for (size_t e = own.first; e < own.end; e++) {
        int32_t *entry = &f->entries[head->row_entry[e]];
        *entry = vc__softmax_share(&softmax, *entry, whole);
    }
}

void vc__flow_soften(vc__flow *f, const vc__chip_tile *tile, const vc__key_parts *keys,
                     size_t query, size_t part)
{
    const size_t h = tile->head, row = query_row(f, h, query);
    const vc_pattern_head *head = &f->pattern->head[h];
    const vc__range own = vc__row_entries(head, query, keys->global_end, keys->sparser_end);
    vc__row_state *state = &f->state[row];
    vc__softmax softmax = {f->values.score_scale, state->highest, 0};
    for (size_t i = 0; i < keys->panel; i++) {
        const size_t key = vc__panel_key(keys, tile, i);
        if (vc_panel_keeps(head, query, panel_place(head, key)))
            vc__softmax_see(&softmax, *panel_at(f, h, query, key));
    }
    for (size_t e = own.first; e < own.end; e++)
        vc__softmax_see(&softmax, f->entries[head->row_entry[e]]);
    f->in_parts = 1;
    f->factor[2 * row + part % 2] = vc__see_part(state, &softmax);
    for (size_t i = 0; i < keys->panel; i++) {
        const size_t key = vc__panel_key(keys, tile, i);
        int32_t *score = panel_at(f, h, query, key);
        const int kept = vc_panel_keeps(head, query, panel_place(head, key));
        *score = kept ? vc__part_share(state, &softmax, *score) : 0;
    }
    for (size_t e = own.first; e < own.end; e++) {
        int32_t *score = &f->entries[head->row_entry[e]];
        *score = vc__part_share(state, &softmax, *score);
    }
}

void vc__flow_rescale(vc__flow *f, size_t h, size_t query, size_t part)
{
    const size_t dv = f->sizes.value_dim, row = query_row(f, h, query);
    for (size_t c = 0; c < dv; c++)
        f->values.out[row * dv + c] =
            (int32_t)vc__scaled(f->values.out[row * dv + c], f->factor[2 * row + part % 2]);
}

/* The mean of the values of a head, as an entry of the row. */
static void add_mean(vc__flow *f, size_t h, size_t query, int32_t times)
{
    const vc_pattern_head *head = &f->pattern->head[h];
    const size_t dv = f->sizes.value_dim;
    const int32_t p =
        VC__MOST_PROBABILITY - vc__whole(head->kept_share, original(head->query_order, query));
    int32_t *out = f->values.out + query_row(f, h, query) * dv;
    for (size_t c = 0; c < dv; c++)
        out[c] += times * p * vc__mean_value(f->means[h * dv + c], f->sizes.keys);
}

void vc__flow_finish(vc__flow *f, size_t h, size_t query)
{
    const vc_pattern_head *head = &f->pattern->head[h];
    const size_t dv = f->sizes.value_dim, row = query_row(f, h, query);
    const int32_t whole = vc__whole(head->kept_share, original(head->query_order, query));
    for (size_t c = 0; c < dv; c++)
        f->values.out[row * dv + c] =
            vc__finished(f->values.out[row * dv + c], &f->state[row], whole);
    if (f->added[row] > 0)
        add_mean(f, h, query, f->added[row]);
}

void vc__flow_sum_mean(vc__flow *f, size_t h, size_t key)
{
    const size_t dv = f->sizes.value_dim;
    const int8_t *v = key_row(f, h, key, f->values.v, f->summaries.v, dv);
    for (size_t c = 0; c < dv; c++)
        f->means[h * dv + c] += v[c];
}

/* What is in parts so far gets it in the end. */
void vc__flow_add_mean(vc__flow *f, size_t h, size_t query)
{
    const size_t row = query_row(f, h, query);
    if (f->in_parts)
        f->added[row]++;
    else
        add_mean(f, h, query, 1);
}

static void add_value(vc__flow *f, size_t h, int32_t p, size_t query, size_t key)
{
    const size_t dv = f->sizes.value_dim;
    int32_t *out = f->values.out + query_row(f, h, query) * dv;
    const int8_t *v = key_row(f, h, key, f->values.v, f->summaries.v, dv);
    for (size_t c = 0; c < dv; c++)
        out[c] += p * v[c];
}

void vc__flow_sum_panel(vc__flow *f, size_t h, size_t query, size_t key)
{
    add_value(f, h, *panel_at(f, h, query, key), query, key);
}

void vc__flow_sum_entry(vc__flow *f, size_t h, size_t entry, size_t query, size_t key)
{
    add_value(f, h, f->entries[entry], query, key);
}
