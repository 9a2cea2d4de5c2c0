/* Statistics in files: plans are the same from there, runs that were stopped go on, and what is
 * wrong is named. */
#include "testing.h"
#include "vitcod/distill.h"
#include "vitcod/rng.h"
#include "vitcod/safetensors.h"

enum { COUNT = 40, FIRST = 16, PIXELS = 256, CLASSES = 4 };
static uint8_t pixels[COUNT * PIXELS];
static int32_t labels[COUNT];
static const vc_dataset data = {COUNT, 1, 16, 16, CLASSES, pixels, labels, NULL},
                        first = {FIRST, 1, 16, 16, CLASSES, pixels, labels, NULL};

typedef struct scene {
    vc_source *images, *first;
    vc_model *model;
    json_t *settings;
    vc_look how;
} scene;

static scene set_up(void)
{
    const vc_model_input input = {
        .height = 16, .width = 16, .channels = 1, .classes = CLASSES, .std = {0.3f}};
    const vc_plain_sizes sizes = {.patch = 4, .width = 24, .depth = 2, .heads = 3, .hidden = 48};
    vc_model_config config;
    scene s = {.how = vc_look_default(), .settings = json_pack("{s:i}", "--seed", 0)};
    vc_rng rng = vc_rng_open(2, 2, 2);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)vc_rng_below(&rng, 256);
    assert_ok(vc_source_of_dataset(&s.images, &data));
    assert_ok(vc_source_of_dataset(&s.first, &first));
    assert_ok(vc_model_plain(&config, &sizes, &input));
    assert_ok(vc_model_create(&s.model, &config, 1));
    return s;
}

static void tear_down(scene *s)
{
    json_decref(s->settings);
    vc_model_close(s->model);
    vc_source_close(s->images);
    vc_source_close(s->first);
}

static vc_plan_recipe recipe_of(const char *rule, const char *summaries)
{
    return (vc_plan_recipe){
        .rule = rule, .summaries = summaries, .sparsity = 0.5, .threshold = 6, .curve_images = 40};
}

static void gather(vc_statistics *out, const scene *s, const char *rule, const char *summaries)
{
    const vc_plan_recipe recipe = recipe_of(rule, summaries);
    assert_ok(vc_statistics_gather(out, s->model, s->images, &recipe, NULL, &s->how));
}

static void hash_of(char text[VC_PLAN_HASH_TEXT], const vc_statistics *s, const char *rule,
                    const char *summaries)
{
    const vc_plan_recipe recipe = recipe_of(rule, summaries);
    vc_plan plan;
    vc_plan_made made;
    assert_ok(vc_plan_recipe_make(&plan, &made, s, &recipe, "statistics"));
    vc_plan_hash_text(text, &plan);
    vc_plan_close(&plan);
}

static void files_give_the_same_plans(void **state)
{
    (void)state;
    static const char *const recipes[][2] = {{VC_RULE_MEASURED, "auto"},
                                             {VC_RULE_MEASURED, "1x1q,2x2"},
                                             {VC_RULE_MEASURED, NULL},
                                             {"threshold", "2x2q"},
                                             {"info", NULL}};
    scene s = set_up();
    vc_statistics written, read;
    char a[VC_PLAN_HASH_TEXT], b[VC_PLAN_HASH_TEXT];
    gather(&written, &s, VC_RULE_MEASURED, "auto");
    assert_ok(vc_statistics_write(temporary("statistics"), &written, NULL));
    assert_ok(vc_statistics_read(&read, temporary("statistics"), NULL));
    assert_int_equal(read.model_hash, vc_model_hash(s.model));
    assert_int_equal(read.seen.images, COUNT);
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        hash_of(a, &written, recipes[i][0], recipes[i][1]);
        hash_of(b, &read, recipes[i][0], recipes[i][1]);
        assert_string_equal(a, b);
    }
    vc_statistics_close(&written);
    vc_statistics_close(&read);
    gather(&written, &s, "budget", "1x1");
    assert_ok(vc_statistics_write(temporary("scores"), &written, NULL));
    assert_ok(vc_statistics_read(&read, temporary("scores"), NULL));
    hash_of(a, &written, "budget", "1x1");
    hash_of(b, &read, "budget", "1x1");
    assert_string_equal(a, b);
    vc_statistics_close(&written);
    vc_statistics_close(&read);
    tear_down(&s);
}

/* As a run leaves it that was stopped after the first of three batches. */
static void leave_unfinished(const scene *s, const char *path, const json_t *settings)
{
    vc_statistics part;
    gather(&part, s, "threshold", "1x1,2x2q");
    part.curve_images = COUNT;
    assert_ok(vc_measure_heads(&part, s->model, s->first, NULL, &s->how));
    assert_int_equal(part.curve_batches, 1);
    part.measured = 0;
    assert_ok(vc_statistics_write(path, &part, settings));
    vc_statistics_close(&part);
}

static void measuring_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    scene s = set_up();
    const vc_plan_recipe recipe = recipe_of(VC_RULE_MEASURED, "1x1,2x2q");
    const vc_statistics_keep keep = {
        .path = temporary("half"), .settings = s.settings, .resume = 1};
    vc_statistics whole, resumed;
    gather(&whole, &s, VC_RULE_MEASURED, "1x1,2x2q");
    leave_unfinished(&s, keep.path, s.settings);
    assert_ok(vc_statistics_gather(&resumed, s.model, s.images, &recipe, &keep, &s.how));
    assert_int_equal(resumed.curve_batches, 3);
    assert_int_equal(resumed.curves.images, COUNT);
    for (size_t l = 0; l < 2; l++)
        assert_memory_equal(resumed.curves.layers[l].loss, whole.curves.layers[l].loss,
                            2 * 3 * VC_CURVE_LEVELS * sizeof(double));
    vc_statistics_close(&resumed);
    /* What lies there now is the end, so that nothing is measured again: not even with no image. */
    assert_ok(vc_statistics_gather(&resumed, s.model, NULL, &recipe, &keep, &s.how));
    assert_int_equal(resumed.measured, 1);
    vc_statistics_close(&resumed);
    vc_statistics_close(&whole);
    tear_down(&s);
}

static void take_name(void *context, size_t index, const char *name, const char *message)
{
    sprintf(context, "%zu %s %s", index, name, message);
}

/* Whoever goes on hears of what the run before could not read. */
static void broken_images_are_kept(void **state)
{
    (void)state;
    scene s = set_up();
    const vc_plan_recipe recipe = recipe_of(VC_RULE_MEASURED, "1x1,2x2q");
    const vc_statistics_keep keep = {
        .path = temporary("broken"), .settings = s.settings, .resume = 1};
    char told[64] = "";
    vc_statistics part, resumed;
    gather(&part, &s, "threshold", "1x1,2x2q");
    part.broken = json_pack("[[i, s, s]]", 7, "cat/7.jpg", "is cut off");
    part.curve_images = COUNT;
    assert_ok(vc_measure_heads(&part, s.model, s.first, NULL, &s.how));
    part.measured = 0;
    assert_ok(vc_statistics_write(keep.path, &part, s.settings));
    vc_statistics_close(&part);
    vc_look how = s.how;
    how.on_broken = take_name;
    how.context = told;
    for (int i = 0; i < 2; i++) { /* in the middle of measuring, and after it */
        told[0] = '\0';
        assert_ok(vc_statistics_gather(&resumed, s.model, s.images, &recipe, &keep, &how));
        assert_string_equal(told, "7 cat/7.jpg is cut off");
        vc_statistics_close(&resumed);
    }
    tear_down(&s);
}

static void other_runs_are_refused(void **state)
{
    (void)state;
    scene s = set_up();
    const char *path = temporary("refused");
    const vc_plan_recipe recipe = recipe_of(VC_RULE_MEASURED, "1x1,2x2q");
    json_t *other = json_pack("{s:i}", "--seed", 1);
    vc_statistics_keep keep = {.path = path, .settings = other, .resume = 1};
    vc_statistics x;
    leave_unfinished(&s, path, s.settings);
    assert_fails(vc_statistics_gather(&x, s.model, s.images, &recipe, &keep, &s.how), VC_EINVAL,
                 "--seed (was 0, is 1)");
    assert_fails(vc_statistics_read(&x, path, NULL), VC_EINVAL,
                 "measured on 16 of 40 images so far");
    keep.settings = s.settings;
    s.model->values[0] += 1.0f;
    assert_fails(vc_statistics_gather(&x, s.model, s.images, &recipe, &keep, &s.how), VC_EINVAL,
                 "was begun with another model");
    leave_unfinished(&s, path, NULL);
    assert_fails(vc_statistics_read(&x, path, other), VC_EFORMAT, "says no settings");
    json_decref(other);
    tear_down(&s);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    scene s = set_up();
    vc_statistics x;
    vc_pruned pruned;
    vc_plan_recipe recipe = recipe_of(VC_RULE_MEASURED, "3x3");
    gather(&x, &s, "threshold", "2x2,1x1q");
    assert_fails(vc_plan_recipe_prune(&pruned, &x, &recipe, "file"), VC_EINVAL,
                 "file: heads are not measured");
    recipe.rule = "threshold";
    assert_fails(vc_plan_recipe_prune(&pruned, &x, &recipe, "file"), VC_EINVAL,
                 "file: nothing is averaged of summaries 3x3, but of 2x2,1x1q, wanted");
    recipe.summaries = "2x2*3";
    assert_fails(vc_plan_recipe_prune(&pruned, &x, &recipe, "file"), VC_EINVAL,
                 "are for 3 layers, and the model has 2");
    recipe = recipe_of("budget", NULL);
    assert_fails(vc_plan_recipe_prune(&pruned, &x, &recipe, "file"), VC_EINVAL,
                 "file: holds no scores that rule budget prunes");
    const vc_summary_stats *summaries[2];
    assert_fails(vc_statistics_summaries(summaries, &x, "auto", "file"), VC_EINVAL,
                 "file: summaries auto are chosen with what is pruned");
    vc_statistics_close(&x);
    gather(&x, &s, "info", NULL);
    recipe = recipe_of("threshold", "2x2");
    assert_fails(vc_plan_recipe_prune(&pruned, &x, &recipe, "file"), VC_EINVAL,
                 "file: nothing is averaged of summaries 2x2, wanted");
    vc_statistics_close(&x);
    tear_down(&s);
}

/* ---- files of others */

/* Copies the file with one of its tensors changed: its first value, or its name; without one, the
 * name is that of one more. */
static void spoil(const char *to, const char *from, const char *tensor, double value,
                  const char *name, const vc_metadata *metadata, size_t count)
{
    vc_tensor_file *file;
    vc_named_tensor tensors[64];
    assert_ok(vc_safetensors_open(&file, from));
    size_t all = vc_tensor_file_count(file);
    double *copy = NULL;
    for (size_t i = 0; i < all; i++) {
        tensors[i] = *vc_tensor_file_at(file, i);
        vc_tensor *t = &tensors[i].tensor;
        if (!tensor || strcmp(tensors[i].name, tensor) != 0)
            continue;
        const size_t bytes = vc_tensor_count(t) * vc_dtype_bytes(t->dtype);
        copy = malloc(bytes);
        memcpy(copy, t->data, bytes);
        t->data = copy;
        if (t->dtype == VC_F64)
            copy[0] = value;
        else
            *(float *)copy = (float)value;
        tensors[i].name = name ? name : tensor;
    }
    if (name && !tensor) {
        tensors[all] = tensors[0];
        tensors[all++].name = name;
    }
    assert_ok(vc_safetensors_write(to, tensors, all, metadata, count));
    free(copy);
    vc_tensor_file_close(file);
}

static void files_are_checked(void **state)
{
    (void)state;
    scene s = set_up();
    vc_statistics x;
    const char *good = temporary("good"), *bad = temporary("bad");
    vc_metadata m[] = {{"format", VC_MAPS_FORMAT}, {"model_hash", "12"},   {"kinds", "none,1x1q"},
                       {"images", "40"},           {"classes", "4"},       {"last_class", "3"},
                       {"prefix_tokens", "1"},     {"curve_images", "40"}, {"curve_batches", "3"},
                       {"measured_images", "40"},  {"measured", "yes"},    {NULL, NULL}};
    enum { ALL = sizeof m / sizeof *m - 1 };
    gather(&x, &s, VC_RULE_MEASURED, "none,1x1q");
    assert_ok(vc_statistics_write(good, &x, NULL));
    vc_statistics_close(&x);
    spoil(bad, good, NULL, 0.0, NULL, m, ALL);
    assert_ok(vc_statistics_read(&x, bad, NULL));
    assert_int_equal(x.model_hash, 0x12);
    vc_statistics_close(&x);
    spoil(bad, good, "attention.0", NAN, NULL, m, ALL);
    assert_fails(vc_statistics_read(&x, bad, NULL), VC_EFORMAT, "'attention.0' has nan");
    spoil(bad, good, "losses.1", -1.0, NULL, m, ALL);
    assert_fails(vc_statistics_read(&x, bad, NULL), VC_EFORMAT, "'losses.1' has -1");
    spoil(bad, good, "summaries.1.0", INFINITY, NULL, m, ALL);
    assert_fails(vc_statistics_read(&x, bad, NULL), VC_EFORMAT, "'summaries.1.0' has inf");
    spoil(bad, good, "losses.1", 1.0, "losses.7", m, ALL);
    assert_fails(vc_statistics_read(&x, bad, NULL), VC_EFORMAT, "no tensor 'losses.1'");
    spoil(bad, good, "queries.1", 1.0, "queries.0x", m, ALL);
    assert_fails(vc_statistics_read(&x, bad, NULL), VC_EFORMAT, "no 'queries.1' of 3 heads");
    spoil(bad, good, NULL, 0.0, "losses.2", m, ALL);
    assert_fails(vc_statistics_read(&x, bad, NULL), VC_EFORMAT,
                 "tensor 'losses.2' is no part of such statistics");
    spoil(bad, good, NULL, 0.0, NULL, m, ALL - 1);
    assert_fails(vc_statistics_read(&x, bad, NULL), VC_EFORMAT, "40 to measure heads on");
    spoil(bad, good, NULL, 0.0, NULL, m, 0);
    assert_fails(vc_statistics_read(&x, bad, NULL), VC_EFORMAT, "is not what `vitcod attention");
    m[ALL] = (vc_metadata){"crc32", "12345678"};
    spoil(bad, good, NULL, 0.0, NULL, m, ALL + 1);
    assert_fails(vc_statistics_read(&x, bad, NULL), VC_EFORMAT, "damaged: its checksum is");
    static const struct {
        size_t at;
        const char *value, *message;
    } wrong[] = {{2, "none,9x", "metadata 'kinds' is 'none,9x'"},
                 {2, "none,2x2q", "'summaries.1.0' is F64 (3, 17, 1), wanted F64 (3, 17, 4)"},
                 {2, "none", "'losses.0' is F64 (2, 3, 16), wanted F64 (1, 3, 16)"},
                 {3, "-4", "metadata 'images' is '-4', wanted a whole number"},
                 {3, "0", "metadata say 0 images"},
                 {6, "17", "metadata say 17 class tokens"},
                 {1, "word", "metadata 'model_hash' is 'word'"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const vc_metadata was = m[wrong[i].at];
        m[wrong[i].at].value = wrong[i].value;
        spoil(bad, good, NULL, 0.0, NULL, m, ALL);
        assert_fails(vc_statistics_read(&x, bad, NULL), VC_EFORMAT, wrong[i].message);
        m[wrong[i].at] = was;
    }
    tear_down(&s);
}

/* Whoever wants maps alone. */
static void maps_are_read_from_it(void **state)
{
    (void)state;
    scene s = set_up();
    vc_statistics x;
    vc_map_set maps;
    gather(&x, &s, "threshold", "2x2");
    assert_ok(vc_statistics_write(temporary("maps"), &x, NULL));
    assert_ok(vc_map_set_read(&maps, temporary("maps")));
    assert_int_equal(maps.files.count, 1);
    assert_string_equal(maps.files.files[0].name, "");
    assert_memory_equal(maps.maps[0].values, x.maps[0].values, 2 * 3 * 17 * 17 * sizeof(float));
    vc_map_set_close(&maps);
    vc_statistics_close(&x);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_give_the_same_plans),
                                       cmocka_unit_test(measuring_goes_on_to_the_same_bits),
                                       cmocka_unit_test(broken_images_are_kept),
                                       cmocka_unit_test(other_runs_are_refused),
                                       cmocka_unit_test(what_is_missing_is_named),
                                       cmocka_unit_test(files_are_checked),
                                       cmocka_unit_test(maps_are_read_from_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
