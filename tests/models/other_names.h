/* A small DeiT under transformers' names. */
#ifndef VC_TEST_OTHER_NAMES_H
#define VC_TEST_OTHER_NAMES_H

#include "../../src/models/deit/deit.h"
#include "renamed.h"

static const renamed transformers_5[] = {
    {"cls_token", {"deit.embeddings.cls_token"}},
    {"dist_token", {"deit.embeddings.distillation_token"}},
    {"pos_embed", {"deit.embeddings.position_embeddings"}},
    {"patch_embed.proj", {"deit.embeddings.patch_embeddings.projection"}},
    {".attn.qkv", {".attention.q_proj", ".attention.k_proj", ".attention.v_proj"}},
    {".attn.proj", {".attention.o_proj"}},
    {".norm1", {".layernorm_before"}},
    {".norm2", {".layernorm_after"}},
    {"blocks.", {"deit.layers."}},
    {"head_dist", {"distillation_classifier"}},
    {"head", {"cls_classifier"}},
    {"norm", {"deit.layernorm"}},
    {NULL, {NULL}},
};

static inline vc_model *deit(int distilled)
{
    vc__deit_config c = vc__deit_config_default();
    vc_model *model;
    c.image = vc_square(32);
    c.depth = 11; /* of two digits */
    c.width = 24;
    c.heads = 3;
    c.hidden = 48;
    c.classes = CLASSES;
    c.distilled = distilled;
    const vc_model_config config = vc__deit_model(&c);
    assert_ok(vc_model_create(&model, &config, 0));
    set_weights(model);
    return model;
}

static inline void open_with_heads(vc_model **model, const char *path, size_t heads)
{
    const vc_model_options how = {.in_place = 1, .heads = heads};
    assert_ok(vc_model_open(model, path, &how));
}

#endif
