/* What a value adds behind the projection, against the product itself. */
#include "../../src/models/deit/deit.h"
#include "testing.h"
#include "tiny_levit.h"
#include "vitcod/model.h"
#include "vitcod/rng.h"

enum { BATCH = 2, WIDTH = 12, HEADS = 3, VALUES = WIDTH / HEADS };

/* Of the value of token i of the batch. */
static double norm_of(const float *w, const float *scale, const vc_acts *acts, size_t layer,
                      size_t i, size_t h, size_t tokens, int centred)
{
    const float *values = vc__deit_acts_of(acts)->layers[layer].qkv + 2 * WIDTH + h * VALUES;
    double v[VALUES], sum = 0.0;
    for (size_t k = 0; k < VALUES; k++) {
        v[k] = (double)values[i * 3 * WIDTH + k];
        for (size_t t = 0; centred && t < tokens; t++)
            v[k] -= (double)values[(i / tokens * tokens + t) * 3 * WIDTH + k] / (double)tokens;
    }
    for (size_t o = 0; o < WIDTH; o++) {
        double y = 0.0;
        for (size_t k = 0; k < VALUES; k++)
            y += (double)w[o * WIDTH + h * VALUES + k] * v[k];
        y *= scale ? (double)scale[o] : 1.0;
        sum += y * y;
    }
    double entering = 0.0;
    const float *x = vc__deit_acts_of(acts)->layers[layer].input + i / tokens * tokens * WIDTH;
    for (size_t k = 0; k < tokens * WIDTH; k++)
        entering += (double)x[k] * (double)x[k];
    return sqrt(sum / entering * (double)tokens);
}

static void check_norms(int layer_scale)
{
    const vc__deit_config config = {.image = {8, 8},
                                    .patch = {4, 4},
                                    .channels = 1,
                                    .classes = 5,
                                    .width = WIDTH,
                                    .depth = 2,
                                    .heads = HEADS,
                                    .hidden = 20,
                                    .layer_scale = layer_scale,
                                    .mean = {0},
                                    .std = {1}};
    const size_t tokens = vc__deit_tokens(&config);
    vc_model *model;
    vc_acts acts, passing;
    float x[BATCH * 64], norms[BATCH * HEADS * 5];
    vc_rng rng = vc_rng_open(1, 2, 3);
    assert_ok(vc__deit_create(&model, &config, 3));
    for (size_t i = 0; i < model->value_count; i++)
        model->values[i] += 0.1f * (float)vc_rng_normal(&rng);
    for (size_t i = 0; i < BATCH * 64; i++)
        x[i] = (float)vc_rng_normal(&rng);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_acts_open(&passing, model, BATCH, 0));
    vc_model_forward(&acts, model, x, BATCH, NULL);
    for (size_t layer = 0; layer < 2; layer++) {
        const float *w = vc__deit_weights_of(model)->blocks[layer].proj_w,
                    *scale = vc__deit_weights_of(model)->blocks[layer].scale[0];
        for (int centred = 0; centred < 2; centred++) {
            assert_ok(vc_model_value_norms(norms, &acts, model, layer, BATCH, centred));
            for (size_t i = 0; i < BATCH * tokens; i++)
                for (size_t h = 0; h < HEADS; h++)
                    assert_near(norms[(i / tokens * HEADS + h) * tokens + i % tokens],
                                norm_of(w, scale, &acts, layer, i, h, tokens, centred), 1e-5);
        }
    }
    vc_model_forward(&passing, model, x, BATCH, NULL);
    assert_fails(vc_model_value_norms(norms, &passing, model, 0, BATCH, 0), VC_EINVAL, "is gone");
    vc_acts_close(&passing);
    vc_acts_close(&acts);
    vc_model_close(model);
}

static void norms_of_projected_values(void **state)
{
    (void)state;
    check_norms(0);
    check_norms(1);
}

/* Its values are no columns of a projection that the stream is added to. */
static void a_levit_has_none(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    vc_acts acts;
    float norm = 0.0f;
    assert_ok(vc_acts_open(&acts, model, 1, 0));
    assert_fails(vc_model_value_norms(&norm, &acts, model, 0, 1, 0), VC_EUNSUPPORTED,
                 "norms of values want a deit or a strided_transformer, this is a levit");
    assert_false(vc_model_can(&config, VC_ABILITY_VALUES));
    vc_acts_close(&acts);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(norms_of_projected_values),
                                       cmocka_unit_test(a_levit_has_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
