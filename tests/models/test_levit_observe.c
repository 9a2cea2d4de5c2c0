/* Training's forward pass against inference's, which is tested against timm: with running
 * statistics that are a batch's own, both are the same function, however attention is
 * restricted. */
#include "tiny_levit.h"

enum { BATCH = 16 }; /* of few images, statistics multiply rounding errors */

static float images[BATCH * TINY_PIXELS];

static void make_images(void)
{
    vc_rng rng = vc_rng_open(3, 2, 1);
    for (size_t i = 0; i < BATCH * TINY_PIXELS; i++)
        images[i] = (float)vc_rng_normal(&rng);
}

static void take(const vc__levit_normed *w, const vc__levit_normed_acts *n, const size_t *order,
                 size_t outputs)
{
    for (size_t o = 0; o < outputs; o++) {
        const size_t to = order ? order[o] : o;
        w->mean[to] = n->mean[o];
        w->variance[to] = n->variance[o];
    }
}

/* The batch's statistics as the running ones. */
static void take_statistics(vc_model *model, const vc_acts *acts)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    const vc__levit_kept *k = vc__levit_kept_of(acts);
    const vc__levit_head *const heads[] = {&vc__levit_weights_of(model)->head,
                                           &vc__levit_weights_of(model)->head_dist};
    for (size_t i = 0; i < VC__LEVIT_STEM; i++)
        take(&vc__levit_weights_of(model)->stem[i], &k->stem[i], NULL, c->stem[i]);
    for (size_t b = 0; b < vc_model_layers(&model->config); b++) {
        const vc__levit_shape s = vc__levit_block_shape(c, b);
        const vc__levit_block *w = &vc__levit_weights_of(model)->blocks[b];
        const vc__levit_block_acts *a = &k->blocks[b];
        take(&w->in, &a->in, vc__levit_folded_of(model)->blocks[b].order, s.projected);
        if (s.subsampling)
            take(&w->q, &a->q, NULL, s.keys);
        take(&w->proj, &a->proj, NULL, s.width_out);
        take(&w->fc1, &a->fc1, NULL, s.attention.hidden);
        take(&w->fc2, &a->fc2, NULL, s.width_out);
    }
    const size_t bytes = c->stages[VC__LEVIT_STAGES - 1].width * sizeof(float);
    for (size_t i = 0; i < vc_model_input_of(&model->config).classifiers; i++) {
        memcpy(heads[i]->mean, k->head_mean[i], bytes);
        memcpy(heads[i]->variance, k->head_variance[i], bytes);
    }
}

static void check(const vc_model_config *config, tiny_restriction how)
{
    float observed[BATCH * TINY_CLASSES];
    double largest = 0.0, reconstruction;
    vc_acts acts;
    vc_model *model = tiny_levit_open(config);
    tiny_levit_restrict(model, how);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    vc_model_observe(&acts, model, images, BATCH);
    memcpy(observed, acts.logits, sizeof observed);
    reconstruction = vc_model_reconstruction(&acts, model);
    for (size_t i = 0; i < BATCH * TINY_CLASSES; i++)
        largest = fmax(largest, fabs((double)observed[i]));
    vc_model_forward(&acts, model, images, BATCH, NULL);
    assert_true(fabs((double)acts.logits[0] - (double)observed[0]) > 1e-3 * largest);
    take_statistics(model, &acts);
    vc_model_refresh(model);
    vc_model_forward(&acts, model, images, BATCH, NULL);
    for (size_t i = 0; i < BATCH * TINY_CLASSES; i++)
        assert_near(acts.logits[i], observed[i], 2e-5 * largest);
    assert_near(vc_model_reconstruction(&acts, model), reconstruction, 1e-4 * reconstruction);
    vc_acts_close(&acts);
    vc_model_close(model);
}

static void as_inference(void **state)
{
    (void)state;
    make_images();
    vc_model_config config = tiny_levit();
    for (tiny_restriction how = TINY_DENSE; how <= TINY_RESIDUAL; how++)
        check(&config, how);
    vc__levit_sizes_in(&config)->distilled = 0;
    check(&config, TINY_DENSE);
    for (vc_coded of = VC_CODED_Q; of <= VC_CODED_QK; of++) {
        config = tiny_levit();
        assert_ok(vc_model_compress(&config, 0, of));
        check(&config, TINY_DENSE);
        check(&config, TINY_PLAN);
    }
}

/* Parameters are read as they are: nothing of what inference made of them is used. */
static void reads_the_parameters(void **state)
{
    (void)state;
    make_images();
    const vc_model_config config = tiny_levit();
    for (tiny_restriction how = TINY_DENSE; how <= TINY_PLAN; how++) {
        float before[BATCH * TINY_CLASSES], stale[BATCH * TINY_CLASSES];
        vc_acts acts;
        vc_model *model = tiny_levit_open(&config);
        tiny_levit_restrict(model, how);
        assert_ok(vc_acts_open(&acts, model, BATCH, 1));
        vc_model_observe(&acts, model, images, BATCH);
        memcpy(before, acts.logits, sizeof before);
        for (size_t b = 0; b < vc_model_layers(&config); b++)
            vc__levit_weights_of(model)->blocks[b].biases[0] += 1.0f;
        vc_model_observe(&acts, model, images, BATCH);
        assert_memory_not_equal(acts.logits, before, sizeof before);
        memcpy(stale, acts.logits, sizeof stale);
        vc_model_refresh(model);
        vc_model_observe(&acts, model, images, BATCH);
        assert_memory_equal(acts.logits, stale, sizeof stale);
        vc_acts_close(&acts);
        vc_model_close(model);
    }
}

/* Repeated, the running statistics become the batch's, the variance its unbiased one. */
static void statistics_settle(void **state)
{
    (void)state;
    make_images();
    const vc_model_config config = tiny_levit();
    vc_acts acts;
    vc_model *model = tiny_levit_open(&config);
    assert_ok(vc_acts_open(&acts, model, BATCH, 1));
    vc_model_observe(&acts, model, images, BATCH);
    for (size_t i = 0; i < 200; i++)
        vc_model_settle(model, &acts, BATCH);
    const vc__levit_block_acts *a = &vc__levit_kept_of(&acts)->blocks[0];
    const vc__levit_normed *in = &vc__levit_weights_of(model)->blocks[0].in;
    const size_t *order = vc__levit_folded_of(model)->blocks[0].order;
    for (size_t o = 0; o < vc__levit_block_shape(vc__levit_sizes_of(&config), 0).projected; o++) {
        assert_near(in->mean[order[o]], a->in.mean[o], 1e-5);
        assert_near(in->variance[order[o]],
                    a->in.variance[o] * (BATCH * 25.0) / (BATCH * 25.0 - 1.0), 1e-4);
    }
    assert_near(vc__levit_weights_of(model)->head.variance[0],
                vc__levit_kept_of(&acts)->head_variance[0][0] * BATCH / (BATCH - 1.0), 1e-5);
    vc_acts_close(&acts);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_inference),
                                       cmocka_unit_test(reads_the_parameters),
                                       cmocka_unit_test(statistics_settle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
