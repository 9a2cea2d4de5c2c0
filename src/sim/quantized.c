/* Attention in integers (eq. D10) as plain loops. */
#include <math.h>
#include <stdlib.h>

#include "quantized_impl.h"

enum { POWER_BITS = 16 };

int32_t vc__dot(const int8_t *a, const int8_t *b, size_t count)
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
    return kept_share ? (int32_t)lroundf((float)VC__MOST_PROBABILITY * kept_share[query])
                      : VC__MOST_PROBABILITY;
}

/* ---- rows in parts (eq. D26) */

/* What rounds to the nearest, and up in the middle. */
int64_t vc__scaled(int64_t value, int64_t factor)
{
    return (value * factor + (1 << (POWER_BITS - 1))) >> POWER_BITS;
}

/* How much the powers so far are worth once these scores are there as well. */
int64_t vc__see_part(vc__row_state *row, vc__softmax *softmax)
{
    const int64_t factor = row->highest == INT32_MIN ? 0 : vc__softmax_power(softmax, row->highest);
    row->highest = softmax->highest;
    row->sum = vc__scaled(row->sum, factor);
    return factor;
}

int32_t vc__part_share(vc__row_state *row, const vc__softmax *softmax, int32_t score)
{
    const int64_t power = vc__softmax_power(softmax, score);
    row->sum += power;
    return (int32_t)vc__scaled(power, VC__MOST_PROBABILITY);
}

/* The sum of a row's values as whole rows have it: shares of `whole` times values. */
int32_t vc__finished(int32_t sum, const vc__row_state *row, int32_t whole)
{
    const int64_t below = VC__MOST_PROBABILITY * row->sum,
                  above = (int64_t)sum * whole * (1 << POWER_BITS) + below / 2;
    if (below == 0)
        return 0;
    return (int32_t)(above / below - (above % below < 0));
}

/* finish_row in parts, of which part[i] is each score's. */
static void finish_parts(int32_t *out, const int32_t *scores, const int8_t *const *rows,
                         const size_t *part, size_t count, size_t width, float scale, int32_t whole)
{
    vc__row_state row = {INT32_MIN, 0};
    for (size_t c = 0; c < width; c++)
        out[c] = 0;
    for (size_t first = 0, end; first < count; first = end) {
        vc__softmax softmax = {scale, row.highest, 0};
        for (end = first; end < count && part[end] == part[first]; end++)
            vc__softmax_see(&softmax, scores[end]);
        const int64_t factor = vc__see_part(&row, &softmax);
        for (size_t c = 0; c < width; c++)
            out[c] = (int32_t)vc__scaled(out[c], factor);
        for (size_t i = first; i < end; i++) {
            const int32_t p = vc__part_share(&row, &softmax, scores[i]);
            for (size_t c = 0; c < width; c++)
                out[c] += p * rows[i][c];
        }
    }
    for (size_t c = 0; c < width; c++)
        out[c] = vc__finished(out[c], &row, whole);
}

/* ---- plain loops */

int32_t vc__mean_value(int32_t sum, size_t count)
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
        out[c] += p * vc__mean_value(sum, keys);
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

/* What a row keeps: scores, values, and in which part of the keys they are. */
typedef struct kept_row {
    int32_t *scores;
    const int8_t **values;
    size_t *part;
    size_t count;
} kept_row;

static void keep(kept_row *row, int32_t score, const int8_t *value, size_t place, size_t keys,
                 vc_key_parts of)
{
    const size_t units = (keys + of.unit - 1) / of.unit;
    size_t part = 0;
    while (of.unit * (units * (part + 1) / of.count) <= place && part + 1 < of.count)
        part++;
    row->scores[row->count] = score;
    row->values[row->count] = value;
    row->part[row->count++] = part;
}

static void fill_row(kept_row *out, size_t row, const vc_attention_sizes *s,
                     const vc_chip_values *values, const uint8_t *pruned, const vc_plan_layer *plan,
                     const vc__summaries *pooled)
{
    const size_t tk = s->keys, d = s->head_dim, dv = s->value_dim, h = row / s->queries,
                 g = pooled->count;
    const vc_key_parts parts = values->key_parts ? *values->key_parts : (vc_key_parts){1, 1};
    const int8_t *q = values->q + row * d;
    out->count = 0;
    for (size_t place = 0; place < tk; place++) {
        const size_t k = plan ? (size_t)plan->key_order[h * tk + place] : place;
        if (!pruned || !pruned[row * tk + k])
            keep(out, vc__dot(q, values->k + (h * tk + k) * d, d), values->v + (h * tk + k) * dv,
                 place, tk + g, parts);
    }
    for (size_t j = 0; j < g; j++)
        if (pooled->bias[row * g + j] != VC__NOT_SEEN)
            keep(out, pooled->bias[row * g + j] + vc__dot(q, pooled->k + (h * g + j) * d, d),
                 pooled->v + (h * g + j) * dv, tk + j, tk + g, parts);
}

vc_status vc_quantized_attention(int32_t *out, const vc_attention_sizes *s,
                                 const vc_chip_values *values, const uint8_t *pruned,
                                 const vc_plan_layer *plan)
{
    const size_t tq = s->queries, tk = s->keys, dv = s->value_dim;
    vc__summaries pooled;
    VC_TRY(vc__summaries_open(&pooled, s, values, plan ? &plan->pooling : NULL,
                              plan ? plan->summary_bias : NULL));
    const size_t most = tk + pooled.count;
    kept_row kept = {malloc(most * sizeof *kept.scores), malloc(most * sizeof *kept.values),
                     malloc(most * sizeof *kept.part), 0};
    const int complete = kept.scores && kept.values && kept.part;
    for (size_t row = 0; complete && row < s->heads * tq; row++) {
        const size_t h = row / tq;
        const float *shares = plan && plan->kept_share ? plan->kept_share + h * tq : NULL;
        const int32_t whole = vc__whole(shares, row % tq);
        fill_row(&kept, row, s, values, pruned, plan, &pooled);
        if (values->key_parts && values->key_parts->count > 1)
            finish_parts(out + row * dv, kept.scores, kept.values, kept.part, kept.count, dv,
                         values->score_scale, whole);
        else
            finish_row(out + row * dv, kept.scores, kept.values, kept.count, dv,
                       values->score_scale, whole);
        if (shares)
            add_mean_to_row(out + row * dv, VC__MOST_PROBABILITY - whole, values->v + h * tk * dv,
                            tk, dv);
    }
    free(kept.scores);
    free(kept.values);
    free(kept.part);
    vc__summaries_close(&pooled);
    return complete ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for a row of %zu scores", most);
}
