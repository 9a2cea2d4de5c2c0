/* The backward pass of plain ViTs that vary a DeiT, each with one switch, against central
 * differences: of logits, and of features where there is no head. */
#include "testing.h"
#include "vit_kinds.h"
#include "vitcod/rng.h"
#include "vitcod/train.h"

enum { BATCH = 2, MOST = 3 * 48 * 48 };

/* The entropy of labels, or half the squared length of features. */
static double loss_of(float *dlogits, const vc_acts *acts, const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const int32_t labels[BATCH] = {3, 8};
    double sum = 0.0;
    if (input.classes > 0)
        return vc_cross_entropy(dlogits, acts->logits, labels, BATCH, input.classes, 0.1f).task;
    for (size_t i = 0; i < BATCH * input.outputs; i++) {
        sum += 0.5 * (double)acts->logits[i] * (double)acts->logits[i];
        if (dlogits)
            dlogits[i] = acts->logits[i];
    }
    return sum;
}

static double observe(vc_acts *acts, const vc_model *model, const float *x)
{
    vc_model_observe(acts, model, x, BATCH);
    return loss_of(NULL, acts, model);
}

static void check(const char *name, const vc__deit_config *sizes)
{
    static float x[BATCH * MOST];
    vc_model *model;
    vc_acts acts;
    vc_grads grads;
    vc_rng rng = vc_rng_open(6, 6, 6);
    assert_ok(vc__deit_create(&model, sizes, 3));
    for (size_t i = 0; i < model->value_count; i++)
        model->values[i] += 0.1f * (float)vc_rng_normal(&rng);
    for (size_t i = 0; i < BATCH * vc_model_image_values(&model->config); i++)
        x[i] = (float)vc_rng_normal(&rng);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_grads_open(&grads, model, BATCH));
    vc_model_observe(&acts, model, x, BATCH);
    const double whole = loss_of(grads.dlogits, &acts, model);
    vc_model_backward(&grads, &acts, model, BATCH, 0.0f);
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        double largest = 0.0;
        for (size_t i = 0; i < param->count; i++)
            largest = fmax(largest, fabs((double)grads.values[param->offset + i]));
        for (size_t k = 0; k < 3; k++) {
            const size_t i = param->offset + (size_t)vc_rng_below(&rng, param->count);
            const float kept = model->values[i], h = 1e-2f;
            model->values[i] = kept + h;
            double up = observe(&acts, model, x), step = model->values[i];
            model->values[i] = kept - h;
            const double down = observe(&acts, model, x);
            step -= model->values[i];
            model->values[i] = kept;
            const double want = (up - down) / step, have = grads.values[i],
                         off = 1e-4 * fmax(1.0, whole) + 1e-3 * largest + 2e-2 * fabs(want);
            if (!(fabs(have - want) <= off))
                fail_msg("%s, %s[%zu]: %.6g, difference quotient %.6g", name, param->name,
                         i - param->offset, have, want);
        }
    }
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_model_close(model);
}

static void every_switch(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vit_kinds / sizeof *vit_kinds; i++)
        check(vit_kinds[i].name, &vit_kinds[i].sizes);
}

static void features(void **state)
{
    (void)state;
    static const vc__deit_output outputs[] = {VC__DEIT_POOLED, VC__DEIT_CLASS, VC__DEIT_TOKENS};
    for (size_t i = 0; i < sizeof vit_kinds / sizeof *vit_kinds; i++)
        for (size_t o = 0; o < 3; o++) {
            vc__deit_config sizes = vit_kinds[i].sizes;
            sizes.classes = sizes.representation = 0;
            sizes.output = outputs[o];
            if (vc__deit_config_check(&sizes) == VC_OK && (i % 3 == 0 || sizes.registers > 0))
                check(vit_kinds[i].name, &sizes);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_switch), cmocka_unit_test(features)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
