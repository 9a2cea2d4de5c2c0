/* Sizes by timm's names (Graham et al. 2021, table 1, and its published code). */
#include "levit_impl.h"

typedef struct preset {
    const char *name;
    size_t key_dim;
    size_t width[VC__LEVIT_STAGES], heads[VC__LEVIT_STAGES], depth[VC__LEVIT_STAGES];
    int silu; /* in place of hardswish */
} preset;

static const preset presets[] = {
    {"levit_128s", 16, {128, 256, 384}, {4, 6, 8}, {2, 3, 4}, 0},
    {"levit_128", 16, {128, 256, 384}, {4, 8, 12}, {4, 4, 4}, 0},
    {"levit_192", 32, {192, 288, 384}, {3, 5, 6}, {4, 4, 4}, 0},
    {"levit_256", 32, {256, 384, 512}, {4, 6, 8}, {4, 4, 4}, 0},
    {"levit_384", 32, {384, 512, 768}, {6, 9, 12}, {4, 4, 4}, 0},
    {"levit_256d", 32, {256, 384, 512}, {4, 6, 8}, {4, 8, 6}, 1},
    {"levit_512", 64, {512, 768, 1024}, {8, 12, 16}, {4, 4, 4}, 1},
    {"levit_512d", 64, {512, 640, 768}, {8, 10, 12}, {4, 8, 6}, 1},
};

const char *vc__levit_preset_name(size_t index)
{
    return index < sizeof presets / sizeof *presets ? presets[index].name : NULL;
}

/* Values are twice, in subsampling four times, as wide as keys; the MLPs double. */
void vc__levit_preset(vc_model_config *out, size_t index)
{
    const preset *p = &presets[index];
    vc__levit_config *c = vc__levit_sizes_in(out);
    *c = (vc__levit_config){
        .image = 224, .channels = 3, .classes = 1000, .distilled = 1, .silu = p->silu};
    vc__default_normalisation(c->mean, c->std, c->channels);
    for (size_t i = 0; i < VC__LEVIT_STEM; i++)
        c->stem[i] = p->width[0] >> (VC__LEVIT_STEM - 1 - i);
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++) {
        vc__levit_stage *stage = &c->stages[s];
        *stage =
            (vc__levit_stage){.width = p->width[s],
                              .depth = p->depth[s],
                              .own = {p->heads[s], p->key_dim, 2 * p->key_dim, 2 * p->width[s]}};
        if (s > 0)
            stage->subsampling = (vc__levit_attention){p->width[s - 1] / p->key_dim, p->key_dim,
                                                       4 * p->key_dim, 2 * p->width[s]};
    }
}

static int has_sizes(const vc__levit_config *c, const preset *p)
{
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++) {
        const vc__levit_stage *stage = &c->stages[s];
        if (stage->width != p->width[s] || stage->depth != p->depth[s] ||
            stage->own.heads != p->heads[s] || stage->own.key_dim != p->key_dim)
            return 0;
    }
    return 1;
}

int vc__levit_is_silu(const vc__levit_config *c)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (presets[i].silu && has_sizes(c, &presets[i]))
            return 1;
    return 0;
}
