/* Plain ViTs under the names of their first releases, of transformers and of OpenCLIP: the same
 * weights have the same bits. */
#include "renamed.h"
#include "vit_kinds.h"

#define QKV(stem, q, k, v)                                                                         \
    {                                                                                              \
        ".attn.qkv",                                                                               \
        {                                                                                          \
            stem q, stem k, stem v                                                                 \
        }                                                                                          \
    }

static const renamed dinov2[] = {
    {"reg_token", {"register_tokens"}},
    {".mlp.fc1", {".mlp.w12"}},
    {".mlp.fc2", {".mlp.w3"}},
    {"blocks.", {"blocks.0."}}, /* in chunks */
    {NULL, {NULL}},
};

/* A checkpoint of the training, whose teacher has a head. */
static const renamed dinov2_teacher[] = {
    {"cls_token", {"backbone.cls_token"}},
    {"reg_token", {"backbone.register_tokens"}},
    {"pos_embed", {"backbone.pos_embed"}},
    {"patch_embed", {"backbone.patch_embed"}},
    {"blocks.", {"backbone.blocks."}},
    {"norm", {"backbone.norm"}},
    {NULL, {NULL}},
};

static const renamed transformers_4[] = {
    {"cls_token", {"dinov2.embeddings.cls_token"}},
    {"reg_token", {"dinov2.embeddings.register_tokens"}},
    {"pos_embed", {"dinov2.embeddings.position_embeddings"}},
    {"patch_embed.proj", {"dinov2.embeddings.patch_embeddings.projection"}},
    QKV(".attention.attention.", "query", "key", "value"),
    {".attn.proj", {".attention.output.dense"}},
    {".mlp.fc1", {".mlp.weights_in"}},
    {".mlp.fc2", {".mlp.weights_out"}},
    {".ls1.gamma", {".layer_scale1.lambda1"}},
    {".ls2.gamma", {".layer_scale2.lambda1"}},
    {"blocks.", {"dinov2.encoder.layer."}},
    {"norm", {"dinov2.layernorm"}},
    {NULL, {NULL}},
};

static const renamed transformers_5[] = {
    {"cls_token", {"embeddings.cls_token"}},
    {"reg_token", {"embeddings.register_tokens"}},
    {"pos_embed", {"embeddings.position_embeddings"}},
    {"patch_embed.proj", {"embeddings.patch_embeddings.projection"}},
    QKV(".attention.", "q_proj", "k_proj", "v_proj"),
    {".attn.proj", {".attention.o_proj"}},
    {".mlp.fc1", {".mlp.gate_proj", ".mlp.up_proj"}},
    {".mlp.fc2", {".mlp.down_proj"}},
    {".ls1.gamma", {".layer_scale1.lambda1"}},
    {".ls2.gamma", {".layer_scale2.lambda1"}},
    {"blocks.", {"encoder.layer."}},
    {"norm", {"layernorm"}},
    {NULL, {NULL}},
};

static void open_it(vc_model **model, const char *path, const char *activation)
{
    const vc_model_options how = {.in_place = 1, .heads = 3, .activation = activation};
    assert_ok(vc_model_open(model, path, &how));
}

static vc__deit_config kind(const char *name)
{
    for (size_t k = 0; k < sizeof vit_kinds / sizeof *vit_kinds; k++)
        if (strcmp(vit_kinds[k].name, name) == 0)
            return vit_kinds[k].sizes;
    fail_msg("no kind '%s'", name);
    return vit_kinds[0].sizes;
}

static vc_model *create(const vc__deit_config *sizes)
{
    vc_model *model;
    const vc_model_config config = vc__deit_model(sizes);
    assert_ok(vc_model_create(&model, &config, 0));
    set_weights(model);
    return model;
}

/* Registers, LayerScale and SwiGLU, without a head. */
static void dinov2s_have_the_same_bits(void **state)
{
    (void)state;
    static float values[24 * 24];
    static const struct {
        const renamed *names;
        const char *whose;
    } all[] = {{dinov2, "DINOv2's"},
               {dinov2_teacher, "DINO's"},
               {transformers_4, "Hugging Face's"},
               {transformers_5, "Hugging Face's"}};
    vc__deit_config sizes = kind("swiglu");
    sizes.layer_scale = 1;
    sizes.registers = sizes.unplaced = 4;
    sizes.classes = 0;
    vc_model *want = create(&sizes), *have;
    for (size_t n = 0; n < sizeof all / sizeof *all; n++) {
        for (size_t i = 0; i < want->param_count; i++)
            add_renamed(&want->params[i], all[n].names);
        const vc_tensor mask = {VC_F32, 2, {1, 24}, values}, layer = {VC_F32, 2, {24, 24}, values};
        add(n == 0   ? "mask_token"
            : n == 1 ? "backbone.mask_token"
            : n == 2 ? "dinov2.embeddings.mask_token"
                     : "embeddings.mask_token",
            &mask);
        if (n == 1)
            add("dino_head.mlp.0.weight", &layer);
        open_it(&have, write_out("named.safetensors"), NULL);
        are_the_same(have, want);
        assert_true(is_noted(have, all[n].whose) && is_noted(have, "mask_token'"));
        vc_model_close(have);
    }
    vc_model_close(want);
}

/* CLIP's tower as OpenAI has it; another with its prefix alone follows. */
static const renamed openai[] = {
    {"cls_token", {"visual.class_embedding"}},
    {"pos_embed", {"visual.positional_embedding"}},
    {"patch_embed.proj", {"visual.conv1"}},
    {"norm_pre", {"visual.ln_pre"}},
    {".norm1", {".ln_1"}},
    {".norm2", {".ln_2"}},
    {".attn.qkv.", {".attn.in_proj_"}},
    {".attn.proj", {".attn.out_proj"}},
    {".mlp.fc1", {".mlp.c_fc"}},
    {".mlp.fc2", {".mlp.c_proj"}},
    {"blocks.", {"visual.transformer.resblocks."}},
    {"norm", {"visual.ln_post"}},
    {"head.weight", {"visual.proj"}},
    {NULL, {NULL}},
};

static const renamed trunk[] = {
    {"cls_token", {"visual.trunk.cls_token"}},
    {"pos_embed", {"visual.trunk.pos_embed"}},
    {"patch_embed", {"visual.trunk.patch_embed"}},
    {"norm", {"visual.trunk.norm"}},
    {"blocks.", {"visual.trunk.blocks."}},
    {"head.weight", {"visual.head.proj.weight"}},
    {NULL, {NULL}},
};

static const renamed vision_model[] = {
    {"cls_token", {"vision_model.embeddings.class_embedding"}},
    {"pos_embed", {"vision_model.embeddings.position_embedding.weight"}},
    {"patch_embed.proj", {"vision_model.embeddings.patch_embedding"}},
    {"norm_pre", {"vision_model.pre_layrnorm"}},
    {".norm1", {".layer_norm1"}},
    {".norm2", {".layer_norm2"}},
    QKV(".self_attn.", "q_proj", "k_proj", "v_proj"),
    {".attn.proj", {".self_attn.out_proj"}},
    {"blocks.", {"vision_model.encoder.layers."}},
    {"norm", {"vision_model.post_layernorm"}},
    {"head.weight", {"visual_projection.weight"}},
    {NULL, {NULL}},
};

/* As these programs have it: tokens and positions without the ones in front, the projection of
 * OpenAI's transposed, none with a bias. */
static void reshape_last(int transposed)
{
    vc_tensor *tensor = &out.tensors[out.count - 1].tensor;
    const char *name = out.names[out.count - 1];
    if (strstr(name, "head.bias")) {
        out.count--;
    } else if (strstr(name, "class_embedding") || strstr(name, "position")) {
        const size_t width = tensor->shape[2], tokens = tensor->shape[1];
        *tensor = (vc_tensor){VC_F32, tokens == 1 ? 1 : 2, {tokens, width}, tensor->data};
        if (tokens == 1)
            tensor->shape[0] = width;
    } else if (strstr(name, "proj") && tensor->rank == 2 && tensor->shape[0] == CLASSES &&
               transposed) {
        float *values = make_values(vc_tensor_count(tensor));
        const size_t rows = tensor->shape[0], columns = tensor->shape[1];
        for (size_t i = 0; i < rows * columns; i++)
            values[i % columns * rows + i / columns] = ((const float *)tensor->data)[i];
        *tensor = (vc_tensor){VC_F32, 2, {columns, rows}, values};
    }
}

static const char *write_clip(const char *file, const vc_model *want, const renamed *names,
                              int bare)
{
    static float values[24];
    const vc_tensor number = {VC_F32, 0, {0}, values}, token = {VC_F32, 2, {3, 8}, values};
    for (size_t i = 0; i < want->param_count; i++) {
        add_renamed(&want->params[i], names);
        reshape_last(names == openai);
    }
    for (size_t i = 0; bare && i < out.count; i++)
        replace(out.names[i], "visual.", "");
    if (!bare) {
        add("logit_scale", &number);
        add(names == vision_model ? "text_model.embeddings.token_embedding.weight"
                                  : "transformer.resblocks.0.ln_1.weight",
            &token);
    }
    return write_out(file);
}

static void clips_have_the_same_bits(void **state)
{
    (void)state;
    static const struct {
        const renamed *names;
        int bare;
        const char *whose;
    } all[] = {{openai, 0, "CLIP's"},
               {openai, 1, "CLIP's"},
               {trunk, 0, "OpenCLIP's"},
               {vision_model, 0, "Hugging Face's"}};
    vc__deit_config sizes = kind("clip");
    sizes.projection = 1;
    vc_model *want = create(&sizes), *have;
    memset(vc__deit_weights_of(want)->head_b, 0, CLASSES * sizeof(float));
    for (size_t n = 0; n < sizeof all / sizeof *all; n++) {
        open_it(&have, write_clip("clip.safetensors", want, all[n].names, all[n].bare),
                "quick_gelu");
        are_the_same(have, want);
        assert_true(is_noted(have, all[n].whose) && is_noted(have, "no classes"));
        assert_int_equal(is_noted(have, "left out"), !all[n].bare);
        assert_ok(vc_model_write(temporary("again.safetensors"), have));
        vc_model_close(have);
        open_it(&have, temporary("again.safetensors"), NULL);
        are_the_same(have, want);
        const vc_model_input input = vc_model_input_of(&have->config);
        assert_true(input.classes == 0 && input.outputs == CLASSES);
        vc_model_close(have);
    }
    vc_model_close(want);
}

/* OpenAI's own files say how large images are, and are of QuickGELU. */
static void openai_means_quick_gelu(void **state)
{
    (void)state;
    static float side = 32.0f;
    vc__deit_config sizes = kind("clip");
    sizes.projection = 1;
    vc_model *want = create(&sizes), *have;
    for (size_t i = 0; i < want->param_count; i++) {
        add_renamed(&want->params[i], openai);
        reshape_last(1);
    }
    add("input_resolution", &(vc_tensor){VC_F32, 0, {0}, &side});
    open_it(&have, write_out("openai.safetensors"), NULL);
    assert_int_equal(vc__deit_sizes_of(&have->config)->mlp, VC__DEIT_QUICK_GELU);
    assert_int_equal(have->config.looks.guessed & VC_GUESSED_ACTIVATION, 0);
    vc_model_close(have);
    vc_model_close(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dinov2s_have_the_same_bits),
        cmocka_unit_test(clips_have_the_same_bits),
        cmocka_unit_test(openai_means_quick_gelu),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
