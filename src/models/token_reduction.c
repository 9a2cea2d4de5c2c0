/* Fewer tokens from layer to layer: how many, and what the rules have in common. */
#include "vitcod/token_reduction.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "token_impl.h"

static const vc__token_rule *const rules[] = {&vc__prune_tokens, &vc__merge_tokens};

static const vc__token_rule *find_rule(const char *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (strcmp(rules[i]->name, name) == 0)
            return rules[i];
    return NULL;
}

vc_status vc_token_reduction_check(const vc_token_reduction *how)
{
    if (!find_rule(how->rule))
        return vc_fail(VC_EINVAL, "tokens by '%s', wanted prune or merge", how->rule);
    if (!(how->keep > 0.0 && how->keep <= 1.0))
        return vc_fail(VC_EINVAL, "%g of the tokens kept, wanted more than 0, up to 1", how->keep);
    return VC_OK;
}

/* ---- the schedule */

/* MACs of an operator when its layer has n of T tokens, and the MLP n_after. */
static uint64_t reduced_macs(const vc_op *op, size_t n, size_t n_after, size_t all)
{
    switch (op->kind) {
    case VC_OP_SDDMM:
    case VC_OP_SPMM:
        return op->macs / (all * all) * n * n;
    case VC_OP_MLP:
        return op->macs / all * n_after;
    default:
        return op->macs / all * n;
    }
}

static vc_status count_macs(vc_token_schedule *s, const vc_model_config *config,
                            const vc__token_rule *rule)
{
    const vc_attention_layer l = vc_model_layer(config, 0);
    vc_workload work = {0};
    const vc_status status = vc_model_lower(&work, config, NULL);
    s->dense_macs = vc_workload_macs(&work, 0);
    s->macs = 0;
    for (size_t i = 0; i < work.count; i++) {
        const vc_op *op = &work.ops[i];
        const size_t layer = (size_t)op->layer;
        s->macs += op->layer < 0
                       ? op->macs
                       : reduced_macs(op, s->tokens[layer], s->tokens[layer + 1], s->tokens[0]);
    }
    for (size_t i = 0; rule->macs && i < s->layers; i++)
        if (s->tokens[i + 1] < s->tokens[i])
            s->macs += rule->macs(s->tokens[i], l.head_dim);
    vc_workload_close(&work);
    return status;
}

static vc_status count_tokens(vc_token_schedule *s, size_t prefix, size_t patches,
                              const vc_token_reduction *how)
{
    const vc__token_rule *rule = find_rule(how->rule);
    size_t before = patches;
    if (s->layers == 1 && how->keep < 1.0)
        return vc_fail(VC_EINVAL,
                       "%g of the tokens kept in the last of 1 layers, which has them "
                       "all, wanted 1",
                       how->keep);
    s->scores_share = 0.0;
    for (size_t i = 0; i < s->layers; i++) {
        const double depth = i > 0 ? (double)i / (double)(s->layers - 1) : 0.0;
        const double wanted = round(rule->patches((double)patches, how->keep, depth));
        const size_t now = wanted > 1.0 ? (size_t)wanted : 1;
        if (before - now > rule->most(before))
            return vc_fail(VC_EINVAL,
                           "%g of the tokens kept by %s: layer %zu would go from %zu to %zu, "
                           "wanted a share that takes %zu at most in one layer",
                           how->keep, rule->name, i - 1, before, now, rule->most(before));
        const double share = (double)(prefix + now) / (double)(prefix + patches);
        s->scores_share += share * share / (double)s->layers;
        s->tokens[i] = prefix + now;
        before = now;
    }
    s->tokens[s->layers] = prefix + before; /* the last layer lets none go */
    return VC_OK;
}

vc_status vc_token_schedule_open(vc_token_schedule *out, const vc_model_config *config,
                                 const vc_token_reduction *how)
{
    char those[VC_FAMILIES_TEXT];
    *out = (vc_token_schedule){0};
    VC_TRY(vc_token_reduction_check(how));
    if (!vc_model_can(config, VC_ABILITY_TOKENS))
        return vc_fail(VC_EUNSUPPORTED, "fewer tokens from layer to layer: this is a %s, wanted %s",
                       vc_model_family(config), vc_families_that_can(those, VC_ABILITY_TOKENS));
    const size_t prefix = vc_model_prefix_tokens(config);
    out->layers = vc_model_layers(config);
    out->tokens = calloc(out->layers + 1, sizeof *out->tokens);
    if (!out->tokens)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", out->layers);
    vc_status status = count_tokens(out, prefix, vc_model_layer(config, 0).keys - prefix, how);
    if (status == VC_OK)
        status = count_macs(out, config, find_rule(how->rule));
    if (status != VC_OK)
        vc_token_schedule_close(out);
    return status;
}

void vc_token_schedule_close(vc_token_schedule *schedule)
{
    free(schedule->tokens);
    *schedule = (vc_token_schedule){0};
}

/* ---- for rules */

void vc__mark_highest(unsigned char *marked, const double *scores, size_t count, size_t most)
{
    for (size_t i = 0; i < count; i++) {
        size_t before = 0;
        for (size_t j = 0; j < count; j++)
            before += scores[j] > scores[i] || (j < i && scores[j] == scores[i]);
        marked[i] = before < most;
    }
}

void vc__gather_tokens(vc__tokens *tokens, const vc__token_layer *layer, size_t count)
{
    const size_t width = layer->width, first = tokens->prefix, moved = count - first;
    for (size_t i = 0; i < moved; i++) {
        const size_t from = tokens->order[first + i];
        memcpy(tokens->moved + i * width, layer->x + from * width, width * sizeof(float));
        tokens->moved_worth[i] = tokens->worth[from];
    }
    memcpy(layer->x + first * width, tokens->moved, moved * width * sizeof(float));
    memcpy(tokens->worth + first, tokens->moved_worth, moved * sizeof *tokens->worth);
}

/* ---- for families */

/* While nothing has been merged all logarithms are 0. */
const float *vc__tokens_bias(vc__tokens *tokens, size_t heads)
{
    const size_t n = tokens->now;
    if (!tokens->rule->counts_patches || n == tokens->schedule->tokens[0])
        return NULL;
    for (size_t t = 0; t < n; t++)
        tokens->bias[t] = (float)log(tokens->worth[t]);
    for (size_t row = 1; row < heads * n; row++)
        memcpy(tokens->bias + row * n, tokens->bias, n * sizeof(float));
    return tokens->bias;
}

void vc__tokens_reduce(vc__tokens *tokens, size_t layer, const vc__token_layer *view)
{
    const size_t to = tokens->schedule->tokens[layer + 1];
    tokens->rule->reduce(tokens, view, to);
    tokens->now = to;
}

void vc__tokens_mean(float *mean, const float *x, const vc__tokens *tokens, size_t width)
{
    const size_t count = tokens->now - tokens->prefix;
    double sum = 0.0;
    for (size_t t = 0; t < count; t++)
        sum += tokens->rule->counts_patches ? tokens->worth[tokens->prefix + t] : 1.0;
    memset(mean, 0, width * sizeof *mean);
    for (size_t t = 0; t < count; t++) {
        const double worth = tokens->rule->counts_patches ? tokens->worth[tokens->prefix + t] : 1.0;
        for (size_t i = 0; i < width; i++)
            mean[i] += (float)(worth / sum) * x[t * width + i];
    }
}

/* ---- the pass */

struct vc_token_pass {
    const vc_model *model;
    vc_token_schedule schedule;
    vc_acts acts; /* of one image */
    vc__tokens tokens;
    vc_arena arena;
};

static void place_tokens(vc_token_pass *pass)
{
    const vc_attention_layer l = vc_model_layer(&pass->model->config, 0);
    const size_t most = pass->schedule.tokens[0];
    vc_arena *arena = &pass->arena;
    vc__tokens *t = &pass->tokens;
    t->worth = vc_arena_take(arena, most * sizeof *t->worth);
    t->score = vc_arena_take(arena, most * sizeof *t->score);
    t->moved_worth = vc_arena_take(arena, most * sizeof *t->moved_worth);
    t->marked = vc_arena_take(arena, most);
    t->partner = vc_arena_take(arena, most * sizeof *t->partner);
    t->order = vc_arena_take(arena, most * sizeof *t->order);
    t->moved = vc_arena_floats(arena, most * l.width);
    t->metric = vc_arena_floats(arena, most * l.head_dim);
    t->similarity = vc_arena_floats(arena, most * most);
    t->bias = vc_arena_floats(arena, l.heads * most * most);
}

static vc_status check_model(const vc_model *model)
{
    const vc_attention_layer l = vc_model_layer(&model->config, 0);
    if (vc_model_entries(model))
        return vc_fail(VC_EUNSUPPORTED,
                       "fewer tokens from layer to layer: this model's attention "
                       "has a mask or a plan, which names tokens, wanted none (--plan none "
                       "leaves one inside a file alone)");
    if (l.compressed[0] || l.compressed[1])
        return vc_fail(VC_EUNSUPPORTED, "fewer tokens from layer to layer: this model has an "
                                        "auto-encoder, wanted none");
    return VC_OK;
}

static vc_status open_pass(vc_token_pass *pass, const vc_model *model,
                           const vc_token_reduction *how)
{
    VC_TRY(vc_token_schedule_open(&pass->schedule, &model->config, how));
    VC_TRY(check_model(model));
    VC_TRY(vc_acts_open(&pass->acts, model, 1, 0));
    pass->model = model;
    pass->tokens = (vc__tokens){.rule = find_rule(how->rule),
                                .schedule = &pass->schedule,
                                .prefix = vc_model_prefix_tokens(&model->config)};
    place_tokens(pass);
    VC_TRY(vc_arena_reserve(&pass->arena));
    place_tokens(pass);
    return VC_OK;
}

vc_status vc_token_pass_open(vc_token_pass **out, const vc_model *model,
                             const vc_token_reduction *how)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory");
    const vc_status status = open_pass(*out, model, how);
    if (status != VC_OK) {
        vc_token_pass_close(*out);
        *out = NULL;
    }
    return status;
}

void vc_token_pass_close(vc_token_pass *pass)
{
    if (!pass)
        return;
    vc_acts_close(&pass->acts);
    vc_arena_close(&pass->arena);
    vc_token_schedule_close(&pass->schedule);
    free(pass);
}

const vc_token_schedule *vc_token_pass_schedule(const vc_token_pass *pass)
{
    return &pass->schedule;
}

void vc_token_pass_run(vc_token_pass *pass, float *logits, const float *images, size_t batch)
{
    const vc_model *model = pass->model;
    const size_t values = vc_model_image_values(&model->config),
                 outputs = vc_model_input_of(&model->config).outputs;
    vc__tokens *tokens = &pass->tokens;
    for (size_t i = 0; i < batch; i++) {
        tokens->now = pass->schedule.tokens[0];
        for (size_t t = 0; t < tokens->now; t++)
            tokens->worth[t] = tokens->rule->worth;
        model->config.family->forward_tokens(&pass->acts, model, images + i * values, tokens);
        memcpy(logits + i * outputs, pass->acts.logits, outputs * sizeof *logits);
    }
}
