/* A model that tells no classes apart: whoever needs labels or files of images refuses it, and the
 * optimiser moves it all the same. The family is the one of tests/models/toy_family.c. */
#include "testing.h"

#define VC__FAMILIES "../../tests/models/toy_families.def"
#include "../../src/models/registry.c"
#include "../models/toy_family.c"
#include "vitcod/judge.h"
#include "vitcod/rng.h"
#include "vitcod/train.h"

enum { SIDE = 8, COUNT = 4, BATCH = 2 };
static uint8_t pixels[COUNT * SIDE * SIDE];
static int32_t labels[COUNT];
static const vc_dataset data = {COUNT, 1, SIDE, SIDE, 4, pixels, labels, NULL};

static vc_model *make(size_t width)
{
    vc_model_config config = {.family = &vc__toy};
    vc_model *model;
    *(toy_sizes *)(void *)config.sizes.bytes = (toy_sizes){SIDE, width, 2, 3};
    assert_ok(vc_model_create(&model, &config, 1));
    return model;
}

static void needs_classes(void **state)
{
    (void)state;
    vc_model *model = make(SIDE);
    vc_source *source;
    vc_evaluation e;
    vc_acts acts;
    const vc_evaluate_options how = vc_evaluate_options_default();
    const vc_train_options o = vc_train_options_default();
    const vc_train_hooks hooks = {0};
    assert_ok(vc_source_of_dataset(&source, &data));
    assert_ok(vc_acts_open(&acts, model, BATCH, 0));
    vc_forward_pass pass = {&acts, model, NULL};
    const vc_runner runner = vc_forward_runner(&pass);
    assert_fails(vc_evaluate(&e, model, source, &runner, &how), VC_EUNSUPPORTED,
                 "a toy that tells no classes apart");
    assert_fails(vc_train(model, source, NULL, &o, NULL, 0, &hooks), VC_EINVAL,
                 "a model without classes learns features from a teacher, and no labels");
    vc_acts_close(&acts);
    vc_source_close(source);
    vc_model_close(model);
}

static void teaches_no_blocks(void **state)
{
    (void)state;
    vc_model *model = make(SIDE), *wider = make(SIDE + 1);
    vc_train_options o = vc_train_options_default();
    o.teacher = model;
    o.features = 1.0;
    assert_fails(vc_train_check_teacher(&o, model), VC_EUNSUPPORTED,
                 "can learn from a teacher's, this is a toy");
    assert_fails(vc_train_check_teacher(&o, wider), VC_EINVAL,
                 "the teacher takes 1 x 8 x 8 and has 0 classes, wanted the student's 1 x 8 x 9");
    vc_model_close(wider);
    vc_model_close(model);
}

/* Towards outputs of 0.1 for one batch. */
static void is_moved_by_the_optimiser(void **state)
{
    (void)state;
    enum { STEPS = 40, OUTPUTS = 6 };
    vc_model *model = make(SIDE + 1);
    const size_t values = BATCH * vc_model_image_values(&model->config);
    float x[BATCH * SIDE * (SIDE + 1)];
    double first = 0.0, last = 0.0;
    const vc_train_options o = vc_train_options_default();
    vc_acts acts;
    vc_grads grads;
    vc_optimizer optimizer;
    vc_rng rng = vc_rng_open(1, 2, 3);
    assert_int_equal(values, sizeof x / sizeof *x);
    for (size_t i = 0; i < values; i++)
        x[i] = (float)vc_rng_normal(&rng);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_grads_open(&grads, model, BATCH));
    assert_ok(vc_optimizer_open(&optimizer, model));
    for (size_t step = 0; step < STEPS; step++) {
        vc_model_observe(&acts, model, x, BATCH);
        vc_grads_clear(&grads, model);
        last = 0.0;
        for (size_t i = 0; i < BATCH * OUTPUTS; i++) {
            grads.dlogits[i] = acts.logits[i] - 0.1f;
            last += (double)grads.dlogits[i] * (double)grads.dlogits[i];
        }
        first = step == 0 ? last : first;
        vc_model_backward(&grads, &acts, model, BATCH, 0.0f);
        assert_true(isfinite(vc_optimizer_step(&optimizer, model, &grads, &o, 1e-2)));
    }
    assert_true(last < 0.5 * first);
    vc_optimizer_close(&optimizer);
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(needs_classes),
                                       cmocka_unit_test(teaches_no_blocks),
                                       cmocka_unit_test(is_moved_by_the_optimiser)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
