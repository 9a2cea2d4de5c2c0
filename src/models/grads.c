/* What holds gradients. */
#include <math.h>
#include <string.h>

#include "backward_impl.h"
#include "model_impl.h"
#include "vitcod/threads.h"

vc_status vc_model_check_trainable(const vc_model *model)
{
    if (!vc_model_can(&model->config, VC_ABILITY_LEARNS))
        return vc_fail(VC_EUNSUPPORTED, "a %s has no backward pass and cannot be trained",
                       vc_model_family(&model->config));
    if (model->config.family->folded && model->config.family->folded(&model->config))
        return vc_fail(VC_EUNSUPPORTED,
                       "BatchNorm is folded into this %s's products, without its statistics, so it "
                       "cannot be trained: wanted the checkpoint from before",
                       vc_model_family_title(&model->config));
    if (model->values)
        return VC_OK;
    return vc_fail(VC_EUNSUPPORTED, "a model that lies in a mapped file cannot be trained");
}

static void raise_to(size_t *most, size_t value)
{
    *most = value > *most ? value : *most;
}

/* Attention needs scratch for each thread, the auto-encoder one piece in all. */
static size_t scratch_count(const vc_model *model)
{
    size_t most = vc_model_attention_scratch(model, 1) * (size_t)vc_threads_count();
    for (size_t i = 0; i < vc_model_layers(&model->config); i++) {
        const vc_attention_layer l = vc_model_layer(&model->config, i);
        for (size_t k = 0; k < 2; k++)
            raise_to(&most, vc_autoencoder_scratch_floats(l.heads, l.compressed[k]));
    }
    return most;
}

const float *vc__branch_gradient(float *scaled, const float *dy, const vc_acts *acts, size_t layer,
                                 size_t branch, size_t batch, size_t image)
{
    const float *counts = vc_acts_branch(acts, layer, branch);
    if (!counts)
        return dy;
    vc_scale_images(scaled, dy, counts, NULL, batch, image);
    return scaled;
}

static void place_coders(vc_grads *g, const vc_model *model, size_t batch)
{
    size_t decoded[2] = {0}, encoded[2] = {0};
    for (size_t i = 0; i < 2 * vc_model_layers(&model->config); i++) {
        const vc_attention_layer l = vc_model_layer(&model->config, i / 2);
        const size_t values = batch * l.keys * l.head_dim;
        raise_to(&encoded[i % 2], values * l.compressed[i % 2]);
        raise_to(&decoded[i % 2], l.compressed[i % 2] ? values * l.heads : 0);
    }
    for (size_t i = 0; i < 2; i++) {
        g->decoded[i] = decoded[i] ? vc_arena_floats(&g->arena, decoded[i]) : NULL;
        g->encoded[i] = encoded[i] ? vc_arena_floats(&g->arena, encoded[i]) : NULL;
    }
}

static void place_summaries(vc_grads *g, const vc_model *model, size_t batch)
{
    size_t biases = 0, weights = 0, queries = 0;
    for (size_t i = 0; model->restriction && i < vc_model_layers(&model->config); i++) {
        const vc_plan_layer *p = &model->restriction->plan.layers[i];
        raise_to(&biases, batch * p->heads * p->queries * p->pooling.count);
        raise_to(&weights, batch * p->heads * p->pooling.entries);
        raise_to(&queries, batch * p->heads * p->pooling.dim);
    }
    g->summary_bias = biases ? vc_arena_floats(&g->arena, biases) : NULL;
    g->pool_weights = weights ? vc_arena_floats(&g->arena, weights) : NULL;
    g->pool_query = queries ? vc_arena_floats(&g->arena, queries) : NULL;
}

static void place_grads(vc_grads *g, const vc_model *model, size_t batch)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const size_t logits = batch * input.outputs;
    g->values = vc_arena_floats(&g->arena, model->value_count);
    g->dlogits = vc_arena_floats(&g->arena, logits);
    g->dhead_logits = vc_arena_floats(&g->arena, input.classifiers * logits);
    g->dframes = input.joints ? vc_arena_floats(&g->arena, logits * input.height) : NULL;
    g->classified = vc_arena_floats(&g->arena, logits);
    place_coders(g, model, batch);
    place_summaries(g, model, batch);
    model->config.family->place_grads(g, model, batch);
    g->scratch = vc_arena_floats(&g->arena, scratch_count(model));
}

vc_status vc_grads_open(vc_grads *out, const vc_model *model, size_t batch)
{
    *out = (vc_grads){0};
    VC_TRY(vc_model_check_trainable(model));
    place_grads(out, model, batch);
    VC_TRY(vc_arena_reserve(&out->arena));
    place_grads(out, model, batch);
    return VC_OK;
}

void vc_grads_close(vc_grads *grads)
{
    vc_arena_close(&grads->arena);
    *grads = (vc_grads){0};
}

void vc_grads_clear(vc_grads *grads, const vc_model *model)
{
    memset(grads->values, 0, model->value_count * sizeof(float));
}

void vc__classifier_gradient(vc_grads *g, const vc_model *model, size_t head, size_t batch)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const size_t count = batch * input.outputs;
    const float share = 1.0f / (float)input.classifiers; /* the logits are the mean of the heads' */
    for (size_t i = 0; i < count; i++)
        g->classified[i] = share * g->dlogits[i] + g->dhead_logits[head * count + i];
}

void vc__ready(const vc_grads *g, const float *first)
{
    if (g->on_ready)
        g->on_ready(g->context, (size_t)(first - g->values));
}

vc_distances vc_model_backward_taught(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                      size_t batch, float reconstruction, const vc_lesson *lesson)
{
    return model->config.family->backward(grads, acts, model, batch, reconstruction, lesson);
}

void vc_model_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model, size_t batch,
                       float reconstruction)
{
    vc_model_backward_taught(grads, acts, model, batch, reconstruction, NULL);
}

size_t vc_model_least_share(const vc_model_config *config)
{
    return config->family->least_share ? config->family->least_share : 1;
}

double vc_model_drop_share(const vc_model_config *config, double most, size_t layer)
{
    const size_t layers = vc_model_layers(config);
    if (config->family->drops_alike)
        return most;
    return layers > 1 ? most * (double)layer / (double)(layers - 1) : 0.0;
}

int vc_all_finite(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return 0;
    return 1;
}

int vc_model_not_finite(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts)
{
    return model->config.family->not_finite(place, model, acts);
}
