/* Relatives of the models that are known, by what their checkpoints hold more or less. */
#include <stdio.h>
#include <string.h>

#include "kinds.h"
#include "model_impl.h"

/* Any of these tensors makes a file one of that kind. */
static const struct trait {
    const char *tensors[3], *text;
} more[] = {
    {{"attn_pool.latent"}, "attention pooling (attn_pool)"},
    {{"blocks.0.attn.q_norm.weight"}, "norms of Q and K (q_norm, k_norm)"},
    {{"blocks.0.attn.rel_pos.mlp.fc1.weight", "blocks.0.attn.rel_pos.relative_position_bias_table",
      "rel_pos_bias.relative_position_bias_table"},
     "relative positions (rel_pos)"},
    {{"rel_pos_bias.mlp.fc1.weight", "shared_rel_pos.mlp.fc1.weight"},
     "relative positions (rel_pos)"},
    {{"blocks.0.attns.0.qkv.weight", "blocks.0.attns.0.norm.weight"},
     "branches side by side (attns, ffns)"},
    {{"blocks.0.attn.in_proj.weight", "blocks.0.attn_out_proj.weight", "blocks.0.in_proj.weight"},
     "attention and MLP side by side (in_proj)"},
    {{"blocks.0.mlp.fc1_g.weight"}, "an MLP gated by a product of its own (fc1_g, fc1_x)"},
    {{"blocks.0.attn.norm.weight"}, "a norm inside of attention (attn.norm)"},
    {{"blocks.0.attn.lambda_q1"}, "differential attention (lambda_q1)"},
    {{"mean_classifier.weight"},
     "a classifier of the patches' mean in front of the last norm (CLIPForImageClassification)"},
    {{"linear_head.weight"}, "a classifier of several layers' tokens (linear_head)"},
    {{"blocks_token_only.0.norm1.weight"}, "class attention, a CaiT's (blocks_token_only)"},
    {{"patch_embed.backbone.conv.weight", "patch_embed.backbone.stem.conv.weight",
      "patch_embed.backbone.conv1.weight"},
     "patches that a convolutional network makes (patch_embed.backbone)"},
};

static int has(const vc_tensor_file *file, const char *name)
{
    return vc_tensor_file_find(file, name) != NULL;
}

static size_t add(char *text, size_t room, size_t used, const char *what)
{
    const int n =
        used < room ? snprintf(text + used, room - used, "%s%s", used ? ", and " : "", what) : 0;
    return used + (size_t)n;
}

static size_t add_missing(char *text, size_t room, size_t used, const vc_tensor_file *file)
{
    if (!has(file, "pos_embed"))
        used = add(text, room, used, "no positions (pos_embed)");
    return used;
}

/* DINOv2's classifiers read two tokens side by side. */
static size_t add_head(char *text, size_t room, size_t used, const vc_tensor_file *file)
{
    const vc_tensor *head = vc_tensor_file_find(file, "head.weight"),
                    *patches = vc_tensor_file_find(file, "patch_embed.proj.weight");
    if (head && patches && head->rank == 2 && patches->rank == 4 &&
        head->shape[1] == 2 * patches->shape[0] && !has(file, "pre_logits.fc.weight"))
        used = add(text, room, used, "a classifier of class token and patches' mean side by side");
    return used;
}

static int is_vit(const vc_tensor_file *file)
{
    return has(file, "patch_embed.proj.weight") || has(file, "cls_token") ||
           (has(file, "pos_embed") && has(file, "norm.weight"));
}

/* Other models that a ViT is a part of. */
static const char *named_otherwise(const vc_tensor_file *file)
{
    static const struct trait others[] = {
        {{"visual.conv1.weight", "visual.class_embedding"},
         "a CLIP whose image tower is no ViT: wanted a DeiT, a "
         "LeViT or a CLIP's ViT"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        for (size_t t = 0; t < 3 && others[i].tensors[t]; t++)
            if (has(file, others[i].tensors[t]))
                return others[i].text;
    return NULL;
}

vc_status vc__refuse_kinds(const vc_tensor_file *file)
{
    char text[640] = "";
    size_t used = 0;
    const char *last = "", *otherwise = named_otherwise(file);
    if (otherwise)
        return vc_fail(VC_EUNSUPPORTED, "%s: %s", vc_tensor_file_path(file), otherwise);
    if (!is_vit(file))
        return VC_OK;
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        for (size_t t = 0; t < 3 && more[i].tensors[t]; t++)
            if (has(file, more[i].tensors[t]) && strcmp(last, more[i].text) != 0)
                used = add(text, sizeof text, used, last = more[i].text);
    used = add_missing(text, sizeof text, used, file);
    used = add_head(text, sizeof text, used, file);
    if (vc__is_called(file, "_rpn_")) /* which only the name tells */
        used = add(text, sizeof text, used, "norms behind attention and MLP (rpn)");
    return used == 0
               ? VC_OK
               : vc_fail(VC_EUNSUPPORTED, "%s: a ViT with %s: wanted a DeiT, or a ViT built as one",
                         vc_tensor_file_path(file), text);
}
