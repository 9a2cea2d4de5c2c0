/* LeViTs as ONNX: their logits, by a runner of its own, against the forward pass. */
#include "onnx_run.h"
#include "tiny_levit.h"
#include "vitcod/onnx.h"

static void check(const vc_model *model)
{
    static float x[2 * TINY_PIXELS];
    float have[2 * TINY_CLASSES];
    const char *path = temporary("levit.onnx");
    const vc_onnx_options options = {0};
    vc_onnx_info info;
    vc_acts acts;
    vc_rng rng = vc_rng_open(5, 1, 0);
    for (size_t i = 0; i < 2 * TINY_PIXELS; i++)
        x[i] = (float)vc_rng_normal(&rng);
    assert_ok(vc_onnx_write(&info, path, model, &options));
    assert_ok(vc_acts_open(&acts, model, 2, 0));
    vc_model_forward(&acts, model, x, 2, NULL);
    onnx_file file = onnx_open(path);
    onnx_run_file(have, &file, x, 2);
    for (size_t i = 0; i < 2 * TINY_CLASSES; i++)
        assert_near(have[i], acts.logits[i], 1e-5 * (1.0 + fabs((double)acts.logits[i])));
    assert_string_equal(onnx_says(&file, "model"), "levit");
    onnx_close(&file);
    vc_acts_close(&acts);
}

static void any_restriction(void **state)
{
    (void)state;
    const vc_model_config config = tiny_levit();
    for (int how = TINY_DENSE; how <= TINY_SUMMARIES; how++) {
        vc_model *model = tiny_levit_open(&config);
        tiny_levit_restrict(model, (tiny_restriction)how);
        check(model);
        vc_model_close(model);
    }
}

static void silu(void **state)
{
    (void)state;
    vc_model_config config = tiny_levit();
    ((vc__levit_config *)(void *)config.sizes.bytes)->silu = 1;
    vc_model *model = tiny_levit_open(&config);
    check(model);
    vc_model_close(model);
}

static void coded(void **state)
{
    (void)state;
    vc_model_config config = tiny_levit();
    assert_ok(vc_model_compress(&config, 0, VC_CODED_QK));
    vc_model *model = tiny_levit_open(&config);
    check(model);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_restriction), cmocka_unit_test(silu),
                                       cmocka_unit_test(coded)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
