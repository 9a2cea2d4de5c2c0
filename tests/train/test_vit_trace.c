/* Ten training steps of plain ViTs that vary a DeiT, against timm and PyTorch in float64:
 * tools/golden/vits.py has the other side. */
#include "../models/timm.h"
#include "vit_kinds.h"
#include "vitcod/train.h"

enum { STEPS = 10 };

/* The gradients of a step, and its loss. */
static double learn(vc_model *model, vc_acts *acts, vc_grads *grads, int step)
{
    int32_t labels[BATCH];
    char name[32];
    snprintf(name, sizeof name, "images %d", step);
    noise(timm_images, name, BATCH * vc_model_image_values(&model->config));
    for (int i = 0; i < BATCH; i++)
        labels[i] = (3 * i + step) % CLASSES;
    vc_model_observe(acts, model, timm_images, BATCH);
    const vc_loss loss =
        vc_cross_entropy(grads->dlogits, acts->logits, labels, BATCH, CLASSES, 0.1f);
    vc_grads_clear(grads, model);
    vc_model_backward(grads, acts, model, BATCH, 0.0f);
    return loss.task;
}

static void follow(const vit_kind *kind, const json_t *trace)
{
    const vc_model_config config = vc__deit_model(&kind->sizes);
    const vc_train_options o = vc_train_options_default();
    const json_t *steps = json_object_get(trace, "steps");
    double sum = 0.0;
    vc_model *model = make(&config, 0);
    vc_acts acts;
    vc_grads grads;
    vc_optimizer optimizer;
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_grads_open(&grads, model, BATCH));
    assert_ok(vc_optimizer_open(&optimizer, model));
    for (int s = 0; s < STEPS; s++) {
        const double want_loss = json_real_value(json_array_get(steps, 2 * (size_t)s)),
                     want_norm = json_real_value(json_array_get(steps, 2 * (size_t)s + 1));
        const double loss = learn(model, &acts, &grads, s),
                     norm = vc_optimizer_step(&optimizer, model, &grads, &o, 3e-3);
        /* float32 against float64; a step's error is amplified by the ones that follow. */
        if (!(fabs(loss - want_loss) <= 1e-4 && fabs(norm - want_norm) <= 1e-3 * want_norm))
            fail_msg("%s, step %d: loss %.8g, wanted %.8g; norm %.8g, wanted %.8g", kind->name, s,
                     loss, want_loss, norm, want_norm);
    }
    for (size_t p = 0; p < model->param_count; p++)
        for (size_t i = 0; i < model->params[p].count; i++)
            sum += fabs((double)model->params[p].data[i]);
    const double want = json_real_value(json_object_get(trace, "weights"));
    if (!(fabs(sum - want) <= 1e-5 * want))
        fail_msg("%s: weights sum to %.8g, wanted %.8g", kind->name, sum, want);
    vc_optimizer_close(&optimizer);
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_model_close(model);
}

static void traces_are_followed(void **state)
{
    size_t followed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof vit_kinds / sizeof *vit_kinds; i++) {
        json_t *golden = golden_in("tools/golden/vits.json", vit_kinds[i].name);
        const json_t *trace = json_object_get(golden, "trace");
        if (trace) {
            follow(&vit_kinds[i], trace);
            followed++;
        }
        json_decref(golden);
    }
    assert_true(followed >= 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(traces_are_followed)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
