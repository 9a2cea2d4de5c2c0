/* DeiT against golden files that an independent program computed, and its files. */
#include "../small_deit.h"
#include "engine_logits.h"
#include "summarized.h"
#include "vitcod/attention_stats.h"
#include "vitcod/model.h"
#include "vitcod/npy.h"
#include "vitcod/polarize.h"
#include "with_summaries.h"

static const char *const weights = "deit_tiny_patch16_224.safetensors";
static const char *const official = "vitcod-masks/deit_tiny_lowrank_0.95/info_0.95.npy";

static double largest_difference(vc_model *model, const char *golden, double *reconstruction)
{
    vc_npy x, want;
    vc_acts acts;
    assert_ok(vc_npy_open(&x, shared("golden/deit_tiny_input.npy")));
    assert_ok(vc_npy_open(&want, shared(golden)));
    assert_ok(vc_acts_open(&acts, model, 4, 0));
    vc_model_forward(&acts, model, x.tensor.data, 4, NULL);
    const float *golden_logits = want.tensor.data;
    double difference = 0.0, largest = 0.0;
    for (size_t i = 0; i < 4000; i++) {
        difference = fmax(difference, fabs((double)acts.logits[i] - golden_logits[i]));
        largest = fmax(largest, fabs((double)golden_logits[i]));
    }
    *reconstruction = vc_model_reconstruction(&acts, model);
    vc_acts_close(&acts);
    float *logits = malloc(4000 * sizeof *logits);
    assert_non_null(logits);
    engine_logits(logits, model, x.tensor.data, 4, VC_IN_FP32);
    for (size_t i = 0; i < 4000; i++)
        difference = fmax(difference, fabs((double)logits[i] - golden_logits[i]));
    free(logits);
    vc_npy_close(&want);
    vc_npy_close(&x);
    return difference / largest;
}

static void dense(void **state)
{
    (void)state;
    vc_model *model;
    double ignored;
    const vc_model_options none = {0};
    assert_ok(vc_model_open(&model, shared(weights), &none));
    assert_near(largest_difference(model, "golden/deit_tiny_logits.npy", &ignored), 0.0, 1e-4);
    vc_model_close(model);
}

static void masked_and_on_the_plan(void **state)
{
    (void)state;
    for (int with_autoencoder = 0; with_autoencoder < 2; with_autoencoder++) {
        vc_model *model;
        vc_mask mask;
        vc_plan plan;
        double loss;
        const vc_model_options options = {
            .autoencoder =
                with_autoencoder ? shared("golden/deit_tiny_autoencoder.safetensors") : NULL};
        const char *golden = with_autoencoder ? "golden/deit_tiny_logits_mask095_autoencoder.npy"
                                              : "golden/deit_tiny_logits_mask095.npy";
        assert_ok(vc_model_open(&model, shared(weights), &options));
        assert_ok(vc_mask_read(&mask, shared(official)));
        assert_ok(vc_polarize(&plan, &mask, 50, "mask"));
        assert_ok(vc_model_use_masks(model, &mask, 1, "mask"));
        assert_near(largest_difference(model, golden, &loss), 0.0, 1e-4);
        assert_ok(vc_model_use_plan(model, &plan, "plan"));
        assert_near(largest_difference(model, golden, &loss), 0.0, 1e-4);
        if (with_autoencoder)
            assert_near(loss, 11513.440676061267, 0.05);
        vc_plan_close(&plan);
        vc_mask_close(&mask);
        vc_model_close(model);
    }
}

static void file_round_trip(void **state)
{
    (void)state;
    const vc__deit_config config = {.image = {8, 8},
                                    .patch = {2, 2},
                                    .channels = 2,
                                    .classes = 3,
                                    .width = 10,
                                    .depth = 2,
                                    .heads = 5,
                                    .hidden = 7,
                                    .compressed_heads = {3, 3},
                                    .distilled = 1,
                                    .mean = {0.25f, 0.5f},
                                    .std = {0.1f, 0.2f}};
    vc_model *model, *back;
    const vc_model_options none = {0};
    assert_ok(vc__deit_create(&model, &config, 9));
    assert_ok(vc_model_write(temporary("m.safetensors"), model));
    assert_ok(vc_model_open(&back, temporary("m.safetensors"), &none));
    assert_int_equal(vc__deit_sizes_of(&back->config)->heads, 5);
    assert_int_equal(vc__deit_sizes_of(&back->config)->image.width, 8);
    assert_int_equal(vc__deit_sizes_of(&back->config)->compressed_heads[0], 3);
    assert_int_equal(vc__deit_sizes_of(&back->config)->compressed_heads[1], 3);
    assert_int_equal(vc__deit_sizes_of(&back->config)->distilled, 1);
    assert_true(vc__deit_sizes_of(&back->config)->mean[1] == 0.5f &&
                vc__deit_sizes_of(&back->config)->std[1] == 0.2f);
    assert_int_equal(back->value_count, model->value_count);
    assert_memory_equal(back->values, model->values, model->value_count * sizeof(float));
    vc_model_close(back);
    vc__deit_weights_of(model)->blocks[1].fc1_b[2] = NAN;
    assert_ok(vc_model_write(temporary("n.safetensors"), model));
    assert_fails(vc_model_open(&back, temporary("n.safetensors"), &none), VC_EINVAL,
                 "'blocks.1.mlp.fc1.bias' holds nan at flat index 2");
    vc_model_close(model);
}

static void shapes_are_checked(void **state)
{
    (void)state;
    vc__deit_config config = vc__deit_config_default();
    vc_model *model;
    vc_mask mask;
    config.heads = 5;
    assert_fails(vc__deit_create(&model, &config, 0), VC_EINVAL, "192 is not divisible by 5 heads");
    config = (vc__deit_config){.image = {4, 4},
                               .patch = {2, 2},
                               .channels = 1,
                               .classes = 2,
                               .width = 6,
                               .depth = 1,
                               .heads = 3,
                               .hidden = 6,
                               .std = {1}};
    assert_ok(vc__deit_create(&model, &config, 0));
    assert_ok(vc_mask_open(&mask, 1, 3, 4, 4));
    assert_fails(vc_model_use_masks(model, &mask, 1, "m.npy"), VC_EINVAL,
                 "m.npy: mask (1, 3, 4, 4) does not fit a model that wants (1, 3, 5, 5)");
    vc_mask_close(&mask);
    vc_model_close(model);
}

static void add_attention(void *context, const vc_acts *acts, size_t layer, const float *probs,
                          size_t batch)
{
    (void)acts;
    vc_attention_stats_add(context, layer, probs, batch);
}

/* The tap and the running mean, images one by one and three together. The golden maps are
 * float64's; in float32 PyTorch is 1.26e-5 from them. */
static void mean_attention(void **state)
{
    (void)state;
    enum { L = 12, H = 3, T = 197, COUNT = L * H * T * T, IMAGE = 3 * 224 * 224 };
    vc_model *model;
    vc_npy x, want;
    vc_acts acts;
    vc_attention_stats stats;
    const vc_model_options none = {0};
    assert_ok(vc_npy_open(&want, shared("golden/deit_tiny_mean_attention.npy")));
    assert_ok(vc_npy_open(&x, shared("golden/deit_tiny_input.npy")));
    assert_ok(vc_model_open(&model, shared(weights), &none));
    assert_ok(vc_acts_open(&acts, model, 3, 0));
    assert_ok(vc_attention_stats_open(&stats, L, H, T, T));
    const vc_tap tap = {.attention = add_attention, .context = &stats};
    const float *images = x.tensor.data;
    vc_model_forward(&acts, model, images, 1, &tap);
    vc_model_forward(&acts, model, images + IMAGE, 3, &tap);
    assert_int_equal(stats.images, 4);
    float *mean = malloc(COUNT * sizeof *mean);
    vc_attention_stats_mean(mean, &stats);
    const float *golden = want.tensor.data;
    const double tolerance = getenv("VC_ISA") ? 1.3e-5 : 1e-5;
    for (size_t i = 0; i < COUNT; i++)
        if (!(fabs((double)mean[i] - golden[i]) <= tolerance))
            fail_msg("flat index %zu: %.9g, wanted %.9g", i, (double)mean[i], (double)golden[i]);
    free(mean);
    vc_attention_stats_close(&stats);
    vc_acts_close(&acts);
    vc_model_close(model);
    vc_npy_close(&x);
    vc_npy_close(&want);
}

/* MACs of DeiT-Tiny, by hand. */
static void lowering(void **state)
{
    (void)state;
    const vc__deit_config sizes = vc__deit_config_default();
    const vc_model_config whole = vc__deit_model(&sizes);
    vc_workload w = {0};
    assert_ok(vc_model_lower(&w, &whole, NULL));
    uint64_t t = 197, d = 192, attention = 12 * 2 * 3 * t * t * 64;
    uint64_t linear = 12 * (t * d * 3 * d + t * d * d + 2 * t * d * 768);
    assert_int_equal(vc_workload_macs(&w, 1), attention);
    assert_int_equal(vc_workload_macs(&w, 0),
                     attention + linear + 196 * 16 * 16 * 3 * d + d * 1000);
    vc_workload_close(&w);
}

static const vc_op *find_op(const vc_workload *w, vc_op_kind kind)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->ops[i].kind == kind)
            return &w->ops[i];
    fail_msg("no operator %s", vc_op_name(kind));
    return NULL;
}

/* What comes of attention, and of the MLP, is added to the residual stream, which is the input of
 * the MLP; positions are no part of it. */
static void lowering_of_residual_streams(void **state)
{
    (void)state;
    const vc__deit_config sizes = vc__deit_config_default();
    const vc_model_config c = vc__deit_model(&sizes);
    vc_workload w = {0};
    assert_ok(vc_model_lower(&w, &c, NULL));
    for (size_t i = 0; i < w.count; i++) {
        const vc_op *op = &w.ops[i];
        const int adds = op->kind == VC_OP_PROJECTION || op->kind == VC_OP_MLP;
        assert_int_equal(op->residual_values, adds ? 197 * 192 : 0);
        assert_int_equal(op->residual_is_input, op->kind == VC_OP_MLP);
    }
    vc_workload_close(&w);
}

/* What is coded is written and read as 2 of 3 heads, the rest in full. */
static void lowering_of_one_coder(void **state)
{
    (void)state;
    const uint64_t t = 197, d = 64;
    for (vc_coded of = VC_CODED_Q; of <= VC_CODED_QK; of++) {
        const vc__deit_config sizes = vc__deit_config_default();
        vc_model_config c = vc__deit_model(&sizes);
        vc_workload w = {0};
        const uint64_t sides = of == VC_CODED_QK ? 2 : 1;
        assert_ok(vc_model_compress(&c, 0, of));
        assert_ok(vc_model_lower(&w, &c, NULL));
        assert_int_equal(find_op(&w, VC_OP_QKV)->output_values, (3 - sides) * t * 3 * d);
        assert_int_equal(find_op(&w, VC_OP_ENCODE)->macs, sides * t * d * 2 * 3);
        assert_int_equal(find_op(&w, VC_OP_ENCODE)->weight_values, sides * (2 * 3 + 2));
        assert_int_equal(find_op(&w, VC_OP_ENCODE)->output_values, sides * t * d * 2);
        assert_int_equal(find_op(&w, VC_OP_DECODE)->macs, sides * t * d * 2 * 3);
        assert_int_equal(find_op(&w, VC_OP_DECODE)->weight_values, sides * (2 * 3 + 3));
        assert_int_equal(find_op(&w, VC_OP_SDDMM)->input_values,
                         (sides * 2 + (2 - sides) * 3) * t * d);
        vc_workload_close(&w);
    }
}

/* Summaries of K are pooled as K is stored: 2 of 3 heads where it has a coder. Queries that pool
 * are multiplied with each pooled key besides, and what they pool are all heads, before the coder
 * (docs/simulator.md, D21). */
static void lowering_of_summaries(void **state)
{
    (void)state;
    const uint64_t t = 197, d = 64, g = 9;
    for (vc_coded of = VC_CODED_NONE; of <= VC_CODED_QK; of++) {
        const vc__deit_config sizes = vc__deit_config_default();
        vc_model_config c = vc__deit_model(&sizes);
        vc_workload w = {0};
        vc_mask mask;
        vc_plan plan;
        const uint64_t k = of & VC_CODED_K ? 2 : 3;
        if (of)
            assert_ok(vc_model_compress(&c, 0, of));
        assert_ok(vc_mask_open(&mask, 12, 3, t, t));
        assert_ok(vc_plan_of_masks(&plan, &mask, 1));
        for (size_t l = 0; l < plan.layer_count; l++)
            add_summaries(&plan.layers[l], g, l);
        assert_ok(vc_model_lower(&w, &c, &plan));
        assert_int_equal(find_op(&w, VC_OP_POOL)->macs, (t - 1) * (k + 3) * d);
        assert_int_equal(find_op(&w, VC_OP_POOL)->output_values, g * (k + 3) * d);
        assert_int_equal(find_op(&w, VC_OP_POOL)->summary_values, t - 1);
        assert_int_equal(find_op(&w, VC_OP_SDDMM)->macs, 3 * t * (t + g) * d);
        assert_int_equal(find_op(&w, VC_OP_SDDMM)->summary_values, 3 * t * g);
        assert_int_equal(find_op(&w, VC_OP_SPMM)->input_values, 3 * (t + g) * d);
        vc_workload_close(&w);
        summarize_layer(&plan.layers[0], d);
        assert_ok(vc_model_lower(&w, &c, &plan));
        const uint64_t pooled = plan.layers[0].pooling.entries;
        assert_int_equal(find_op(&w, VC_OP_POOL)->macs, pooled * (3 + 3 + 3) * d);
        assert_int_equal(find_op(&w, VC_OP_POOL)->summary_values, pooled + 3 * d);
        vc_workload_close(&w);
        vc_plan_close(&plan);
        vc_mask_close(&mask);
    }
}

/* Which of Q and K have a coder is told from the tensors; a file of the coder alone fits the
 * plain model. */
static void files_of_one_coder(void **state)
{
    (void)state;
    const vc__deit_config plain = {.image = {4, 4},
                                   .patch = {2, 2},
                                   .channels = 1,
                                   .classes = 2,
                                   .width = 6,
                                   .depth = 2,
                                   .heads = 3,
                                   .hidden = 6,
                                   .std = {1}};
    vc_model *model, *back;
    assert_ok(vc__deit_create(&model, &plain, 4));
    assert_ok(vc_model_write(temporary("plain.safetensors"), model));
    vc_model_close(model);
    for (vc_coded of = VC_CODED_Q; of <= VC_CODED_K; of++) {
        const size_t coded = of == VC_CODED_K, other = !coded;
        const vc_model_options none = {0}, with = {.autoencoder = temporary("coder.safetensors")};
        vc_model_config c = vc__deit_model(&plain);
        assert_ok(vc_model_compress(&c, 2, of));
        assert_ok(vc_model_create(&model, &c, 4));
        assert_null(vc_model_coder(model, 1)[other].encoder_w);
        assert_ok(vc_model_write(temporary("m.safetensors"), model));
        assert_ok(vc_model_write_autoencoder(with.autoencoder, model));
        assert_ok(vc_model_open(&back, temporary("m.safetensors"), &none));
        assert_int_equal(vc__deit_sizes_of(&back->config)->compressed_heads[coded], 2);
        assert_int_equal(vc__deit_sizes_of(&back->config)->compressed_heads[other], 0);
        assert_memory_equal(back->values, model->values, model->value_count * sizeof(float));
        vc_model_close(back);
        assert_ok(vc_model_open(&back, temporary("plain.safetensors"), &with));
        assert_int_equal(vc__deit_sizes_of(&back->config)->compressed_heads[other], 0);
        assert_memory_equal(vc_model_coder(back, 1)[coded].decoder_w,
                            vc_model_coder(model, 1)[coded].decoder_w, 6 * sizeof(float));
        vc_model_close(back);
        vc_model_close(model);
    }
    vc_model_config c = vc__deit_model(&plain);
    assert_fails(vc_model_compress(&c, 4, VC_CODED_K), VC_EINVAL, "at most the model's 3");
    vc__deit_sizes_in(&c)->compressed_heads[0] = 1;
    vc__deit_sizes_in(&c)->compressed_heads[1] = 2;
    assert_fails(vc_model_create(&model, &c, 0), VC_EINVAL, "wanted one width");
}

/* Only what compresses, each under its name, and no other file than an array is replaced. */
static void coders_become_arrays(void **state)
{
    (void)state;
    char folder[256], path[512];
    size_t shape[2] = {2, 3};
    vc_model *model;
    vc_npy array;
    vc_model_config c =
        vc__deit_model(&(vc__deit_config){SMALL_DEIT, .depth = 1, .compressed_heads = {2, 0}});
    assert_ok(vc_model_create(&model, &c, 4));
    assert_ok(vc_model_write(temporary("m.safetensors"), model));
    snprintf(folder, sizeof folder, "%s", temporary("arrays"));
    assert_ok(vc_model_export_autoencoder(folder, temporary("m.safetensors")));
    assert_ok(vc_model_export_autoencoder(folder, temporary("m.safetensors")));
    snprintf(path, sizeof path, "%s/blocks.0.attn.encoder_q.weight.npy", folder);
    assert_ok(vc_npy_open(&array, path));
    assert_true(vc_tensor_has(&array.tensor, VC_F32, 2, shape));
    assert_memory_equal(array.tensor.data, vc_model_coder(model, 0)[0].encoder_w,
                        6 * sizeof(float));
    vc_npy_close(&array);
    write_bytes(path, "mine", 4);
    assert_fails(vc_model_export_autoencoder(folder, temporary("m.safetensors")), VC_EINVAL,
                 "is there and is no npy array");
    vc_model_close(model);
    c = vc__deit_model(&(vc__deit_config){SMALL_DEIT, .depth = 1});
    assert_ok(vc_model_create(&model, &c, 4));
    assert_ok(vc_model_write(temporary("plain.safetensors"), model));
    assert_fails(vc_model_export_autoencoder(folder, temporary("plain.safetensors")), VC_EFORMAT,
                 "no auto-encoder is inside");
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(mean_attention),
                                       cmocka_unit_test(lowering),
                                       cmocka_unit_test(dense),
                                       cmocka_unit_test(masked_and_on_the_plan),
                                       cmocka_unit_test(file_round_trip),
                                       cmocka_unit_test(shapes_are_checked),
                                       cmocka_unit_test(lowering_of_residual_streams),
                                       cmocka_unit_test(lowering_of_one_coder),
                                       cmocka_unit_test(lowering_of_summaries),
                                       cmocka_unit_test(files_of_one_coder),
                                       cmocka_unit_test(coders_become_arrays)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
