/* Statistics of summaries by a model's tap, and plans with summaries from a recipe. */
#include "tiny_levit.h"
#include "vitcod/distill.h"
#include "vitcod/image_array.h"

enum { IMAGES = 3, MOST = 8192 };

static const vc_summary_grid grids[] = {{1, 1, 0, 0}, {2, 3, 0, 0}, {3, 3, 0, 0}};
enum { GRIDS = sizeof grids / sizeof *grids };

/* What the layers' scores are made of, as the tap tells it, in double. */
typedef struct watch {
    vc_tap inner;
    const vc_model_config *config;
    const vc_dense_stats *stats;
    double expected[16][GRIDS][MOST]; /* sums by layer, grid, (H, Tq, G) */
} watch;

static double score(const vc_attention *a, size_t b, size_t h, size_t i, size_t key)
{
    const vc_attention_shape *s = &a->shape;
    double sum = 0.0;
    for (size_t d = 0; d < s->head_dim; d++)
        sum += (double)a->q[(b * s->queries + i) * s->q_stride + h * s->head_dim + d] *
               (double)a->k[(b * s->keys + key) * s->k_stride + h * s->head_dim + d];
    return sum / sqrt((double)s->head_dim);
}

static void watch_row(watch *w, size_t layer, const vc_attention *a, const float *probs,
                      const size_t at[3])
{
    const vc_attention_shape *s = &a->shape;
    const size_t row = at[1] * s->queries + at[2];
    double scores[128], z = 0.0;
    for (size_t k = 0; k < s->keys; k++) {
        scores[k] = score(a, at[0], at[1], at[2], k);
        z += exp(scores[k] + (a->bias ? (double)a->bias[row * s->keys + k] : 0.0));
    }
    for (size_t k = 0; k < s->keys; k++) {
        const double bias = a->bias ? (double)a->bias[row * s->keys + k] : 0.0;
        assert_near(probs[(at[0] * s->heads * s->queries + row) * s->keys + k],
                    exp(scores[k] + bias) / z, 1e-5);
    }
    for (size_t g = 0; g < GRIDS; g++) {
        const vc_summary_stats *stats = vc_summary_kinds_find(&w->stats->kinds, layer, grids[g]);
        const vc_pooling *p = stats ? &stats->pooling : &(vc_pooling){0};
        for (size_t j = 0; j < p->count; j++) {
            double mean = 0.0;
            for (int32_t e = p->start[j]; e < p->start[j + 1]; e++)
                mean += (double)p->weights[e] * scores[p->keys[e]];
            w->expected[layer][g][row * p->count + j] += exp(mean) / z;
        }
    }
}

static void watch_scores(void *context, size_t layer, const vc_attention *a, const float *probs)
{
    watch *w = context;
    for (size_t b = 0; b < a->shape.batch; b++)
        for (size_t h = 0; h < a->shape.heads; h++)
            for (size_t i = 0; i < a->shape.queries; i++)
                watch_row(w, layer, a, probs, (const size_t[]){b, h, i});
    w->inner.scores(w->inner.context, layer, a, probs);
}

static void watch_attention(void *context, const vc_acts *acts, size_t layer, const float *probs,
                            size_t batch)
{
    watch *w = context;
    w->inner.attention(w->inner.context, acts, layer, probs, batch);
}

static void check_model(const vc_model *model)
{
    const size_t values = vc_model_image_values(&model->config),
                 layers = vc_model_layers(&model->config);
    float *images = malloc(IMAGES * values * sizeof *images);
    watch *w = calloc(1, sizeof *w);
    vc_rng rng = vc_rng_open(1, 1, 1);
    vc_dense_stats stats;
    assert_non_null(images);
    assert_non_null(w);
    for (size_t i = 0; i < IMAGES * values; i++)
        images[i] = (float)vc_rng_normal(&rng);
    assert_ok(vc_dense_stats_open(&stats, model, 2, 0, 0));
    assert_ok(vc_dense_stats_summarize(&stats, grids, GRIDS));
    *w = (watch){.inner = vc_dense_stats_tap(&stats), .config = &model->config, .stats = &stats};
    const vc_tap tap = {.attention = watch_attention, .scores = watch_scores, .context = w};
    assert_ok(vc_tap_images(model, images, IMAGES, 2, &tap));
    assert_ok(stats.status);
    for (size_t l = 0; l < layers; l++)
        for (size_t g = 0; g < GRIDS; g++) {
            const vc_attention_layer at = vc_model_layer(&model->config, l);
            const vc_summary_stats *s = vc_summary_kinds_find(&stats.kinds, l, grids[g]);
            const size_t side = (size_t)sqrt((double)(at.keys));
            assert_int_equal(s != NULL, grids[g].x <= side && grids[g].y <= side);
            if (!s)
                continue;
            assert_int_equal(s->images, IMAGES);
            for (size_t i = 0; i < at.heads * at.queries * s->pooling.count; i++)
                assert_near(s->sum[i], w->expected[l][g][i], 1e-5 * w->expected[l][g][i]);
        }
    assert_null(vc_summary_kinds_find(&stats.kinds, 0, (vc_summary_grid){4, 4, 0, 0}));
    vc_dense_stats_close(&stats);
    free(images);
    free(w);
}

/* With class tokens, and with an auto-encoder behind which the scores are computed. */
static void of_a_deit(void **state)
{
    (void)state;
    vc_model_config config;
    vc_model *model;
    const vc_model_input input = {
        .height = 16, .width = 16, .channels = 1, .classes = 4, .std = {1.0f}};
    const vc_plain_sizes sizes = {
        .patch = 4, .width = 12, .depth = 2, .heads = 3, .hidden = 24, .distilled = 1};
    assert_ok(vc_model_plain(&config, &sizes, &input));
    assert_ok(vc_model_create(&model, &config, 3));
    check_model(model);
    vc_model_close(model);
    assert_ok(vc_model_compress(&config, 2, VC_CODED_QK));
    assert_ok(vc_model_create(&model, &config, 3));
    check_model(model);
    vc_model_close(model);
}

/* Queries fewer than keys, a bias, layers with fewer tokens than blocks. */
static void of_a_levit(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    check_model(model);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(of_a_deit), cmocka_unit_test(of_a_levit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
