/* Statistics of a model whose later layers are larger than its first: every layer has room. */
#include "../../src/models/model_impl.h"
#include "testing.h"
#include "vitcod/distill.h"

enum { HEADS = 2, DIM = 3, CHANNELS = HEADS * DIM, FEW = 2, MANY = 300, BATCH = 4 };

/* What the family says that it has. */
static size_t group_count;

static vc_status check(const vc_model_config *config)
{
    (void)config;
    return VC_OK;
}

static size_t layers(const vc_model_config *config)
{
    (void)config;
    return 2;
}

static vc_attention_layer layer(const vc_model_config *config, size_t index)
{
    (void)config;
    return (vc_attention_layer){.heads = HEADS,
                                .queries = index ? MANY : FEW,
                                .keys = index ? MANY : FEW,
                                .head_dim = DIM,
                                .value_dim = DIM,
                                .width = CHANNELS,
                                .group = index < group_count ? index : group_count - 1};
}

static size_t groups(const vc_model_config *config)
{
    (void)config;
    return group_count;
}

static vc_attention_group group(const vc_model_config *config, size_t index)
{
    (void)config;
    return (vc_attention_group){.first = index, .count = group_count == 1 ? 2 : 1};
}

static vc_status allocate(vc_model *model)
{
    (void)model;
    return VC_OK;
}

static void release(vc_model *model)
{
    (void)model;
}

static void walk_weights(vc__walk *walk, vc_model *model)
{
    const vc_param param = {.name = "scale", .rank = 1, .shape = {1}};
    (void)model;
    vc__walk_param(walk, NULL, &param);
}

/* Every value is 1. */
static vc__values values(const vc_acts *acts, const vc_model *model, size_t index)
{
    static float ones[BATCH * MANY * CHANNELS];
    const size_t tokens = layer(&model->config, index).keys;
    const vc_rows rows = {ones, tokens, CHANNELS, CHANNELS, tokens, 0};
    (void)acts;
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++)
        ones[i] = 1.0f;
    return (vc__values){.values = rows, .entering = rows, .projection = ones};
}

static const vc__family growing = {.name = "growing",
                                   .title = "Growing",
                                   .check = check,
                                   .layers = layers,
                                   .layer = layer,
                                   .groups = groups,
                                   .group = group,
                                   .allocate = allocate,
                                   .release = release,
                                   .walk = walk_weights,
                                   .values = values};

static void a_later_layer_is_larger(void **state)
{
    (void)state;
    static float probs[BATCH * HEADS * MANY * MANY];
    static float mean[HEADS * MANY * MANY];
    vc_dense_stats stats;
    const vc_model model = {.config = {.family = &growing}};
    const vc_acts acts = {.batch = BATCH, .keep = 1};
    group_count = 2;
    for (size_t i = 0; i < sizeof probs / sizeof *probs; i++)
        probs[i] = 0.5f;
    assert_ok(vc_dense_stats_open(&stats, &model, BATCH, 1, 0));
    const vc_tap tap = vc_dense_stats_tap(&stats);
    for (size_t l = 0; l < 2; l++)
        tap.attention(tap.context, &acts, l, probs, BATCH);
    assert_ok(stats.status);
    /* A projected value is DIM in each of CHANNELS, and what it adds to is 1 in each. */
    vc_attention_stats_mean(mean, &stats.scores[1]);
    for (size_t i = 0; i < HEADS * MANY * MANY; i++)
        assert_near(mean[i], 0.5 * DIM, 1e-5);
    vc_dense_stats_close(&stats);
}

static void groups_are_checked(void **state)
{
    (void)state;
    const vc_model_config config = {.family = &growing};
    size_t count;
    group_count = 2;
    assert_ok(vc_model_parameters(&count, &config));
    assert_int_equal(count, 1);
    group_count = 1;
    assert_fails(vc_model_parameters(&count, &config), VC_EUNSUPPORTED,
                 "a growing whose layer 1 is not as group 0 of layers has them");
    group_count = 3;
    assert_fails(vc_model_parameters(&count, &config), VC_EUNSUPPORTED,
                 "a growing whose group 2 of layers begins at 2 of 2");
    group_count = VC_MOST_GROUPS + 1;
    assert_fails(vc_model_parameters(&count, &config), VC_EUNSUPPORTED,
                 "a growing with 16 groups of layers, wanted 1 to 15");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_later_layer_is_larger),
                                       cmocka_unit_test(groups_are_checked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
