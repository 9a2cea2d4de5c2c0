/* Sizes by timm's names. */
#include "deit_impl.h"

typedef struct preset {
    const char *name;
    vc__deit_config sizes; /* what is 0: a DeiT's, or follows */
} preset;

#define SIZES(image_, patch_, width_, depth_, heads_)                                              \
    .image = {image_, image_}, .patch = {patch_, patch_}, .width = width_, .depth = depth_,        \
    .heads = heads_, .hidden = 4 * (width_)
#define TINY(image, patch) SIZES(image, patch, 192, 12, 3)
#define SMALL(image, patch) SIZES(image, patch, 384, 12, 6)
#define MEDIUM(image, patch) SIZES(image, patch, 512, 12, 8)
#define BASE(image, patch) SIZES(image, patch, 768, 12, 12)
#define LARGE(image, patch) SIZES(image, patch, 1024, 24, 16)
#define HUGE_(image, patch) SIZES(image, patch, 1280, 32, 16)

/* What a kind of ViTs has. Those that were trained without labels have no head. */
#define DEIT3 .layer_scale = 1, .unplaced = 1
#define DINOV2 .layer_scale = 1
#define REG4 DINOV2, .registers = 4, .unplaced = 5
#define CLIP .norm_pre = 1, .without_patch_bias = 1, .eps = 1e-5
#define OPENAI CLIP, .mlp = VC__DEIT_QUICK_GELU, .projection = 1
#define GIANT                                                                                      \
    .image = {518, 518}, .patch = {14, 14}, .width = 1536, .depth = 40, .heads = 24,               \
    .hidden = 8192, .mlp = VC__DEIT_SWIGLU

static const preset presets[] = {
    {"deit_tiny_patch16_224", {TINY(224, 16), .classes = 1000}},
    {"deit_small_patch16_224", {SMALL(224, 16), .classes = 1000}},
    {"deit_base_patch16_224", {BASE(224, 16), .classes = 1000}},
    {"deit_base_patch16_384", {BASE(384, 16), .classes = 1000}},
    {"deit_tiny_distilled_patch16_224", {TINY(224, 16), .distilled = 1, .classes = 1000}},
    {"deit_small_distilled_patch16_224", {SMALL(224, 16), .distilled = 1, .classes = 1000}},
    {"deit_base_distilled_patch16_224", {BASE(224, 16), .distilled = 1, .classes = 1000}},
    {"deit_base_distilled_patch16_384", {BASE(384, 16), .distilled = 1, .classes = 1000}},
    {"deit3_small_patch16_224", {SMALL(224, 16), DEIT3, .classes = 1000}},
    {"deit3_small_patch16_384", {SMALL(384, 16), DEIT3, .classes = 1000}},
    {"deit3_medium_patch16_224", {MEDIUM(224, 16), DEIT3, .classes = 1000}},
    {"deit3_base_patch16_224", {BASE(224, 16), DEIT3, .classes = 1000}},
    {"deit3_base_patch16_384", {BASE(384, 16), DEIT3, .classes = 1000}},
    {"deit3_large_patch16_224", {LARGE(224, 16), DEIT3, .classes = 1000}},
    {"deit3_large_patch16_384", {LARGE(384, 16), DEIT3, .classes = 1000}},
    {"deit3_huge_patch14_224", {HUGE_(224, 14), DEIT3, .classes = 1000}},
    {"vit_tiny_patch16_224", {TINY(224, 16), .classes = 1000}},
    {"vit_tiny_patch16_384", {TINY(384, 16), .classes = 1000}},
    {"vit_small_patch32_224", {SMALL(224, 32), .classes = 1000}},
    {"vit_small_patch16_224", {SMALL(224, 16), .classes = 1000}},
    {"vit_small_patch16_384", {SMALL(384, 16), .classes = 1000}},
    {"vit_base_patch32_224", {BASE(224, 32), .classes = 1000}},
    {"vit_base_patch16_224", {BASE(224, 16), .classes = 1000}},
    {"vit_base_patch16_384", {BASE(384, 16), .classes = 1000}},
    {"vit_base_patch8_224", {BASE(224, 8), .classes = 1000}},
    {"vit_large_patch16_224", {LARGE(224, 16), .classes = 1000}},
    {"vit_large_patch16_384", {LARGE(384, 16), .classes = 1000}},
    {"vit_small_patch16_224.dino", {SMALL(224, 16), .classes = 0}},
    {"vit_small_patch8_224.dino", {SMALL(224, 8), .classes = 0}},
    {"vit_base_patch16_224.dino", {BASE(224, 16), .classes = 0}},
    {"vit_base_patch8_224.dino", {BASE(224, 8), .classes = 0}},
    {"vit_small_patch14_dinov2", {SMALL(518, 14), DINOV2, .classes = 0}},
    {"vit_base_patch14_dinov2", {BASE(518, 14), DINOV2, .classes = 0}},
    {"vit_large_patch14_dinov2", {LARGE(518, 14), DINOV2, .classes = 0}},
    {"vit_giant_patch14_dinov2", {GIANT, DINOV2}},
    {"vit_small_patch14_reg4_dinov2", {SMALL(518, 14), REG4, .classes = 0}},
    {"vit_base_patch14_reg4_dinov2", {BASE(518, 14), REG4, .classes = 0}},
    {"vit_large_patch14_reg4_dinov2", {LARGE(518, 14), REG4, .classes = 0}},
    {"vit_giant_patch14_reg4_dinov2", {GIANT, REG4}},
    {"vit_base_patch32_clip_224.laion2b_ft_in12k_in1k", {BASE(224, 32), CLIP, .classes = 1000}},
    {"vit_base_patch16_clip_224.laion2b_ft_in12k_in1k", {BASE(224, 16), CLIP, .classes = 1000}},
    {"vit_large_patch14_clip_224.laion2b_ft_in12k_in1k", {LARGE(224, 14), CLIP, .classes = 1000}},
    {"vit_base_patch32_clip_quickgelu_224.openai", {BASE(224, 32), OPENAI, .classes = 512}},
    {"vit_base_patch16_clip_quickgelu_224.openai", {BASE(224, 16), OPENAI, .classes = 512}},
    {"vit_large_patch14_clip_quickgelu_224.openai", {LARGE(224, 14), OPENAI, .classes = 768}},
};

const char *vc__deit_preset_name(size_t index)
{
    return index < sizeof presets / sizeof *presets ? presets[index].name : NULL;
}

void vc__deit_preset(vc_model_config *out, size_t index)
{
    vc__deit_config *c = vc__deit_sizes_in(out);
    *c = presets[index].sizes;
    c->channels = 3;
    vc__default_normalisation(c->mean, c->std, c->channels);
}
