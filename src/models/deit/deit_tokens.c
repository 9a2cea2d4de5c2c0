/* The forward pass of one image that loses tokens on its way. */
#include "deit_impl.h"
#include "token_impl.h"

static void attend(vc_acts *acts, const vc_model *model, size_t layer, vc__tokens *tokens)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    vc_attention attention = {.shape = vc__deit_attention_shape(c, 1),
                              .q = a->qkv,
                              .k = a->qkv + c->width,
                              .v = a->qkv + 2 * c->width,
                              .bias = vc__tokens_bias(tokens, c->heads)};
    attention.shape.queries = attention.shape.keys = tokens->now;
    vc_attention_forward(a->attention, a->probs, acts->scratch, &attention);
}

static void reduce(const vc_acts *acts, const vc_model *model, size_t layer, vc__tokens *tokens)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    const vc__token_layer view = {.x = a->middle,
                                  .width = c->width,
                                  .probs = a->probs,
                                  .keys = a->qkv + c->width,
                                  .key_stride = 3 * c->width,
                                  .heads = c->heads,
                                  .head_dim = c->width / c->heads};
    vc__tokens_reduce(tokens, layer, &view);
}

void vc__deit_forward_tokens(vc_acts *acts, const vc_model *model, const float *image,
                             vc__tokens *tokens)
{
    vc__deit_embed(acts, model, image, 1);
    for (size_t l = 0; l < vc__deit_sizes_of(&model->config)->depth; l++) {
        vc__deit_project(acts, model, l, tokens->now);
        attend(acts, model, l, tokens);
        vc__deit_unproject(acts, model, l, 1, tokens->now);
        reduce(acts, model, l, tokens);
        vc__deit_mlp(acts, model, l, 1, tokens->now);
    }
    vc__deit_classify(acts, model, 1, tokens);
}
