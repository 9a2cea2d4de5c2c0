/* The one table of a LeViT's parameters: timm's names, and those of the original checkpoints,
 * where a block's attention and its MLP are numbered one after the other. */
#include <stdio.h>
#include <string.h>

#include "levit_impl.h"

typedef struct prefix {
    char timm[64], original[32];
} prefix;

/* `param` with its rank, shape and what else is its own, but for the names. */
static void visit_param(vc__walk *walk, float **member, const prefix *p, const char *timm,
                        const char *original, vc_param param)
{
    param.statistic = strstr(timm, ".running_") != NULL;
    snprintf(param.name, sizeof param.name, "%.60s%.19s", p->timm, timm);
    snprintf(param.alias, sizeof param.alias, "%.60s%.19s", p->original, original);
    vc__walk_param(walk, member, &param);
}

static void visit_norm(vc__walk *walk, float **w, float **b, float **mean, float **variance,
                       const prefix *p, size_t channels, vc_init init)
{
    visit_param(walk, w, p, ".bn.weight", ".bn.weight",
                (vc_param){.rank = 1, .shape = {channels}, .init = init});
    visit_param(walk, b, p, ".bn.bias", ".bn.bias",
                (vc_param){.rank = 1, .shape = {channels}, .init = VC_INIT_ZERO});
    visit_param(walk, mean, p, ".bn.running_mean", ".bn.running_mean",
                (vc_param){.rank = 1, .shape = {channels}, .init = VC_INIT_ZERO});
    visit_param(walk, variance, p, ".bn.running_var", ".bn.running_var",
                (vc_param){.rank = 1, .shape = {channels}, .init = VC_INIT_ONE});
}

/* kernel 0: a linear layer. init: of the norm's weight; 0 where the product ends a branch beside
 * a residual, which then starts as the identity, as timm's do. */
static void visit_normed(vc__walk *walk, vc__levit_normed *n, const prefix *p, size_t outputs,
                         size_t inputs, size_t kernel, vc_init init)
{
    visit_param(walk, &n->weight, p, ".linear.weight", ".c.weight",
                (vc_param){.rank = kernel ? 4 : 2,
                           .shape = {outputs, inputs, kernel, kernel},
                           .init = VC_INIT_UNIFORM,
                           .decay = 1});
    visit_norm(walk, &n->norm_w, &n->norm_b, &n->mean, &n->variance, p, outputs, init);
}

static prefix joined(const prefix *p, const char *timm, const char *original)
{
    prefix out;
    snprintf(out.timm, sizeof out.timm, "%.40s%s", p->timm, timm);
    snprintf(out.original, sizeof out.original, "%.20s%s", p->original, original);
    return out;
}

static void visit_coders(vc__walk *walk, vc_coder coder[2], const prefix *p, size_t heads,
                         const size_t compressed[2])
{
    static const char *const names[2][4] = {
        {".encoder_q.weight", ".encoder_q.bias", ".decoder_q.weight", ".decoder_q.bias"},
        {".encoder_k.weight", ".encoder_k.bias", ".decoder_k.weight", ".decoder_k.bias"}};
    for (size_t i = 0; i < 2; i++) {
        const size_t z = compressed[i];
        const char *const *n = names[i];
        if (!compressed[i])
            continue;
        visit_param(walk, &coder[i].encoder_w, p, n[0], n[0],
                    (vc_param){.rank = 2,
                               .shape = {z, heads},
                               .init = VC_INIT_FAN_IN,
                               .decay = 1,
                               .autoencoder = 1});
        visit_param(walk, &coder[i].encoder_b, p, n[1], n[1],
                    (vc_param){.rank = 1, .shape = {z}, .init = VC_INIT_ZERO, .autoencoder = 1});
        visit_param(walk, &coder[i].decoder_w, p, n[2], n[2],
                    (vc_param){.rank = 2,
                               .shape = {heads, z},
                               .init = VC_INIT_FAN_IN,
                               .decay = 1,
                               .autoencoder = 1});
        visit_param(
            walk, &coder[i].decoder_b, p, n[3], n[3],
            (vc_param){.rank = 1, .shape = {heads}, .init = VC_INIT_ZERO, .autoencoder = 1});
    }
}

static void visit_mlp(vc__walk *walk, vc__levit_block *b, const char *timm, size_t number,
                      size_t width, size_t hidden)
{
    prefix first, second;
    snprintf(first.timm, sizeof first.timm, "%.40s.mlp.ln1", timm);
    snprintf(second.timm, sizeof second.timm, "%.40s.mlp.ln2", timm);
    snprintf(first.original, sizeof first.original, "blocks.%zu.m.0", number);
    snprintf(second.original, sizeof second.original, "blocks.%zu.m.2", number);
    visit_normed(walk, &b->fc1, &first, hidden, width, 0, VC_INIT_ONE);
    visit_normed(walk, &b->fc2, &second, width, hidden, 0, VC_INIT_ZERO);
}

static void visit_block(vc__walk *walk, vc__levit_block *b, const vc__levit_config *c, size_t index)
{
    const vc__levit_place place = vc__levit_place_of(c, index);
    const vc__levit_attention *a = vc__levit_attention_of(c, place);
    const vc__levit_span span = vc__levit_span_of(c, place);
    size_t keys = a->heads * a->key_dim, values = a->heads * a->value_dim;
    char timm[48];
    prefix p, in, proj;
    if (place.subsampling) {
        snprintf(timm, sizeof timm, "stages.%zu.downsample", place.stage);
        snprintf(p.timm, sizeof p.timm, "%s.attn_downsample", timm);
        snprintf(p.original, sizeof p.original, "blocks.%zu", 2 * index);
    } else {
        snprintf(timm, sizeof timm, "stages.%zu.blocks.%zu", place.stage, place.block);
        snprintf(p.timm, sizeof p.timm, "%s.attn", timm);
        snprintf(p.original, sizeof p.original, "blocks.%zu.m", 2 * index);
    }
    in = joined(&p, place.subsampling ? ".kv" : ".qkv", place.subsampling ? ".kv" : ".qkv");
    proj = joined(&p, ".proj.ln", ".proj.1");
    visit_param(walk, &b->biases, &p, ".attention_biases", ".attention_biases",
                (vc_param){.rank = 2,
                           .shape = {a->heads, span.side_in * span.side_in},
                           .init = VC_INIT_ZERO});
    visit_normed(walk, &b->in, &in, (place.subsampling ? keys : 2 * keys) + values, span.width_in,
                 0, VC_INIT_ONE);
    if (place.subsampling) {
        const prefix q = joined(&p, ".q.ln", ".q.1");
        visit_normed(walk, &b->q, &q, keys, span.width_in, 0, VC_INIT_ONE);
    } else {
        visit_coders(walk, b->coder, &p, a->heads, c->stages[place.stage].compressed_heads);
    }
    visit_normed(walk, &b->proj, &proj, span.width_out, values, 0,
                 place.subsampling ? VC_INIT_ONE : VC_INIT_ZERO);
    visit_mlp(walk, b, timm, 2 * index + 1, span.width_out, a->hidden);
}

static void visit_head(vc__walk *walk, vc__levit_head *h, const char *name, size_t classes,
                       size_t width)
{
    prefix p;
    snprintf(p.timm, sizeof p.timm, "%s", name);
    snprintf(p.original, sizeof p.original, "%s", name);
    visit_norm(walk, &h->norm_w, &h->norm_b, &h->mean, &h->variance, &p, width, VC_INIT_ONE);
    visit_param(
        walk, &h->weight, &p, ".linear.weight", ".l.weight",
        (vc_param){.rank = 2, .shape = {classes, width}, .init = VC_INIT_NARROW, .decay = 1});
    visit_param(walk, &h->bias, &p, ".linear.bias", ".l.bias",
                (vc_param){.rank = 1, .shape = {classes}, .init = VC_INIT_ZERO});
}

void vc__levit_walk(vc__walk *walk, const vc__levit_config *c, vc__levit_weights *weights)
{
    for (size_t i = 0; i < VC__LEVIT_STEM; i++) {
        prefix p;
        snprintf(p.timm, sizeof p.timm, "stem.conv%zu", i + 1);
        snprintf(p.original, sizeof p.original, "patch_embed.%zu", 2 * i);
        visit_normed(walk, &weights->stem[i], &p, c->stem[i], i ? c->stem[i - 1] : c->channels, 3,
                     VC_INIT_ONE);
    }
    for (size_t b = 0; b < vc__levit_blocks(c); b++)
        visit_block(walk, &weights->blocks[b], c, b);
    size_t width = c->stages[VC__LEVIT_STAGES - 1].width;
    visit_head(walk, &weights->head, "head", c->classes, width);
    if (c->distilled)
        visit_head(walk, &weights->head_dist, "head_dist", c->classes, width);
}
