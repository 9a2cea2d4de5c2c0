/* The first screen of the page, and accuracies against sparsity. */
#include "pages.h"

/* The first screen: what was lost and gained, with n and intervals. */
static void the_first_screen_is_against_dense(void **state)
{
    (void)state;
    json_t *results = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:{s:s, s:s, s:f}}", "dense.json",
        eval_of("set", NULL, 90.0, 10000), "finetuned.json", eval_of("set", "aa", 88.0, 10000),
        "simulate-dense.json", simulated("dense", 800, 30.0), "simulate.json",
        simulated("kept entries alone", 400, 20.0), "bench.json",
        json_pack("{s:s, s:s, s:{s:f, s:f, s:f}, s:i, s:f, s:f}", "verb", "bench", "plan_hash",
                  "aa", "dense_over_sparse", "median", 1.5, "quartile_low", 1.4, "quartile_high",
                  1.6, "runs", 100, "median_ms", 2.0, "dense_median_ms", 3.0),
        "polarize.json", "verb", "polarize", "plan_hash", "aa", "kept_share", 0.1);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "<p class=\"big\">2.00 points</p>");
    assert_holds(text, "95 %: 1.13 to 2.87, n = 10,000 images");
    assert_holds(text, "finetuned: top-1 88.00 % of dense 90.00 %, 90.0 % of attention pruned");
    assert_holds(text, "<p class=\"big\">1.50 × as fast</p>");
    assert_holds(text, "95 %: 1.47 to 1.53, n = 100 pairs of runs");
    assert_holds(text, "<p class=\"big\">2.00 × less</p>");
    assert_holds(text, "simulate: the whole model, 400 cycles of dense 800");
    assert_holds(text, "simulate: the whole model, 20 µJ of dense 30");
    assert_true(strstr(text, "class=\"tile\"") < strstr(text, "<figure")); /* before all figures */
    free(text);
    json_decref(results);
}

/* An evaluation says what its plan or mask keeps; no other result of the run has to. */
static void evaluations_alone_have_their_sparsity(void **state)
{
    (void)state;
    json_t *planned = eval_of("set", "aa", 88.0, 100), *masked = eval_of("set", NULL, 87.0, 100),
           *reduced = eval_of("set", "aa", 86.0, 100);
    json_object_set_new(planned, "kept_share", json_real(0.125));
    json_object_set_new(masked, "kept_share", json_real(0.25));
    json_object_set_new(masked, "command", json_string("vitcod eval m --mask a.npy --data set"));
    json_object_set_new(reduced, "kept_share", json_real(0.5));
    json_object_set_new(reduced, "tokens", json_object());
    json_t *results =
        json_pack("{s:o, s:o, s:o, s:o}", "dense.json", eval_of("set", NULL, 90.0, 100),
                  "planned.json", planned, "masked.json", masked, "reduced.json", reduced);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "<td>top-1</td><td>dense</td><td>0</td><td>90</td>");
    assert_holds(text, "<td>top-1</td><td>planned</td><td>87.5</td><td>88</td>");
    assert_holds(text, "<td>top-1</td><td>planned</td><td>87.5</td><td>2</td>"); /* lost */
    assert_holds(text, "<td>top-1</td><td>masked</td><td>75</td><td>87</td>");
    assert_holds(text, "planned: top-1 88.00 % of dense 90.00 %, 87.5 % of attention pruned");
    assert_holds(text, "masked: top-1 87.00 % of dense 90.00 %, 75.0 % of attention pruned");
    assert_null(strstr(text, "<td>reduced</td><td>50</td>"));
    free(text);
    json_decref(results);
}

/* The pruned model's answers come before those of the model with an auto-encoder alone. */
static void answers_of_calibrated_models(void **state)
{
    (void)state;
    json_t *results =
        json_pack("{s:{s:s, s:f, s:i}, s:{s:s, s:f, s:i, s:f}}", "2-coded.json", "verb",
                  "calibrate", "agreement", 0.5, "held_back", 8, "6-finetune.json", "verb",
                  "calibrate", "agreement", 0.75, "held_back", 8, "sparsity", 0.9);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "<p class=\"big\">25.00 %</p>");
    assert_holds(text, "dense model&#39;s, 90.0 % of attention pruned");
    assert_holds(text, "dense model&#39;s, nothing pruned");
    assert_null(strstr(text, "nan"));
    free(text);
    json_decref(results);
}

/* Without a dense fellow a tile says what it needs; a simulation of another chip is none. */
static void a_tile_says_what_it_needs(void **state)
{
    (void)state;
    json_t *dense = simulated("dense", 800, 30.0), *results;
    json_object_set_new(json_object_get(dense, "accelerator"), "name", json_string("another"));
    results =
        json_pack("{s:o, s:o, s:o, s:o, s:{s:s, s:s, s:f}}", "d.json", dense, "s.json",
                  simulated("kept entries alone", 400, 20.0), "dense.json",
                  eval_of("set", NULL, 90.0, 100), "pruned.json", eval_of("set", "aa", 80.0, 100),
                  "polarize.json", "verb", "polarize", "plan_hash", "aa", "kept_share", 0.1);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "10.00 points");
    assert_int_equal(times(text, "Needs the dense and the sparse model on the same chip"), 2);
    assert_null(strstr(text, "× less"));
    free(text);
    json_decref(results);
}

/* Accuracies on different images stand in figures of their own, and none is taken off another. */
static void different_data_are_apart(void **state)
{
    (void)state;
    json_t *one = json_pack("{s:o}", "dense.json", eval_of("/a/cats/", NULL, 90.0, 100)),
           *other = json_pack("{s:o, s:o, s:{s:s, s:s, s:f}}", "dense.json",
                              eval_of("'b/my dogs'", NULL, 70.0, 50), "pruned.json",
                              eval_of("cats", "aa", 60.0, 100), "polarize.json", "verb", "polarize",
                              "plan_hash", "aa", "kept_share", 0.1);
    const vc_report_run runs[2] = {{.name = "one", .results = one},
                                   {.name = "other", .results = other}};
    char *text = page_of(runs, 2);
    assert_holds(text, "<h3>Accuracy against sparsity, cats, 100 images</h3>");
    assert_holds(text, "<h3>Accuracy against sparsity, my dogs, 50 images, other</h3>");
    assert_null(strstr(text, "Points lost"));
    assert_null(strstr(text, "class=\"tile\""));
    assert_holds(text, ">cat</text>"); /* a class by its name, another by its number */
    assert_holds(text, ">class 1</text>");
    free(text);
    json_decref(one);
    json_decref(other);
}

/* An evaluation on a mask has the sparsity that `prune` gave it; one with fewer tokens is neither
 * dense nor has one. */
static void masks_and_tokens_are_not_dense(void **state)
{
    (void)state;
    json_t *masked = eval_of("x", NULL, 80.0, 9), *reduced = eval_of("x", NULL, 70.0, 9);
    json_object_set_new(masked, "command",
                        json_string("vitcod eval m --mask a/mask.npy --data x --json"));
    json_object_set_new(reduced, "tokens", json_object());
    json_t *results =
        json_pack("{s:o, s:o, s:o, s:{s:s, s:s, s:f}}", "dense.json", eval_of("x", NULL, 90.0, 9),
                  "masked.json", masked, "reduced.json", reduced, "p.json", "verb", "prune", "mask",
                  "b/mask.npy", "sparsity", 0.75);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "<td>top-1</td><td>masked</td><td>75</td><td>80</td>");
    assert_holds(text, "masked: top-1 80.00 % of dense 90.00 %, 75.0 % of attention pruned");
    assert_null(strstr(text, "<td>top-1</td><td>reduced</td>"));
    free(text);
    json_decref(results);
}

/* What `codesign` sums up stands for its parts where they are gone. */
static void a_codesign_alone(void **state)
{
    (void)state;
    json_t *results =
        json_pack("{s:{s:s, s:f, s:f, s:f, s:i, s:i, s:f, s:f}}", "result.json", "verb", "codesign",
                  "top1_dense", 72.0, "top1", 70.5, "sparsity", 0.9, "cycles_dense", 300, "cycles",
                  200, "energy_uj_dense", 30.0, "energy_uj", 10.0);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "<p class=\"big\">1.50 points</p>");
    assert_holds(text, "<p class=\"big\">1.50 × less</p>");
    assert_holds(text, "<p class=\"big\">3.00 × less</p>");
    free(text);
    json_decref(results);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_first_screen_is_against_dense),
                                       cmocka_unit_test(evaluations_alone_have_their_sparsity),
                                       cmocka_unit_test(answers_of_calibrated_models),
                                       cmocka_unit_test(a_tile_says_what_it_needs),
                                       cmocka_unit_test(different_data_are_apart),
                                       cmocka_unit_test(masks_and_tokens_are_not_dense),
                                       cmocka_unit_test(a_codesign_alone)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
