/* The engine's door: what it refuses, batches that differ, masks, timing; int8 checkpoints. */
#include "engine_logits.h"
#include "summary_plans.h"
#include "tiny_deit.h"
#include "vitcod/polarize.h"

/* One layer: what is special about the first and about the last comes together. */
static void any_depth(void **state)
{
    (void)state;
    for (size_t depth = 1; depth <= 4; depth++) {
        float have[IMAGES * CLASSES], want[IMAGES * CLASSES];
        vc_model *model = make_tiny_deit(depth);
        forward(want, model);
        engine_logits(have, model, images, IMAGES, VC_IN_FP32);
        assert_close(have, want, 1e-5);
        vc_model_close(model);
    }
}

/* Auto-encoders of Q, of K and of both, against the forward pass that runs them; in an int8 file
 * and on it too. */
static void any_coder(void **state)
{
    (void)state;
    vc_model *plain = make_tiny_deit(2); /* the images */
    vc_model_close(plain);
    for (vc_coded of = VC_CODED_Q; of <= VC_CODED_QK; of++) {
        static const double tolerance[] = {
            [VC_IN_FP32] = 1e-5, [VC_IN_BF16] = 3e-2, [VC_IN_INT8] = 1e-1};
        float have[IMAGES * CLASSES], want[IMAGES * CLASSES];
        const vc_model_options heads = {.heads = 3};
        vc_model_config c = vc__deit_model(&config);
        vc_model *model, *back;
        assert_ok(vc_model_compress(&c, 2, of));
        assert_ok(vc_model_create(&model, &c, 1));
        forward(want, model);
        for (int p = 0; p < VC_PRECISION_COUNT; p++) {
            if (!vc_precision_supported((vc_precision)p))
                continue;
            engine_logits(have, model, images, IMAGES, (vc_precision)p);
            assert_close(have, want, tolerance[p]);
        }
        assert_ok(vc_model_write_int8(temporary("coded.safetensors"), model));
        assert_ok(vc_model_open(&back, temporary("coded.safetensors"), &heads));
        assert_memory_equal(vc__deit_sizes_of(&back->config)->compressed_heads,
                            vc__deit_sizes_of(&c)->compressed_heads,
                            sizeof vc__deit_sizes_of(&c)->compressed_heads);
        engine_logits(have, back, images, IMAGES, VC_IN_FP32);
        assert_close(have, want, tolerance[VC_IN_INT8]);
        vc_model_close(back);
        vc_model_close(model);
    }
}

/* An image's logits are the same bits alone and among others. */
static void check_batches(const vc_model *model)
{
    float have[IMAGES * CLASSES], want[IMAGES * CLASSES];
    vc_engine *engine;
    vc_engine_options options = vc_engine_options_default();
    options.batch = IMAGES;
    options.threads = 2;
    assert_ok(vc_engine_open(&engine, model, &options));
    assert_ok(vc_engine_run(engine, want, images, IMAGES));
    for (size_t at = 0, n = 1; at < IMAGES; at += n, n = 2)
        assert_ok(vc_engine_run(engine, have + at * CLASSES, images + at * PIXELS, n));
    assert_memory_equal(have, want, sizeof have);
    vc_engine_close(engine);
}

static void any_batch(void **state)
{
    (void)state;
    vc_model *model = make_tiny_deit(3);
    check_batches(model);
    vc_model_close(model);
}

/* A program that runs engines in a parallel region of its own gets one thread in each. */
static void fewer_threads_than_workers(void **state)
{
    (void)state;
    static float want[IMAGES * CLASSES], have[2][IMAGES * CLASSES];
    vc_model *model = make_tiny_deit(3);
    vc_engine *engines[2];
    vc_status statuses[2];
    vc_engine_options options = vc_engine_options_default();
    options.batch = IMAGES;
    options.threads = 3;
    for (int i = 0; i < 2; i++)
        assert_ok(vc_engine_open(&engines[i], model, &options));
    assert_ok(vc_engine_run(engines[0], want, images, IMAGES));
#pragma omp parallel for num_threads(2)
    for (int i = 0; i < 2; i++)
        statuses[i] = vc_engine_run(engines[i], have[i], images, IMAGES);
    for (int i = 0; i < 2; i++) {
        assert_ok(statuses[i]);
        assert_memory_equal(have[i], want, sizeof want);
        vc_engine_close(engines[i]);
    }
    vc_model_close(model);
}

static void masks_and_their_absence(void **state)
{
    (void)state;
    float have[IMAGES * CLASSES], masked[IMAGES * CLASSES], dense[IMAGES * CLASSES];
    vc_model *model = make_tiny_deit(3);
    vc_mask mask;
    vc_engine_options options = vc_engine_options_default();
    options.batch = IMAGES;
    assert_ok(vc_mask_open(&mask, 3, 3, TOKENS, TOKENS));
    for (size_t i = 0; i < 9 * TOKENS * TOKENS; i++)
        mask.pruned[i] = i % TOKENS != i / TOKENS % TOKENS && i % 5 != 0;
    forward(dense, model);
    assert_ok(vc_model_use_masks(model, &mask, 1, "mask"));
    forward(masked, model);
    run_engine(have, model, images, IMAGES, &options);
    assert_close(have, masked, 1e-5);
    options.split = VC_PATTERN_WHOLE;
    run_engine(have, model, images, IMAGES, &options);
    assert_close(have, masked, 1e-5);
    options.split = VC_PATTERN_BY_PLAN; /* which masks do not have */
    vc_engine *engine;
    assert_fails(vc_engine_open(&engine, model, &options), VC_EINVAL, "masks do not say");
    options.unrestricted = 1;
    run_engine(have, model, images, IMAGES, &options);
    assert_close(have, dense, 1e-5);
    vc_mask_close(&mask);
    vc_model_close(model);
}

/* Per query: what is pruned comes back as the mean of all values. */
static void a_residual(void **state)
{
    (void)state;
    float have[IMAGES * CLASSES], want[IMAGES * CLASSES], without[IMAGES * CLASSES];
    vc_model *model = make_tiny_deit(3);
    vc_mask mask;
    vc_plan plan;
    assert_ok(vc_mask_open(&mask, 3, 3, TOKENS, TOKENS));
    for (size_t i = 0; i < 9 * TOKENS * TOKENS; i++)
        mask.pruned[i] = i % TOKENS != i / TOKENS % TOKENS && i % 5 != 0;
    assert_ok(vc_polarize(&plan, &mask, 8, "mask"));
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    forward(without, model);
    for (size_t l = 0; l < plan.layer_count; l++) {
        float *share = malloc(3 * TOKENS * sizeof *share);
        assert_non_null(share);
        for (size_t r = 0; r < 3 * TOKENS; r++)
            share[r] = (float)(r % 9) / 8.0f;
        plan.layers[l].kept_share = share;
    }
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    forward(want, model);
    assert_true(memcmp(want, without, sizeof want) != 0);
    engine_logits(have, model, images, IMAGES, VC_IN_FP32);
    assert_close(have, want, 1e-5);
    vc_plan_close(&plan);
    vc_mask_close(&mask);
    vc_model_close(model);
}

/* Of four layers the second has none, and the last, where only the class token asks, has one. */
static vc_model *make_with_summaries(void)
{
    vc_model *model = make_tiny_deit(4);
    vc_mask mask;
    vc_plan plan;
    assert_ok(vc_mask_open(&mask, 4, 3, TOKENS, TOKENS));
    summary_mask(&mask, 0);
    assert_ok(vc_polarize(&plan, &mask, 8, "mask"));
    add_summaries(&plan, 1, 0);
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    vc_plan_close(&plan);
    vc_mask_close(&mask);
    return model;
}

static void summaries(void **state)
{
    (void)state;
    float have[IMAGES * CLASSES], want[IMAGES * CLASSES], dense[IMAGES * CLASSES];
    vc_model *model = make_with_summaries(), *plain = make_tiny_deit(4);
    vc_engine_options options = vc_engine_options_default();
    options.batch = IMAGES;
    forward(want, model);
    forward(dense, plain);
    for (int split = 0; split < VC_PATTERN_SPLIT_COUNT; split++) {
        options.split = (vc_pattern_split)split;
        run_engine(have, model, images, IMAGES, &options);
        assert_close(have, want, 1e-5);
    }
    options.unrestricted = 1;
    run_engine(have, model, images, IMAGES, &options);
    assert_close(have, dense, 1e-5);
    check_batches(model);
    vc_model_close(plain);
    vc_model_close(model);
}

/* Each summary is a sum of rows of K and V, and a key of every query that is computed. */
static void summaries_are_counted(void **state)
{
    (void)state;
    vc_model *model = make_with_summaries();
    const vc_plan *plan = vc_model_plan(model);
    vc_engine_options options = vc_engine_options_default();
    vc_engine *engine;
    size_t poolings = 0;
    options.split = VC_PATTERN_WHOLE;
    assert_ok(vc_engine_open(&engine, model, &options));
    for (size_t i = 0; i < vc_engine_op_count(engine); i++) {
        const vc_engine_op op = vc_engine_op_at(engine, i);
        if (op.kind != VC_OP_POOL && op.kind != VC_OP_ATTENTION)
            continue;
        const vc_pooling *p = &plan->layers[op.layer].pooling;
        const size_t queries = op.layer == 3 ? 1 : TOKENS;
        poolings += op.kind == VC_OP_POOL;
        assert_int_equal(op.macs, op.kind == VC_OP_POOL
                                      ? p->entries * 2 * config.width
                                      : 2 * queries * (TOKENS + p->count) * config.width);
    }
    assert_int_equal(poolings, 3);
    vc_engine_close(engine);
    vc_model_close(model);
}

/* Keys in all panels of the engine that a plan of this threshold gives, and its logits. */
static size_t run_threshold(float *logits, vc_model *model, const vc_mask *mask, size_t threshold,
                            const vc_engine_options *options)
{
    size_t keys = 0;
    vc_plan plan;
    vc_engine *engine;
    assert_ok(vc_polarize(&plan, mask, threshold, "mask"));
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    assert_ok(vc_engine_open(&engine, model, options));
    assert_ok(vc_engine_run(engine, logits, images, IMAGES));
    for (size_t l = 0; l < plan.layer_count; l++)
        for (size_t h = 0; h < plan.layers[l].heads; h++)
            keys += vc_engine_attention(engine, l)->pattern.head[h].panel_count;
    vc_engine_close(engine);
    vc_plan_close(&plan);
    return keys;
}

/* A plan's threshold moves keys between panel and rows, unless the split is by cost. */
static void the_plan_decides_the_split(void **state)
{
    (void)state;
    float few[IMAGES * CLASSES], many[IMAGES * CLASSES], by_cost[IMAGES * CLASSES],
        threads[IMAGES * CLASSES];
    vc_model *model = make_tiny_deit(3);
    vc_mask mask;
    vc_engine_options options = vc_engine_options_default();
    options.batch = IMAGES;
    assert_ok(vc_mask_open(&mask, 3, 3, TOKENS, TOKENS));
    for (size_t i = 0; i < 9 * TOKENS * TOKENS; i++)
        mask.pruned[i] = i % TOKENS != i / TOKENS % TOKENS && i % 5 != 0 && i % TOKENS > 2;
    options.split = VC_PATTERN_BY_PLAN;
    const size_t all = run_threshold(many, model, &mask, 0, &options),
                 some = run_threshold(few, model, &mask, TOKENS - 1, &options);
    assert_int_equal(all, 9 * TOKENS);
    assert_int_equal(some, 9 * 3);
    assert_close(few, many, 1e-5);
    options.threads = 1;
    run_threshold(threads, model, &mask, TOKENS - 1, &options);
    assert_memory_equal(threads, few, sizeof few);
    options.split = VC_PATTERN_BY_COST;
    options.costs = (vc_split_costs){.panel_entry = 1.0, .row_entry = 1e-3, .row = 1e-3};
    assert_int_equal(run_threshold(by_cost, model, &mask, 0, &options), 0);
    assert_close(by_cost, many, 1e-5);
    vc_mask_close(&mask);
    vc_model_close(model);
}

static void time_is_told_by_operator(void **state)
{
    (void)state;
    float logits[IMAGES * CLASSES];
    vc_model *model = make_tiny_deit(2);
    vc_engine *engine;
    vc_engine_options options = vc_engine_options_default();
    options.batch = IMAGES;
    assert_ok(vc_engine_open(&engine, model, &options));
    vc_engine_time(engine, 1);
    assert_ok(vc_engine_run(engine, logits, images, IMAGES));
    size_t attentions = 0;
    for (size_t i = 0; i < vc_engine_op_count(engine); i++) {
        const vc_engine_op op = vc_engine_op_at(engine, i);
        assert_true(op.seconds >= 0.0 && op.seconds < 10.0 && op.layer < 2);
        attentions += strcmp(op.name, "attention") == 0 && op.seconds > 0.0;
    }
    assert_int_equal(attentions, 2);
    assert_true(vc_engine_bytes(engine) > 0);
    vc_engine_close(engine);
    options.batch = 0;
    assert_fails(vc_engine_open(&engine, model, &options), VC_EINVAL, "a batch of 0");
    vc_model_close(model);
}

/* The engine makes of an int8 checkpoint what it made of the model that was written. */
static void check_int8_file(vc_model *model)
{
    float have[IMAGES * CLASSES], want[IMAGES * CLASSES];
    vc_model *back;
    assert_ok(vc_model_write_int8(temporary("int8.safetensors"), model));
    const vc_precision precision = vc_precision_supported(VC_IN_INT8) ? VC_IN_INT8 : VC_IN_FP32;
    engine_logits(want, model, images, IMAGES, precision);
    for (int in_place = 0; in_place < 2; in_place++) {
        const vc_model_options options = {.heads = 3, .in_place = in_place};
        assert_ok(vc_model_open(&back, temporary("int8.safetensors"), &options));
        engine_logits(have, back, images, IMAGES, precision);
        assert_close(have, want, precision == VC_IN_INT8 ? 0.01 : 0.1);
        vc_model_close(back);
    }
    vc_model_close(model);
}

static void int8_files(void **state)
{
    (void)state;
    check_int8_file(make_tiny_deit(2));
    check_int8_file(make_with_summaries());
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_depth),
                                       cmocka_unit_test(any_coder),
                                       cmocka_unit_test(any_batch),
                                       cmocka_unit_test(fewer_threads_than_workers),
                                       cmocka_unit_test(masks_and_their_absence),
                                       cmocka_unit_test(a_residual),
                                       cmocka_unit_test(summaries),
                                       cmocka_unit_test(summaries_are_counted),
                                       cmocka_unit_test(the_plan_decides_the_split),
                                       cmocka_unit_test(time_is_told_by_operator),
                                       cmocka_unit_test(int8_files)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
