/* Before a block's backward pass: what its forward pass made and was not kept. */
#include "deit_impl.h"

static void make_some_again(vc_acts *acts, const vc_model *model, size_t layer, size_t batch)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_block *w = &vc__deit_weights_of(model)->blocks[layer];
    const vc__deit_layer_acts *a = &vc__deit_acts_of(acts)->layers[layer];
    const size_t rows = batch * vc__deit_tokens(c);
    vc_layernorm_forward(a->norm1, a->mean1, a->rstd1, a->input, w->norm1_w, w->norm1_b, rows,
                         c->width, vc__deit_eps(c));
    if (!vc_model_plan(model))
        vc__deit_attend(acts, model, layer, batch, NULL);
    vc_layernorm_forward(a->norm2, a->mean2, a->rstd2, a->middle, w->norm2_w, w->norm2_b, rows,
                         c->width, vc__deit_eps(c));
    vc__deit_activate(a->gelu, a->fc1, c, rows);
}

/* What the block's last product makes is kept, as the input of the next. But LayerScale needs it
 * before it was scaled. */
static void make_block_again(vc_acts *acts, const vc_model *model, size_t layer, size_t batch)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const size_t rows = batch * vc__deit_tokens(c);
    vc__deit_project(acts, model, layer, rows);
    vc__deit_attend(acts, model, layer, batch, NULL);
    vc__deit_unproject(acts, model, layer, batch, rows);
    if (c->layer_scale)
        vc__deit_mlp(acts, model, layer, batch, rows);
    else
        vc__deit_hidden(acts, model, layer, rows);
}

void vc__deit_make_again(const vc_acts *acts, const vc_model *model, size_t layer, size_t batch)
{
    vc_acts same = *acts; /* with the same buffers */
    if (acts->keep == VC_KEEP_LESS)
        make_some_again(&same, model, layer, batch);
    if (acts->keep == VC_KEEP_LEAST)
        make_block_again(&same, model, layer, batch);
}
