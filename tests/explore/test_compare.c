/* A comparison made by a program that only links the library. */
#include "small_masks.h"
#include "vitcod/chip_kind.h"
#include "vitcod/compare.h"
#include "vitcod/npy.h"

static const char *const models[] = {"deit_tiny_patch16_224"};
static const double sparsities[] = {0.95};

static vc_compare_options options(void)
{
    vc_compare_options o = vc_compare_options_default();
    o.models = models;
    o.model_count = 1;
    o.sparsities = sparsities;
    o.sparsity_count = 1;
    o.masks = write_small_masks();
    o.attention_only = 1;
    return o;
}

static const vc_compare_row *row_of(const vc_comparison *c, const char *key)
{
    for (size_t i = 0; i < c->row_count; i++)
        if (strcmp(c->rows[i].key, key) == 0)
            return &c->rows[i];
    fail_msg("no row of '%s'", key);
    return NULL;
}

/* Every chip that is built in and not as published, each where it belongs. */
static void all_chips_on_equal_terms(void **state)
{
    (void)state;
    const vc_compare_options o = options();
    vc_comparison c;
    size_t wanted = 0;
    assert_ok(vc_compare(&c, &o));
    for (const vc_chip_variant *v; (v = vc_chip_variant_at(wanted)) && !v->published; wanted++)
        ;
    assert_true(c.row_count >= wanted);
    for (size_t i = 0; i < c.row_count; i++) {
        assert_string_equal(c.rows[i].setting, "equal substrate");
        assert_string_equal(c.rows[i].method, "kept entries alone");
        assert_null(c.rows[i].summaries);
        assert_true(c.rows[i].attention.cycles >= c.rows[i].attention.bound_cycles);
        const vc_point *a = &c.rows[i].attention;
        assert_near(a->on_chip_uj + a->dram_access_uj + a->dram_standby_uj, a->energy_uj,
                    1e-9 * a->energy_uj);
        assert_near(c.rows[i].on_chip_times,
                    a->on_chip_uj / row_of(&c, "vitcod")->attention.on_chip_uj, 0.0);
        assert_near(c.rows[i].attention_times,
                    c.rows[i].attention.time_us / row_of(&c, "vitcod")->attention.time_us, 0.0);
    }
    const vc_compare_row *dense = row_of(&c, "dense"), *pruned = row_of(&c, "prune-reorder");
    assert_true(dense->attention.cycles > pruned->attention.cycles);
    assert_int_equal(dense->attention.macs, 2 * 12 * 3 * 197 * 197 * 64);
    vc_comparison_close(&c);
}

/* What prunes tokens keeps so many that as many scores are left as the mask keeps, or as many as is
 * said. */
static void pruners_do_as_much_work(void **state)
{
    (void)state;
    static const char *const chips[] = {"spatten", "vitcod"};
    vc_compare_options o = options();
    vc_comparison c;
    o.chips = chips;
    o.chip_count = 2;
    assert_ok(vc_compare(&c, &o));
    const double tokens = 197.0 * sqrt(c.scenes[0].kept);
    assert_near((double)row_of(&c, "spatten")->attention.macs,
                2 * 12 * 3 * ceil(tokens) * ceil(tokens) * 64, 0.0);
    vc_comparison_close(&c);
    o.token_keep = 1.0;
    assert_ok(vc_compare(&c, &o));
    assert_int_equal(row_of(&c, "spatten")->attention.macs, 2 * 12 * 3 * 197 * 197 * 64);
    vc_comparison_close(&c);
}

static void published_chips_are_said_to_be(void **state)
{
    (void)state;
    static const char *const chips[] = {"vitcod"};
    vc_compare_options o = options();
    vc_comparison c;
    o.chips = chips;
    o.chip_count = 1;
    o.published = 1;
    assert_ok(vc_compare(&c, &o));
    assert_int_equal(c.row_count, 3);
    assert_string_equal(row_of(&c, "sanger-published")->setting, "as published");
    json_t *all;
    assert_ok(vc_record_json(&all, &vc_comparison_record, &c));
    assert_int_equal(json_array_size(json_object_get(all, "rows")), 3);
    json_decref(all);
    vc_comparison_close(&c);
}

/* A memory that is a rate has no standby, and then there is no ratio of it. */
static void a_rate_has_no_standby(void **state)
{
    (void)state;
    static const char *const chips[] = {"vitcod", "dense"};
    vc_compare_options o = options();
    vc_comparison c;
    o.chips = chips;
    o.chip_count = 2;
    o.memory = "bandwidth";
    assert_ok(vc_compare(&c, &o));
    assert_near(c.rows[1].attention.dram_standby_uj, 0.0, 0.0);
    assert_true(isnan(c.rows[1].dram_standby_times));
    assert_true(c.rows[1].dram_access_times > 1.0 && c.rows[1].on_chip_times > 1.0);
    vc_comparison_close(&c);
}

/* A ratio below 1 is never left without a word, and only then is there one. */
static void what_beats_vitcod_says_why(void **state)
{
    (void)state;
    vc_compare_options o = options();
    vc_comparison c;
    char text[8192] = "";
    o.published = 1;
    assert_ok(vc_compare(&c, &o));
    for (size_t i = 0; i < c.row_count; i++)
        assert_int_equal(c.rows[i].ahead != NULL, c.rows[i].attention_times < 1.0 ||
                                                      c.rows[i].energy_times < 1.0 ||
                                                      c.rows[i].on_chip_times < 1.0);
    assert_true(row_of(&c, "prune")->attention_times < 1.0);
    assert_non_null(strstr(row_of(&c, "prune")->ahead, "D1"));
    assert_non_null(strstr(row_of(&c, "prune-reorder")->ahead, "D7"));
    assert_non_null(strstr(row_of(&c, "spatten")->ahead, "E9"));
    assert_non_null(strstr(row_of(&c, "spatten-published")->ahead, "other ones"));
    assert_null(row_of(&c, "dense")->ahead);
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    vc_comparison_print(out, &c);
    fclose(out);
    assert_non_null(strstr(text, "Below 1 a chip beats vitcod:\n- prune only (attention 0."));
    assert_non_null(strstr(text, "docs/comparison.md says which assumption"));
    vc_comparison_close(&c);
}

/* FOLDER/deit_tiny_patch16_224.npy: every second query looks at one key above all, the others at
 * all keys nearly alike. */
static const char *write_attention(void)
{
    enum { LAYERS = 12, HEADS = 3, TOKENS = 197 };
    static char folder[256];
    char path[512];
    const size_t rows = (size_t)LAYERS * HEADS * TOKENS;
    float *values = malloc(rows * TOKENS * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < rows * TOKENS; i++) {
        const size_t row = i / TOKENS, query = row % TOKENS;
        const float noise = (float)(i * 7919 % 100003) / 100003.0f; /* few are alike */
        values[i] = row % 2 && i % TOKENS == query ? 0.5f : 0.5f * (0.5f + noise) / TOKENS;
    }
    const vc_tensor maps = {VC_F32, 4, {LAYERS, HEADS, TOKENS, TOKENS}, values};
    snprintf(folder, sizeof folder, "%s", temporary("attention"));
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/deit_tiny_patch16_224.npy", folder);
    assert_ok(vc_npy_write(path, &maps));
    free(values);
    return folder;
}

/* A chip that predicts its mask sees as many of the highest scores as the mask keeps. */
static void predictions_see_real_attention(void **state)
{
    (void)state;
    static const char *const chips[] = {"sanger", "spatten", "vitcod"};
    vc_compare_options o = options();
    vc_comparison of_mask, of_maps;
    o.chips = chips;
    o.chip_count = 3;
    assert_ok(vc_compare(&of_mask, &o));
    assert_true(isnan(of_mask.scenes[0].flat));
    assert_string_equal(of_mask.rows[0].seen, "the mask");
    o.attention = write_attention();
    assert_ok(vc_compare(&of_maps, &o));
    assert_near(of_maps.scenes[0].flat, 0.5, 1e-3);
    assert_string_equal(of_maps.rows[0].seen, "attention maps");
    assert_near(vc_plan_kept_share(&of_maps.scenes[0].seen), of_maps.scenes[0].kept, 1e-3);
    assert_true(row_of(&of_maps, "sanger")->attention.cycles !=
                row_of(&of_mask, "sanger")->attention.cycles);
    assert_int_equal(row_of(&of_maps, "vitcod")->attention.cycles,
                     row_of(&of_mask, "vitcod")->attention.cycles);
    vc_comparison_close(&of_mask);
    vc_comparison_close(&of_maps);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const double none[] = {0.5};
    static const char *const chips[] = {"nowhere.yaml"};
    vc_compare_options o = options();
    vc_comparison c;
    o.sparsities = none;
    assert_fails(vc_compare(&c, &o), VC_EINVAL, "no mask of deit_tiny_patch16_224 at 0.5");
    o.sparsities = sparsities;
    o.chips = chips;
    o.chip_count = 1;
    assert_fails(vc_compare(&c, &o), VC_EIO, "nowhere.yaml");
    char text[1200], here[1024], path[256];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(text, sizeof text, "like: %s/configs/accelerators/vitcod.yaml\nbatch: 8\n", here);
    snprintf(path, sizeof path, "%s", temporary("eight.yaml"));
    write_bytes(path, text, strlen(text));
    const char *const unlike[] = {"vitcod", path};
    o.chips = unlike;
    o.chip_count = 2;
    assert_fails(vc_compare(&c, &o), VC_EINVAL, "'batch' is 1 of 'vitcod' and 8 of '");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_chips_on_equal_terms),       cmocka_unit_test(pruners_do_as_much_work),
        cmocka_unit_test(published_chips_are_said_to_be), cmocka_unit_test(a_rate_has_no_standby),
        cmocka_unit_test(what_beats_vitcod_says_why),     cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(predictions_see_real_attention),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
