/* Names of other programs, by one table for each. */
#include <stddef.h>

#include "naming.h"

#define PART(theirs, ours, part, parts)                                                            \
    {                                                                                              \
        theirs, ours, VC__NAME_PART, part, parts                                                   \
    }
#define HOW(theirs, ours, how)                                                                     \
    {                                                                                              \
        theirs, ours, how, 0, 0                                                                    \
    }
#define IS(theirs, ours) HOW(theirs, ours, VC__NAME_AS_IT_IS)
#define OUT(theirs) HOW(theirs, NULL, VC__NAME_AS_IT_IS)
#define END OUT(NULL)

#define QKV(q, k, v)                                                                               \
    PART(q, "blocks.#.attn.qkv", 0, 3), PART(k, "blocks.#.attn.qkv", 1, 3),                        \
        PART(v, "blocks.#.attn.qkv", 2, 3)

static const vc__naming_row hf_vit[] = {
    IS("embeddings.cls_token", "cls_token"),
    IS("embeddings.distillation_token", "dist_token"),
    IS("embeddings.position_embeddings", "pos_embed"),
    IS("embeddings.patch_embeddings.projection", "patch_embed.proj"),
    IS("embeddings.register_tokens", "reg_token"),
    OUT("embeddings.mask_token"),
    /* transformers 4 */
    QKV("encoder.layer.#.attention.attention.query", "encoder.layer.#.attention.attention.key",
        "encoder.layer.#.attention.attention.value"),
    IS("encoder.layer.#.attention.output.dense", "blocks.#.attn.proj"),
    IS("encoder.layer.#.layer_scale1.lambda1", "blocks.#.ls1.gamma"),
    IS("encoder.layer.#.layer_scale2.lambda1", "blocks.#.ls2.gamma"),
    IS("encoder.layer.#.norm1", "blocks.#.norm1"),
    IS("encoder.layer.#.norm2", "blocks.#.norm2"),
    IS("encoder.layer.#.mlp.fc1", "blocks.#.mlp.fc1"),
    IS("encoder.layer.#.mlp.fc2", "blocks.#.mlp.fc2"),
    IS("encoder.layer.#.mlp.weights_in", "blocks.#.mlp.fc1"),
    IS("encoder.layer.#.mlp.weights_out", "blocks.#.mlp.fc2"),
    IS("encoder.layer.#.intermediate.dense", "blocks.#.mlp.fc1"),
    IS("encoder.layer.#.output.dense", "blocks.#.mlp.fc2"),
    IS("encoder.layer.#.layernorm_before", "blocks.#.norm1"),
    IS("encoder.layer.#.layernorm_after", "blocks.#.norm2"),
    /* transformers 5 */
    QKV("layers.#.attention.q_proj", "layers.#.attention.k_proj", "layers.#.attention.v_proj"),
    IS("layers.#.attention.o_proj", "blocks.#.attn.proj"),
    QKV("encoder.layer.#.attention.q_proj", "encoder.layer.#.attention.k_proj",
        "encoder.layer.#.attention.v_proj"),
    IS("encoder.layer.#.attention.o_proj", "blocks.#.attn.proj"),
    PART("encoder.layer.#.mlp.gate_proj", "blocks.#.mlp.fc1", 0, 2),
    PART("encoder.layer.#.mlp.up_proj", "blocks.#.mlp.fc1", 1, 2),
    IS("encoder.layer.#.mlp.down_proj", "blocks.#.mlp.fc2"),
    IS("layers.#.mlp.fc1", "blocks.#.mlp.fc1"),
    IS("layers.#.mlp.fc2", "blocks.#.mlp.fc2"),
    IS("layers.#.layernorm_before", "blocks.#.norm1"),
    IS("layers.#.layernorm_after", "blocks.#.norm2"),
    /* both */
    IS("layernorm", "norm"),
    OUT("pooler.dense"),
    OUT("decoder.decoder_*"), /* of masked auto-encoders */
    OUT("decoder.mask_token"),
    IS("classifier", "head"),
    IS("cls_classifier", "head"),
    IS("distillation_classifier", "head_dist"),
    END,
};

/* A product with its BatchNorm. */
#define NORMED(theirs, product, ours)                                                              \
    IS(theirs "." product, ours ".c"), IS(theirs ".batch_norm", ours ".bn")
#define STEM(theirs, ours)                                                                         \
    NORMED("patch_embeddings.embedding_layer_" theirs, "convolution", "patch_embed." ours)
#define LAYER(theirs, ours) NORMED("encoder.stages.#.layers.#." theirs, "linear", "blocks.#." ours)
#define BIASES(theirs, ours)                                                                       \
    IS("encoder.stages.#.layers.#." theirs "attention_biases",                                     \
       "blocks.#." ours "attention_biases"),                                                       \
        IS("encoder.stages.#.layers.#." theirs "attention_bias_idxs",                              \
           "blocks.#." ours "attention_bias_idxs")

/* Under the names of the first release, whose blocks are numbered through all stages. */
static const vc__naming_row hf_levit[] = {
    STEM("1", "0"),
    STEM("2", "2"),
    STEM("3", "4"),
    STEM("4", "6"),
    LAYER("module.queries_keys_values", "m.qkv"),
    LAYER("module.projection", "m.proj.1"),
    BIASES("module.", "m."),
    LAYER("module.linear_up", "m.0"),
    LAYER("module.linear_down", "m.2"),
    LAYER("keys_values", "kv"),
    LAYER("queries", "q.1"),
    LAYER("projection", "proj.1"),
    BIASES("", ""),
    IS("classifier.batch_norm", "head.bn"),
    IS("classifier.linear", "head.l"),
    IS("classifier_distill.batch_norm", "head_dist.bn"),
    IS("classifier_distill.linear", "head_dist.l"),
    END,
};

#define TV "encoder.layers.encoder_layer_#."

static const vc__naming_row torchvision_vit[] = {
    IS("class_token", "cls_token"),
    IS("conv_proj", "patch_embed.proj"),
    IS("encoder.pos_embedding", "pos_embed"),
    IS(TV "ln_1", "blocks.#.norm1"),
    IS(TV "self_attention.in_proj_weight", "blocks.#.attn.qkv.weight"),
    IS(TV "self_attention.in_proj_bias", "blocks.#.attn.qkv.bias"),
    IS(TV "self_attention.out_proj", "blocks.#.attn.proj"),
    IS(TV "ln_2", "blocks.#.norm2"),
    IS(TV "mlp.0", "blocks.#.mlp.fc1"),
    IS(TV "mlp.3", "blocks.#.mlp.fc2"),
    IS(TV "mlp.linear_1", "blocks.#.mlp.fc1"), /* before 0.13 */
    IS(TV "mlp.linear_2", "blocks.#.mlp.fc2"),
    IS("encoder.ln", "norm"),
    IS("heads.pre_logits", "pre_logits.fc"),
    IS("heads.head", "head"),
    END,
};

/* An image tower of CLIP, which OpenAI and OpenCLIP name alike, with what is before its names. */
#define CLIP(at)                                                                                   \
    IS(at "class_embedding", "cls_token"), IS(at "positional_embedding", "pos_embed"),             \
        IS(at "conv1", "patch_embed.proj"), IS(at "ln_pre", "norm_pre"), IS(at "ln_post", "norm"), \
        IS(at "transformer.resblocks.#.ln_1", "blocks.#.norm1"),                                   \
        IS(at "transformer.resblocks.#.ln_2", "blocks.#.norm2"),                                   \
        IS(at "transformer.resblocks.#.ls_1", "blocks.#.ls1"),                                     \
        IS(at "transformer.resblocks.#.ls_2", "blocks.#.ls2"),                                     \
        IS(at "transformer.resblocks.#.attn.in_proj_weight", "blocks.#.attn.qkv.weight"),          \
        IS(at "transformer.resblocks.#.attn.in_proj_bias", "blocks.#.attn.qkv.bias"),              \
        IS(at "transformer.resblocks.#.attn.out_proj", "blocks.#.attn.proj"),                      \
        IS(at "transformer.resblocks.#.mlp.c_fc", "blocks.#.mlp.fc1"),                             \
        IS(at "transformer.resblocks.#.mlp.c_proj", "blocks.#.mlp.fc2"),                           \
        HOW(at "proj", "head.weight", VC__NAME_TRANSPOSED)

static const vc__naming_row clip[] = {
    CLIP("visual."),
    /* the other tower */
    OUT("transformer.*"),
    OUT("token_embedding"),
    OUT("positional_embedding"),
    OUT("ln_final"),
    OUT("text_projection"),
    OUT("text.*"),
    OUT("logit_scale"),
    OUT("logit_bias"),
    OUT("input_resolution"),
    OUT("context_length"),
    OUT("vocab_size"),
    END,
};

static const vc__naming_row clip_tower[] = {CLIP(""), END};

/* OpenCLIP around a model of timm's. */
static const vc__naming_row clip_trunk[] = {
    IS("visual.trunk.*", "*"),
    OUT("transformer.*"),
    OUT("token_embedding"),
    OUT("ln_final"),
    OUT("positional_embedding"),
    OUT("text_projection"),
    OUT("text.*"),
    OUT("logit_scale"),
    OUT("logit_bias"),
    HOW("visual.head.proj.weight", "head.weight", VC__NAME_PROJECTION),
    END,
};

static const vc__naming_row hf_clip[] = {
    IS("embeddings.class_embedding", "cls_token"),
    IS("embeddings.patch_embedding", "patch_embed.proj"),
    IS("embeddings.position_embedding.weight", "pos_embed"),
    OUT("embeddings.position_ids"),
    IS("pre_layrnorm", "norm_pre"),
    QKV("encoder.layers.#.self_attn.q_proj", "encoder.layers.#.self_attn.k_proj",
        "encoder.layers.#.self_attn.v_proj"),
    IS("encoder.layers.#.self_attn.out_proj", "blocks.#.attn.proj"),
    IS("encoder.layers.#.layer_norm1", "blocks.#.norm1"),
    IS("encoder.layers.#.layer_norm2", "blocks.#.norm2"),
    IS("encoder.layers.#.mlp.fc1", "blocks.#.mlp.fc1"),
    IS("encoder.layers.#.mlp.fc2", "blocks.#.mlp.fc2"),
    IS("post_layernorm", "norm"),
    HOW("visual_projection.weight", "head.weight", VC__NAME_PROJECTION),
    IS("head.probe", "attn_pool.latent"), /* which is refused by its name */
    IS("classifier", "mean_classifier"),  /* so is this */
    OUT("text_model.*"),
    OUT("text_projection"),
    OUT("logit_scale"),
    OUT("logit_bias"),
    END,
};

/* A ViT that was trained without labels, with what was only there for its training. */
static const vc__naming_row pretrained[] = {
    OUT("mask_token"),
    OUT("decoder_*"),
    HOW("blocks.#.#.*", "blocks.#.*", VC__NAME_SECOND),
    END,
};

static const vc__naming_row headed[] = {
    OUT("backbone.mask_token"),
    HOW("backbone.blocks.#.#.*", "blocks.#.*", VC__NAME_SECOND),
    IS("backbone.*", "*"),
    OUT("head.*"),
    OUT("dino_head.*"),
    OUT("ibot_head.*"),
    END,
};

#define HF "Hugging Face's"

const vc__naming vc__namings[] = {
    {HF,
     {"embeddings.patch_embeddings.projection.weight"},
     {"vit.", "deit.", "dinov2.", "dinov2_with_registers.", "ijepa.", ""},
     NULL,
     hf_vit},
    {HF,
     {"patch_embeddings.embedding_layer_1.convolution.weight"},
     {"levit.", ""},
     "hardswish",
     hf_levit},
    {HF, {"embeddings.patch_embedding.weight"}, {"vision_model.", ""}, NULL, hf_clip},
    {"torchvision's", {"conv_proj.weight"}, {""}, NULL, torchvision_vit},
    {"OpenAI's", {"visual.class_embedding", "input_resolution"}, {""}, "quick_gelu", clip},
    {"CLIP's", {"visual.class_embedding"}, {""}, NULL, clip},
    {"CLIP's", {"class_embedding", "conv1.weight"}, {""}, NULL, clip_tower},
    {"OpenCLIP's", {"visual.trunk.patch_embed.proj.weight"}, {""}, NULL, clip_trunk},
    {"DINO's", {"backbone.patch_embed.proj.weight"}, {""}, NULL, headed},
    {"DINOv2's or MAE's", {"mask_token", "patch_embed.proj.weight"}, {""}, NULL, pretrained},
    {"DINOv2's", {"blocks.0.0.norm1.weight"}, {""}, NULL, pretrained},
};
const size_t vc__naming_count = sizeof vc__namings / sizeof *vc__namings;
