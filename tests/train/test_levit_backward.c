/* LeViT's whole backward pass against central differences: attention dense, under masks, on a
 * plan, with residuals, with ViTCoD's auto-encoder; labels on the mean of the heads, and two
 * heads taught apart. */
#include "tiny_levit.h"
#include "vitcod/threads.h"
#include "vitcod/train.h"

enum { BATCH = 6, MOST = 1024 /* values of a parameter */ };
static const double reconstruction = 0.05;
/* What the branches count, of up to 8 blocks; NULL in all cases but one. */
static float counts[8 * 2 * BATCH];
static const float *branches;
static float x[BATCH * TINY_PIXELS], teacher[BATCH * TINY_CLASSES];
static const int32_t y[BATCH] = {0, 3, 1, 4, 2, 1}, partners[BATCH] = {1, 2, 4, 1, 3, 0};
static const vc_labels labels = {y, partners, 0.7};

typedef enum lesson { MEAN, SOFT, HARD } lesson;

static vc_loss losses(vc_grads *g, const vc_acts *acts, lesson how)
{
    const vc_teaching teaching = {teacher, 0.4, 1.5, how == HARD};
    if (how == MEAN)
        return vc_cross_entropy_mixed(g ? g->dlogits : NULL, acts->logits, &labels, BATCH,
                                      TINY_CLASSES, 0.1f);
    return vc_two_head_loss(g ? g->dhead_logits : NULL, acts->head_logits, &labels, &teaching,
                            BATCH, TINY_CLASSES, 0.1f);
}

static double loss_of(vc_acts *acts, const vc_model *model, lesson how)
{
    vc_model_observe(acts, model, x, BATCH);
    const vc_loss loss = losses(NULL, acts, how);
    const double taught = how == MEAN ? loss.task : 0.6 * loss.task + 0.4 * loss.distillation;
    return taught + reconstruction * vc_model_reconstruction(acts, model);
}

/* The slope of the loss along `direction` (count), against what the gradient says of it: h^2 of
 * the third derivative, and the float32 forward pass's 1e-7 over 2 h. */
static void check_slope(const vc_param *param, const float *direction, double have, vc_acts *acts,
                        vc_model *model, lesson how, const char *what)
{
    float kept[MOST], *values = model->values + param->offset;
    const double h = 1e-3;
    double sides[2];
    memcpy(kept, values, param->count * sizeof *values);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < param->count; i++)
            values[i] = (float)(kept[i] + (side ? -h : h) * direction[i]);
        sides[side] = loss_of(acts, model, how);
    }
    memcpy(values, kept, param->count * sizeof *values);
    const double want = (sides[0] - sides[1]) / (2.0 * h);
    if (!(fabs(have - want) <= 1e-4 + 1e-2 * fabs(want)))
        fail_msg("%s, %s: %.6g, difference quotient %.6g", param->name, what, have, want);
}

/* Along the gradient itself, where all of its values count, and along single ones. */
static void check_parameter(const vc_param *param, vc_acts *acts, vc_model *model,
                            const vc_grads *grads, lesson how, vc_rng *rng)
{
    const float *g = grads->values + param->offset;
    float direction[MOST] = {0};
    double norm = 0.0;
    assert_true(param->count <= MOST);
    for (size_t i = 0; i < param->count; i++)
        norm += (double)g[i] * g[i];
    norm = sqrt(norm);
    for (size_t i = 0; i < param->count && norm > 0.0; i++)
        direction[i] = (float)(g[i] / norm);
    check_slope(param, direction, norm, acts, model, how, "along the gradient");
    for (size_t k = 0; k < 2; k++) {
        const size_t at = (size_t)vc_rng_below(rng, param->count);
        memset(direction, 0, sizeof direction);
        direction[at] = 1.0f;
        check_slope(param, direction, g[at], acts, model, how, "a single value");
    }
}

static void check(const vc_model_config *config, tiny_restriction restriction, lesson how)
{
    vc_acts acts;
    vc_grads grads;
    vc_rng rng = vc_rng_open(5, 5, 5);
    vc_model *model = tiny_levit_open(config);
    tiny_levit_restrict(model, restriction);
    for (size_t i = 0; i < BATCH * TINY_PIXELS; i++)
        x[i] = (float)vc_rng_normal(&rng);
    for (size_t i = 0; i < BATCH * TINY_CLASSES; i++)
        teacher[i] = 2.0f * (float)vc_rng_normal(&rng);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    acts.branches = branches;
    assert_ok(vc_grads_open(&grads, model, BATCH));
    vc_model_observe(&acts, model, x, BATCH);
    losses(&grads, &acts, how);
    vc_model_backward(&grads, &acts, model, BATCH, (float)reconstruction);
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        for (size_t i = 0; i < param->count && param->statistic; i++)
            assert_true(grads.values[param->offset + i] == 0.0f);
        if (!param->statistic)
            check_parameter(param, &acts, model, &grads, how, &rng);
    }
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_model_close(model);
}

static void dense(void **state)
{
    (void)state;
    vc_model_config config = tiny_levit();
    check(&config, TINY_DENSE, MEAN);
    vc__levit_sizes_in(&config)->distilled = 0;
    check(&config, TINY_DENSE, MEAN);
}

static void restricted(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    for (tiny_restriction how = TINY_MASKS; how <= TINY_SUMMARIES; how++)
        check(&config, how, MEAN);
}

static void autoencoder(void **state)
{
    (void)state;
    for (vc_coded of = VC_CODED_Q; of <= VC_CODED_QK; of++) {
        vc_model_config config = tiny_levit();
        assert_ok(vc_model_compress(&config, 0, of));
        check(&config, TINY_DENSE, MEAN);
        check(&config, TINY_PLAN, MEAN);
    }
}

static void two_heads(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    check(&config, TINY_DENSE, SOFT);
    check(&config, TINY_DENSE, HARD);
}

static void branches_left_out(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    vc_rng rng = vc_rng_open(6, 6, 6);
    const size_t count = 2 * vc_model_layers(&config) * BATCH;
    assert_true(count <= sizeof counts / sizeof *counts);
    for (size_t i = 0; i < count; i++)
        counts[i] = vc_rng_uniform(&rng) < 0.3 ? 0.0f : 1.0f / 0.7f;
    branches = counts;
    check(&config, TINY_DENSE, MEAN);
    branches = NULL;
}

/* Of an image that leaves out both branches of a block, the tokens pass it unchanged; a
 * subsampling stays. */
static void an_image_passes_by(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    vc_acts acts;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        counts[i] = i % BATCH == 2 ? 0.0f : 1.0f;
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    acts.branches = counts;
    vc_model_observe(&acts, model, x, BATCH);
    size_t passed = 0;
    for (size_t b = 1; b < vc_model_layers(&config); b++) {
        const vc__levit_shape s = vc__levit_block_shape(vc__levit_sizes_of(&config), b);
        const size_t image = s.side_out * s.side_out * s.width_out;
        const vc__levit_block_acts *block = &vc__levit_kept_of(&acts)->blocks[b];
        const float *in =
            s.subsampling ? block->middle : vc__levit_kept_of(&acts)->blocks[b - 1].output;
        assert_memory_equal(block->output + 2 * image, in + 2 * image, image * sizeof(float));
        assert_memory_not_equal(block->output, in, image * sizeof(float));
        passed += !s.subsampling;
    }
    assert_true(passed > 0);
    vc_acts_close(&acts);
    vc_model_close(model);
}

/* The gradients of a step, with so many threads; the caller frees them. */
static float *gradients_with(int threads, size_t *count)
{
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    vc_acts acts;
    vc_grads grads;
    assert_ok(vc_threads_set(threads));
    tiny_levit_restrict(model, TINY_PLAN);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    assert_ok(vc_grads_open(&grads, model, BATCH));
    vc_model_observe(&acts, model, x, BATCH);
    losses(&grads, &acts, MEAN);
    vc_model_backward(&grads, &acts, model, BATCH, (float)reconstruction);
    *count = model->value_count;
    float *values = malloc(*count * sizeof *values);
    assert_non_null(values);
    memcpy(values, grads.values, *count * sizeof *values);
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_model_close(model);
    assert_ok(vc_threads_set(1));
    return values;
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    size_t count, same;
    float *one = gradients_with(1, &count), *three = gradients_with(3, &same);
    assert_int_equal(count, same);
    assert_memory_equal(one, three, count * sizeof *one);
    free(one);
    free(three);
}

int main(void)
{
    /* Thousands of passes over a model so small that threads would mostly wait for each other. */
    if (vc_threads_set(1) != VC_OK)
        return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_do_not_matter),
                                       cmocka_unit_test(dense),
                                       cmocka_unit_test(restricted),
                                       cmocka_unit_test(autoencoder),
                                       cmocka_unit_test(two_heads),
                                       cmocka_unit_test(branches_left_out),
                                       cmocka_unit_test(an_image_passes_by)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
