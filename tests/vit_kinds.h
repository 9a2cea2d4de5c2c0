/* Small plain ViTs, each with something that a DeiT has not, as tools/golden/vits.py has them. */
#ifndef VC_TEST_VIT_KINDS_H
#define VC_TEST_VIT_KINDS_H

#include "../src/models/deit/deit.h"

typedef struct vit_kind {
    const char *name;
    vc__deit_config sizes;
} vit_kind;

#define VIT_BUT_IMAGE                                                                              \
    .channels = 3, .classes = 10, .width = 24, .depth = 2, .heads = 3, .std = {1, 1, 1}
#define VIT_BUT_HIDDEN VIT_BUT_IMAGE, .image = {32, 32}, .patch = {8, 8}
#define VIT VIT_BUT_HIDDEN, .hidden = 96
#define OTHERWISE(h, w, down, across)                                                              \
    VIT_BUT_IMAGE, .image = {h, w}, .patch = {down, across}, .hidden = 96
#define GAP VIT, .without_class = 1, .pool = VC__DEIT_POOL_AVERAGE
static const vit_kind vit_kinds[] = {
    {"layer_scale", {VIT, .layer_scale = 1}},
    {"no_qkv_bias", {VIT, .without_qkv_bias = 1}},
    {"no_embed_class", {VIT, .unplaced = 1}},
    {"registers", {VIT, .registers = 3}},
    {"average", {VIT, .pool = VC__DEIT_POOL_AVERAGE, .fc_norm = 1}},
    {"average_norm", {VIT, .pool = VC__DEIT_POOL_AVERAGE}},
    {"gap", {GAP, .fc_norm = 1}},
    {"gap_norm", {GAP}},
    {"pre_norm", {VIT, .norm_pre = 1, .without_patch_bias = 1, .eps = 1e-5}},
    {"quick_gelu", {VIT, .mlp = VC__DEIT_QUICK_GELU}},
    {"swiglu", {VIT_BUT_HIDDEN, .hidden = 120, .mlp = VC__DEIT_SWIGLU}},
    {"pre_logits", {VIT, .representation = 16}},
    {"clip",
     {VIT, .norm_pre = 1, .without_patch_bias = 1, .eps = 1e-5, .mlp = VC__DEIT_QUICK_GELU}},
    {"deit3", {VIT, .layer_scale = 1, .unplaced = 1}},
    {"reg4", {VIT, .layer_scale = 1, .registers = 4, .unplaced = 5}},
    {"oblong", {OTHERWISE(24, 40, 8, 8)}},
    {"oblong_reg4", {OTHERWISE(48, 24, 8, 8), .layer_scale = 1, .registers = 4, .unplaced = 5}},
    {"oblong_patches", {OTHERWISE(24, 32, 12, 8)}},
    {"reg4_gap", {GAP, .fc_norm = 1, .layer_scale = 1, .registers = 4, .unplaced = 4}},
};
#undef GAP
#undef VIT
#undef VIT_BUT_HIDDEN
#undef VIT_BUT_IMAGE
#undef OTHERWISE

#endif
