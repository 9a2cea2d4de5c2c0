/* Sizes by timm's names (DeiT: Touvron et al. 2021, table 1; LeViT: Graham et al. 2021, table 1, and its
 * published code). */
#include <stdio.h>
#include <string.h>

#include "model_impl.h"

typedef struct deit_preset {
    const char *name;
    size_t image, width, heads;
    int distilled;
} deit_preset;

static const deit_preset deits[] = {
    {"deit_tiny_patch16_224", 224, 192, 3, 0},
    {"deit_small_patch16_224", 224, 384, 6, 0},
    {"deit_base_patch16_224", 224, 768, 12, 0},
    {"deit_base_patch16_384", 384, 768, 12, 0},
    {"deit_tiny_distilled_patch16_224", 224, 192, 3, 1},
    {"deit_small_distilled_patch16_224", 224, 384, 6, 1},
    {"deit_base_distilled_patch16_224", 224, 768, 12, 1},
    {"deit_base_distilled_patch16_384", 384, 768, 12, 1},
};

typedef struct levit_preset {
    const char *name;
    size_t key_dim;
    size_t width[VC_LEVIT_STAGES], heads[VC_LEVIT_STAGES], depth[VC_LEVIT_STAGES];
} levit_preset;

static const levit_preset levits[] = {
    {"levit_128s", 16, {128, 256, 384}, {4, 6, 8}, {2, 3, 4}},
    {"levit_128", 16, {128, 256, 384}, {4, 8, 12}, {4, 4, 4}},
    {"levit_192", 32, {192, 288, 384}, {3, 5, 6}, {4, 4, 4}},
    {"levit_256", 32, {256, 384, 512}, {4, 6, 8}, {4, 4, 4}},
    {"levit_384", 32, {384, 512, 768}, {6, 9, 12}, {4, 4, 4}},
};

enum { DEITS = sizeof deits / sizeof *deits, LEVITS = sizeof levits / sizeof *levits };

static vc_model_config deit_config(const deit_preset *p)
{
    vc_model_config out = {.architecture = VC_DEIT, .deit = vc_deit_config_default()};
    out.deit.image = p->image;
    out.deit.width = p->width;
    out.deit.heads = p->heads;
    out.deit.hidden = 4 * p->width;
    out.deit.distilled = p->distilled;
    return out;
}

/* Values are twice, in subsampling four times, as wide as keys; the MLPs double. */
static vc_model_config levit_config(const levit_preset *p)
{
    vc_model_config out = {.architecture = VC_LEVIT,
                           .levit = {.image = 224, .channels = 3, .classes = 1000, .distilled = 1}};
    vc_levit_config *c = &out.levit;
    vc__default_normalisation(c->mean, c->std, c->channels);
    for (size_t i = 0; i < VC_LEVIT_STEM; i++)
        c->stem[i] = p->width[0] >> (VC_LEVIT_STEM - 1 - i);
    for (size_t s = 0; s < VC_LEVIT_STAGES; s++) {
        vc_levit_stage *stage = &c->stages[s];
        *stage =
            (vc_levit_stage){.width = p->width[s],
                             .depth = p->depth[s],
                             .own = {p->heads[s], p->key_dim, 2 * p->key_dim, 2 * p->width[s]}};
        if (s > 0)
            stage->subsampling = (vc_levit_attention){p->width[s - 1] / p->key_dim, p->key_dim,
                                                      4 * p->key_dim, 2 * p->width[s]};
    }
    return out;
}

const char *vc_model_preset_name(size_t index)
{
    if (index < DEITS)
        return deits[index].name;
    return index < DEITS + LEVITS ? levits[index - DEITS].name : NULL;
}

vc_status vc_model_preset(vc_model_config *out, const char *name)
{
    char known[512] = "";
    for (size_t i = 0; vc_model_preset_name(i); i++) {
        if (strcmp(vc_model_preset_name(i), name) == 0) {
            *out = i < DEITS ? deit_config(&deits[i]) : levit_config(&levits[i - DEITS]);
            return VC_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", vc_model_preset_name(i));
    }
    return vc_fail(VC_EINVAL, "architecture '%s' is unknown, wanted one of %s", name, known);
}
