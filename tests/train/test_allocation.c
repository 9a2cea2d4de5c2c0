/* Neither training nor inference allocates after the first step: the linker sends every
 * allocation of our own objects through here (see CMakeLists.txt). What oneDNN does inside is
 * its own. */
#include "../../src/models/deit/deit.h"
#include "testing.h"
#include "vitcod/engine.h"
#include "vitcod/train.h"

static size_t allocations;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t align, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t align, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    allocations++;
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    allocations++;
    return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    allocations++;
    return __real_realloc(old, bytes);
}

void *__wrap_aligned_alloc(size_t align, size_t bytes)
{
    allocations++;
    return __real_aligned_alloc(align, bytes);
}

enum { COUNT = 64, PIXELS = 64, TOKENS = 17, HEADS = 3 };
static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
static const vc_dataset data = {COUNT, 1, 8, 8, 4, pixels, labels, NULL};

static vc_model *make_model(size_t compressed)
{
    const vc__deit_config config = {.image = {8, 8},
                                    .patch = {2, 2},
                                    .channels = 1,
                                    .classes = 4,
                                    .width = 12,
                                    .depth = 2,
                                    .heads = HEADS,
                                    .hidden = 24,
                                    .compressed_heads = {compressed, compressed},
                                    .std = {1.0f}};
    vc_model *model;
    assert_ok(vc__deit_create(&model, &config, 1));
    return model;
}

static vc_status train(vc_model *model, const vc_dataset *images, const vc_train_options *o,
                       const char *checkpoint, int resume, const vc_train_hooks *hooks)
{
    vc_source *source;
    assert_ok(vc_source_of_dataset(&source, images));
    const vc_status status = vc_train(model, source, NULL, o, checkpoint, resume, hooks);
    vc_source_close(source);
    return status;
}

static size_t after_first, after_last;

static void on_step(void *context, size_t step, size_t steps, double loss)
{
    (void)context;
    (void)loss;
    if (step == 1)
        after_first = allocations;
    if (step == steps)
        after_last = allocations;
}

static void check_training(vc_model *model)
{
    vc_train_options o = vc_train_options_default();
    const vc_train_hooks hooks = {.on_step = on_step};
    o.epochs = 1; /* each opens a loader */
    o.batch = 8;
    o.workers = 1; /* has made an image before the first step */
    o.warmup_epochs = 0.0;
    allocations = 0;
    assert_ok(train(model, &data, &o, NULL, 0, &hooks));
    assert_true(after_first > 0); /* the counter counts */
    assert_int_equal(after_last, after_first);
    vc_model_close(model);
}

static void training(void **state)
{
    (void)state;
    check_training(make_model(0));
    check_training(make_model(2));
}

static void training_on_a_plan(void **state)
{
    (void)state;
    static uint8_t pruned[2 * HEADS * TOKENS * TOKENS];
    static int32_t order[2 * HEADS * TOKENS], globals[2 * HEADS];
    const vc_mask mask = {2, HEADS, TOKENS, TOKENS, pruned};
    for (size_t i = 0; i < sizeof pruned; i++)
        pruned[i] = i % 3 == 1;
    for (size_t i = 0; i < 2 * HEADS * TOKENS; i++)
        order[i] = (int32_t)(i % TOKENS);
    for (size_t i = 0; i < 2 * HEADS; i++)
        globals[i] = 2;
    const vc_token_order tokens = {order, order, globals};
    vc_plan plan;
    assert_ok(vc_plan_assemble(&plan, &mask, &tokens, 5));
    vc_model *model = make_model(2);
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    vc_plan_close(&plan);
    check_training(model);
}

static void inference(void **state)
{
    (void)state;
    static float images[4 * PIXELS];
    static float logits[4 * 4]; /* images, classes */
    for (int precision = 0; precision < VC_PRECISION_COUNT; precision++) {
        if (!vc_precision_supported((vc_precision)precision))
            continue;
        vc_model *model = make_model(2);
        vc_engine *engine;
        vc_engine_options options = vc_engine_options_default();
        options.batch = 4;
        options.precision = (vc_precision)precision;
        assert_ok(vc_engine_open(&engine, model, &options));
        const size_t before = allocations;
        for (int i = 0; i < 3; i++)
            assert_ok(vc_engine_run(engine, logits, images, 4));
        assert_int_equal(allocations, before);
        vc_engine_close(engine);
        vc_model_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(training),
                                       cmocka_unit_test(training_on_a_plan),
                                       cmocka_unit_test(inference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
