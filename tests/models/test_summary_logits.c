/* DeiTs and LeViTs with summaries against an independent program in float64, forward pass and
 * engine in every precision, on every instruction set. tools/golden/summaries.py has the other
 * side. */
#include "../../src/models/deit/deit.h"
#include "../../src/models/levit/levit.h"
#include "every_isa.h"
#include "summary_plans.h"
#include "timm.h"
#include "vitcod/polarize.h"

enum { GROUPS = 5 };

static vc_model_config deit(size_t image, size_t width, size_t depth, size_t heads)
{
    vc__deit_config sizes = vc__deit_config_default();
    sizes.image = vc_square(image);
    sizes.patch = vc_square(8);
    sizes.width = width;
    sizes.depth = depth;
    sizes.heads = heads;
    sizes.hidden = 4 * width;
    sizes.classes = CLASSES;
    return vc__deit_model(&sizes);
}

/* Widths and heads of three stages; values are twice as long as keys, four times where tokens are
 * subsampled. */
static vc_model_config levit(size_t image, size_t key_dim, const size_t *w, const size_t *heads)
{
    static const size_t depths[] = {2, 1, 2};
    vc_model_config config;
    assert_ok(vc_model_preset(&config, "levit_128s"));
    vc__levit_config *c = vc__levit_sizes_in(&config);
    c->image = image;
    c->classes = CLASSES;
    for (size_t i = 0; i < VC__LEVIT_STEM; i++)
        c->stem[i] = w[0] >> (VC__LEVIT_STEM - 1 - i);
    for (size_t s = 0; s < VC__LEVIT_STAGES; s++) {
        c->stages[s].width = w[s];
        c->stages[s].depth = depths[s];
        c->stages[s].own = (vc__levit_attention){heads[s], key_dim, 2 * key_dim, 2 * w[s]};
        if (s > 0)
            c->stages[s].subsampling =
                (vc__levit_attention){w[s - 1] / key_dim, key_dim, 4 * key_dim, 2 * w[s]};
    }
    return config;
}

static void make_masks(vc_mask *masks, size_t groups, const vc_model_config *config)
{
    for (size_t g = 0; g < groups; g++) {
        const vc_attention_group group = vc_model_group(config, g);
        const vc_attention_layer l = vc_model_layer(config, group.first);
        assert_ok(vc_mask_open(&masks[g], group.count, l.heads, l.queries, l.keys));
        summary_mask(&masks[g], group.first);
    }
}

/* With `dim`, queries of so many values pool. */
static void check_plan(vc_model *model, vc_plan *plan, size_t prefix, size_t dim,
                       const json_t *golden, const char *key)
{
    add_queried_summaries(plan, prefix, 0, dim);
    assert_ok(vc_model_use_plan(model, plan, "plan"));
    check_forward(model, golden, key);
    /* At most seven layers: up to 0.009 and 0.031 were seen, as much as without summaries. */
    check_engine(model, golden, key, 0.03, 0.08);
    vc_plan_close(plan);
}

/* On plans with token orders and global tokens, and on one with neither. */
static void check_model(const char *name, vc_model_config config, size_t prefix)
{
    const size_t groups = prefix ? 1 : GROUPS, dim = vc_model_layer(&config, 0).head_dim;
    json_t *golden = golden_in("tools/golden/summaries.json", name);
    print_message("%s\n", name);
    for (int coded = 0; coded < 2; coded++) {
        vc_mask masks[GROUPS];
        vc_plan plan;
        if (coded)
            assert_ok(vc_model_compress(&config, 0, VC_CODED_QK));
        vc_model *model = make(&config, coded);
        make_masks(masks, groups, &config);
        assert_ok(vc_polarize_groups(&plan, masks, groups, 12, "masks"));
        assert_true(plan.layers[0].global_tokens[0] > 0);
        check_plan(model, &plan, prefix, dim, golden, coded ? "queries_autoencoder" : "queries");
        assert_ok(vc_polarize_groups(&plan, masks, groups, 12, "masks"));
        check_plan(model, &plan, prefix, 0, golden, coded ? "summaries_autoencoder" : "summaries");
        if (!coded) {
            assert_ok(vc_plan_of_masks(&plan, masks, groups));
            check_plan(model, &plan, prefix, 0, golden, "summaries");
        }
        for (size_t g = 0; g < groups; g++)
            vc_mask_close(&masks[g]);
        vc_model_close(model);
    }
    json_decref(golden);
}

static void deit_with_summaries(void **state)
{
    (void)state;
    check_model("deit", deit(56, 48, 4, 3), 1);
}

static void deit_with_heads_of_64(void **state)
{
    (void)state;
    check_model("deit_wide", deit(112, 128, 3, 2), 1);
}

static void levit_with_summaries(void **state)
{
    (void)state;
    check_model("levit", levit(112, 16, (size_t[]){32, 48, 64}, (size_t[]){2, 3, 4}), 0);
}

static void levit_with_heads_of_4(void **state)
{
    (void)state;
    check_model("levit_narrow", levit(80, 4, (size_t[]){16, 24, 32}, (size_t[]){2, 3, 2}), 0);
}

static int run_group(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deit_with_summaries), cmocka_unit_test(deit_with_heads_of_64),
        cmocka_unit_test(levit_with_summaries), cmocka_unit_test(levit_with_heads_of_4)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}

int main(void)
{
    return on_every_isa(run_group);
}
