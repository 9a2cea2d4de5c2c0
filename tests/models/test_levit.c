/* LeViT and distilled DeiT against timm: tools/golden/models.py has the other side. */
#include "../../src/models/deit/deit.h"
#include "../../src/models/levit/levit.h"
#include "timm.h"
#include "vitcod/polarize.h"
#include "vitcod/safetensors.h"

enum { GROUPS = 5 };
static const char *const names[] = {"levit_128s", "levit_128", "levit_192", "levit_256",
                                    "levit_384"};

/* The preset with narrow stages and keys of 4 values. */
static vc_model_config small(const char *name, int autoencoder)
{
    static const size_t widths[][3] = {
        {16, 32, 48}, {16, 32, 48}, {24, 36, 48}, {32, 48, 64}, {48, 64, 96}};
    vc_model_config config;
    assert_ok(vc_model_preset(&config, name));
    vc__levit_config *c = vc__levit_sizes_in(&config);
    size_t which = 0;
    while (strcmp(names[which], name) != 0)
        which++;
    c->image = IMAGE;
    c->classes = CLASSES;
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++) {
        size_t width = widths[which][s];
        c->stages[s].width = width;
        c->stages[s].own.key_dim = 4;
        c->stages[s].own.value_dim = 8;
        c->stages[s].own.hidden = 2 * width;
        if (s > 0)
            c->stages[s].subsampling =
                (vc__levit_attention){widths[which][s - 1] / 4, 4, 16, 2 * width};
    }
    for (size_t i = 0; i < VC__LEVIT_STEM; i++)
        c->stem[i] = widths[which][0] >> (3 - i);
    if (autoencoder)
        assert_ok(vc_model_compress(&config, 0, VC_CODED_QK));
    return config;
}

static void make_masks(vc_mask *masks, const vc_model_config *config)
{
    for (size_t g = 0; g < GROUPS; g++) {
        const vc_attention_group group = vc_model_group(config, g);
        const vc_attention_layer l = vc_model_layer(config, group.first);
        assert_ok(vc_mask_open(&masks[g], group.count, l.heads, l.queries, l.keys));
        for (size_t at = 0; at < group.count * l.heads * l.queries * l.keys; at++) {
            size_t j = at % l.keys, i = at / l.keys % l.queries;
            size_t h = at / l.keys / l.queries % l.heads;
            size_t layer = group.first + at / l.keys / l.queries / l.heads;
            masks[g].pruned[at] = !(j == 1 || i == j || (i * 5 + j * 3 + h + layer) % 7 == 0);
        }
    }
}

static void check_model(const char *name, const json_t *golden, int autoencoder)
{
    const vc_model_config config = small(name, autoencoder);
    vc_model *model = make(&config, autoencoder);
    vc_mask masks[GROUPS];
    vc_plan plan;
    const char *key = autoencoder ? "mask_autoencoder" : "mask";
    check_logits(model, golden, autoencoder ? "autoencoder" : "plain");
    make_masks(masks, &config);
    assert_ok(vc_model_use_masks(model, masks, GROUPS, "masks"));
    check_logits(model, golden, key);
    assert_ok(vc_polarize_groups(&plan, masks, GROUPS, 20, "masks"));
    assert_true(plan.layers[0].global_tokens[0] > 0);
    assert_ok(vc_model_use_plan(model, &plan, "plan"));
    check_logits(model, golden, key);
    vc_plan_close(&plan);
    for (size_t g = 0; g < GROUPS; g++)
        vc_mask_close(&masks[g]);
    vc_model_close(model);
}

static void against_timm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *golden = golden_of(names[i]);
        print_message("%s\n", names[i]);
        check_model(names[i], golden, 0);
        check_model(names[i], golden, 1);
        json_decref(golden);
    }
}

/* timm in training mode: both heads' logits on the batch's own statistics, and a running mean
 * after that batch. Two images leave the heads' norms little more than signs, so rounding grows. */
/* As near as rounding lets it be: a norm over two images magnifies it where they hardly differ. */
static void on_batch_statistics(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *golden = golden_of(names[i]);
        const json_t *heads = json_object_get(golden, "batch_statistics"),
                     *running = json_object_get(golden, "batch_statistics_running_mean");
        const double rounding =
            json_real_value(json_object_get(golden, "batch_statistics_rounding"));
        const vc_model_config config = small(names[i], 0);
        vc_model *model = make(&config, 0);
        vc_acts acts;
        noise(timm_images, "images", BATCH * 3 * IMAGE * IMAGE);
        assert_ok(vc_acts_open(&acts, model, BATCH, 1));
        vc_model_observe(&acts, model, timm_images, BATCH);
        vc_model_settle(model, &acts, BATCH);
        for (size_t k = 0; k < 2 * BATCH * CLASSES; k++) {
            const json_t *head = json_array_get(heads, k / (BATCH * CLASSES));
            assert_near(acts.head_logits[k],
                        json_real_value(json_array_get(head, k % (BATCH * CLASSES))),
                        8.0 * rounding);
        }
        const size_t block = vc__levit_sizes_of(&config)->stages[0].depth + 1;
        for (size_t k = 0; k < json_array_size(running); k++)
            assert_near(vc__levit_weights_of(model)->blocks[block].in.mean[k],
                        json_real_value(json_array_get(running, k)), 1e-5);
        vc_acts_close(&acts);
        vc_model_close(model);
        json_decref(golden);
    }
}

/* Auto-encoders of Q or of K alone: written, read, run, lowered. */
static void one_coder(void **state)
{
    (void)state;
    for (vc_coded of = VC_CODED_Q; of <= VC_CODED_K; of++) {
        float have[BATCH * CLASSES], want[BATCH * CLASSES];
        double largest = 0.0, loss;
        vc_model_config config = small("levit_192", 0);
        assert_ok(vc_model_compress(&config, 0, of));
        vc_model *model = make(&config, of == VC_CODED_K);
        const vc_attention_layer l = vc_model_layer(&model->config, 0);
        assert_int_equal(l.compressed[of == VC_CODED_K], 2);
        assert_int_equal(l.compressed[of != VC_CODED_K], 0);
        forward(want, model, &loss);
        assert_true(loss > 0.0);
        engine_logits(have, model, timm_images, BATCH, VC_IN_FP32);
        for (size_t i = 0; i < BATCH * CLASSES; i++)
            largest = fmax(largest, fabs((double)want[i]));
        for (size_t i = 0; i < BATCH * CLASSES; i++)
            assert_near(have[i], want[i], 1e-5 * largest);
        vc_workload w = {0};
        assert_ok(vc_model_lower(&w, &model->config, NULL));
        assert_int_equal(w.ops[1].kind, VC_OP_QKV);
        assert_int_equal(w.ops[1].output_values, l.keys * l.heads * (l.value_dim + l.head_dim));
        assert_int_equal(w.ops[2].kind, VC_OP_ENCODE);
        assert_int_equal(w.ops[2].output_values, l.keys * 2 * l.head_dim);
        vc_workload_close(&w);
        vc_model_close(model);
    }
}

static void parameters_are_timms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *golden = golden_of(names[i]);
        const vc_model_config config = small(names[i], 0);
        size_t count;
        assert_ok(vc_model_parameters(&count, &config));
        assert_int_equal(count, json_integer_value(json_object_get(golden, "parameters")));
        json_decref(golden);
    }
}

static void distilled_deit_against_timm(void **state)
{
    (void)state;
    vc__deit_config sizes = vc__deit_config_default();
    sizes.image = vc_square(32);
    sizes.patch = vc_square(8);
    sizes.width = 24;
    sizes.depth = 2;
    sizes.heads = 3;
    sizes.hidden = 96;
    sizes.classes = CLASSES;
    sizes.distilled = 1;
    const vc_model_config config = vc__deit_model(&sizes);
    json_t *golden = golden_of("deit_distilled");
    vc_model *model = make(&config, 1);
    check_logits(model, golden, "plain");
    vc_model_close(model);
    json_decref(golden);
}

/* What torch.save wrote, with the training's arguments beside the weights. */
static void checkpoint_of_pytorch(void **state)
{
    (void)state;
    vc__deit_config sizes = vc__deit_config_default();
    sizes.image = vc_square(16);
    sizes.patch = vc_square(8);
    sizes.width = 12;
    sizes.depth = 1;
    sizes.heads = 3;
    sizes.hidden = 48;
    sizes.classes = 4;
    sizes.distilled = 1;
    const vc_model_config config = vc__deit_model(&sizes);
    const vc_model_options options = {.heads = 3, .in_place = 1}, silent = {0};
    vc_model *want, *have;
    assert_ok(vc_model_create(&want, &config, 0));
    set_weights(want);
    assert_ok(vc_model_open(&have, "tests/models/golden/deit_distilled.pth", &options));
    assert_int_equal(have->param_count, want->param_count);
    for (size_t p = 0; p < want->param_count; p++) /* the formula is rounded in another order */
        for (size_t i = 0; i < want->params[p].count; i++)
            assert_near(have->params[p].data[i], want->params[p].data[i], 1e-6);
    vc_model_close(have);
    vc_model_close(want);
    assert_fails(vc_model_open(&have, "tests/models/golden/deit_distilled.pth", &silent),
                 VC_EFORMAT, "width 12 is no multiple of DeiT's 64 values per head");
    assert_fails(vc_model_open(&have, "tests/core/golden/plain.pth", &silent), VC_EFORMAT,
                 "none of a model that is known");
}

/* A checkpoint of the first release: other names, and tables and counters that are no
 * parameters. */
static void write_original(const char *path, const vc_model *model, int64_t first_index,
                           const vc_metadata *metadata, size_t entries)
{
    static vc_named_tensor tensors[600];
    static int64_t indices[4 * 49 * 49], batches = 17;
    size_t count = 0;
    for (size_t i = 0; i < 49 * 49; i++) {
        size_t q = i / 49, k = i % 49, dy = q / 7 > k / 7 ? q / 7 - k / 7 : k / 7 - q / 7;
        size_t dx = q % 7 > k % 7 ? q % 7 - k % 7 : k % 7 - q % 7;
        indices[i] = (int64_t)(dy * 7 + dx);
    }
    indices[0] = first_index;
    tensors[count++] =
        (vc_named_tensor){"blocks.0.m.attention_bias_idxs", {VC_I64, 2, {49, 49}, indices}};
    tensors[count++] =
        (vc_named_tensor){"patch_embed.0.bn.num_batches_tracked", {VC_I64, 0, {0}, &batches}};
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        vc_tensor tensor = {.dtype = VC_F32, .rank = param->rank, .data = param->data};
        memcpy(tensor.shape, param->shape, sizeof param->shape);
        tensors[count++] = (vc_named_tensor){param->alias, tensor};
    }
    assert_ok(vc_safetensors_write(path, tensors, count, metadata, entries));
}

static void original_names(void **state)
{
    (void)state;
    const vc_model_options in_place = {.in_place = 1};
    const vc_model_config config = small("levit_192", 1);
    vc_model *model = make(&config, 0), *back;
    vc_tensor_file *file;
    const vc_tensor *counter;
    write_original(temporary("original.safetensors"), model, 0, NULL, 0);
    assert_ok(vc_model_open(&back, temporary("original.safetensors"), &in_place));
    for (size_t p = 0; p < model->param_count; p++)
        assert_memory_equal(model->params[p].data, back->params[p].data,
                            model->params[p].count * sizeof(float));
    assert_ok(vc_model_write(temporary("renamed.safetensors"), back));
    vc_model_close(back);
    assert_ok(vc_safetensors_open(&file, temporary("renamed.safetensors")));
    assert_int_equal(vc_tensor_file_count(file), model->param_count + 1);
    assert_ok(
        vc_tensor_file_get(&counter, file, "stem.conv1.bn.num_batches_tracked", VC_I64, 0, NULL));
    assert_int_equal(*(const int64_t *)counter->data, 17);
    vc_tensor_file_close(file);
    write_original(temporary("wrong.safetensors"), model, 3, NULL, 0);
    assert_fails(vc_model_open(&back, temporary("wrong.safetensors"), &in_place), VC_EFORMAT,
                 "'blocks.0.m.attention_bias_idxs' holds 3 at flat index 0, wanted 0");
    vc_model_close(model);
}

/* SiLU in place of hardswish: said by a file, else known by the sizes that timm gives it to. */
static void activation(void **state)
{
    (void)state;
    const vc_model_options silent = {0};
    const vc_metadata said[] = {{"activation", "gelu"}};
    float have[BATCH * CLASSES], want[BATCH * CLASSES], hardswish[BATCH * CLASSES];
    vc_model_config config = small("levit_192", 0);
    vc__levit_sizes_in(&config)->silu = 1;
    vc_model *model = make(&config, 0), *back;
    noise(timm_images, "images", BATCH * 3 * IMAGE * IMAGE);
    engine_logits(want, model, timm_images, BATCH, VC_IN_FP32);
    vc_acts acts;
    assert_ok(vc_acts_open(&acts, model, BATCH, 0));
    vc_model_forward(&acts, model, timm_images, BATCH, NULL);
    for (size_t i = 0; i < BATCH * CLASSES; i++)
        assert_near(acts.logits[i], want[i], 1e-3);
    vc_acts_close(&acts);
    assert_ok(vc_model_write(temporary("silu.safetensors"), model));
    assert_ok(vc_model_open(&back, temporary("silu.safetensors"), &silent));
    engine_logits(have, back, timm_images, BATCH, VC_IN_FP32);
    assert_memory_equal(have, want, sizeof want);
    vc_model_close(back);
    write_original(temporary("unsaid.safetensors"), model, 0, NULL, 0);
    assert_ok(vc_model_open(&back, temporary("unsaid.safetensors"), &silent));
    engine_logits(hardswish, back, timm_images, BATCH, VC_IN_FP32);
    assert_true(memcmp(hardswish, want, sizeof want) != 0);
    vc_model_close(back);
    write_original(temporary("gelu.safetensors"), model, 0, said, 1);
    assert_fails(vc_model_open(&back, temporary("gelu.safetensors"), &silent), VC_EFORMAT,
                 "metadata 'activation' is 'gelu', wanted hardswish or silu");
    vc_model_close(model);
    static const struct {
        const char *name;
        int silu;
    } sizes[] = {{"levit_128s", 0}, {"levit_128", 0},  {"levit_192", 0}, {"levit_256", 0},
                 {"levit_384", 0},  {"levit_256d", 1}, {"levit_512", 1}, {"levit_512d", 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_ok(vc_model_preset(&config, sizes[i].name));
        assert_int_equal(vc__levit_sizes_of(&config)->silu, sizes[i].silu);
        assert_int_equal(vc__levit_is_silu(vc__levit_sizes_of(&config)), sizes[i].silu);
    }
}

/* MACs as published (timm's tables and the papers', GMACs), which count no BatchNorm. */
static void macs_are_the_published_ones(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double gmacs, tolerance; /* of the published figure's last digit, and of softmax, which
                                    LeViT's figures count */
    } published[] = {{"deit_tiny_patch16_224", 1.26, 0.01},
                     {"deit_small_patch16_224", 4.61, 0.01},
                     {"deit_base_patch16_224", 17.58, 0.01},
                     {"levit_128s", 0.305, 0.01},
                     {"levit_128", 0.406, 0.01},
                     {"levit_192", 0.658, 0.01},
                     {"levit_256", 1.12, 0.01},
                     {"levit_384", 2.35, 0.01}};
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        vc_model_config config;
        vc_workload w = {0};
        assert_ok(vc_model_preset(&config, published[i].name));
        assert_ok(vc_model_lower(&w, &config, NULL));
        double gmacs = (double)vc_workload_macs(&w, 0) / 1e9, want = published[i].gmacs;
        if (!(fabs(gmacs - want) <= published[i].tolerance * want))
            fail_msg("%s: %.4f GMACs, published %.4f", published[i].name, gmacs, want);
        vc_workload_close(&w);
    }
}

static void groups_are_vitcods(void **state)
{
    (void)state;
    static const char *const group_names[GROUPS] = {"dpt0", "subsample0", "dpt1", "subsample1",
                                                    "dpt2"};
    static const size_t shapes[GROUPS][4] = {
        {4, 4, 196, 196}, {1, 8, 49, 196}, {4, 8, 49, 49}, {1, 16, 16, 49}, {4, 12, 16, 16}};
    vc_model_config config;
    assert_ok(vc_model_preset(&config, "levit_128"));
    assert_int_equal(vc_model_groups(&config), GROUPS);
    assert_int_equal(vc_model_layers(&config), 14);
    size_t layer = 0;
    for (size_t g = 0; g < GROUPS; g++) {
        const vc_attention_group group = vc_model_group(&config, g);
        assert_string_equal(group.name, group_names[g]);
        assert_int_equal(group.first, layer);
        assert_int_equal(group.count, shapes[g][0]);
        for (size_t i = 0; i < group.count; i++, layer++) {
            const vc_attention_layer l = vc_model_layer(&config, layer);
            assert_int_equal(l.group, g);
            assert_int_equal(l.heads, shapes[g][1]);
            assert_int_equal(l.queries, shapes[g][2]);
            assert_int_equal(l.keys, shapes[g][3]);
        }
    }
}

/* LeViT-128 as it is, random weights, under ViTCoD's own masks and on their plan. */
static void official_masks(void **state)
{
    (void)state;
    static float images[3 * 224 * 224];
    static double masked[1000];
    vc_model_config config;
    vc_model *model;
    vc_mask_set set;
    vc_plan plan;
    vc_acts acts;
    assert_ok(vc_mask_set_read(&set, shared("vitcod-masks/levit_128_lowrank/masks/0.9")));
    assert_int_equal(set.count, GROUPS);
    assert_ok(vc_model_preset(&config, "levit_128"));
    assert_ok(vc_model_create(&model, &config, 1));
    assert_ok(vc_model_use_masks(model, set.masks, set.count, "masks"));
    noise(images, "images", 3 * 224 * 224);
    double difference = 0.0, largest = 0.0;
    for (int on_plan = 0; on_plan < 2; on_plan++) {
        if (on_plan) {
            assert_ok(vc_polarize_groups(&plan, set.masks, set.count, 50, "masks"));
            assert_ok(vc_model_use_plan(model, &plan, "plan"));
            vc_plan_close(&plan);
        }
        assert_ok(vc_acts_open(&acts, model, 1, 0));
        vc_model_forward(&acts, model, images, 1, NULL);
        for (size_t i = 0; i < 1000; i++) {
            if (!on_plan)
                masked[i] = acts.logits[i];
            difference = fmax(difference, fabs(masked[i] - acts.logits[i]));
            largest = fmax(largest, fabs(masked[i]));
        }
        vc_acts_close(&acts);
    }
    assert_true(largest > 0.0);
    assert_near(difference / largest, 0.0, 1e-5);
    vc_mask_set_close(&set);
    vc_model_close(model);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    vc_model_config config;
    vc_model *model;
    const vc_model_options none = {0}, heads = {.heads = 4};
    assert_fails(vc_model_preset(&config, "resnet50"), VC_EINVAL, "'resnet50' is unknown: ");
    config = small("levit_128s", 0);
    model = make(&config, 0);
    vc__levit_weights_of(model)->blocks[0].in.variance[1] = -1.0f;
    assert_ok(vc_model_write(temporary("negative.safetensors"), model));
    vc_model_close(model);
    assert_fails(vc_model_open(&model, temporary("negative.safetensors"), &none), VC_EINVAL,
                 "'stages.0.blocks.0.attn.qkv.bn.running_var' holds -1");
    assert_fails(vc_model_open(&model, temporary("model.safetensors"), &heads), VC_EINVAL,
                 "without --heads");
    assert_fails(vc_model_compress(&config, 2, VC_CODED_QK), VC_EINVAL, "instead of 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_timm),
                                       cmocka_unit_test(on_batch_statistics),
                                       cmocka_unit_test(one_coder),
                                       cmocka_unit_test(parameters_are_timms),
                                       cmocka_unit_test(activation),
                                       cmocka_unit_test(distilled_deit_against_timm),
                                       cmocka_unit_test(macs_are_the_published_ones),
                                       cmocka_unit_test(groups_are_vitcods),
                                       cmocka_unit_test(original_names),
                                       cmocka_unit_test(checkpoint_of_pytorch),
                                       cmocka_unit_test(official_masks),
                                       cmocka_unit_test(what_does_not_fit_is_refused)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
