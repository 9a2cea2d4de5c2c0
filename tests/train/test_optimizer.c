/* A step of the optimiser: what has a learning rate of its own. */
#include "../../src/models/deit/deit.h"
#include "testing.h"
#include "vitcod/train.h"

static const vc__deit_config config = {.image = {8, 8},
                                       .patch = {4, 4},
                                       .channels = 1,
                                       .classes = 2,
                                       .width = 12,
                                       .depth = 1,
                                       .heads = 3,
                                       .hidden = 12,
                                       .compressed_heads = {2, 2},
                                       .std = {1.0f}};

/* How far the first step moves the first value of a parameter whose gradient is 1. Adam's step is
 * the learning rate then. */
static double moved(double coder_rate, int autoencoder)
{
    vc_model *model;
    vc_grads grads;
    vc_optimizer optimizer;
    assert_ok(vc__deit_create(&model, &config, 1));
    assert_ok(vc_grads_open(&grads, model, 1));
    assert_ok(vc_optimizer_open(&optimizer, model));
    vc_train_options o = vc_train_options_default();
    o.weight_decay = 0.0;
    o.clip = 0.0;
    o.coder_rate = coder_rate;
    const vc_param *param = model->params;
    while (param->autoencoder != autoencoder || param->statistic)
        param++;
    *param->data = 0.0f;
    for (size_t i = 0; i < model->value_count; i++)
        grads.values[i] = 1.0f;
    vc_optimizer_step(&optimizer, model, &grads, &o, 1e-3);
    const double by = -*param->data;
    vc_optimizer_close(&optimizer);
    vc_grads_close(&grads);
    vc_model_close(model);
    return by;
}

static void the_auto_encoder_has_a_rate_of_its_own(void **state)
{
    (void)state;
    const double rates[] = {0.0, 1.0, 10.0};
    for (size_t i = 0; i < 3; i++) {
        assert_near(moved(rates[i], 1), 1e-3 * rates[i], 1e-7);
        assert_near(moved(rates[i], 0), 1e-3, 1e-7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_auto_encoder_has_a_rate_of_its_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
