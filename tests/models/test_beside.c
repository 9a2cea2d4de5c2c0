/* What config.json and preprocessor_config.json beside a checkpoint say. */
#include <math.h>
#include <sys/stat.h>

#include "other_names.h"

static void write_text(const char *name, const char *text)
{
    write_bytes(temporary(name), text, strlen(text));
}

static void write_beside(const char *config, const char *images)
{
    mkdir(temporary("beside"), 0777);
    unlink(temporary("beside/config.json"));
    unlink(temporary("beside/preprocessor_config.json"));
    if (config)
        write_text("beside/config.json", config);
    if (images)
        write_text("beside/preprocessor_config.json", images);
}

#define BARE temporary("beside/model.safetensors")

static void write_bare(const vc_model *model)
{
    mkdir(temporary("beside"), 0777);
    for (size_t i = 0; i < model->param_count; i++)
        add_renamed(&model->params[i], transformers_5);
    write_out("beside/model.safetensors");
}

#define SIZES "\"hidden_size\": 24, \"num_hidden_layers\": 11, \"num_attention_heads\": 4"

/* As many positions are another grid's, and a square's are made those of what is said, as in
 * timm. */
static void images_that_are_no_squares(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        vc_extent image;
    } cases[] = {
        {"{\"model_type\": \"vit\", \"image_size\": [16, 64], " SIZES "}", {16, 64}},
        {"{\"model_type\": \"vit\", \"image_size\": [32, 32], " SIZES "}", {32, 32}},
        {"{\"architecture\": \"vit_x\", \"model_args\": {\"img_size\": [16, 64]}}", {16, 64}},
        {"{\"architecture\": \"vit_x\", \"pretrained_cfg\": {\"input_size\": [3, 16, 64]}}",
         {16, 64}},
        {"{\"architecture\": \"vit_x\", \"model_args\": {\"img_size\": [64, 16]}, "
         "\"pretrained_cfg\": {\"input_size\": [3, 16, 64]}}",
         {64, 16}},
        {"{\"architecture\": \"vit_x\", \"model_args\": {\"img_size\": 32}, "
         "\"pretrained_cfg\": {\"input_size\": [3, 16, 64]}}",
         {32, 32}},
        {"{\"architecture\": \"vit_x\", \"model_args\": {\"img_size\": [32, 48]}}", {32, 48}}};
    const vc_model_options how = {.in_place = 1, .heads = 3};
    vc_model *model = deit(0), *plain;
    write_bare(model);
    vc_model_close(model);
    plain = reopened(BARE);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_beside(cases[i].config, NULL);
        const vc_model_options own = {.in_place = 1, .heads = i < 2 ? 0 : 3};
        assert_ok(vc_model_open(&model, BARE, &own));
        const vc_model_input input = vc_model_input_of(&model->config);
        if (input.height != cases[i].image.height || input.width != cases[i].image.width)
            fail_msg("%s: %zu x %zu", cases[i].config, input.height, input.width);
        const int resampled = i + 1 == sizeof cases / sizeof *cases;
        assert_int_equal(is_noted(model, "image_size"), !vc_extent_is_square(cases[i].image));
        for (size_t p = 0; p < model->param_count; p++)
            if (strcmp(model->params[p].name, "pos_embed") == 0) {
                assert_int_equal(model->params[p].shape[1], resampled ? 7 : 5);
                assert_int_equal(memcmp(model->params[p].data, plain->params[p].data,
                                        5 * 24 * sizeof(float)) != 0,
                                 resampled);
            }
        vc_model_close(model);
    }
    vc_model_close(plain);
    write_beside("{\"model_type\": \"vit\", \"image_size\": [16, 64], " SIZES "}",
                 "{\"size\": {\"height\": 16, \"width\": 64}}");
    model = reopened(BARE);
    assert_true(is_noted(model, "squeezes pictures") &&
                vc_model_input_of(&model->config).crop_pct == 1.0);
    vc_model_close(model);
    write_beside("{\"model_type\": \"vit\", \"patch_size\": [8, 16], " SIZES "}", NULL);
    assert_fails(vc_model_open(&model, BARE, &how), VC_EFORMAT,
                 "has patches of 8 x 16, wanted the 16 x 16 of its weights");
}

static uint64_t hash_beside(const char *config, int remember)
{
    const vc_model_options how = {.in_place = 1, .remember = remember, .image_size = vc_square(32)};
    vc_model *model;
    write_beside(config, NULL);
    assert_ok(vc_model_open(&model, BARE, &how));
    const uint64_t hash = vc_model_hash(model);
    vc_model_close(model);
    return hash;
}

/* The same file at the same size has other positions when its grid is said to be another. */
static void remembered_as_it_was_said(void **state)
{
    (void)state;
    static const char wide[] = "{\"model_type\": \"vit\", \"image_size\": [16, 64], " SIZES "}",
                      high[] = "{\"model_type\": \"vit\", \"image_size\": [64, 16], " SIZES "}";
    vc_model *model = deit(0);
    setenv("XDG_CACHE_HOME", temporary("cache"), 1);
    write_bare(model);
    vc_model_close(model);
    usleep(100000); /* what was written this moment is not remembered */
    const uint64_t hash = hash_beside(wide, 1);
    assert_true(hash == hash_beside(wide, 0) && hash == hash_beside(wide, 1));
    assert_true(hash != hash_beside(high, 0) && hash_beside(high, 1) == hash_beside(high, 0));
}

static void transformers_files_are_read(void **state)
{
    (void)state;
    vc_model *model = deit(0);
    write_bare(model);
    vc_model_close(model);
    write_beside(
        "{\"model_type\": \"vit\", \"hidden_act\": \"gelu\", \"layer_norm_eps\": 1e-12, " SIZES "}",
        "{\"image_mean\": [0.5, 0.25, 0.5], \"image_std\": [0.5, 0.5, 0.75], "
        "\"resample\": 2, \"size\": {\"height\": 32, \"width\": 32}}");
    model = reopened(BARE);
    vc_model_input input = vc_model_input_of(&model->config);
    assert_int_equal(vc_model_layer(&model->config, 0).heads, 4);
    assert_true(input.mean[1] == 0.25f && input.std[2] == 0.75f && input.crop_pct == 1.0);
    assert_int_equal(input.interpolation, VC_BILINEAR);
    assert_int_equal(model->config.looks.guessed, 0);
    assert_true(is_noted(model, "num_heads, norm_eps, activation, input_mean, input_std, "
                                "interpolation, crop_pct"));
    assert_true(vc__deit_sizes_of(&model->config)->eps == 1e-12);
    assert_true(is_noted(model, "squeezes pictures"));
    vc_model_close(model);
    write_beside("{\"model_type\": \"deit\", " SIZES "}",
                 "{\"do_center_crop\": true, \"crop_size\": {\"height\": 224, \"width\": 224}, "
                 "\"size\": 256, \"resample\": 3}");
    model = reopened(BARE);
    input = vc_model_input_of(&model->config);
    assert_true(input.crop_pct == 0.875 && input.interpolation == VC_BICUBIC);
    assert_int_equal(model->config.looks.guessed, VC_GUESSED_NORMALISATION);
    vc_model_close(model);
}

/* A config.json in which class `c` is called "thing c", in descending order; what one is called, or
 * which number it has, may be another. */
static void write_names(size_t first, size_t odd, const char *odd_name)
{
    char text[1024], *at = text;
    at += sprintf(at, "{\"model_type\": \"vit\", " SIZES ", \"id2label\": {");
    for (size_t c = first + CLASSES; c-- > first;) {
        at += sprintf(at, "\"%zu\": ", c);
        at += c == odd ? sprintf(at, "%s", odd_name) : sprintf(at, "\"thing %zu\"", c);
        at += sprintf(at, "%s", c > first ? ", " : "}}");
    }
    write_beside(text, NULL);
}

static void classes_have_the_names_of_id2label(void **state)
{
    (void)state;
    vc_model *other, *model = deit(0);
    write_bare(model);
    vc_model_close(model);
    write_names(0, CLASSES, "");
    model = reopened(BARE);
    assert_string_equal(vc_model_class_name(model, 0), "thing 0");
    assert_string_equal(vc_model_class_name(model, 9), "thing 9");
    assert_string_equal(vc_model_class_name(model, CLASSES), "");
    assert_true(is_noted(model, "class_names"));
    assert_ok(vc_model_write(temporary("named.safetensors"), model));
    vc_model_close(model);
    const vc_model_options trains = {0};
    assert_ok(vc_model_open(&model, temporary("named.safetensors"), &trains));
    assert_string_equal(vc_model_class_name(model, 1), "thing 1");
    assert_ok(vc_model_with_classes(&other, model, CLASSES + 1, 0));
    assert_string_equal(vc_model_class_name(other, 0), "");
    vc_model_close(other);
    vc_model_close(model);
}

/* A file of the program's own with a list that is none is broken; another program's means
 * something else. */
static void a_broken_list_of_names_is_refused(void **state)
{
    (void)state;
    static const char *const lists[][2] = {{"[\"a\"]", "lists 1 names, wanted one for each of 10"},
                                           {"{", "metadata 'class_names': "},
                                           {"[1,2,3,4,5,6,7,8,9,10]", "no text for class 0"}};
    vc_model *model = deit(0), *again;
    const vc_model_options how = {.in_place = 1, .heads = 3};
    for (size_t i = 0; i < 2 * sizeof lists / sizeof *lists; i++) {
        const vc_metadata metadata[] = {{"class_names", lists[i / 2][0]}, {"architecture", "deit"}};
        for (size_t p = 0; p < model->param_count; p++)
            add_renamed(&model->params[p], transformers_5);
        write_out_with("broken.safetensors", metadata, 1 + i % 2);
        if (i % 2) {
            assert_fails(vc_model_open(&again, temporary("broken.safetensors"), &how), VC_EFORMAT,
                         lists[i / 2][1]);
            continue;
        }
        assert_ok(vc_model_open(&again, temporary("broken.safetensors"), &how));
        assert_string_equal(vc_model_class_name(again, 0), "");
        vc_model_close(again);
    }
    vc_model_close(model);
}

static void names_of_some_classes_are_not_used(void **state)
{
    (void)state;
    vc_model *model = deit(0);
    write_bare(model);
    vc_model_close(model);
    for (int i = 0; i < 3; i++) {
        if (i == 0)
            write_beside("{\"model_type\": \"vit\", " SIZES ", \"id2label\": {\"0\": \"a\"}}",
                         NULL);
        else
            write_names(i == 1, i == 1 ? SIZE_MAX : 3, "3");
        model = reopened(BARE);
        assert_string_equal(vc_model_class_name(model, 1), "");
        assert_true(is_noted(model, "not a name for each of 10 classes"));
        vc_model_close(model);
    }
    write_names(0, 0, "\"LABEL_0\""); /* as transformers has it where nobody named them */
    model = reopened(BARE);
    assert_string_equal(vc_model_class_name(model, 1), "");
    assert_false(is_noted(model, "id2label"));
    vc_model_close(model);
}

/* timm writes a list, under another key once, or an object as transformers does. */
static void classes_have_the_names_of_timm(void **state)
{
    (void)state;
    static const char list[] =
        "[\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", \"i\", \"j\"]",
                      object[] =
                          "{\"9\": \"j\", \"0\": \"a\", \"1\": \"b\", \"2\": \"c\", \"3\": \"d\", "
                          "\"4\": \"e\", \"5\": \"f\", \"6\": \"g\", \"7\": \"h\", \"8\": \"i\"}";
    static const struct {
        const char *key, *names, *last;
    } rows[] = {{"label_names", list, "j"},
                {"id2label\": {\"0\": \"LABEL_0\"}, \"label_names", list, "j"},
                {"id2label\": {}, \"label_names", list, "j"},
                {"label_descriptions\": {\"j\": \"jay\", \"a\": 1}, \"label_names", list, "jay"},
                {"labels\": [\"z\"], \"label_names", list, "j"},
                {"label_names", object, "j"},
                {"labels", list, "j"},
                {"label_names", "[\"a\", \"b\"]", NULL},
                {"labels", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]", NULL}};
    vc_model *model = deit(0);
    write_bare(model);
    vc_model_close(model);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[512], note[128];
        snprintf(text, sizeof text, "{\"architecture\": \"vit_little_patch16\", \"%s\": %s}",
                 rows[i].key, rows[i].names);
        write_beside(text, NULL);
        open_with_heads(&model, BARE, 3);
        assert_string_equal(vc_model_class_name(model, 9), rows[i].last ? rows[i].last : "");
        snprintf(note, sizeof note, "%s of config.json beside it has", rows[i].key);
        assert_int_equal(is_noted(model, note), !rows[i].last);
        vc_model_close(model);
    }
}

static void timms_config_is_read(void **state)
{
    (void)state;
    vc_model *model = deit(0);
    write_bare(model);
    vc_model_close(model);
    write_beside("{\"architecture\": \"vit_little_patch16\", \"num_features\": 24, "
                 "\"model_args\": {\"num_heads\": 6}, "
                 "\"pretrained_cfg\": {\"mean\": [0.5, 0.5, 0.5], \"std\": [0.5, 0.5, 0.5], "
                 "\"crop_pct\": 0.95, \"interpolation\": \"bicubic\"}}",
                 NULL);
    model = reopened(BARE);
    const vc_model_input input = vc_model_input_of(&model->config);
    assert_int_equal(vc_model_layer(&model->config, 0).heads, 6);
    assert_true(input.mean[1] == 0.5f && input.crop_pct == 0.95);
    assert_int_equal(model->config.looks.guessed, 0);
    vc_model_close(model);
}

static void what_does_not_fit_is_not_used(void **state)
{
    (void)state;
    vc_model *model = deit(0);
    write_bare(model);
    const vc_model_options how = {.in_place = 1, .heads = 3};
    vc_model_close(model);
    static const char *const others[][2] = {
        {"{\"model_type\": \"vit\", \"hidden_size\": 768, \"num_attention_heads\": 4}",
         "describes another model"},
        {"{\"model_type\": \"bert\", " SIZES "}", "describes another model"},
        {"[1]", "config.json beside it is no JSON object"},
        {"{", "config.json beside it is no JSON object"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        write_beside(others[i][0], NULL);
        open_with_heads(&model, BARE, 3);
        assert_int_equal(vc_model_layer(&model->config, 0).heads, 3);
        assert_true(is_noted(model, others[i][1]));
        vc_model_close(model);
    }
    /* before, a text counted as 0 */
    write_beside("{\"model_type\": \"vit\", " SIZES
                 ", \"pretrained_cfg\": {\"mean\": 1, \"std\": \"\"}}",
                 "{\"image_mean\": [\"0.5\", 0.5, 0.5], \"image_std\": [0.5, 0.5], \"size\": 32}");
    model = reopened(BARE);
    assert_true(model->config.looks.guessed & VC_GUESSED_NORMALISATION);
    assert_true(is_noted(model, "input_mean beside it is no list of 3 numbers and is not used"));
    assert_true(is_noted(model, "input_std beside it is no list of 3 numbers and is not used"));
    vc_model_close(model);
    write_beside("{\"model_type\": \"vit\", \"hidden_act\": \"relu\", " SIZES "}", NULL);
    assert_fails(vc_model_open(&model, BARE, &how), VC_EUNSUPPORTED, "hidden_act 'relu'");
}

/* The crop and the interpolation that a preprocessor_config.json gives. */
static void prepares(const char *images, double crop, vc_interpolation interpolation)
{
    write_beside("{\"model_type\": \"vit\", " SIZES "}", images);
    vc_model *model = reopened(BARE);
    const vc_model_input input = vc_model_input_of(&model->config);
    if (fabs(input.crop_pct - crop) > 1e-9 || input.interpolation != interpolation)
        fail_msg("%s: crop %g and interpolation %d, wanted %g and %d", images, input.crop_pct,
                 (int)input.interpolation, crop, (int)interpolation);
    vc_model_close(model);
}

/* transformers' processors have values of their own for what the file leaves out, and that of LeViT
 * resizes to 256/224 of what it says. Pixels not divided by 255 are so by mean and deviation. */
static void other_processors_are_followed(void **state)
{
    (void)state;
    vc_model *model = deit(0);
    write_bare(model);
    vc_model_close(model);
    prepares("{\"feature_extractor_type\": \"LevitFeatureExtractor\", \"do_center_crop\": true, "
             "\"resample\": 3, \"size\": 224}",
             0.875, VC_BICUBIC);
    prepares("{\"image_processor_type\": \"LevitImageProcessor\", "
             "\"size\": {\"shortest_edge\": 448}}",
             0.4375, VC_BICUBIC);
    prepares("{\"image_processor_type\": \"DeiTImageProcessorFast\"}", 0.875, VC_BICUBIC);
    prepares("{\"image_processor_type\": \"ViTImageProcessor\"}", 1.0, VC_BILINEAR);
    write_beside("{\"model_type\": \"vit\", " SIZES "}",
                 "{\"image_mean\": [0.5, 0.5, 0.5], \"image_std\": [0.5, 0.5, 0.5], "
                 "\"rescale_factor\": 0.00784313725490196}");
    model = reopened(BARE);
    vc_model_input input = vc_model_input_of(&model->config);
    assert_true(input.mean[0] == 0.25f && input.std[2] == 0.25f);
    vc_model_close(model);
    write_beside("{\"model_type\": \"vit\", " SIZES "}",
                 "{\"image_processor_type\": \"ViTImageProcessor\", \"do_normalize\": false}");
    model = reopened(BARE);
    input = vc_model_input_of(&model->config);
    assert_true(input.mean[0] == 0.0f && input.std[2] == 1.0f);
    vc_model_close(model);
}

static void what_is_not_done_is_said(void **state)
{
    (void)state;
    static const char *const said[][2] = {
        {"\"resample\": 1", "lanczos interpolation"},
        {"\"resample\": 9", "a resample of no known filter"},
        {"\"do_resize\": false", "images without resizing"},
        {"\"do_flip_channel_order\": true", "BGR for RGB"},
        {"\"rescale_factor\": 0", "a rescale_factor that is no positive number"},
        {"\"size\": {\"height\": 224, \"width\": 288}", "neither a shortest edge nor a square"},
        {"\"size\": 224, \"do_center_crop\": true, \"crop_size\": 256",
         "beyond the picture's edge"},
        {"\"size\": 224, \"do_center_crop\": true", "a crop_size that is no square"},
    };
    vc_model *model = deit(0);
    write_bare(model);
    vc_model_close(model);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char images[256];
        snprintf(images, sizeof images, "{%s}", said[i][0]);
        write_beside("{\"model_type\": \"vit\", " SIZES "}", images);
        model = reopened(BARE);
        if (!is_noted(model, "what is not done here") || !is_noted(model, said[i][1]))
            fail_msg("%s is passed over", said[i][0]);
        vc_model_close(model);
    }
    write_beside("{\"num_features\": 24, \"model_args\": {\"num_heads\": 3}, \"pretrained_cfg\": "
                 "{\"interpolation\": \"nearest\", \"crop_pct\": 1.5, \"crop_mode\": \"squash\"}}",
                 NULL);
    model = reopened(BARE);
    assert_true(is_noted(model, "nearest interpolation, a crop beyond the picture's edge, pictures "
                                "squeezed to squares"));
    vc_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transformers_files_are_read),
        cmocka_unit_test(images_that_are_no_squares),
        cmocka_unit_test(remembered_as_it_was_said),
        cmocka_unit_test(classes_have_the_names_of_id2label),
        cmocka_unit_test(classes_have_the_names_of_timm),
        cmocka_unit_test(names_of_some_classes_are_not_used),
        cmocka_unit_test(a_broken_list_of_names_is_refused),
        cmocka_unit_test(timms_config_is_read),
        cmocka_unit_test(what_does_not_fit_is_not_used),
        cmocka_unit_test(other_processors_are_followed),
        cmocka_unit_test(what_is_not_done_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
