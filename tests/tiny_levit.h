/* A LeViT small enough for central differences, with odd sides of tokens (5, 3, 2), and ways to
 * restrict it. */
#ifndef VC_TEST_TINY_LEVIT_H
#define VC_TEST_TINY_LEVIT_H

#include "../src/models/levit/levit.h"
#include "summarized.h"
#include "testing.h"
#include "vitcod/polarize.h"
#include "vitcod/rng.h"

enum { TINY_IMAGE = 80, TINY_CHANNELS = 2, TINY_CLASSES = 5, TINY_GROUPS = 5 };
enum { TINY_PIXELS = TINY_CHANNELS * TINY_IMAGE * TINY_IMAGE };

static inline vc_model_config tiny_levit(void)
{
    return vc__levit_model(
        &(vc__levit_config){.image = TINY_IMAGE,
                            .channels = TINY_CHANNELS,
                            .classes = TINY_CLASSES,
                            .stem = {3, 4, 6, 8},
                            .stages = {{8, 2, {2, 4, 6, 12}, {0}, {0}},
                                       {12, 1, {3, 4, 5, 16}, {0}, {2, 4, 7, 20}},
                                       {10, 1, {2, 3, 4, 18}, {0}, {3, 4, 8, 14}}},
                            .distilled = 1,
                            .std = {1.0f, 1.0f}});
}

/* Random parameters. Norms that start at 0 would hide the layers before them. At 1 a random network
 * is so steep, layer after layer, that a difference quotient needs steps that are lost in rounding.
 * Biases are large enough to matter. */
static inline vc_model *tiny_levit_open(const vc_model_config *config)
{
    vc_model *model;
    vc_rng rng = vc_rng_open(9, 9, 9);
    assert_ok(vc_model_create(&model, config, 4));
    for (size_t p = 0; p < model->param_count; p++) {
        const vc_param *param = &model->params[p];
        const int norm = strstr(param->name, ".bn.weight") != NULL;
        const float scale = strstr(param->name, "attention_biases") ? 1.0f : norm ? 0.1f : 0.2f;
        for (size_t i = 0; i < param->count && !param->statistic; i++) {
            const float noise = scale * (float)vc_rng_normal(&rng);
            param->data[i] = norm ? 0.6f + noise : param->data[i] + noise;
        }
    }
    vc_model_refresh(model);
    return model;
}

typedef enum tiny_restriction {
    TINY_DENSE,
    TINY_MASKS,
    TINY_PLAN,
    TINY_RESIDUAL,
    TINY_SUMMARIES
} tiny_restriction;

/* Keeps every seventh entry, the first key of each query, and some more entries in a column that
 * can become global. */
static inline void tiny_levit_masks(vc_mask masks[TINY_GROUPS], const vc_model_config *config)
{
    for (size_t g = 0; g < TINY_GROUPS; g++) {
        const vc_attention_group group = vc_model_group(config, g);
        const vc_attention_layer l = vc_model_layer(config, group.first);
        assert_ok(vc_mask_open(&masks[g], group.count, l.heads, l.queries, l.keys));
        for (size_t at = 0; at < group.count * l.heads * l.queries * l.keys; at++) {
            const size_t j = at % l.keys, i = at / l.keys % l.queries;
            const size_t h = at / l.keys / l.queries;
            masks[g].pruned[at] =
                !(j == h % l.keys || i == j || (i * 5 + j * 3 + h + group.first) % 7 == 0);
        }
    }
}

static inline void tiny_levit_restrict(vc_model *model, tiny_restriction how)
{
    vc_mask masks[TINY_GROUPS];
    vc_plan plan;
    if (how == TINY_DENSE)
        return;
    tiny_levit_masks(masks, &model->config);
    if (how == TINY_MASKS)
        assert_ok(vc_model_use_masks(model, masks, TINY_GROUPS, "masks"));
    else {
        assert_ok(vc_polarize_groups(&plan, masks, TINY_GROUPS, 6, "masks"));
        assert_true(plan.layers[0].global_tokens[0] > 0);
        for (size_t l = 0; how == TINY_RESIDUAL && l < plan.layer_count; l++) {
            const size_t rows = plan.layers[l].heads * plan.layers[l].queries;
            plan.layers[l].kept_share = malloc(rows * sizeof(float));
            assert_non_null(plan.layers[l].kept_share);
            for (size_t r = 0; r < rows; r++)
                plan.layers[l].kept_share[r] = (float)(r % 7 + 1) / 8.0f;
        }
        if (how == TINY_SUMMARIES)
            summarize_plan(&plan, &model->config);
        assert_ok(vc_model_use_plan(model, &plan, "plan"));
        vc_plan_close(&plan);
    }
    for (size_t g = 0; g < TINY_GROUPS; g++)
        vc_mask_close(&masks[g]);
}

#endif
