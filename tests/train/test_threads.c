/* Training gives the same bits with any number of threads, and however little is kept: DeiT and
 * LeViT, dense and on plans with summaries, with ViTCoD's auto-encoder, in float32 and bfloat16,
 * with a teacher inside. Sizes are such that oneDNN left alone would cut the sums of weights'
 * gradients by that number, from eight on. */
#include "../src/models/deit/deit.h"
#include "tiny_levit.h"
#include "vitcod/product.h"
#include "vitcod/threads.h"
#include "vitcod/train.h"

enum { COUNT = 96, SIDE = 28, CHANNELS = 2, PIXELS = CHANNELS * SIDE * SIDE };
static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
static const vc_dataset data = {COUNT, CHANNELS, SIDE, SIDE, TINY_CLASSES, pixels, labels, NULL};
static const vc__deit_config plain = {.image = {SIDE, SIDE},
                                      .patch = {4, 4},
                                      .channels = CHANNELS,
                                      .classes = TINY_CLASSES,
                                      .width = 66,
                                      .heads = 3,
                                      .hidden = 132,
                                      .depth = 2,
                                      .std = {1.0f, 1.0f}};

static void make_data(void)
{
    vc_rng rng = vc_rng_open(1, 1, 1);
    for (size_t i = 0; i < COUNT; i++)
        labels[i] = (int32_t)i % TINY_CLASSES;
    for (size_t i = 0; i < COUNT * PIXELS; i++)
        pixels[i] = (uint8_t)vc_rng_below(&rng, 256);
}

typedef struct task {
    int levit, plan, coded, half, taught, scaled;
    vc_keep keep; /* 0: all */
} task;

static vc_model *make_deit(const task *what)
{
    vc__deit_config config = plain;
    vc_model *model;
    config.layer_scale = what->scaled;
    if (what->coded)
        config.compressed_heads[0] = config.compressed_heads[1] = 2;
    assert_ok(vc__deit_create(&model, &config, 3));
    if (!what->plan)
        return model;
    const size_t tokens = vc__deit_tokens(&config);
    vc_mask mask;
    vc_plan plan;
    assert_ok(vc_mask_open(&mask, config.depth, config.heads, tokens, tokens));
    for (size_t i = 0; i < mask.layers * mask.heads * tokens * tokens; i++)
        mask.pruned[i] = i % tokens != 0 && i % tokens != i / tokens % tokens && i % 7 != 0;
    assert_ok(vc_polarize(&plan, &mask, 6, "mask"));
    summarize_plan(&plan, &model->config);
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    vc_plan_close(&plan);
    vc_mask_close(&mask);
    return model;
}

static vc_model *make_levit(const task *what)
{
    const vc_model_config config = tiny_levit();
    vc_model *model = tiny_levit_open(&config);
    tiny_levit_restrict(model, what->plan ? TINY_SUMMARIES : TINY_DENSE);
    return model;
}

/* The parameters after two steps, of a LeViT after one; the caller frees them. */
static float *trained_with(int threads, const task *what, size_t *count)
{
    const task teaching = {0};
    const vc_train_hooks none = {0};
    vc_source *source;
    vc_model *model = what->levit ? make_levit(what) : make_deit(what),
             *teacher = what->taught ? make_deit(&teaching) : NULL;
    vc_train_options o = vc_train_options_default();
    o.epochs = 1;
    o.batch = what->levit ? COUNT / 4 : COUNT / 2;
    o.limit = what->levit ? o.batch : 0;
    o.workers = 1;
    o.warmup_epochs = 0.0;
    o.half = what->half;
    o.drop_path = what->scaled ? 0.4 : 0.0;
    o.activations = what->keep ? what->keep : VC_KEEP_ALL;
    o.teacher = teacher;
    o.features = o.attention = what->taught ? 1.0 : 0.0;
    assert_ok(vc_threads_set(threads));
    assert_ok(vc_source_of_dataset(&source, &data));
    assert_ok(vc_train(model, source, NULL, &o, NULL, 0, &none));
    assert_ok(vc_threads_set(1));
    *count = model->value_count;
    float *values = malloc(*count * sizeof *values);
    assert_non_null(values);
    memcpy(values, model->values, *count * sizeof *values);
    vc_source_close(source);
    vc_model_close(teacher);
    vc_model_close(model);
    return values;
}

static void compare(const task *what)
{
    size_t count, same;
    if (what->half && !vc_precision_supported(VC_IN_BF16))
        skip();
    make_data();
    float *one = trained_with(1, what, &count);
    float *eight = trained_with(8, what, &same);
    assert_int_equal(count, same);
    assert_memory_equal(one, eight, count * sizeof *one);
    free(eight);
    free(one);
}

static void dense(void **state)
{
    (void)state;
    compare(&(task){0});
}

static void dense_in_bf16(void **state)
{
    (void)state;
    compare(&(task){.half = 1});
}

static void coded_and_taught_on_a_plan(void **state)
{
    (void)state;
    compare(&(task){.plan = 1, .coded = 1, .taught = 1});
}

static void on_a_plan_in_bf16(void **state)
{
    (void)state;
    compare(&(task){.plan = 1, .half = 1});
}

static void levit(void **state)
{
    (void)state;
    compare(&(task){.levit = 1});
}

static void levit_on_a_plan_in_bf16(void **state)
{
    (void)state;
    compare(&(task){.levit = 1, .plan = 1, .half = 1});
}

static void compare_kept(task what)
{
    size_t count, same;
    if (what.half && !vc_precision_supported(VC_IN_BF16))
        skip();
    make_data();
    float *all = trained_with(1, &what, &count);
    for (what.keep = VC_KEEP_LESS; what.keep <= VC_KEEP_LEAST; what.keep++) {
        float *fewer = trained_with(1, &what, &same);
        assert_int_equal(count, same);
        assert_memory_equal(all, fewer, count * sizeof *all);
        free(fewer);
    }
    free(all);
}

static void keeping_less(void **state)
{
    (void)state;
    compare_kept((task){.scaled = 1});
    compare_kept((task){.coded = 1, .taught = 1});
    compare_kept((task){.plan = 1, .coded = 1, .taught = 1});
}

static void keeping_less_in_bf16(void **state)
{
    (void)state;
    compare_kept((task){.half = 1});
}

static size_t bytes_of(const vc_model *model, vc_keep keep)
{
    vc_acts acts;
    assert_ok(vc_acts_open(&acts, model, 16, keep));
    const size_t bytes = acts.arena.used;
    vc_acts_close(&acts);
    return bytes;
}

static void memory_of_deit_tiny(void **state)
{
    (void)state;
    vc_model_config config;
    vc_model *model;
    assert_ok(vc_model_preset(&config, "deit_tiny_patch16_224"));
    assert_ok(vc_model_create(&model, &config, 1));
    const size_t all = bytes_of(model, VC_KEEP_ALL);
    assert_in_range(bytes_of(model, VC_KEEP_LESS), all / 3, 60 * all / 100);
    assert_in_range(bytes_of(model, VC_KEEP_LEAST), all / 20, 20 * all / 100);
    vc_model_close(model);
}

static void levit_keeps_all(void **state)
{
    (void)state;
    vc_acts acts;
    vc_model *model = make_levit(&(task){0});
    assert_fails(vc_acts_open(&acts, model, 2, VC_KEEP_LESS), VC_EUNSUPPORTED,
                 "only a deit makes activations again to keep fewer of them, this is a levit");
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(dense),
                                       cmocka_unit_test(dense_in_bf16),
                                       cmocka_unit_test(coded_and_taught_on_a_plan),
                                       cmocka_unit_test(on_a_plan_in_bf16),
                                       cmocka_unit_test(levit),
                                       cmocka_unit_test(levit_on_a_plan_in_bf16),
                                       cmocka_unit_test(keeping_less),
                                       cmocka_unit_test(keeping_less_in_bf16),
                                       cmocka_unit_test(memory_of_deit_tiny),
                                       cmocka_unit_test(levit_keeps_all)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
