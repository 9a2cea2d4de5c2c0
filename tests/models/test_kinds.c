/* Relatives of the models that are known are refused by their names. */
#include "testing.h"
#include "vitcod/model.h"
#include "vitcod/safetensors.h"

/* A checkpoint with these tensors, all of four values, and the name that it is refused by. */
static void check_kind(const char *const tensor_names[], size_t count, const char *kind)
{
    static float values[4];
    const vc_model_options silent = {0};
    vc_named_tensor tensors[8];
    vc_model *model;
    for (size_t i = 0; i < count; i++)
        tensors[i] = (vc_named_tensor){tensor_names[i], {VC_F32, 3, {1, 4, 1}, values}};
    assert_ok(vc_safetensors_write(temporary("kind.safetensors"), tensors, count, NULL, 0));
    assert_fails(vc_model_open(&model, temporary("kind.safetensors"), &silent), VC_EUNSUPPORTED,
                 kind);
}

static void relatives_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *tensor, *kind;
    } kinds[] = {{"blocks.0.attn.q_norm.weight", "a ViT with norms of Q and K (q_norm, k_norm)"},
                 {"shared_rel_pos.mlp.fc1.weight", "relative positions"},
                 {"blocks.0.attns.0.qkv.weight", "branches side by side"},
                 {"blocks.0.mlp.fc1_g.weight", "an MLP gated by"},
                 {"blocks_token_only.0.norm1.weight", "a CaiT's"},
                 {"patch_embed.proj.weight", "no positions (pos_embed)"},
                 {"blocks.0.attn.lambda_q1", "differential attention"},
                 {"mean_classifier.weight", "a classifier of the patches' mean"},
                 {"linear_head.weight", "a classifier of several layers' tokens"},
                 {"norm.weight", "no positions (pos_embed)"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_kind((const char *const[]){"cls_token", kinds[i].tensor}, 2, kinds[i].kind);
    check_kind((const char *const[]){"stem.conv1.linear.weight"}, 1,
               "a LeViT whose stem has three convolutions");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(relatives_are_refused_by_name)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
