/* The same weights under the names of timm, of transformers 4 and 5, of torchvision and of the
 * first release, as products and as convolutions, and with BatchNorm folded. */
#include "../../src/models/levit/levit.h"
#include "other_names.h"
#include "vitcod/gradients.h"

static const renamed transformers_4[] = {
    {"cls_token", {"vit.embeddings.cls_token"}},
    {"dist_token", {"vit.embeddings.distillation_token"}},
    {"pos_embed", {"vit.embeddings.position_embeddings"}},
    {"patch_embed.proj", {"vit.embeddings.patch_embeddings.projection"}},
    {".attn.qkv",
     {".attention.attention.query", ".attention.attention.key", ".attention.attention.value"}},
    {".attn.proj", {".attention.output.dense"}},
    {".mlp.fc1", {".intermediate.dense"}},
    {".mlp.fc2", {".output.dense"}},
    {".norm1", {".layernorm_before"}},
    {".norm2", {".layernorm_after"}},
    {"blocks.", {"vit.encoder.layer."}},
    {"head_dist", {"distillation_classifier"}},
    {"head", {"cls_classifier"}},
    {"norm", {"vit.layernorm"}},
    {NULL, {NULL}},
};

static const renamed torchvision[] = {
    {"cls_token", {"class_token"}},
    {"pos_embed", {"encoder.pos_embedding"}},
    {"patch_embed.proj", {"conv_proj"}},
    {".attn.qkv.weight", {".self_attention.in_proj_weight"}},
    {".attn.qkv.bias", {".self_attention.in_proj_bias"}},
    {".attn.proj", {".self_attention.out_proj"}},
    {".mlp.fc1", {".mlp.0"}},
    {".mlp.fc2", {".mlp.3"}},
    {".norm1", {".ln_1"}},
    {".norm2", {".ln_2"}},
    {"blocks.", {"encoder.layers.encoder_layer_"}},
    {"head", {"heads.head"}},
    {"norm", {"encoder.ln"}},
    {NULL, {NULL}},
};

/* Of the first release's names to transformers'; the number of a block is a stage and a layer. */
static const renamed transformers_levit[] = {
    {"patch_embed.0", {"levit.patch_embeddings.embedding_layer_1"}},
    {"patch_embed.2", {"levit.patch_embeddings.embedding_layer_2"}},
    {"patch_embed.4", {"levit.patch_embeddings.embedding_layer_3"}},
    {"patch_embed.6", {"levit.patch_embeddings.embedding_layer_4"}},
    {".m.qkv", {".module.queries_keys_values"}},
    {".m.proj.1", {".module.projection"}},
    {".m.0", {".module.linear_up"}},
    {".m.2", {".module.linear_down"}},
    {".m.attention", {".module.attention"}},
    {".kv", {".keys_values"}},
    {".q.1", {".queries"}},
    {".proj.1", {".projection"}},
    {"head_dist.l.", {"classifier_distill.linear."}},
    {"head.l.", {"classifier.linear."}},
    {"head_dist", {"classifier_distill"}},
    {"head", {"classifier"}},
    {".bn.", {".batch_norm."}},
    {NULL, {NULL}},
};

static void vits_have_the_same_bits_under_all_names(void **state)
{
    (void)state;
    static const struct {
        const renamed *names;
        const char *whose;
    } all[] = {{transformers_4, "Hugging Face's"},
               {transformers_5, "Hugging Face's"},
               {torchvision, "torchvision's"}};
    for (size_t n = 0; n < sizeof all / sizeof *all; n++)
        for (int distilled = 0; distilled < (all[n].names == torchvision ? 1 : 2); distilled++) {
            vc_model *want = deit(distilled), *have;
            for (size_t i = 0; i < want->param_count; i++)
                add_renamed(&want->params[i], all[n].names);
            open_with_heads(&have, write_out("named.safetensors"), 3);
            are_the_same(have, want);
            assert_true(is_noted(have, all[n].whose));
            vc_model_close(have);
            vc_model_close(want);
        }
}

/* ViTForImageClassification has one classifier, called so; parts that are not read are said. */
static void what_is_left_out_is_said(void **state)
{
    (void)state;
    static float values[24 * 24];
    vc_model *want = deit(0), *have;
    const vc_model_options how = {.in_place = 1, .heads = 3};
    for (size_t i = 0; i < want->param_count; i++)
        add_renamed(&want->params[i], transformers_4);
    for (size_t i = 0; i < out.count; i++)
        replace(out.names[i], "cls_classifier", "classifier");
    add("vit.pooler.dense.weight", &(vc_tensor){VC_F32, 2, {24, 24}, values});
    const size_t whole = out.count;
    open_with_heads(&have, write_out("pooled.safetensors"), 3);
    are_the_same(have, want);
    assert_true(is_noted(have, "left out, as nothing here reads it: 'vit.pooler.dense.weight'"));
    vc_model_close(have);
    out.count = whole;
    add("vit.decoder.weight", &(vc_tensor){VC_F32, 2, {24, 24}, values});
    assert_fails(vc_model_open(&have, write_out("more.safetensors"), &how), VC_EFORMAT,
                 "'vit.decoder.weight' is not part of the deit");
    out.count = whole;
    for (size_t i = 0; i < out.count; i++)
        replace(out.names[i], "layer.3.attention.attention.key", "layer.3.attention.attention.k");
    assert_fails(vc_model_open(&have, write_out("missing.safetensors"), &how), VC_EFORMAT,
                 "no tensor 'vit.encoder.layer.3.attention.attention.key.weight'");
    out.count = whole;
    for (size_t i = 0; i < out.count; i++)
        replace(out.names[i], "layer.3.attention.attention.k.", "layer.3.attention.attention.key.");
    for (size_t i = 0; i < out.count; i++)
        if (strstr(out.names[i], "layer.3.attention.attention.value.bias"))
            out.tensors[i].tensor.shape[0] = 8;
    assert_fails(vc_model_open(&have, write_out("shape.safetensors"), &how), VC_EFORMAT,
                 "value.bias' is F32 (8), wanted F32 (24)");
    vc_model_close(want);
}

/* ---- LeViT */

static vc_model *levit(void)
{
    static const size_t widths[] = {16, 32, 48};
    vc_model_config config;
    vc_model *model;
    assert_ok(vc_model_preset(&config, "levit_128s"));
    vc__levit_config *c = vc__levit_sizes_in(&config);
    c->image = IMAGE;
    c->classes = CLASSES;
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++) {
        c->stages[s].width = widths[s];
        c->stages[s].own.key_dim = 4;
        c->stages[s].own.value_dim = 8;
        c->stages[s].own.hidden = 2 * widths[s];
        if (s > 0)
            c->stages[s].subsampling =
                (vc__levit_attention){widths[s - 1] / 4, 4, 16, 2 * widths[s]};
    }
    for (size_t i = 0; i < VC__LEVIT_STEM; i++)
        c->stem[i] = widths[0] >> (3 - i);
    assert_ok(vc_model_create(&model, &config, 0));
    set_weights(model);
    return model;
}

/* Layers of levit_128s: 4 blocks in three stages and the two that subsample between them, two
 * layers each. */
static void place_in_stage(char name[NAME])
{
    static const size_t ends[] = {6, 14, 22};
    char from[32], to[64];
    const size_t number = strtoul(name + strlen("blocks."), NULL, 10);
    size_t stage = 0;
    while (number >= ends[stage])
        stage++;
    snprintf(from, sizeof from, "blocks.%zu.", number);
    snprintf(to, sizeof to, "levit.encoder.stages.%zu.layers.%zu.", stage,
             number - (stage ? ends[stage - 1] : 0));
    assert_true(replace(name, from, to));
}

static void levits_have_the_same_bits_under_all_names(void **state)
{
    (void)state;
    vc_model *want = levit(), *have;
    for (int hf = 0; hf < 2; hf++) {
        for (size_t i = 0; i < want->param_count; i++) {
            const vc_tensor tensor = tensor_of(&want->params[i]);
            char name[NAME];
            strcpy(name, want->params[i].alias[0] ? want->params[i].alias : want->params[i].name);
            if (hf) {
                rename_in(name, transformers_levit, 0);
                replace(name, ".c.", strstr(name, "patch") ? ".convolution." : ".linear.");
                if (strncmp(name, "blocks.", 7) == 0)
                    place_in_stage(name);
            }
            add(name, &tensor);
        }
        have = reopened(write_out("levit.safetensors"));
        are_the_same(have, want);
        assert_int_equal(is_noted(have, "Hugging Face's"), hf);
        assert_int_equal(have->config.looks.guessed & VC_GUESSED_ACTIVATION, 0);
        vc_model_close(have);
    }
    vc_model_close(want);
}

/* Products are 1 x 1 convolutions. */
static void squeeze(vc_tensor *tensor, const char *name)
{
    if (tensor->rank != 2 || !strstr(name, ".linear.") || strncmp(name, "head", 4) == 0)
        return;
    tensor->rank = 4;
    tensor->shape[2] = tensor->shape[3] = 1;
}

static void convolutions_are_products(void **state)
{
    (void)state;
    vc_model *want = levit();
    for (size_t i = 0; i < want->param_count; i++) {
        vc_tensor tensor = tensor_of(&want->params[i]);
        squeeze(&tensor, want->params[i].name);
        add(want->params[i].name, &tensor);
    }
    vc_model *have = reopened(write_out("conv.safetensors"));
    are_the_same(have, want);
    assert_true(is_noted(have, "levit_conv_"));
    char text[VC_GUESSES_TEXT];
    assert_non_null(strstr(vc_model_guesses(text, &have->config), "hardswish (--activation)"));
    assert_ok(vc_model_write(temporary("again.safetensors"), have));
    vc_model_close(have);
    have = reopened(temporary("again.safetensors"));
    assert_int_equal(have->config.looks.guessed & VC_GUESSED_ACTIVATION, VC_GUESSED_ACTIVATION);
    vc_model_close(have);
    const vc_model_options silu = {.in_place = 1, .activation = "silu"},
                           gelu = {.in_place = 1, .activation = "gelu"};
    assert_ok(vc_model_open(&have, temporary("again.safetensors"), &silu));
    assert_true(vc__levit_sizes_of(&have->config)->silu);
    assert_int_equal(have->config.looks.guessed & VC_GUESSED_ACTIVATION, 0);
    vc_model_close(have);
    assert_fails(vc_model_open(&have, temporary("again.safetensors"), &gelu), VC_EINVAL,
                 "--activation is 'gelu', wanted hardswish or silu");
    vc_model_close(want);
}

static const vc_param *param_of(const vc_model *model, const char *stem, const char *end)
{
    char name[NAME];
    snprintf(name, sizeof name, "%s%s", stem, end);
    for (size_t i = 0; i < model->param_count; i++)
        if (strcmp(model->params[i].name, name) == 0)
            return &model->params[i];
    fail_msg("no %s", name);
    return NULL;
}

/* The norm's factor and shift of a channel. */
static double factor(const vc_model *model, const char *stem, size_t c, double *shift)
{
    const double scale = (double)param_of(model, stem, ".bn.weight")->data[c] /
                         sqrt((double)param_of(model, stem, ".bn.running_var")->data[c] + 1e-5);
    *shift = (double)param_of(model, stem, ".bn.bias")->data[c] -
             (double)param_of(model, stem, ".bn.running_mean")->data[c] * scale;
    return scale;
}

/* timm's fuse(): a product and the norm behind it, in a head before it, as one product. */
static void add_folded(const vc_model *model, const vc_param *weight, int original, int squeezed)
{
    char stem[NAME], name[NAME];
    strcpy(stem, weight->name);
    assert_true(replace(stem, ".linear.weight", ""));
    const int head = strncmp(stem, "head", 4) == 0;
    const size_t outputs = weight->shape[0], inputs = weight->count / outputs;
    vc_tensor product = tensor_of(weight), bias = {VC_F32, 1, {outputs}, NULL};
    float *w = product.data = make_values(weight->count);
    float *b = bias.data = make_values(outputs);
    for (size_t o = 0; o < outputs; o++) {
        double sum = 0.0, shift, scale = head ? 1.0 : factor(model, stem, o, &sum);
        for (size_t i = 0; i < inputs; i++) {
            if (head)
                scale = factor(model, stem, i, &shift);
            if (head)
                sum += (double)weight->data[o * inputs + i] * shift;
            w[o * inputs + i] = (float)((double)weight->data[o * inputs + i] * scale);
        }
        b[o] = (float)(sum + (head ? (double)param_of(model, stem, ".linear.bias")->data[o] : 0.0));
    }
    if (squeezed)
        squeeze(&product, weight->name);
    if (original) {
        strcpy(stem, weight->alias);
        assert_true(replace(stem, head ? ".l.weight" : ".c.weight", ""));
    }
    snprintf(name, sizeof name, "%s.weight", stem);
    add(name, &product);
    snprintf(name, sizeof name, "%s.bias", stem);
    add(name, &bias);
}

static void write_folded(const vc_model *model, int original, int squeezed)
{
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        const vc_tensor tensor = tensor_of(p);
        if (strstr(p->name, "attention_biases"))
            add(original ? p->alias : p->name, &tensor);
        else if (strstr(p->name, ".linear.weight"))
            add_folded(model, p, original, squeezed);
    }
    write_out("folded.safetensors");
}

static void folded_norms_give_the_same_logits(void **state)
{
    (void)state;
    static float want[BATCH * CLASSES], have[BATCH * CLASSES];
    vc_model *model = levit(), *folded;
    const vc_model_options trains = {0};
    double ignored;
    assert_ok(vc_model_write(temporary("model.safetensors"), model));
    vc_model_close(model);
    assert_ok(vc_model_open(&model, temporary("model.safetensors"), &trains));
    assert_ok(vc_model_check_trainable(model));
    forward(want, model, &ignored);
    for (int kind = 0; kind < 3; kind++) {
        write_folded(model, kind == 1, kind == 2);
        assert_ok(vc_model_open(&folded, temporary("folded.safetensors"), &trains));
        forward(have, folded, &ignored);
        double largest = 0.0, difference = 0.0;
        for (size_t i = 0; i < BATCH * CLASSES; i++) {
            largest = fmax(largest, fabs((double)want[i]));
            difference = fmax(difference, fabs((double)have[i] - (double)want[i]));
        }
        if (!(difference <= 1e-6 * largest))
            fail_msg("kind %d: logits differ by %g of %g", kind, difference, largest);
        assert_true(is_noted(folded, "cannot be trained"));
        assert_fails(vc_model_check_trainable(folded), VC_EUNSUPPORTED,
                     "BatchNorm is folded into this LeViT's products");
        assert_ok(vc_model_write(temporary("again.safetensors"), folded));
        vc_model_close(folded);
        assert_ok(vc_model_open(&folded, temporary("again.safetensors"), &trains));
        assert_fails(vc_model_check_trainable(folded), VC_EUNSUPPORTED, "BatchNorm is folded");
        vc_model_close(folded);
    }
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vits_have_the_same_bits_under_all_names),
        cmocka_unit_test(what_is_left_out_is_said),
        cmocka_unit_test(levits_have_the_same_bits_under_all_names),
        cmocka_unit_test(convolutions_are_products),
        cmocka_unit_test(folded_norms_give_the_same_logits),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
