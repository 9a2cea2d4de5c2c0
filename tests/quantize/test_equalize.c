/* Channels made even: the model stays what it is, whatever runs it over the images. */
#include "tiny_deit.h"
#include "vitcod/equalize.h"
#include "vitcod/image_array.h"

enum { LAYERS = 2 };

/* Nothing changes but rounding, and ranges become equal. */
static void ranges_become_equal(void **state)
{
    (void)state;
    float before[IMAGES * CLASSES], after[IMAGES * CLASSES];
    vc_model *model = make_tiny_deit(LAYERS);
    vc_channel_range range;
    vc_acts acts;
    forward(before, model);
    for (int round = 0; round < 2; round++) {
        assert_ok(vc_channel_range_open(&range, model));
        assert_ok(vc_acts_open(&acts, model, IMAGES, 1));
        vc_model_forward(&acts, model, images, IMAGES, NULL);
        vc_channel_range_add(&range, &acts, model, IMAGES);
        vc_acts_close(&acts);
        const float *w = vc__deit_weights_of(model)->blocks[1].fc1_w;
        for (size_t i = 0; round == 1 && i < config.width; i++) {
            float most = 0.0f;
            for (size_t o = 0; o < config.hidden; o++)
                most = fmaxf(most, fabsf(w[o * config.width + i]));
            assert_near(range.largest[3 * config.width + i], most, 1e-4 * most);
        }
        vc_model_equalize(model, &range);
        vc_channel_range_close(&range);
    }
    forward(after, model);
    assert_close(after, before, 1e-5);
    vc_model_close(model);
}

/* Batch by batch the same is seen as at once. */
static void what_a_runner_sees(void **state)
{
    (void)state;
    vc_model *model = make_tiny_deit(LAYERS);
    vc_channel_range range[2];
    for (size_t i = 0; i < 2; i++) {
        vc_acts acts;
        assert_ok(vc_channel_range_open(&range[i], model));
        assert_ok(vc_acts_open(&acts, model, i == 0 ? IMAGES : 2, 1));
        vc_observing_pass pass = {&acts, model, &range[i]};
        const vc_runner runner = vc_observing_runner(&pass);
        assert_ok(vc_run_images(NULL, &runner, model, images, IMAGES));
        vc_acts_close(&acts);
    }
    for (size_t i = 0; i < range[0].norms * range[0].width; i++)
        assert_near(range[1].largest[i], range[0].largest[i], 1e-5 * range[0].largest[i]);
    vc_channel_range_close(&range[0]);
    vc_channel_range_close(&range[1]);
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_become_equal),
        cmocka_unit_test(what_a_runner_sees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
