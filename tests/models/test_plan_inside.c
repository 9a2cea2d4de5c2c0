/* A model's file with the plan inside: what is read back is what was in use, bit for bit. */
#include "../../src/models/deit/deit.h"
#include "engine_logits.h"
#include "summarized.h"
#include "vitcod/hash.h"
#include "vitcod/model.h"
#include "vitcod/polarize.h"
#include "vitcod/rng.h"
#include "vitcod/safetensors.h"

enum { IMAGES = 2, MOST_PIXELS = 3 * 64 * 64, MOST_CLASSES = 1000, MOST_GROUPS = 5 };

/* A DeiT with auto-encoder, and LeViT-128S for small images. */
static vc_model *make(int levit, uint64_t seed)
{
    vc_model_config config = vc__deit_model(&(vc__deit_config){.image = {16, 16},
                                                               .patch = {4, 4},
                                                               .channels = 3,
                                                               .classes = 5,
                                                               .width = 24,
                                                               .depth = 2,
                                                               .heads = 3,
                                                               .hidden = 32,
                                                               .compressed_heads = {2, 2},
                                                               .mean = {0},
                                                               .std = {1, 1, 1}});
    vc_model *model;
    if (levit) {
        assert_ok(vc_model_preset(&config, "levit_128s"));
        assert_ok(vc_model_resize(&config, vc_square(64)));
        assert_ok(vc_model_compress(&config, 0, VC_CODED_QK));
    }
    assert_ok(vc_model_create(&model, &config, seed));
    return model;
}

static void make_plan(vc_plan *plan, const vc_model_config *config, size_t period)
{
    vc_mask masks[MOST_GROUPS];
    const size_t groups = vc_model_groups(config);
    for (size_t g = 0; g < groups; g++) {
        const vc_attention_group group = vc_model_group(config, g);
        const vc_attention_layer l = vc_model_layer(config, group.first);
        assert_ok(vc_mask_open(&masks[g], group.count, l.heads, l.queries, l.keys));
        for (size_t i = 0; i < group.count * l.heads * l.queries * l.keys; i++)
            masks[g].pruned[i] =
                i % l.keys != 0 && i % l.keys != i / l.keys % l.queries && i % period != 0;
    }
    assert_ok(vc_polarize_groups(plan, masks, groups, 6, "mask"));
    for (size_t g = 0; g < groups; g++)
        vc_mask_close(&masks[g]);
}

/* By the forward pass, and behind it by the engine. */
static void compute(float *logits, const vc_model *model)
{
    static float x[IMAGES * MOST_PIXELS];
    vc_rng rng = vc_rng_open(4, 0, 0);
    vc_acts acts;
    const size_t values = IMAGES * vc_model_input_of(&model->config).classes;
    for (size_t i = 0; i < IMAGES * MOST_PIXELS; i++)
        x[i] = (float)vc_rng_normal(&rng);
    assert_ok(vc_acts_open(&acts, model, IMAGES, 0));
    vc_model_forward(&acts, model, x, IMAGES, NULL);
    memcpy(logits, acts.logits, values * sizeof *logits);
    vc_acts_close(&acts);
    engine_logits(logits + values, model, x, IMAGES, VC_IN_FP32);
}

/* `outside` with the plan given to it, `inside` as it is. */
static void check_same(const char *inside, const char *outside, const vc_plan *plan)
{
    static float want[2 * IMAGES * MOST_CLASSES], dense[2 * IMAGES * MOST_CLASSES],
        have[2 * IMAGES * MOST_CLASSES];
    for (int in_place = 0; in_place < 2; in_place++) {
        vc_model *a, *b;
        const vc_model_options how = {.in_place = in_place},
                               without = {.in_place = in_place, .without_plan = 1};
        assert_ok(vc_model_open(&a, outside, &how));
        const size_t bytes = 2 * IMAGES * vc_model_input_of(&a->config).classes * sizeof *want;
        assert_null(a->restriction);
        compute(dense, a);
        assert_ok(vc_model_use_plan(a, plan, "plan"));
        compute(want, a);
        assert_ok(vc_model_open(&b, inside, &how));
        assert_int_equal(vc_model_plan(b)->threshold, plan->threshold);
        assert_true(vc_plan_hash(vc_model_plan(b)) == vc_plan_hash(plan));
        assert_int_equal(vc_model_layer(&b->config, 0).compressed[0],
                         vc_model_layer(&a->config, 0).compressed[0]);
        compute(have, b);
        assert_memory_equal(have, want, bytes);
        assert_memory_not_equal(have, dense, bytes);
        vc_model_close(b);
        assert_ok(vc_model_open(&b, inside, &without));
        assert_null(b->restriction);
        compute(have, b);
        assert_memory_equal(have, dense, bytes);
        vc_model_close(b);
        vc_model_close(a);
    }
}

static void round_trip(void **state)
{
    (void)state;
    for (int levit = 0; levit < 2; levit++) {
        vc_model *model = make(levit, 3);
        vc_plan plan;
        assert_true(vc_model_layer(&model->config, 0).compressed[0] > 0);
        make_plan(&plan, &model->config, 5);
        assert_ok(vc_model_write(temporary("outside"), model));
        assert_ok(vc_model_write_int8(temporary("outside8"), model));
        assert_ok(vc_model_use_plan(model, &plan, "plan"));
        assert_ok(vc_model_write(temporary("inside"), model));
        assert_ok(vc_model_write_int8(temporary("inside8"), model));
        check_same(temporary("inside"), temporary("outside"), &plan);
        check_same(temporary("inside8"), temporary("outside8"), &plan);
        vc_plan_close(&plan);
        vc_model_close(model);
    }
}

/* The last restriction is the one that counts, and the model keeps a plan of its own. */
static void another_plan_and_masks(void **state)
{
    (void)state;
    vc_model *model = make(0, 3), *back;
    vc_plan first, second;
    vc_mask mask;
    const vc_model_options none = {0};
    make_plan(&first, &model->config, 5);
    make_plan(&second, &model->config, 3);
    const uint64_t hash = vc_plan_hash(&second);
    assert_ok(vc_model_use_plan(model, &first, "plan"));
    assert_ok(vc_model_use_plan(model, &second, "plan"));
    assert_ok(vc_model_use_plan(model, vc_model_plan(model), "plan"));
    vc_plan_close(&first);
    vc_plan_close(&second);
    assert_ok(vc_model_write(temporary("m"), model));
    assert_ok(vc_model_open(&back, temporary("m"), &none));
    assert_true(vc_plan_hash(vc_model_plan(back)) == hash);
    vc_model_close(back);
    assert_ok(vc_mask_open(&mask, 2, 3, 17, 17));
    assert_ok(vc_model_use_masks(model, &mask, 1, "mask"));
    assert_ok(vc_model_write(temporary("m"), model));
    assert_int_equal(vc_plan_is(temporary("m")), VC_PLAN_NOWHERE);
    vc_mask_close(&mask);
    vc_model_close(model);
}

/* The file of `model` with one tensor more, in the place of one that is called the same. */
static void write_with(const char *path, const vc_model *model, const vc_named_tensor *other)
{
    vc_tensor_file *file;
    vc_named_tensor tensors[128];
    const vc_metadata metadata[] = {{VC_PLAN_PREFIX "threshold", "6"}, {"num_heads", "3"}};
    size_t count = 0;
    assert_ok(vc_model_write(temporary("whole"), model));
    assert_ok(vc_safetensors_open(&file, temporary("whole")));
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        tensors[count] = *vc_tensor_file_at(file, i);
        count += strcmp(tensors[count].name, other->name) != 0;
    }
    tensors[count++] = *other;
    assert_ok(vc_safetensors_write(path, tensors, count, metadata, 2));
    vc_tensor_file_close(file);
}

static void broken_plans_are_refused(void **state)
{
    (void)state;
    vc_model *model = make(0, 3), *back;
    vc_plan plan, wrong;
    int32_t globals[] = {1, 99, 1};
    const vc_model_options none = {0}, without = {.without_plan = 1};
    make_plan(&plan, &model->config, 5);
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    vc_named_tensor other = {VC_PLAN_PREFIX "layers.1.global_tokens", {VC_I32, 1, {3}, globals}};
    write_with(temporary("broken"), model, &other);
    assert_fails(vc_model_open(&back, temporary("broken"), &none), VC_EFORMAT,
                 "broken: vitcod.plan.layers.1.global_tokens[1] is 99, wanted 0 to 17");
    other.tensor.shape[0] = 2;
    write_with(temporary("broken"), model, &other);
    assert_fails(vc_model_open(&back, temporary("broken"), &none), VC_EFORMAT,
                 "'vitcod.plan.layers.1.global_tokens' is I32 (2), wanted I32 (3)");
    other.name = VC_PLAN_PREFIX "notes";
    write_with(temporary("broken"), model, &other);
    assert_fails(vc_model_open(&back, temporary("broken"), &none), VC_EFORMAT,
                 "tensor 'vitcod.plan.notes' is no part of a plan of 2 layers");
    assert_ok(vc_model_open(&back, temporary("broken"), &without));
    vc_model_close(back);

    wrong = model->restriction->plan;
    wrong.layer_count = model->restriction->plan.layer_count = 1;
    assert_ok(vc_model_write(temporary("short"), model));
    model->restriction->plan.layer_count = 2;
    assert_fails(vc_model_open(&back, temporary("short"), &none), VC_EINVAL,
                 "short: plan of 1 layers does not fit a model of 2");
    assert_fails(vc_model_use_plan(model, &wrong, "w"), VC_EINVAL, "w: plan of 1 layers");
    vc_plan_close(&plan);
    vc_model_close(model);
}

/* The values of the family's parameters, in their order. */
static uint64_t hash_family(const vc_model *model)
{
    uint64_t hash = VC_HASH_START;
    for (size_t i = 0; i < model->param_count; i++)
        if (model->params[i].origin == VC_OF_FAMILY)
            hash = vc_hash(hash, model->params[i].data, model->params[i].count * sizeof(float));
    return hash;
}

/* What is learnt of a plan's summaries is a parameter while the plan is in use, and is written with
 * the plan. */
static void summaries_are_parameters(void **state)
{
    (void)state;
    for (int levit = 0; levit < 2; levit++) {
        vc_model *model = make(levit, 3), *back, *other;
        const size_t before = model->param_count;
        const uint64_t family = hash_family(model);
        const vc_model_options how = {0};
        vc_plan plan, plain;
        make_plan(&plan, &model->config, 5);
        make_plan(&plain, &model->config, 5);
        summarize_plan(&plan, &model->config);
        assert_ok(vc_model_use_plan(model, &plan, "plan"));
        const size_t queries = (plan.layer_count + 3) / 4; /* layers that have them */
        assert_int_equal(model->param_count, before + 2 * (plan.layer_count - 1) + queries);
        assert_true(hash_family(model) == family);
        assert_int_equal(model->params[0].origin, VC_OF_SUMMARY_BIAS);
        model->params[0].data[0] += 1.0f;
        model->params[0].data[2] += 1.0f; /* of a summary that the row does not see */
        model->params[1].data[0] += 1.0f;
        model->params[2].data[0] += 1.0f;
        vc_model_refresh(model);
        const vc_plan_layer *now = &vc_model_plan(model)->layers[0], *then = &plan.layers[0];
        assert_true(now->summary_bias[0] == then->summary_bias[0] + 1.0f);
        assert_true(now->summary_bias[2] == -INFINITY);
        assert_true(now->pooling.weights[0] == then->pooling.weights[0] + 1.0f);
        assert_true(now->pooling.query[0] == then->pooling.query[0] + 1.0f);
        assert_ok(vc_model_write(temporary("learnt"), model));
        assert_ok(vc_model_open(&back, temporary("learnt"), &how));
        assert_true(vc_plan_hash(vc_model_plan(back)) == vc_plan_hash(vc_model_plan(model)));
        assert_int_equal(back->param_count, model->param_count);
        assert_true(hash_family(back) == family);
        assert_ok(vc_model_with_classes(&other, back, 7, 1));
        assert_true(vc_plan_hash(vc_model_plan(other)) == vc_plan_hash(vc_model_plan(model)));
        assert_int_equal(other->param_count, model->param_count);
        assert_null(back->restriction);
        vc_model_close(other);
        vc_model_close(back);
        assert_ok(vc_model_use_plan(model, &plain, "plan"));
        assert_int_equal(model->param_count, before);
        assert_true(hash_family(model) == family);
        vc_plan_close(&plain);
        vc_plan_close(&plan);
        vc_model_close(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(another_plan_and_masks),
        cmocka_unit_test(summaries_are_parameters), cmocka_unit_test(broken_plans_are_refused)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
