/* Running statistics after a batch. */
#include "levit_impl.h"

/* `order` as in vc__levit_folded_block; NULL: the same. */
static void settle(const vc__levit_normed *w, const vc__levit_normed_acts *n, const size_t *order,
                   size_t rows, size_t outputs)
{
    if (!order)
        vc_batchnorm_settle(w->mean, w->variance, n->mean, n->variance, rows, outputs,
                            VC__LEVIT_MOMENTUM);
    for (size_t o = 0; order && o < outputs; o++)
        vc_batchnorm_settle(w->mean + order[o], w->variance + order[o], n->mean + o,
                            n->variance + o, rows, 1, VC__LEVIT_MOMENTUM);
}

static void settle_block(const vc_model *model, const vc__levit_block_acts *a, size_t index,
                         size_t batch)
{
    const vc__levit_shape s = vc__levit_block_shape(vc__levit_sizes_of(&model->config), index);
    const vc__levit_block *w = &vc__levit_weights_of(model)->blocks[index];
    const size_t in = batch * s.side_in * s.side_in, out = batch * s.side_out * s.side_out;
    settle(&w->in, &a->in, vc__levit_folded_of(model)->blocks[index].order, in, s.projected);
    if (s.subsampling)
        settle(&w->q, &a->q, NULL, out, s.keys);
    settle(&w->proj, &a->proj, NULL, out, s.width_out);
    settle(&w->fc1, &a->fc1, NULL, out, s.attention.hidden);
    settle(&w->fc2, &a->fc2, NULL, out, s.width_out);
}

void vc__levit_settle(vc_model *model, const vc_acts *acts, size_t batch)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    const vc__levit_kept *k = vc__levit_kept_of(acts);
    const vc__levit_head *const heads[] = {&vc__levit_weights_of(model)->head,
                                           &vc__levit_weights_of(model)->head_dist};
    for (size_t i = 0; i < VC__LEVIT_STEM; i++) {
        const vc_window window = vc__levit_window(c, i);
        const size_t side = vc_window_side(&window);
        settle(&vc__levit_weights_of(model)->stem[i], &k->stem[i], NULL, batch * side * side,
               c->stem[i]);
    }
    for (size_t b = 0; b < vc__levit_blocks(c); b++)
        settle_block(model, &k->blocks[b], b, batch);
    for (size_t i = 0; i < (c->distilled ? 2 : 1); i++)
        vc_batchnorm_settle(heads[i]->mean, heads[i]->variance, k->head_mean[i],
                            k->head_variance[i], batch, c->stages[VC__LEVIT_STAGES - 1].width,
                            VC__LEVIT_MOMENTUM);
}
