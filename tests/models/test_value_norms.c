/* What a value adds behind the projection, against the product itself. */
#include "testing.h"
#include "vitcod/model.h"
#include "vitcod/rng.h"

static void norms_of_projected_values(void **state)
{
    (void)state;
    enum { BATCH = 2, WIDTH = 12, HEADS = 3, VALUES = WIDTH / HEADS };
    const vc_deit_config config = {.image = 8,
                                   .patch = 4,
                                   .channels = 1,
                                   .classes = 5,
                                   .width = WIDTH,
                                   .depth = 2,
                                   .heads = HEADS,
                                   .hidden = 20,
                                   .mean = {0},
                                   .std = {1}};
    const size_t tokens = vc_deit_tokens(&config);
    vc_model *model;
    vc_acts acts, passing;
    float x[BATCH * 64], norms[BATCH * HEADS * 5];
    vc_rng rng = vc_rng_open(1, 2, 3);
    assert_ok(vc_deit_create(&model, &config, 3));
    for (size_t i = 0; i < model->value_count; i++)
        model->values[i] += 0.1f * (float)vc_rng_normal(&rng);
    for (size_t i = 0; i < BATCH * 64; i++)
        x[i] = (float)vc_rng_normal(&rng);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_acts_open(&passing, model, BATCH, 0));
    vc_model_forward(&acts, model, x, BATCH, NULL);
    for (size_t layer = 0; layer < 2; layer++) {
        const float *w = model->deit.blocks[layer].proj_w;
        assert_ok(vc_model_value_norms(norms, &acts, model, layer, BATCH));
        for (size_t i = 0; i < BATCH * tokens; i++)
            for (size_t h = 0; h < HEADS; h++) {
                const float *v =
                    acts.deit.layers[layer].qkv + i * 3 * WIDTH + 2 * WIDTH + h * VALUES;
                double sum = 0.0;
                for (size_t o = 0; o < WIDTH; o++) {
                    double y = 0.0;
                    for (size_t k = 0; k < VALUES; k++)
                        y += (double)w[o * WIDTH + h * VALUES + k] * (double)v[k];
                    sum += y * y;
                }
                assert_near(norms[(i / tokens * HEADS + h) * tokens + i % tokens], sqrt(sum), 1e-5);
            }
    }
    assert_fails(vc_model_value_norms(norms, &passing, model, 0, BATCH), VC_EUNSUPPORTED,
                 "whose activations are kept");
    vc_acts_close(&passing);
    vc_acts_close(&acts);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(norms_of_projected_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
