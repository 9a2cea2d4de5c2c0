/* The one table of a DeiT's parameters. */
#include <stdio.h>
#include <string.h>

#include "deit_impl.h"

/* Sizes are named here and resolved against a config. */
typedef enum size_name {
    END,
    ONE,
    C,
    C3,
    M,
    INNER,
    F,
    H,
    ZQ,
    ZK,
    P,
    R,
    CHANNELS,
    DOWN, /* rows and columns of a patch */
    ACROSS,
    CLASSES
} size_name;

/* When a parameter exists. */
typedef enum condition {
    ALWAYS,
    CLASS_TOKEN,
    DISTILLED,
    REGISTERS,
    PATCH_BIAS,
    NORM_PRE,
    QKV_BIAS,
    SCALED,
    NORM,
    FC_NORM,
    PRE_LOGITS,
    HEAD,
    SECOND_HEAD,
    CODED_Q, /* from here on they are the auto-encoder's */
    CODED_K
} condition;

typedef struct row {
    size_t member; /* offset of the pointer in the weights struct */
    const char *name;
    size_name shape[4];
    vc_init init;
    int decay;
    condition when;
} row;

#define STEM(member) offsetof(vc__deit_weights, member)
#define BLOCK(member) offsetof(vc__deit_block, member)
#define CODER(which, member)                                                                       \
    offsetof(vc__deit_block, coder) + (which) * sizeof(vc_coder) + offsetof(vc_coder, member)

static const row stem_rows[] = {
    {STEM(cls_token), "cls_token", {ONE, ONE, C}, VC_INIT_NORMAL, 0, CLASS_TOKEN},
    {STEM(dist_token), "dist_token", {ONE, ONE, C}, VC_INIT_NORMAL, 0, DISTILLED},
    {STEM(reg_token), "reg_token", {ONE, R, C}, VC_INIT_NORMAL, 0, REGISTERS},
    {STEM(pos_embed), "pos_embed", {ONE, P, C}, VC_INIT_NORMAL, 0, ALWAYS},
    {STEM(patch_w),
     "patch_embed.proj.weight",
     {C, CHANNELS, DOWN, ACROSS},
     VC_INIT_FAN_IN,
     1,
     ALWAYS},
    {STEM(patch_b), "patch_embed.proj.bias", {C}, VC_INIT_ZERO, 0, PATCH_BIAS},
    {STEM(norm_pre_w), "norm_pre.weight", {C}, VC_INIT_ONE, 0, NORM_PRE},
    {STEM(norm_pre_b), "norm_pre.bias", {C}, VC_INIT_ZERO, 0, NORM_PRE},
};

static const row block_rows[] = {
    {BLOCK(norm1_w), "norm1.weight", {C}, VC_INIT_ONE, 0, ALWAYS},
    {BLOCK(norm1_b), "norm1.bias", {C}, VC_INIT_ZERO, 0, ALWAYS},
    {BLOCK(qkv_w), "attn.qkv.weight", {C3, C}, VC_INIT_NORMAL, 1, ALWAYS},
    {BLOCK(qkv_b), "attn.qkv.bias", {C3}, VC_INIT_ZERO, 0, QKV_BIAS},
    {CODER(0, encoder_w), "attn.encoder_q.weight", {ZQ, H}, VC_INIT_FAN_IN, 1, CODED_Q},
    {CODER(0, encoder_b), "attn.encoder_q.bias", {ZQ}, VC_INIT_ZERO, 0, CODED_Q},
    {CODER(0, decoder_w), "attn.decoder_q.weight", {H, ZQ}, VC_INIT_FAN_IN, 1, CODED_Q},
    {CODER(0, decoder_b), "attn.decoder_q.bias", {H}, VC_INIT_ZERO, 0, CODED_Q},
    {CODER(1, encoder_w), "attn.encoder_k.weight", {ZK, H}, VC_INIT_FAN_IN, 1, CODED_K},
    {CODER(1, encoder_b), "attn.encoder_k.bias", {ZK}, VC_INIT_ZERO, 0, CODED_K},
    {CODER(1, decoder_w), "attn.decoder_k.weight", {H, ZK}, VC_INIT_FAN_IN, 1, CODED_K},
    {CODER(1, decoder_b), "attn.decoder_k.bias", {H}, VC_INIT_ZERO, 0, CODED_K},
    {BLOCK(proj_w), "attn.proj.weight", {C, C}, VC_INIT_NORMAL, 1, ALWAYS},
    {BLOCK(proj_b), "attn.proj.bias", {C}, VC_INIT_ZERO, 0, ALWAYS},
    {BLOCK(scale[0]), "ls1.gamma", {C}, VC_INIT_SCALE, 0, SCALED},
    {BLOCK(norm2_w), "norm2.weight", {C}, VC_INIT_ONE, 0, ALWAYS},
    {BLOCK(norm2_b), "norm2.bias", {C}, VC_INIT_ZERO, 0, ALWAYS},
    {BLOCK(fc1_w), "mlp.fc1.weight", {M, C}, VC_INIT_NORMAL, 1, ALWAYS},
    {BLOCK(fc1_b), "mlp.fc1.bias", {M}, VC_INIT_ZERO, 0, ALWAYS},
    {BLOCK(fc2_w), "mlp.fc2.weight", {C, INNER}, VC_INIT_NORMAL, 1, ALWAYS},
    {BLOCK(fc2_b), "mlp.fc2.bias", {C}, VC_INIT_ZERO, 0, ALWAYS},
    {BLOCK(scale[1]), "ls2.gamma", {C}, VC_INIT_SCALE, 0, SCALED},
};

static const row top_rows[] = {
    {STEM(norm_w), "norm.weight", {C}, VC_INIT_ONE, 0, NORM},
    {STEM(norm_b), "norm.bias", {C}, VC_INIT_ZERO, 0, NORM},
    {STEM(fc_norm_w), "fc_norm.weight", {C}, VC_INIT_ONE, 0, FC_NORM},
    {STEM(fc_norm_b), "fc_norm.bias", {C}, VC_INIT_ZERO, 0, FC_NORM},
    {STEM(pre_w), "pre_logits.fc.weight", {F, C}, VC_INIT_NORMAL, 1, PRE_LOGITS},
    {STEM(pre_b), "pre_logits.fc.bias", {F}, VC_INIT_ZERO, 0, PRE_LOGITS},
    {STEM(head_w), "head.weight", {CLASSES, F}, VC_INIT_NORMAL, 1, HEAD},
    {STEM(head_b), "head.bias", {CLASSES}, VC_INIT_ZERO, 0, HEAD},
    {STEM(head_dist_w), "head_dist.weight", {CLASSES, C}, VC_INIT_NORMAL, 1, SECOND_HEAD},
    {STEM(head_dist_b), "head_dist.bias", {CLASSES}, VC_INIT_ZERO, 0, SECOND_HEAD},
};

/* Beside timm's names those that the first releases have (DINOv2's, DeiT III's). */
static const char *const first_names[][2] = {
    {"reg_token", "register_tokens"}, {"ls1.gamma", "gamma_1"},
    {"ls2.gamma", "gamma_2"},         {"mlp.fc1.weight", "mlp.w12.weight"},
    {"mlp.fc1.bias", "mlp.w12.bias"}, {"mlp.fc2.weight", "mlp.w3.weight"},
    {"mlp.fc2.bias", "mlp.w3.bias"}};

static size_t size_of(size_name name, const vc__deit_config *config)
{
    switch (name) {
    case C:
        return config->width;
    case C3:
        return 3 * config->width;
    case M:
        return config->hidden;
    case INNER:
        return vc__deit_inner(config);
    case F:
        return vc__deit_features(config);
    case H:
        return config->heads;
    case ZQ:
        return config->compressed_heads[0];
    case ZK:
        return config->compressed_heads[1];
    case P:
        return vc__deit_positions(config);
    case R:
        return config->registers;
    case CHANNELS:
        return config->channels;
    case DOWN:
        return config->patch.height;
    case ACROSS:
        return config->patch.width;
    case CLASSES:
        return config->classes;
    case ONE:
    case END:
        break;
    }
    return 1;
}

static int exists(condition when, const vc__deit_config *config)
{
    switch (when) {
    case CLASS_TOKEN:
        return !config->without_class;
    case DISTILLED:
        return config->distilled;
    case REGISTERS:
        return config->registers > 0;
    case PATCH_BIAS:
        return !config->without_patch_bias;
    case NORM_PRE:
        return config->norm_pre;
    case QKV_BIAS:
        return !config->without_qkv_bias;
    case SCALED:
        return config->layer_scale;
    case NORM:
        return !config->fc_norm;
    case FC_NORM:
        return config->fc_norm;
    case PRE_LOGITS:
        return config->representation > 0;
    case HEAD:
        return config->classes > 0;
    case SECOND_HEAD:
        return config->classes > 0 && config->distilled;
    case CODED_Q:
        return config->compressed_heads[0] > 0;
    case CODED_K:
        return config->compressed_heads[1] > 0;
    case ALWAYS:
        break;
    }
    return 1;
}

static void visit_row(vc__walk *walk, const row *entry, const char *prefix, void *target,
                      const vc__deit_config *config)
{
    float **member = (float **)((char *)target + entry->member);
    if (!exists(entry->when, config)) {
        *member = NULL;
        return;
    }
    vc_param param = {
        .decay = entry->decay, .autoencoder = entry->when >= CODED_Q, .init = entry->init};
    snprintf(param.name, sizeof param.name, "%s%s", prefix, entry->name);
    for (size_t i = 0; i < sizeof first_names / sizeof *first_names; i++)
        if (strcmp(first_names[i][0], entry->name) == 0)
            snprintf(param.alias, sizeof param.alias, "%s%s", prefix, first_names[i][1]);
    for (; param.rank < 4 && entry->shape[param.rank] != END; param.rank++) {
        param.shape[param.rank] = size_of(entry->shape[param.rank], config);
        param.positions |= entry->shape[param.rank] == P;
    }
    vc__walk_param(walk, member, &param);
}

void vc__deit_walk(vc__walk *walk, const vc__deit_config *config, vc__deit_weights *weights)
{
    for (size_t i = 0; i < sizeof stem_rows / sizeof *stem_rows; i++)
        visit_row(walk, &stem_rows[i], "", weights, config);
    for (size_t l = 0; l < config->depth; l++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "blocks.%zu.", l);
        for (size_t i = 0; i < sizeof block_rows / sizeof *block_rows; i++)
            visit_row(walk, &block_rows[i], prefix, &weights->blocks[l], config);
    }
    for (size_t i = 0; i < sizeof top_rows / sizeof *top_rows; i++)
        visit_row(walk, &top_rows[i], "", weights, config);
}
