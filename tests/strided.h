/* Small Strided Transformers whose weights follow a formula, as in tools/golden/strided.py. */
#ifndef VC_TEST_STRIDED_H
#define VC_TEST_STRIDED_H

#include <math.h>

#include "../src/models/strided/strided.h"
#include "noise.h"
#include "testing.h"

typedef struct strided_kind {
    const char *name;
    vc__strided_config sizes;
} strided_kind;

enum { STRIDED_BATCH = 2, STRIDED_MOST_VALUES = 27 * 10, STRIDED_MOST_OUTPUTS = 15 };

static const strided_kind strided_kinds[] = {
    {"three", {27, 10, 15, 24, 4, 40, 2, 3, {3, 3, 3}, {0}}},
    {"uneven", {23, 6, 9, 16, 4, 24, 1, 3, {2, 5, 3}, {0}}},
    {"four", {16, 4, 6, 8, 4, 12, 1, 4, {2, 2, 2, 2}, {0}}}};

static inline void strided_set_weights(vc_model *model)
{
    for (size_t p = 0; p < model->param_count; p++) {
        vc_param *param = &model->params[p];
        const char *name = param->name;
        const size_t length = strlen(name);
        const int query = strstr(name, ".linears.0.") || strstr(name, ".linears.1.");
        float shift = 0.0f, scale = 0.3f;
        noise(param->data, name, param->count);
        if (strstr(name, "running_var")) {
            shift = 1.0f;
            scale = 0.5f;
        } else if (strcmp(name + length - 4, ".a_2") == 0 ||
                   (param->rank == 1 && strcmp(name + length - 7, ".weight") == 0)) {
            shift = 1.0f;
        } else if (param->rank >= 2 && !strstr(name, "pos_embedding")) {
            scale = (query ? 2.0f : 1.5f) / sqrtf((float)(param->count / param->shape[0]));
        }
        for (size_t i = 0; i < param->count; i++)
            param->data[i] = shift + scale * param->data[i];
    }
}

/* Written and read back, so that files are part of it. */
static inline vc_model *strided_open(const strided_kind *kind, vc_coded of, int in_place)
{
    vc_model_config config = vc__strided_model(&kind->sizes);
    const vc_model_options options = {.in_place = in_place};
    vc_model *made, *model;
    assert_ok(vc_model_compress(&config, 0, of));
    assert_ok(vc_model_create(&made, &config, 0));
    strided_set_weights(made);
    assert_ok(vc_model_write(temporary("strided.safetensors"), made));
    vc_model_close(made);
    assert_ok(vc_model_open(&model, temporary("strided.safetensors"), &options));
    return model;
}

static inline void strided_poses(float poses[STRIDED_BATCH * STRIDED_MOST_VALUES],
                                 const vc_model *model)
{
    noise(poses, "poses", STRIDED_BATCH * vc_model_image_values(&model->config));
}

/* The masks of tools/golden/strided.py, a group each. */
static inline void strided_mask(vc_model *model)
{
    vc_mask masks[1 + VC__STRIDED_MOST];
    const size_t groups = vc_model_groups(&model->config);
    for (size_t g = 0; g < groups; g++) {
        const vc_attention_group group = vc_model_group(&model->config, g);
        const vc_attention_layer l = vc_model_layer(&model->config, group.first);
        vc_mask *m = &masks[g];
        assert_ok(vc_mask_open(m, group.count, l.heads, l.queries, l.keys));
        for (size_t i = 0; i < group.count * l.heads * l.queries * l.keys; i++) {
            const size_t key = i % l.keys, query = i / l.keys % l.queries,
                         head = i / l.keys / l.queries % l.heads,
                         layer = group.first + i / l.keys / l.queries / l.heads;
            m->pruned[i] =
                !(key == 1 || query == key || (query * 5 + key * 3 + head + layer) % 7 == 0);
        }
    }
    assert_ok(vc_model_use_masks(model, masks, groups, "masks"));
    for (size_t g = 0; g < groups; g++)
        vc_mask_close(&masks[g]);
}

#endif
