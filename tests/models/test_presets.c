/* Presets have timm's sizes, and want images as timm does: tools/golden/presets.py. */
#include "testing.h"
#include "vitcod/json.h"
#include "vitcod/model.h"

static double at(const json_t *list, size_t index)
{
    return json_number_value(json_array_get(list, index));
}

static void presets_are_timms(void **state)
{
    (void)state;
    json_t *all = json_load_file("tools/golden/presets.json", 0, NULL);
    const json_t *want;
    const char *name;
    size_t seen = 0;
    assert_non_null(all);
    json_object_foreach (all, name, want) {
        vc_model_config config;
        size_t parameters;
        print_message("%s\n", name);
        assert_ok(vc_model_preset(&config, name));
        assert_ok(vc_model_parameters(&parameters, &config));
        const vc_model_input input = vc_model_input_of(&config);
        assert_int_equal(parameters, (size_t)at(want, 0));
        assert_int_equal(vc_model_layer(&config, 0).keys, (size_t)at(want, 1));
        assert_int_equal(input.width, (size_t)at(want, 2));
        assert_int_equal(input.outputs, (size_t)at(want, 3));
        seen++;
        if (json_array_size(want) == 4) /* a DeiT */
            continue;
        assert_near((double)input.mean[0], at(want, 4), 1e-6);
        assert_near((double)input.std[2], at(want, 5), 1e-6);
        assert_near(input.crop_pct, at(want, 6), 1e-12);
        assert_string_equal(vc_interpolation_word(input.interpolation),
                            json_string_value(json_array_get(want, 7)));
    }
    json_decref(all);
    for (size_t i = 0; (name = vc_model_preset_name(i)); i++) {
        vc_model_config config;
        assert_ok(vc_model_preset(&config, name));
        const int of_poses = vc_model_input_of(&config).joints > 0;
        seen -= strncmp(name, "levit_", 6) != 0 && !of_poses;
    }
    assert_int_equal(seen, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(presets_are_timms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
