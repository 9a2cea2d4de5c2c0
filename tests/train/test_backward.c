/* The model's whole backward pass against central differences, for each kind of model. */
#include "../../src/models/deit/deit.h"
#include "summarized.h"
#include "testing.h"
#include "vitcod/polarize.h"
#include "vitcod/rng.h"
#include "vitcod/train.h"

enum { BATCH = 3 };
enum { DENSE, SPARSE, RESIDUAL, SUMMARIES };

/* Weights of the auto-encoder's loss and of the distance from the teacher's blocks. */
static const double reconstruction = 0.05, features = 0.7, attention_weight = 0.4;

/* The weighted distances, as a backward pass into gradients that nobody wants returns them. */
static double distance(vc_grads *spare, const vc_acts *acts, const vc_acts *teacher,
                       const vc_model *model)
{
    const vc_lesson lesson = {teacher, (float)features, (float)attention_weight};
    memset(spare->dlogits, 0, BATCH * vc__deit_sizes_of(&model->config)->classes * sizeof(float));
    const vc_distances d = vc_model_backward_taught(spare, acts, model, BATCH, 0.0f, &lesson);
    return features * d.features + attention_weight * d.attention;
}

/* A distilled model's heads taught apart, by labels and by a teacher's first classes. */
static int apart;

static vc_loss task(vc_grads *grads, const vc_acts *acts, const vc_model *model, const int32_t *y)
{
    const size_t classes = vc__deit_sizes_of(&model->config)->classes;
    const vc_labels labels = {y, y, 1.0};
    const float wanted[BATCH * 5] = {1.0f, -0.5f, 0.2f, 2.0f, 0.3f, -1.0f, 0.6f, 0.1f};
    const vc_teaching teaching = {wanted, 0.5, 1.0, 1};
    if (!apart)
        return vc_cross_entropy(grads ? grads->dlogits : NULL, acts->logits, y, BATCH, classes,
                                0.1f);
    vc_loss loss = vc_two_head_loss(grads ? grads->dhead_logits : NULL, acts->head_logits, &labels,
                                    &teaching, BATCH, classes, 0.1f);
    loss.task = 0.5 * (loss.task + loss.distillation);
    return loss;
}

static double loss_of(vc_acts *acts, const vc_model *model, const float *x, const int32_t *y,
                      const vc_acts *teacher, vc_grads *spare)
{
    vc_model_observe(acts, model, x, BATCH);
    const vc_loss loss = task(NULL, acts, model, y);
    return loss.task + reconstruction * vc_model_reconstruction(acts, model) +
           (teacher ? distance(spare, acts, teacher, model) : 0.0);
}

/* A teacher of the same sizes, and what it makes of the images. */
static vc_model *make_teacher(vc_acts *acts, vc__deit_config config, const float *x)
{
    vc_model *teacher;
    config.compressed_heads[0] = config.compressed_heads[1] = 0;
    assert_ok(vc__deit_create(&teacher, &config, 8));
    assert_ok(vc_acts_open(acts, teacher, BATCH, 1));
    vc_model_forward(acts, teacher, x, BATCH, NULL);
    return teacher;
}

static void use_plan(vc_model *model, int attention)
{
    size_t tokens = vc__deit_tokens(vc__deit_sizes_of(&model->config));
    vc_mask mask;
    vc_plan plan;
    assert_ok(vc_mask_open(&mask, vc__deit_sizes_of(&model->config)->depth,
                           vc__deit_sizes_of(&model->config)->heads, tokens, tokens));
    for (size_t i = 0; i < mask.layers * mask.heads * tokens * tokens; i++)
        mask.pruned[i] = i % tokens != 0 && i % tokens != i / tokens % tokens && i % 3 != 0;
    assert_ok(vc_polarize(&plan, &mask, 6, "mask"));
    if (attention == SUMMARIES)
        summarize_plan(&plan, &model->config);
    for (size_t l = 0; attention == RESIDUAL && l < plan.layer_count; l++) {
        const size_t rows = mask.heads * tokens;
        plan.layers[l].kept_share = malloc(rows * sizeof(float));
        assert_non_null(plan.layers[l].kept_share);
        for (size_t r = 0; r < rows; r++)
            plan.layers[l].kept_share[r] = (float)(r % 7 + 1) / 8.0f;
    }
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    vc_plan_close(&plan);
    vc_mask_close(&mask);
}

/* Two blocks' branches of three images: some left out, some counting more. */
static const float branches[2 * 2 * BATCH] = {1.0f, 0.0f, 1.25f, 1.0f,  1.0f, 0.0f,
                                              0.0f, 2.0f, 1.0f,  1.25f, 0.0f, 1.25f};

static void check_all(vc__deit_config config, int attention, int taught, const float *depth)
{
    vc_model *model, *teacher = NULL;
    vc_acts acts, teacher_acts = {0};
    vc_grads grads, spare;
    float x[BATCH * 64];
    const int32_t y[BATCH] = {0, 3, 1};
    vc_rng rng = vc_rng_open(5, 5, 5);
    assert_ok(vc__deit_create(&model, &config, 3));
    for (size_t i = 0; i < model->value_count; i++)
        model->values[i] += 0.1f * (float)vc_rng_normal(&rng);
    for (size_t i = 0; i < BATCH * 64; i++)
        x[i] = (float)vc_rng_normal(&rng);
    if (attention != DENSE)
        use_plan(model, attention);
    if (taught)
        teacher = make_teacher(&teacher_acts, config, x);
    const vc_acts *target = taught ? &teacher_acts : NULL;
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_grads_open(&grads, model, BATCH));
    assert_ok(vc_grads_open(&spare, model, BATCH));
    acts.branches = depth;
    vc_model_observe(&acts, model, x, BATCH);
    task(&grads, &acts, model, y);
    const vc_lesson lesson = {target, (float)features, (float)attention_weight};
    vc_model_backward_taught(&grads, &acts, model, BATCH, (float)reconstruction,
                             target ? &lesson : NULL);
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        double largest = 0.0;
        for (size_t i = 0; i < param->count; i++)
            largest = fmax(largest, fabs((double)grads.values[param->offset + i]));
        for (size_t k = 0; k < 4; k++) {
            size_t i = param->offset + (size_t)vc_rng_below(&rng, param->count);
            float kept = model->values[i], h = 1e-2f;
            model->values[i] = kept + h;
            double up = loss_of(&acts, model, x, y, target, &spare), step = model->values[i];
            model->values[i] = kept - h;
            double down = loss_of(&acts, model, x, y, target, &spare);
            step -= model->values[i];
            model->values[i] = kept;
            double want = (up - down) / step, have = grads.values[i];
            /* h^2 of the third derivative, and the float32 forward pass's 1e-7 over 2 h */
            if (!(fabs(have - want) <= fmin(1e-3, 1e-4 + 1e-3 * largest) + 2e-2 * fabs(want)))
                fail_msg("%s[%zu]: %.6g, difference quotient %.6g", param->name, i - param->offset,
                         have, want);
        }
    }
    vc_grads_close(&spare);
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_model_close(model);
    if (taught) {
        vc_acts_close(&teacher_acts);
        vc_model_close(teacher);
    }
}

static void check(vc__deit_config config, int attention, int taught)
{
    check_all(config, attention, taught, NULL);
}

static const vc__deit_config small = {.image = {8, 8},
                                      .patch = {2, 2},
                                      .channels = 1,
                                      .classes = 5,
                                      .width = 12,
                                      .depth = 2,
                                      .heads = 3,
                                      .hidden = 20,
                                      .mean = {0},
                                      .std = {1}};

static void stochastic_depth(void **state)
{
    (void)state;
    check_all(small, DENSE, 0, branches);
    check_all(small, RESIDUAL, 1, branches);
}

static void dense(void **state)
{
    (void)state;
    check(small, DENSE, 0);
    check(small, DENSE, 1);
}

static void distilled(void **state)
{
    (void)state;
    vc__deit_config c = small;
    c.distilled = 1;
    check(c, DENSE, 0);
    apart = 1;
    check(c, DENSE, 0);
    check(c, SPARSE, 0);
    apart = 0;
}

/* What plain ViTs have otherwise, with branches left out, and taught: of the last block what
 * classifiers read. */
static void plain_vits(void **state)
{
    (void)state;
    vc__deit_config c = small, gap = small;
    c.layer_scale = c.norm_pre = c.without_patch_bias = c.without_qkv_bias = 1;
    c.registers = 2;
    c.unplaced = 2;
    c.mlp = VC__DEIT_QUICK_GELU;
    c.representation = 7;
    check_all(c, DENSE, 1, branches);
    check(c, SPARSE, 0);
    gap.without_class = gap.layer_scale = 1;
    gap.pool = VC__DEIT_POOL_AVERAGE;
    gap.registers = gap.unplaced = 1;
    check_all(gap, DENSE, 1, branches);
    gap.fc_norm = 1;
    gap.mlp = VC__DEIT_SWIGLU;
    check(gap, SUMMARIES, 1);
}

/* Of a weighted sum of the outputs. */
static double weighted(vc_acts *acts, const vc_model *model, const float *x)
{
    const size_t outputs = BATCH * vc_model_input_of(&model->config).outputs;
    double sum = 0.0;
    vc_model_observe(acts, model, x, BATCH);
    for (size_t i = 0; i < outputs; i++)
        sum += (double)acts->logits[i] * (double)((float)(i % 7) - 3.0f);
    return sum;
}

static void check_features(vc__deit_config config, vc__deit_output output)
{
    vc_model *model;
    vc_acts acts;
    vc_grads grads;
    float x[BATCH * 64];
    vc_rng rng = vc_rng_open(6, 6, 6);
    config.output = output;
    config.classes = 0;
    assert_ok(vc__deit_create(&model, &config, 3));
    for (size_t i = 0; i < BATCH * 64; i++)
        x[i] = (float)vc_rng_normal(&rng);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_grads_open(&grads, model, BATCH));
    weighted(&acts, model, x);
    for (size_t i = 0; i < BATCH * vc_model_input_of(&model->config).outputs; i++)
        grads.dlogits[i] = (float)(i % 7) - 3.0f;
    vc_model_backward(&grads, &acts, model, BATCH, 0.0f);
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        const size_t i = param->offset + (size_t)vc_rng_below(&rng, param->count);
        const float kept = model->values[i];
        model->values[i] = kept + 1e-2f;
        const double up = weighted(&acts, model, x);
        model->values[i] = kept - 1e-2f;
        const double want = (up - weighted(&acts, model, x)) / 2e-2, have = grads.values[i];
        model->values[i] = kept;
        if (!(fabs(have - want) <= 2e-2 + 2e-2 * fabs(want)))
            fail_msg("%s: %.6g, difference quotient %.6g", param->name, have, want);
    }
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_model_close(model);
}

/* Without a head: what is pooled, the class token, all tokens. */
static void features_alone(void **state)
{
    (void)state;
    vc__deit_config c = small, average = small;
    c.layer_scale = 1;
    c.registers = 2;
    check_features(c, VC__DEIT_LOGITS);
    check_features(c, VC__DEIT_CLASS);
    check_features(c, VC__DEIT_TOKENS);
    c.distilled = 1;
    check_features(c, VC__DEIT_POOLED);
    average.pool = VC__DEIT_POOL_AVERAGE;
    check_features(average, VC__DEIT_LOGITS);
    average.fc_norm = 1;
    check_features(average, VC__DEIT_POOLED);
}

static vc__deit_config coded(vc_coded of)
{
    vc_model_config c = vc__deit_model(&small);
    assert_ok(vc_model_compress(&c, 2, of));
    return *vc__deit_sizes_of(&c);
}

static void autoencoder(void **state)
{
    (void)state;
    for (vc_coded of = VC_CODED_Q; of <= VC_CODED_QK; of++)
        check(coded(of), DENSE, 0);
}

static void sparse_with_autoencoder(void **state)
{
    (void)state;
    for (vc_coded of = VC_CODED_Q; of <= VC_CODED_QK; of++)
        check(coded(of), SPARSE, of == VC_CODED_QK);
}

static void sparse_with_residual(void **state)
{
    (void)state;
    check(small, RESIDUAL, 0);
    check(coded(VC_CODED_QK), RESIDUAL, 1);
}

static void sparse_with_summaries(void **state)
{
    (void)state;
    check(small, SUMMARIES, 0);
    check(coded(VC_CODED_QK), SUMMARIES, 1);
}

/* Of the last block the classifiers read the class tokens alone: a plan that takes everything from
 * its other rows makes no distance, though they come out otherwise. */
static void what_nothing_reads_has_no_distance(void **state)
{
    (void)state;
    enum { TOKENS = 17 };
    vc_model *model, *teacher;
    vc_acts acts, teacher_acts;
    vc_grads grads;
    vc_mask mask;
    vc_plan plan;
    float x[BATCH * 64];
    vc_rng rng = vc_rng_open(5, 5, 5);
    for (size_t i = 0; i < BATCH * 64; i++)
        x[i] = (float)vc_rng_normal(&rng);
    teacher = make_teacher(&teacher_acts, small, x);
    assert_ok(vc__deit_create(&model, &small, 8));
    assert_ok(vc_mask_open(&mask, 2, small.heads, TOKENS, TOKENS));
    for (size_t i = mask.heads * TOKENS * TOKENS; i < 2 * mask.heads * TOKENS * TOKENS; i++)
        mask.pruned[i] = i / TOKENS % TOKENS > 0 && i % TOKENS != i / TOKENS % TOKENS;
    assert_ok(vc_polarize(&plan, &mask, 6, "mask"));
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_grads_open(&grads, model, BATCH));
    vc_model_observe(&acts, model, x, BATCH);
    const vc_rows out = vc_model_block_output(&acts, model, 1),
                  wanted = vc_model_block_output(&teacher_acts, teacher, 1);
    assert_int_equal(out.tokens, TOKENS);
    assert_int_equal(out.read, 1);
    assert_int_equal(vc_model_block_output(&acts, model, 0).read, TOKENS);
    assert_true(fabsf(out.data[out.width] - wanted.data[out.width]) > 1e-3f);
    memset(grads.dlogits, 0, BATCH * small.classes * sizeof(float));
    const vc_lesson lesson = {&teacher_acts, 1.0f, 1.0f};
    const vc_distances d = vc_model_backward_taught(&grads, &acts, model, BATCH, 0.0f, &lesson);
    assert_true(d.features < 1e-9 && d.attention < 1e-9);
    for (size_t i = 0; i < model->value_count; i++)
        assert_true(fabsf(grads.values[i]) < 1e-4f);
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_acts_close(&teacher_acts);
    vc_plan_close(&plan);
    vc_mask_close(&mask);
    vc_model_close(model);
    vc_model_close(teacher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stochastic_depth),
                                       cmocka_unit_test(what_nothing_reads_has_no_distance),
                                       cmocka_unit_test(dense),
                                       cmocka_unit_test(distilled),
                                       cmocka_unit_test(plain_vits),
                                       cmocka_unit_test(features_alone),
                                       cmocka_unit_test(autoencoder),
                                       cmocka_unit_test(sparse_with_autoencoder),
                                       cmocka_unit_test(sparse_with_residual),
                                       cmocka_unit_test(sparse_with_summaries)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
