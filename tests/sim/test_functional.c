/* The integers that flow through the chip against plain loops. */
#include "small_chip.h"
#include "vitcod/accelerator.h"
#include "vitcod/functional.h"
#include "with_summaries.h"

typedef struct data {
    int8_t *q, *k, *v;
    int32_t *out, *want;
} data;

static int8_t *random_bytes(vc_rng *rng, size_t count)
{
    int8_t *bytes = malloc(count);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (int8_t)((int)vc_rng_below(rng, 255) - 127);
    return bytes;
}

static data make_data(const vc_attention_sizes *s, uint64_t seed)
{
    vc_rng rng = vc_rng_open(seed, 5, 0);
    const size_t out = s->heads * s->queries * s->value_dim;
    return (data){random_bytes(&rng, s->heads * s->queries * s->head_dim),
                  random_bytes(&rng, s->heads * s->keys * s->head_dim),
                  random_bytes(&rng, s->heads * s->keys * s->value_dim),
                  malloc(out * sizeof(int32_t)), malloc(out * sizeof(int32_t))};
}

static void free_data(data *d)
{
    free(d->q);
    free(d->k);
    free(d->v);
    free(d->out);
    free(d->want);
}

/* Runs data through the chip and returns how many results are not the reference's, and in how many
 * parts softmax took the rows. */
static size_t differences_of(const vc_attention_sizes *s, const vc_plan *plan,
                             const vc_chip_config *c, uint64_t lost_score, vc_key_parts *parts)
{
    data d = make_data(s, 1 + s->queries);
    const size_t count = s->heads * s->queries * s->value_dim;
    uint8_t *pruned = plan ? malloc(s->heads * s->queries * s->keys) : NULL;
    const vc_chip_values values = {d.q, d.k, d.v, 1e-4f, d.out, lost_score, 1e-2f, parts};
    if (plan)
        vc_plan_layer_mask(pruned, &plan->layers[0]);
    vc_workload w = {0};
    vc_chip_result r;
    const vc_memory_config memory = small_memory(c);
    const vc_chip_options o = {
        .config = c, .memory = &memory, .attention_only = 1, .values = &values};
    add_attention(&w, 0, s, plan);
    assert_ok(vc_chip_simulate(&r, &w, plan, &o));
    assert_ok(vc_quantized_attention(d.want, s, &values, pruned, plan ? plan->layers : NULL));
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += d.out[i] != d.want[i];
    vc_chip_result_close(&r);
    vc_workload_close(&w);
    free(pruned);
    free_data(&d);
    return wrong;
}

static size_t differences(const vc_attention_sizes *s, const vc_plan *plan, const vc_chip_config *c,
                          uint64_t lost_score)
{
    vc_key_parts parts;
    return differences_of(s, plan, c, lost_score, &parts);
}

/* Scratchpads so small that everything is tiled. */
static vc_chip_config cramped_chip(void)
{
    vc_chip_config c = small_chip();
    c.interleave = 1;
    c.buffers[VC_BUFFER_QUERY].bytes = c.buffers[VC_BUFFER_KEY].bytes = 512;
    c.buffers[VC_BUFFER_VALUE].bytes = 700;
    c.buffers[VC_BUFFER_INDEX].bytes = 100;
    c.buffers[VC_BUFFER_OUTPUT].bytes = 3000;
    c.buffers[VC_BUFFER_DECODED].bytes = 600;
    return c;
}

/* Shares from 0 to 1, both among them. */
static void add_residual(vc_plan_layer *layer, uint64_t seed)
{
    vc_rng rng = vc_rng_open(seed, 8, 0);
    const size_t count = layer->heads * layer->queries;
    layer->kept_share = malloc(count * sizeof(float));
    assert_non_null(layer->kept_share);
    for (size_t i = 0; i < count; i++)
        layer->kept_share[i] = i < 2 ? (float)i : (float)vc_rng_uniform(&rng);
}

static void data_flows_through_every_schedule(void **state)
{
    (void)state;
    const vc_attention_sizes sizes[] = {{1, 1, 1, 8, 8, {0, 0}},     {3, 197, 197, 64, 64, {0, 0}},
                                        {3, 33, 33, 16, 24, {2, 2}}, {4, 49, 196, 16, 64, {0, 0}},
                                        {5, 20, 41, 7, 9, {3, 3}},   {2, 64, 64, 8, 8, {0, 0}},
                                        {3, 33, 33, 16, 24, {2, 0}}, {3, 33, 33, 16, 24, {0, 2}},
                                        {5, 20, 41, 7, 9, {0, 3}},   {5, 64, 41, 7, 9, {3, 0}}};
    vc_accelerator figure;
    assert_ok(vc_accelerator_read(&figure, "configs/accelerators/vitcod-paper.yaml"));
    vc_chip_config chips[] = {
        vc_chip_config_default(), small_chip(),   figure.chip,   cramped_chip(),
        cramped_chip(),           cramped_chip(), cramped_chip()};
    chips[1].entries_per_visit = 3;
    chips[4].head_parallel = 1;
    chips[4].entries_per_sum = 7;
    chips[4].buffers[VC_BUFFER_QUERY].banks = chips[4].buffers[VC_BUFFER_VALUE].banks = 3;
    chips[5].softmax = VC_CHIP_SOFTMAX_WHOLE;
    chips[6].online_keys = 13;
    size_t in_parts[sizeof chips / sizeof *chips] = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t c = 0; c < sizeof chips / sizeof *chips; c++)
            for (int sparse = 0; sparse < 6; sparse++) {
                vc_plan plan;
                if (sparse)
                    make_random_plan(&plan, &sizes[i], i, sparse == 2 ? 0.4 : 0.9);
                if (sparse == 5)
                    add_residual(&plan.layers[0], i);
                if (sparse == 3 || sparse == 4)
                    add_summaries(&plan.layers[0], sizes[i].keys < 10 ? 1 : 9, i);
                if (sparse == 4)
                    add_queries(&plan.layers[0], sizes[i].head_dim, 2.0f, i);
                if (sizes[i].queries == 197 && c >= 3)
                    chips[c].buffers[VC_BUFFER_OUTPUT].bytes = 8000;
                vc_key_parts parts;
                const size_t wrong =
                    differences_of(&sizes[i], sparse ? &plan : NULL, &chips[c], 0, &parts);
                in_parts[c] += parts.count > 1;
                if (wrong)
                    fail_msg("sizes %zu, chip %zu, sparse %d: %zu results differ", i, c, sparse,
                             wrong);
                if (sparse)
                    vc_plan_close(&plan);
            }
    assert_int_equal(in_parts[0] + in_parts[5], 0);
    assert_true(in_parts[3] > 0 && in_parts[4] > 0 && in_parts[6] > 0);
}

/* Rows in parts are what whole rows are, but for rounding: a probability to half of a 255th of the
 * highest score's, which a sum of values of 127 may have in each of its keys, and half a unit in
 * each part. */
static void parts_of_rows_are_what_they_are(void **state)
{
    (void)state;
    const vc_attention_sizes s = {2, 70, 210, 16, 16, {0, 0}};
    vc_chip_config chips[2] = {cramped_chip(), cramped_chip()};
    data d = make_data(&s, 4);
    const size_t count = s.heads * s.queries * s.value_dim;
    int32_t *out[2] = {d.out, d.want};
    vc_key_parts parts[2];
    chips[1].softmax = VC_CHIP_SOFTMAX_WHOLE;
    for (int i = 0; i < 2; i++) {
        const vc_chip_values values = {d.q, d.k, d.v, 3e-4f, out[i], 0, 1e-2f, &parts[i]};
        vc_workload w = {0};
        vc_chip_result r;
        const vc_memory_config memory = small_memory(&chips[i]);
        const vc_chip_options o = {
            .config = &chips[i], .memory = &memory, .attention_only = 1, .values = &values};
        add_attention(&w, 0, &s, NULL);
        assert_ok(vc_chip_simulate(&r, &w, NULL, &o));
        vc_chip_result_close(&r);
        vc_workload_close(&w);
    }
    assert_true(parts[0].count > 10 && parts[1].count == 1);
    double worst = 0.0, square = 0.0, sums = 0.0;
    for (size_t i = 0; i < count; i++) {
        const double off = (double)(d.out[i] - d.want[i]) / 255.0;
        worst = fmax(worst, fabs(off));
        square += off * off;
        sums += (double)d.want[i] * d.want[i] / 255.0 / 255.0;
    }
    if (worst > 5.0 || square > 1e-3 * sums)
        fail_msg("off by up to %.2f, %.2e of squares", worst, square / sums);
    free_data(&d);
}

/* All tokens global or none, columns without an entry, one token: no division by what is not there.
 * Rows without an entry are refused where a mask is polarized (tests/algorithm). */
static void extremes_flow_too(void **state)
{
    (void)state;
    const struct {
        size_t tokens, threshold; /* a column that keeps more is global */
        int (*kept)(size_t query, size_t key);
    } cases[] = {{1, 0, everywhere},  {1, 1, everywhere},   {70, 70, everywhere},
                 {70, 0, everywhere}, {70, 0, on_diagonal}, {70, 70, in_first_column}};
    const vc_chip_config chips[] = {vc_chip_config_default(), small_chip(), cramped_chip()};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t c = 0; c < sizeof chips / sizeof *chips; c++)
            for (uint32_t compressed = 0; compressed < 2; compressed++) {
                const vc_attention_sizes s = {1,  cases[i].tokens,         cases[i].tokens, 16,
                                              16, {compressed, compressed}};
                vc_plan plan;
                make_plan(&plan, cases[i].tokens, cases[i].threshold, cases[i].kept);
                const size_t wrong = differences(&s, &plan, &chips[c], 0);
                if (wrong)
                    fail_msg("case %zu, chip %zu: %zu results differ", i, c, wrong);
                vc_plan_close(&plan);
            }
}

/* The weights of one head's entries: those of the pooling, or by its query. */
static void weigh(double *out, const vc_pooling *p, const data *d, double pool_scale)
{
    for (size_t g = 0; g < p->count; g++) {
        double sum = 0.0;
        for (int32_t e = p->start[g]; e < p->start[g + 1]; e++) {
            double score = 0.0;
            for (size_t x = 0; x < p->dim; x++)
                score += (double)p->query[x] * d->k[(size_t)p->keys[e] * p->dim + x] * pool_scale;
            out[e] = (double)p->weights[e] * exp(score);
            sum += out[e];
        }
        for (int32_t e = p->start[g]; p->query && e < p->start[g + 1]; e++)
            out[e] /= sum;
    }
}

/* Summaries in double precision, as the plan defines them: softmax of q . kbar x scale + bias. What
 * the chip gives is that to within a 255th of each value, and the rounding of pooled rows, which
 * quarters make none of. By queries a pooled value is off by half and what 16-bit weights lose, a
 * score of it by so much times q, and each probability by e to twice that. */
static void expect_what_a_plan_says(float *query)
{
    enum { T = 6, D = 8, G = 2 };
    const vc_attention_sizes s = {1, T, T, D, D, {0, 0}};
    const vc_chip_config c = vc_chip_config_default();
    float constants[4] = {0.25f, 0.75f, query ? 0.5f : -0.5f, 1.0f}, bias[T * G];
    const float scale = 2e-4f, pool_scale = 5e-3f;
    const double lost = query ? 0.51 : 0.0;
    const vc_pooling pooling = {
        G, 4, (int32_t[]){0, 2, 4}, (int32_t[]){1, 4, 0, 5}, constants, query ? D : 0, query};
    double weights[4];
    vc_plan plan;
    for (int i = 0; i < T * G; i++)
        bias[i] = i % 5 ? 0.7f * (float)i - 3.0f : -INFINITY;
    make_plan(&plan, T, 3, in_first_row_or_column);
    assert_ok(vc_plan_layer_add_summaries(&plan.layers[0], &pooling, bias));
    data d = make_data(&s, 3);
    for (size_t i = 0; i < T * D; i++) { /* sums of quarters are whole, and none beyond 127 */
        d.k[i] = (int8_t)(d.k[i] / 2 / 4 * 4);
        d.v[i] = (int8_t)(d.v[i] / 2 / 4 * 4);
    }
    weigh(weights, &pooling, &d, (double)pool_scale);
    vc_workload w = {0};
    vc_chip_result r;
    const vc_memory_config memory = small_memory(&c);
    const vc_chip_values values = {d.q, d.k, d.v, scale, d.out, 0, pool_scale, NULL};
    const vc_chip_options o = {
        .config = &c, .memory = &memory, .attention_only = 1, .values = &values};
    add_attention(&w, 0, &s, &plan);
    assert_ok(vc_chip_simulate(&r, &w, &plan, &o));
    for (size_t i = 0; i < T; i++) {
        double p[T + G], sum = 0.0, v[T + G][D], off = 0.0;
        for (size_t x = 0; x < D; x++)
            off += 2.0 * lost * fabs((double)d.q[i * D + x]) * (double)scale;
        for (size_t j = 0; j < T + G; j++) {
            const size_t g = j - T;
            double score = j < T ? 0.0 : (double)bias[i * G + g];
            for (size_t x = 0; x < D; x++) {
                double k = j < T ? d.k[j * D + x] : 0.0;
                v[j][x] = j < T ? d.v[j * D + x] : 0.0;
                for (size_t e = 2 * g; j >= T && e < 2 * g + 2; e++) {
                    k += weights[e] * d.k[(size_t)pooling.keys[e] * D + x];
                    v[j][x] += weights[e] * d.v[(size_t)pooling.keys[e] * D + x];
                }
                score += d.q[i * D + x] * k * (double)scale;
            }
            sum += p[j] = j >= T || i == 0 || j == 0 ? exp(score) : 0.0;
        }
        for (size_t x = 0; x < D; x++) {
            double want = 0.0, slack = lost + 127.0 * (exp(off) - 1.0);
            for (size_t j = 0; j < T + G; j++) {
                want += p[j] / sum * v[j][x];
                slack += p[j] > 0.0 ? fabs(v[j][x]) / 255.0 : 0.0;
            }
            assert_near(d.out[i * D + x] / 255.0, want, slack);
        }
    }
    vc_chip_result_close(&r);
    vc_workload_close(&w);
    vc_plan_close(&plan);
    free_data(&d);
}

static void summaries_mean_what_a_plan_says(void **state)
{
    (void)state;
    expect_what_a_plan_says(NULL);
    expect_what_a_plan_says((float[]){0.5f, -2.0f, 1.0f, 0.0f, 0.25f, 3.0f, -1.5f, 0.75f});
}

/* With a bias beyond all measure a summary has all 255 parts: what comes out is its pooled values,
 * rounded and, where weights add up to 3, at most 127. By queries the weights add up to 1,
 * and tiny ones leave them the pooling's own. Each, of 16 bit, is off by two of its units at most.
 */
static void pooled_values_are_rounded(void **state)
{
    (void)state;
    enum { T = 7, D = 8 };
    const vc_attention_sizes s = {1, T, T, D, D, {0, 0}};
    const vc_chip_config c = vc_chip_config_default();
    const vc_memory_config memory = small_memory(&c);
    const struct {
        float weights, query;
    } cases[] = {{1.0f, 0.0f}, {3.0f, 0.0f}, {3.0f, 1.0f}, {1.0f, 1e-30f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const double lost = cases[i].query > 0.0f ? 127.0 * 2 * (T - 1) / 65536 : 0.0;
        double weights[T];
        vc_plan plan;
        vc_workload w = {0};
        vc_chip_result r;
        data d = make_data(&s, 9);
        const vc_chip_values values = {d.q, d.k, d.v, 1e-4f, d.out, 0, 1e-2f, NULL};
        const vc_chip_options o = {
            .config = &c, .memory = &memory, .attention_only = 1, .values = &values};
        make_plan(&plan, T, 3, in_first_column);
        add_summaries(&plan.layers[0], 1, 5);
        const vc_pooling *p = &plan.layers[0].pooling;
        for (size_t row = 0; row < T; row++)
            plan.layers[0].summary_bias[row] = 1e30f;
        for (size_t e = 0; e < p->entries; e++)
            p->weights[e] *= cases[i].weights;
        if (cases[i].query > 0.0f)
            add_queries(&plan.layers[0], D, cases[i].query, 4);
        weigh(weights, p, &d, (double)values.pool_scale);
        add_attention(&w, 0, &s, &plan);
        assert_ok(vc_chip_simulate(&r, &w, &plan, &o));
        for (size_t x = 0; x < T * D; x++) {
            double sum = 0.0;
            for (size_t e = 0; e < p->entries; e++)
                sum += weights[e] * d.v[(size_t)p->keys[e] * D + x % D];
            assert_int_equal(d.out[x] % 255, 0);
            assert_near(d.out[x] / 255.0, fmin(fmax(sum, -127.0), 127.0), 0.501 + lost);
        }
        vc_chip_result_close(&r);
        vc_workload_close(&w);
        vc_plan_close(&plan);
        free_data(&d);
    }
}

static void a_lost_score_shows(void **state)
{
    (void)state;
    const vc_chip_config c = vc_chip_config_default();
    const vc_attention_sizes s = {3, 50, 50, 16, 16, {0, 0}};
    vc_plan plan;
    make_random_plan(&plan, &s, 3, 0.9);
    for (uint64_t lost = 1; lost < 1000; lost += 111)
        assert_true(differences(&s, &plan, &c, lost) > 0);
    vc_plan_close(&plan);
}

static void a_lost_summary_shows(void **state)
{
    (void)state;
    const vc_chip_config c = vc_chip_config_default();
    const vc_attention_sizes s = {1, 4, 4, 4, 4, {0, 0}};
    vc_plan plan;
    make_plan(&plan, 4, 3, everywhere);
    add_summaries(&plan.layers[0], 2, 3);
    for (size_t i = 0; i < 4 * 2; i++) /* nobody misses one that is left out */
        plan.layers[0].summary_bias[i] = 1.0f + (float)i / 8.0f;
    assert_int_equal(differences(&s, &plan, &c, 0), 0);
    for (uint64_t lost = 1; lost <= 4 * 6; lost++)
        assert_true(differences(&s, &plan, &c, lost) > 0);
    vc_plan_close(&plan);
}

/* Q, K and V of two tokens and two heads side by side: the largest is 127, and a score's scale is
 * that of both over the root of the width. */
static void a_models_values_are_taken(void **state)
{
    (void)state;
    const vc_attention_sizes s = {2, 2, 2, 4, 2, {0, 0}};
    float q[2][9] = {{0.0f}}, k[2][8] = {{0.0f}}, v[2][4] = {{0.0f}};
    vc_functional f;
    vc_workload w = {0};
    add_attention(&w, 0, &s, NULL);
    assert_ok(vc_functional_open(&f, &w, 1));
    q[0][0] = 1.0f, q[1][4] = -2.54f, q[1][8] = 99.0f; /* which is behind the row */
    k[1][3] = 12.7f, k[0][4] = -0.349f;
    v[0][1] = 1.27f, v[1][2] = -0.012f;
    const vc_functional_rows rows = {q[0], k[0], v[0], 9, 8, 4};
    assert_ok(vc_functional_take(&f, &w, 0, &rows));
    const vc_chip_values *values = &f.values[0];
    assert_int_equal(values->q[0], 50);
    assert_int_equal(values->q[(2 + 1) * 4], -127);
    assert_int_equal(values->k[4 + 3], 127);
    assert_int_equal(values->k[2 * 4], -3);
    assert_int_equal(values->v[1], 127);
    assert_int_equal(values->v[(2 + 1) * 2], -1);
    assert_near(values->score_scale, 0.02 * 0.1 / 2.0, 1e-8);
    assert_near(values->pool_scale, 0.1 / 2.0, 1e-8);
    assert_ok(vc_functional_take(&f, &w, 7, &rows)); /* a layer that is left out */
    v[1][3] = NAN;
    assert_int_equal(vc_functional_take(&f, &w, 0, &rows), VC_EINVAL);
    vc_functional_close(&f);
    vc_workload_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_flows_through_every_schedule),
        cmocka_unit_test(parts_of_rows_are_what_they_are),
        cmocka_unit_test(extremes_flow_too),
        cmocka_unit_test(summaries_mean_what_a_plan_says),
        cmocka_unit_test(pooled_values_are_rounded),
        cmocka_unit_test(a_lost_score_shows),
        cmocka_unit_test(a_lost_summary_shows),
        cmocka_unit_test(a_models_values_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
