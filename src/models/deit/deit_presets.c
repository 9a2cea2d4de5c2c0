/* Sizes by timm's names (Touvron et al. 2021, table 1). */
#include "deit_impl.h"

typedef struct preset {
    const char *name;
    size_t image, width, heads;
    int distilled;
} preset;

static const preset presets[] = {
    {"deit_tiny_patch16_224", 224, 192, 3, 0},
    {"deit_small_patch16_224", 224, 384, 6, 0},
    {"deit_base_patch16_224", 224, 768, 12, 0},
    {"deit_base_patch16_384", 384, 768, 12, 0},
    {"deit_tiny_distilled_patch16_224", 224, 192, 3, 1},
    {"deit_small_distilled_patch16_224", 224, 384, 6, 1},
    {"deit_base_distilled_patch16_224", 224, 768, 12, 1},
    {"deit_base_distilled_patch16_384", 384, 768, 12, 1},
};

const char *vc__deit_preset_name(size_t index)
{
    return index < sizeof presets / sizeof *presets ? presets[index].name : NULL;
}

void vc__deit_preset(vc_model_config *out, size_t index)
{
    const preset *p = &presets[index];
    vc__deit_config *c = vc__deit_sizes_in(out);
    *c = vc__deit_config_default();
    c->image = p->image;
    c->width = p->width;
    c->heads = p->heads;
    c->hidden = 4 * p->width;
    c->distilled = p->distilled;
}
