/* Attention in integers (eq. D10): as plain loops, and as single steps that a schedule takes. */
#include <math.h>
#include <stdlib.h>

#include "chip_impl.h"

enum { MOST_PROBABILITY = 255, POWER_BITS = 16 };

static int32_t dot(const int8_t *a, const int8_t *b, size_t count)
{
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

void vc__softmax_see(vc__softmax *s, int32_t score)
{
    s->highest = score > s->highest ? score : s->highest;
}

int64_t vc__softmax_power(const vc__softmax *s, int32_t score)
{
    return llround(ldexp(exp(((double)score - s->highest) * (double)s->scale), POWER_BITS));
}

int32_t vc__softmax_share(const vc__softmax *s, int32_t score, int32_t whole)
{
    return (int32_t)((vc__softmax_power(s, score) * whole + s->sum / 2) / s->sum);
}

int32_t vc__whole(const float *kept_share, size_t query)
{
    return kept_share ? (int32_t)lroundf((float)MOST_PROBABILITY * kept_share[query])
                      : MOST_PROBABILITY;
}

static int32_t mean_value(int32_t sum, size_t count)
{
    return (int32_t)lround((double)sum / (double)count);
}

/* Adds the mean of all values of a head, by plain loops. */
static void add_mean_to_row(int32_t *out, int32_t p, const int8_t *v, size_t keys, size_t width)
{
    for (size_t c = 0; c < width; c++) {
        int32_t sum = 0;
        for (size_t k = 0; k < keys; k++)
            sum += v[k * width + c];
        out[c] += p * mean_value(sum, keys);
    }
}

/* Softmax over the scores of a row, and the sum of its values. */
static void finish_row(int32_t *out, const int32_t *scores, const int8_t *const *rows, size_t count,
                       size_t width, float scale, int32_t whole)
{
    vc__softmax softmax = {scale, INT32_MIN, 0};
    for (size_t i = 0; i < count; i++)
        vc__softmax_see(&softmax, scores[i]);
    for (size_t i = 0; i < count; i++)
        softmax.sum += vc__softmax_power(&softmax, scores[i]);
    for (size_t c = 0; c < width; c++)
        out[c] = 0;
    for (size_t i = 0; i < count; i++) {
        const int32_t p = vc__softmax_share(&softmax, scores[i], whole);
        for (size_t c = 0; c < width; c++)
            out[c] += p * rows[i][c];
    }
}

vc_status vc_quantized_attention(int32_t *out, const vc_attention_sizes *s,
                                 const vc_chip_values *values, const uint8_t *pruned,
                                 const vc_plan_layer *plan)
{
    const size_t tq = s->queries, tk = s->keys, d = s->head_dim, dv = s->value_dim;
    vc__summaries pooled;
    VC_TRY(vc__summaries_open(&pooled, s, values, plan ? &plan->pooling : NULL,
                              plan ? plan->summary_bias : NULL));
    const size_t g = pooled.count;
    int32_t *scores = malloc((tk + g) * sizeof *scores);
    const int8_t **rows = malloc((tk + g) * sizeof *rows);
    for (size_t row = 0; scores && rows && row < s->heads * tq; row++) {
        const size_t h = row / tq;
        const int8_t *q = values->q + row * d;
        size_t count = 0;
        for (size_t k = 0; k < tk; k++)
            if (!pruned || !pruned[row * tk + k]) {
                scores[count] = dot(q, values->k + (h * tk + k) * d, d);
                rows[count++] = values->v + (h * tk + k) * dv;
            }
        for (size_t j = 0; j < g; j++)
            if (pooled.bias[row * g + j] != VC__NOT_SEEN) {
                scores[count] = pooled.bias[row * g + j] + dot(q, pooled.k + (h * g + j) * d, d);
                rows[count++] = pooled.v + (h * g + j) * dv;
            }
        const float *shares = plan && plan->kept_share ? plan->kept_share + h * tq : NULL;
        const int32_t whole = vc__whole(shares, row % tq);
        finish_row(out + row * dv, scores, rows, count, dv, values->score_scale, whole);
        if (shares)
            add_mean_to_row(out + row * dv, MOST_PROBABILITY - whole, values->v + h * tk * dv, tk,
                            dv);
    }
    const int complete = scores && rows;
    free(scores);
    free(rows);
    vc__summaries_close(&pooled);
    return complete ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for a row of %zu scores", tk + g);
}

struct vc__flow {
    vc_attention_sizes sizes;
    const vc_pattern *pattern;
    vc_chip_values values;
    size_t *panel_start; /* (H) */
    vc__summaries summaries;
    int32_t *panel;   /* (Tq, panel keys) of each head: scores, then probabilities */
    int32_t *entries; /* of the sparser part, at the plan's positions */
    int32_t *means;   /* (H, Dv) sums of all values, where there is a residual */
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
    }
    const int complete = f && f->panel_start && f->panel && f->entries && f->means;
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
    return bias + dot(f->values.q + row * d, k, d);
}

static int32_t *panel_at(const vc__flow *f, size_t h, size_t query, size_t key)
{
    const vc_pattern_head *head = &f->pattern->head[h];
    const size_t place = head->panel_place ? (size_t)head->panel_place[key] : key;
    return f->panel + f->panel_start[h] + query * head->panel_count + place;
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

void vc__flow_sum_mean(vc__flow *f, size_t h, size_t key)
{
    const size_t dv = f->sizes.value_dim;
    const int8_t *v = key_row(f, h, key, f->values.v, f->summaries.v, dv);
    for (size_t c = 0; c < dv; c++)
        f->means[h * dv + c] += v[c];
}

void vc__flow_add_mean(vc__flow *f, size_t h, size_t query)
{
    const vc_pattern_head *head = &f->pattern->head[h];
    const size_t dv = f->sizes.value_dim;
    const int32_t p =
        MOST_PROBABILITY - vc__whole(head->kept_share, original(head->query_order, query));
    int32_t *out = f->values.out + query_row(f, h, query) * dv;
    for (size_t c = 0; c < dv; c++)
        out[c] += p * mean_value(f->means[h * dv + c], f->sizes.keys);
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
