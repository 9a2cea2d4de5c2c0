/* The one table of a Strided Transformer's parameters, with the names of the published files, in
 * the order in which they are used. */
#include <stdio.h>
#include <string.h>

#include "strided_impl.h"

#define VANILLA "Transformer"
#define STRIDED "Transformer_reduce"

static void visit(vc__walk *walk, float **member, const char *prefix, const char *name,
                  vc_param param)
{
    snprintf(param.name, sizeof param.name, "%.60s%.19s", prefix, name);
    param.statistic = strstr(name, "running_") != NULL;
    vc__walk_param(walk, member, &param);
}

static vc_param vector(size_t count, vc_init init)
{
    return (vc_param){.rank = 1, .shape = {count}, .init = init};
}

static vc_param matrix(size_t outputs, size_t inputs)
{
    return (vc_param){.rank = 2, .shape = {outputs, inputs}, .init = VC_INIT_UNIFORM, .decay = 1};
}

/* A convolution's; of one value it is a matrix. */
static vc_param kernel(size_t outputs, size_t inputs, size_t values)
{
    return (vc_param){
        .rank = 3, .shape = {outputs, inputs, values}, .init = VC_INIT_UNIFORM, .decay = 1};
}

static void visit_batch_norm(vc__walk *walk, vc__strided_batch_norm *n, const char *prefix,
                             size_t width)
{
    visit(walk, &n->weight, prefix, ".weight", vector(width, VC_INIT_ONE));
    visit(walk, &n->bias, prefix, ".bias", vector(width, VC_INIT_ZERO));
    visit(walk, &n->mean, prefix, ".running_mean", vector(width, VC_INIT_ZERO));
    visit(walk, &n->variance, prefix, ".running_var", vector(width, VC_INIT_ONE));
}

static void visit_norm(vc__walk *walk, vc__strided_norm *n, const char *prefix, size_t width)
{
    visit(walk, n ? &n->gain : NULL, prefix, ".a_2", vector(width, VC_INIT_ONE));
    visit(walk, n ? &n->shift : NULL, prefix, ".b_2", vector(width, VC_INIT_ZERO));
}

static void visit_coder(vc__walk *walk, vc_coder *coder, const char *prefix, char which,
                        size_t heads, size_t compressed)
{
    char coded[64], decoded[64];
    vc_param in = matrix(compressed, heads), in_bias = vector(compressed, VC_INIT_ZERO),
             out = matrix(heads, compressed), out_bias = vector(heads, VC_INIT_ZERO);
    in.init = out.init = VC_INIT_FAN_IN;
    in.autoencoder = in_bias.autoencoder = out.autoencoder = out_bias.autoencoder = 1;
    snprintf(coded, sizeof coded, "%.48s.encoder_%c", prefix, which);
    snprintf(decoded, sizeof decoded, "%.48s.decoder_%c", prefix, which);
    visit(walk, &coder->encoder_w, coded, ".weight", in);
    visit(walk, &coder->encoder_b, coded, ".bias", in_bias);
    visit(walk, &coder->decoder_w, decoded, ".weight", out);
    visit(walk, &coder->decoder_b, decoded, ".bias", out_bias);
}

static void visit_attention(vc__walk *walk, vc__strided_block *b, const char *prefix,
                            const vc__strided_config *c)
{
    static const char which[] = {'q', 'k'};
    const size_t *compressed = c->compressed_heads;
    char name[64];
    for (size_t i = 0; i < 4; i++) {
        if (i == 3)
            for (size_t k = 0; k < 2; k++)
                if (compressed[k])
                    visit_coder(walk, &b->coder[k], prefix, which[k], c->heads, compressed[k]);
        snprintf(name, sizeof name, "%.48s.linears.%zu", prefix, i);
        visit(walk, &b->weight[i], name, ".weight", matrix(c->width, c->width));
        visit(walk, &b->bias[i], name, ".bias", vector(c->width, VC_INIT_ZERO));
    }
}

static void visit_block(vc__walk *walk, vc__strided_block *b, const vc__strided_config *c,
                        size_t index)
{
    const int strided = index >= c->vanilla;
    const size_t own = strided ? index - c->vanilla : index;
    char prefix[48], name[80];
    snprintf(prefix, sizeof prefix, "%s.model.layers.%zu", strided ? STRIDED : VANILLA, own);
    snprintf(name, sizeof name, "%s.sublayer.0.norm", prefix);
    visit_norm(walk, &b->norm[0], name, c->width);
    snprintf(name, sizeof name, "%s.self_attn", prefix);
    visit_attention(walk, b, name, c);
    snprintf(name, sizeof name, "%s.sublayer.1.norm", prefix);
    visit_norm(walk, &b->norm[1], name, c->width);
    snprintf(name, sizeof name, "%s.feed_forward.w_1", prefix);
    visit(walk, &b->fc1_w, name, ".weight",
          strided ? kernel(c->hidden, c->width, 1) : matrix(c->hidden, c->width));
    visit(walk, &b->fc1_b, name, ".bias", vector(c->hidden, VC_INIT_ZERO));
    snprintf(name, sizeof name, "%s.feed_forward.w_2", prefix);
    visit(walk, &b->fc2_w, name, ".weight",
          strided ? kernel(c->width, c->hidden, vc__strided_span(c, index).kernel)
                  : matrix(c->width, c->hidden));
    visit(walk, &b->fc2_b, name, ".bias", vector(c->width, VC_INIT_ZERO));
}

static void visit_head(vc__walk *walk, vc__strided_head *h, const char *name,
                       const vc__strided_config *c)
{
    char prefix[32];
    snprintf(prefix, sizeof prefix, "%.16s.0", name);
    visit_batch_norm(walk, &h->norm, prefix, c->width);
    snprintf(prefix, sizeof prefix, "%.16s.1", name);
    visit(walk, &h->weight, prefix, ".weight", kernel(c->outputs, c->width, 1));
    visit(walk, &h->bias, prefix, ".bias", vector(c->outputs, VC_INIT_ZERO));
}

/* Behind either encoder the files have a norm that nothing runs. */
void vc__strided_walk(vc__walk *walk, const vc__strided_config *c, vc__strided_weights *w)
{
    visit(walk, &w->embed_w, "", "encoder.0.weight", kernel(c->width, c->inputs, 1));
    visit(walk, &w->embed_b, "", "encoder.0.bias", vector(c->width, VC_INIT_ZERO));
    visit_batch_norm(walk, &w->embed_norm, "encoder.1", c->width);
    const vc_param positions = {
        .rank = 3, .shape = {1, c->frames, c->width}, .init = VC_INIT_NARROW};
    visit(walk, &w->positions, VANILLA, ".pos_embedding", positions);
    for (size_t b = 0; b < c->vanilla; b++)
        visit_block(walk, &w->blocks[b], c, b);
    visit_norm(walk, NULL, VANILLA ".model.norm", c->width);
    visit_head(walk, &w->frames, "fcn_1", c);
    for (size_t s = 0; s < c->strided || s < VC__STRIDED_PLACES; s++) {
        char name[48];
        snprintf(name, sizeof name, ".pos_embedding_%zu", s + 1);
        if (s < VC__STRIDED_PLACES)
            visit(walk, &w->places[s], STRIDED ".model", name, positions);
        if (s < c->strided)
            visit_block(walk, &w->blocks[c->vanilla + s], c, c->vanilla + s);
    }
    visit_norm(walk, NULL, STRIDED ".model.norm", c->width);
    visit_head(walk, &w->head, "fcn", c);
}
