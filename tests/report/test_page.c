/* The text of the page: escaping, missing data, and what each kind of result looks like. */
#include "pages.h"

#include <time.h>

static void hostile_names_are_text(void **state)
{
    (void)state;
    static const char name[] = "<script>alert('x')</script>&\"";
    const float attention[4] = {0.5f, 0.5f, 0.25f, 0.75f};
    const vc_report_layer layer = {.heads = 1, .queries = 2, .keys = 2, .attention = attention};
    json_t *results = json_pack("{s:{s:s, s:s, s:f, s:s}}", name, "verb", "eval", "command", name,
                                "top1", 50.0, "</script>", name);
    json_t *notes = json_pack("[s]", name);
    const vc_report_run run = {name, results, NULL, notes, &layer, 1};
    char *text = page_of(&run, 1);
    assert_null(strstr(text, "<script>alert"));
    assert_holds(text, "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;");
    assert_holds(text, "\"name\":\"\\u003cscript\\u003e");
    assert_int_equal(times(text, "<script"), times(text, "</script>"));
    free(text);
    json_decref(results);
    json_decref(notes);
}

static void a_section_needs_numbers(void **state)
{
    (void)state;
    json_t *one = json_pack("{s:{s:s, s:f}}", "dense.json", "verb", "eval", "top1", 91.0);
    json_t *other = json_pack("{s:{s:s, s:i}}", "x.json", "verb", "unheard-of", "answer", 42);
    const vc_report_run runs[2] = {{.name = "one", .results = one},
                                   {.name = "other", .results = other}};
    char *text = page_of(runs, 2);
    assert_holds(text, "id=\"accuracy\"");
    assert_holds(text, "Not in other.");
    assert_holds(text,
                 "<th scope=\"row\">answer</th><td>42</td>"); /* an unknown verb: its numbers */
    assert_null(strstr(text, "id=\"sweep\""));
    assert_null(strstr(text, "id=\"training\""));
    assert_holds(text, "<b>other</b> has no numbers of: Accuracy and sparsity");
    assert_null(strstr(text, "https://")); /* nothing comes from a network */
    assert_null(strstr(text, "src=\"http"));
    assert_null(strstr(text, "href=\"http"));
    assert_null(strstr(text, "url("));
    free(text);
    json_decref(one);
    json_decref(other);
}

static void an_empty_run_is_a_page(void **state)
{
    (void)state;
    const vc_report_run run = {.name = "nothing"};
    char *text = page_of(&run, 1);
    assert_holds(text, "<b>nothing</b> has no numbers of:");
    assert_null(strstr(text, "<figure id"));
    free(text);
}

static void values_of_the_wrong_kind_do_no_harm(void **state)
{
    (void)state;
    json_t *results =
        json_pack("{s:{s:s, s:s, s:i}, s:{s:s, s:[i,s,n], s:s}, s:{s:s, s:[i]}, s:{s:s, s:s}}",
                  "a.json", "verb", "simulate", "attention", "none", "end_to_end", 3, "b.json",
                  "verb", "train", "epochs", 1, "2", "log", "x", "c.json", "verb", "compare",
                  "rows", 7, "d.json", "verb", "polarize", "global_tokens", "many");
    json_t *logs =
        json_pack("{s:[{s:s, s:s}, {s:n}]}", "l.jsonl", "point", "first", "values", "x", "epoch");
    const vc_report_run run = {.name = "odd", .results = results, .logs = logs};
    char *text = page_of(&run, 1);
    assert_holds(text, "id=\"made\"");
    free(text);
    json_decref(results);
    json_decref(logs);
}

/* A comparison says what its plan does about pruned entries, which chips leave summaries out. */
static void rivals_say_which_method(void **state)
{
    (void)state;
    for (int summaries = 0; summaries < 2; summaries++) {
        json_t *rows = json_array();
        for (int i = 0; i < 2; i++) {
            json_t *row = json_pack("{s:s, s:f, s:s, s:s, s:s, s:{s:f}}", "arch", "m", "sparsity",
                                    0.9, "chip", i ? "sanger" : "vitcod", "setting", "equal",
                                    "method", summaries ? "with summaries" : "kept entries alone",
                                    "attention", "time_us", 2.0);
            if (summaries)
                json_object_set_new(row, "summaries",
                                    json_string(i ? "left out: so it is" : "computed"));
            json_array_append_new(rows, row);
        }
        json_t *results = json_pack("{s:{s:s, s:o}}", "c.json", "verb", "compare", "rows", rows);
        const vc_report_run run = {.name = "one", .results = results};
        char *text = page_of(&run, 1);
        assert_holds(text, summaries ? "pruned, with summaries" : "pruned, kept entries alone");
        assert_int_equal(strstr(text, "sanger, equal, without summaries") != NULL, summaries);
        assert_null(strstr(text, "vitcod, equal, without"));
        free(text);
        json_decref(results);
    }
}

static json_t *simulation_on_a_large_chip(void)
{
    json_t *chip = json_object();
    for (int i = 0; i < 200; i++) {
        char key[16];
        snprintf(key, sizeof key, "key %d", i);
        json_object_set_new(chip, key, json_integer(i));
    }
    return json_pack("{s:s, s:s, s:o, s:{s:i}, s:{s:i}}", "verb", "simulate", "method", "sparse",
                     "accelerator", chip, "attention", "cycles", 9, "end_to_end", "cycles", 99);
}

/* Each evaluation looks for that of the dense model, and what a mask prunes in other results; each
 * simulation for the dense one on the same chip. */
static void many_results_in_time(void **state)
{
    (void)state;
    enum { RESULTS = 1500 };
    json_t *results = json_object();
    for (int i = 0; i < RESULTS; i++) {
        char file[32], command[64];
        snprintf(file, sizeof file, "%04d.json", i);
        snprintf(command, sizeof command, "vitcod eval m --data d --mask m%d.npy", i);
        json_object_set_new(results, file,
                            json_pack("{s:s, s:s, s:f, s:i}", "verb", "eval", "command", command,
                                      "top1", 50.0, "images", 100));
        snprintf(file, sizeof file, "s%04d.json", i);
        json_object_set_new(results, file, simulation_on_a_large_chip());
    }
    const vc_report_run run = {.name = "one", .results = results};
    const clock_t start = clock();
    char *text = page_of(&run, 1);
    assert_true(clock() - start < 10 * CLOCKS_PER_SEC);
    free(text);
    json_decref(results);
}

/* Each mark with a name looks at all others: where they are many, none has one. */
static void marks_without_room_for_names(void **state)
{
    (void)state;
    enum { MOST = 2000 };
    for (int more = 0; more < 2; more++) {
        json_t *operators = json_array();
        for (int i = 0; i < MOST + more; i++)
            json_array_append_new(operators, json_pack("{s:s, s:i, s:i, s:i}", "operator", "score",
                                                       "cycles", 9, "macs", 8, "dram_bytes", 4));
        json_t *results =
            json_pack("{s:{s:s, s:{s:o}, s:{s:f, s:i, s:i, s:{s:f}}}}", "s.json", "verb",
                      "simulate", "end_to_end", "operators", operators, "accelerator", "clock_hz",
                      1e9, "lines", 64, "macs_per_line", 8, "memory", "peak_bytes_per_s", 1e9);
        const vc_report_run run = {.name = "one", .results = results};
        char *text = page_of(&run, 1);
        assert_int_equal(strstr(text, "class=\"mark ring") == NULL, more);
        assert_int_equal(strstr(text, ">score</text>") == NULL, more);
        free(text);
        json_decref(results);
    }
}

/* A comparison of more models than anybody looks at must not take long. */
static void rivals_of_many_models(void **state)
{
    (void)state;
    static const char left_out[] = "Some models are left out";
    for (int models = 32; models <= 33; models++) {
        json_t *rows = json_array();
        for (int i = 0; i < 2 * models; i++) {
            char arch[16];
            snprintf(arch, sizeof arch, "m%d", i / 2);
            json_array_append_new(rows,
                                  json_pack("{s:s, s:f, s:s, s:s, s:f}", "arch", arch, "sparsity",
                                            i % 2 ? 0.9 : 0.95, "chip", "dense", "setting", "equal",
                                            "attention_times_vitcod", 2.0));
        }
        json_t *results = json_pack("{s:{s:s, s:o}}", "c.json", "verb", "compare", "rows", rows);
        const vc_report_run run = {.name = "one", .results = results};
        char *text = page_of(&run, 1);
        assert_int_equal(times(text, "<figure id"), 32);
        assert_int_equal(strstr(text, left_out) != NULL, models > 32);
        free(text);
        json_decref(results);
    }
}

/* Every name is shown whole, its ratio too; the ticks of an axis that long totals leave short stand
 * apart. */
static void bars_can_be_read(void **state)
{
    (void)state;
    json_t *results =
        json_pack("{s:{s:s, s:[{s:s, s:f, s:s, s:s, s:s, s:s, s:f, s:{s:f}}]},"
                  " s:{s:s, s:{s:i, s:{s:{s:i}}}}}",
                  "c.json", "verb", "compare", "rows", "arch", "m", "sparsity", 0.9, "chip",
                  "systolic", "setting", "equal substrate", "method", "with summaries", "summaries",
                  "left out: its attention is dense", "attention_times_vitcod", 18.08, "attention",
                  "time_us", 2.0, "s.json", "verb", "simulate", "attention", "cycles", 2500000,
                  "engines", "linear", "busy_line_cycles", 138413440);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, ">systolic, equal substrate, without summaries (18.08 ×)</text>");
    assert_holds(text, ">100 M</text>");
    assert_null(strstr(text, ">20 M</text>"));
    free(text);
    json_decref(results);
}

/* Of fourteen operators the three smallest, wherever they stand. */
static void small_parts_are_the_rest(void **state)
{
    (void)state;
    json_t *operators = json_array();
    for (int i = 0; i < 14; i++) {
        char name[8];
        snprintf(name, sizeof name, "op%d", i);
        json_array_append_new(operators, json_pack("{s:s, s:f}", "name", name, "ms",
                                                   i == 0 || i == 5 || i == 13 ? 0.25 : 8.0 + i));
    }
    json_t *results =
        json_pack("{s:{s:s, s:o}}", "b.json", "verb", "bench", "operators", operators);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "<th scope=\"col\">op11</th><th scope=\"col\">op12</th>"
                       "<th scope=\"col\">the rest</th></tr>");
    assert_holds(text, "<td>19</td><td>20</td><td>0.75</td></tr>");
    assert_null(strstr(text, "<th scope=\"col\">op5</th>"));
    free(text);
    json_decref(results);
}

static json_t *calibrated(const char *rule, const char *summaries, double sparsity, int epochs)
{
    return json_pack("{s:s, s:s, s:s, s:f, s:i, s:f, s:f, s:f, s:f}", "verb", "calibrate", "rule",
                     rule, "summaries", summaries, "sparsity", sparsity, "epochs", epochs,
                     "agreement_before", 0.75, "agreement", 0.875, "divergence_before", 0.5,
                     "divergence", 0.25);
}

/* A line for each way of pruning, before learning and, where there was some, after it; the points
 * that are lost stand beside those of the paper. */
static void sparsity_has_a_line_for_each_rule(void **state)
{
    (void)state;
    json_t *results =
        json_pack("{s:o, s:o, s:o}", "a.json", calibrated("measured", "3x3", 0.95, 2), "b.json",
                  calibrated("measured", "1x1", 0.5, 0), "c.json", calibrated("info", "", 0.5, 0));
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "<td>measured, summaries, before learning</td><td>b</td><td>50</td>"
                       "<td>75</td></tr>\n<tr><td>measured, summaries, before learning</td>"
                       "<td>a</td><td>95</td><td>75</td>"); /* by sparsity */
    assert_holds(text, "measured, summaries, learnt</td><td>a</td><td>95</td><td>87.5</td>");
    assert_holds(text, "measured, summaries, learnt</td><td>a</td><td>95</td><td>12.5</td>");
    assert_holds(text, "measured, summaries, learnt</td><td>a</td><td>95</td><td>0.25</td>");
    assert_holds(text, "info, before learning</td><td>c</td><td>50</td><td>75</td>");
    assert_null(strstr(text, "info, learnt"));
    assert_holds(text, "top-1 80.78 of 81.8 %</td><td>90</td><td>1.02</td>");
    assert_holds(text, "top-1 77.3 of 79.9 %</td><td>95</td><td>2.6</td>");
    free(text);
    json_decref(results);
}

/* Images of several sources have a figure each, in which each result has its own numbers. */
static void sources_have_figures(void **state)
{
    (void)state;
    json_t *two = calibrated("info", "", 0.5, 0), *one = calibrated("info", "", 0.75, 0);
    json_object_set_new(two, "sources",
                        json_pack("[{s:s, s:f}, {s:s, s:f}]", "path", "a/cats.tar",
                                  "divergence_before", 0.125, "path", "b/dogs", "divergence_before",
                                  0.0625));
    json_object_set_new(one, "sources",
                        json_pack("[{s:s, s:f}]", "path", "a/cats.tar", "divergence_before", 8.0));
    json_t *results = json_pack("{s:o, s:O, s:o}", "a.json", two, "b.json", two, "c.json", one);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_int_equal(times(text, "<h3>Divergence against sparsity</h3>"), 1);
    assert_int_equal(times(text, "<h3>Divergence against sparsity, cats.tar</h3>"), 1);
    assert_int_equal(times(text, "<h3>Divergence against sparsity, dogs</h3>"), 1);
    assert_int_equal(times(text, "<td>b</td><td>50</td><td>0.125</td>"), 1);
    assert_int_equal(times(text, "<td>b</td><td>50</td><td>0.0625</td>"), 1);
    assert_int_equal(times(text, "<td>75</td><td>8</td>"), 0); /* alone: as the whole */
    free(text);
    json_decref(results);
}

/* Without anything pruned nothing is beside the paper. */
static void dense_models_lose_nothing(void **state)
{
    (void)state;
    json_t *results = json_pack("{s:{s:s, s:f}}", "dense.json", "verb", "eval", "top1", 91.0);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "Accuracy against sparsity");
    assert_null(strstr(text, "Points lost"));
    free(text);
    json_decref(results);
}

/* Nine heads of three levels and two choices; head h costs (h + 1) thousandths at a tenth, half of
 * it with summaries. The costliest eight have lines: not the first. */
static void heads_have_curves(void **state)
{
    (void)state;
    json_t *heads = json_array();
    for (int h = 0; h < 9; h++) {
        const double loss = 1e-3 * (h + 1);
        json_array_append_new(heads,
                              json_pack("{s:i, s:i, s:[f,f,f], s:[[f,f,f],[f,f,f]]}", "layer",
                                        h / 3, "head", h % 3, "kept", 0.01, 0.11, 1.0, "loss",
                                        4.0 * loss, loss, 0.0, 2.0 * loss, 0.5 * loss, 0.0));
    }
    json_t *results = json_pack("{s:{s:s, s:o, s:[s,s]}}", "curves.json", "verb",
                                "calibrate --curves", "heads", heads, "summaries", "none", "2x2q");
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "<tr><th scope=\"row\">layer 2</th><td>7.0</td><td>8.0</td><td>9.0</td>");
    assert_holds(text, "<td>layer 2, head 2</td><td>1</td><td>0.036</td>");
    assert_holds(text, "<td>layer 0, head 1</td><td>11</td><td>0.002</td>");
    assert_null(strstr(text, "<td>layer 0, head 0</td>"));
    assert_holds(text, "<td>none</td><td>11</td><td>0.045</td>"); /* 1 + .. + 9 */
    assert_holds(text, "<td>2x2q</td><td>1</td><td>0.09</td>");
    free(text);
    json_decref(results);
}

static void broken_curves_do_no_harm(void **state)
{
    (void)state;
    json_t *results = json_pack(
        "{s:{s:s, s:[{s:I, s:i, s:[f], s:[n]}, s, {s:i, s:i, s:s}], s:[i]}}", "curves.json", "verb",
        "calibrate --curves", "heads", "layer", (json_int_t)1 << 40, "head", -1, "kept", 0.5,
        "loss", "text", "layer", 0, "head", 0, "kept", "much", "summaries", 7);
    const vc_report_run run = {.name = "odd", .results = results};
    char *text = page_of(&run, 1);
    assert_null(strstr(text, "What a tenth of a head costs"));
    free(text);
    json_decref(results);
}

/* It has no figure, and the page says why, once. */
static void what_cannot_be_read_is_a_note(void **state)
{
    (void)state;
    json_t *results = json_pack("{s:{s:s, s:{s:i, s:s, s:{s:s}}, s:[]}}", "a.json", "verb",
                                "simulate", "attention", "cycles", 10, "engines", "many", "energy",
                                "lines_uj", "much", "end_to_end");
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "<li>a.json, attention: &#39;energy&#39; is a text, wanted a number</li>");
    assert_holds(text, "<li>a.json, attention: &#39;engines&#39; is a text, wanted an object</li>");
    assert_holds(text, "<li>a.json, end_to_end: no object, wanted ");
    assert_null(strstr(text, "Energy on the accelerator"));
    assert_null(strstr(text, "What the engines do"));
    free(text);
    json_decref(results);
}

/* Cycles of lines, and in a figure of their own of the units beside them, under the names of the
 * table of states; a unit that only idles has no row. */
static void units_have_states(void **state)
{
    (void)state;
    json_t *results =
        json_pack("{s:{s:s, s:{s:i, s:{s:{s:i, s:i}, s:{s:i, s:i}, s:{s:i, s:i}}}}}", "a.json",
                  "verb", "simulate", "attention", "cycles", 10, "engines", "sparser",
                  "busy_line_cycles", 3, "dram_line_cycles", 1, "softmax", "busy_cycles", 1,
                  "idle_cycles", 9, "encoder", "busy_cycles", 0, "idle_cycles", 10);
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "<th scope=\"col\">busy</th><th scope=\"col\">dram</th></tr>");
    assert_holds(text, "a: sparser, 75 % busy</th><td>3</td><td>1</td>");
    assert_holds(text, ">lines × cycles<");
    assert_holds(text, "<th scope=\"col\">busy</th><th scope=\"col\">idle</th></tr>");
    assert_holds(text, "a: softmax, 10 % busy</th><td>1</td><td>9</td>");
    assert_null(strstr(text, "a: encoder"));
    free(text);
    json_decref(results);
}

/* By date, else in the order of the pipeline, not of the alphabet. */
static void results_stand_in_their_order(void **state)
{
    (void)state;
    json_t *results = json_pack("{s:o, s:o, s:o}", "calibrated.json", eval_of("x", NULL, 1.0, 9),
                                "finetuned.json", eval_of("x", NULL, 2.0, 9), "dense.json",
                                eval_of("x", NULL, 3.0, 9));
    const vc_report_run run = {.name = "one", .results = results};
    const char *file;
    json_t *result;
    char *text = page_of(&run, 1);
    const char *first = strstr(text, "<h4>dense.json");
    const char *second = strstr(text, "<h4>finetuned.json");
    assert_true(first && second && first < second);
    assert_true(second < strstr(text, "<h4>calibrated.json"));
    free(text);
    json_object_foreach (results, file, result) {
        json_object_set_new(result, "cpu", json_string("Some CPU"));
        json_object_set_new(
            result, "date",
            json_string(*file == 'd' ? "2030-01-03T00:00:00Z" : "2030-01-02T00:00:00Z"));
    }
    text = page_of(&run, 1); /* by date, and it is said */
    assert_true(strstr(text, "<h4>calibrated.json") < strstr(text, "<h4>dense.json"));
    assert_holds(text, "<p class=\"made-with\">Some CPU · 2030-01-02 to 2030-01-03</p>");
    free(text);
    json_object_foreach (results, file, result)
        json_object_set_new(result, "threads", json_integer(*file == 'd' ? 1 : 16));
    text = page_of(&run, 1); /* 1 is no part of 16 */
    assert_holds(text, "threads: 16, 1 · 2030");
    free(text);
    json_decref(results);
}

static void a_sweep_has_its_command(void **state)
{
    (void)state;
    json_t *logs = json_pack("{s:[{s:s, s:s, s:i, s:i, s:s}, {s:i, s:{s:i}, s:f, s:f, s:f}]}",
                             "p.jsonl", "sweep_hash", "ab", "space", "my space.yaml", "seed", 3,
                             "points", 1, "version", "0.9", "point", 0, "values", "lines", 64,
                             "time_us", 2.0, "energy_uj", 3.0, "area_mm2", 4.0);
    const vc_report_run run = {.name = "one", .logs = logs};
    char *text = page_of(&run, 1);
    assert_holds(text, "vitcod sweep &#39;my space.yaml&#39; --seed 3 -o p.jsonl");
    assert_holds(text, "time (µs), log scale");
    free(text);
    json_decref(logs);
}

/* Profiles of one machine have one roof, the highest that was measured. */
static void a_machine_has_one_roof(void **state)
{
    (void)state;
    json_t *results = json_object();
    for (int i = 0; i < 2; i++)
        json_object_set_new(results, i ? "a.json" : "b.json",
                            json_pack("{s:s, s:s, s:s, s:i, s:{s:f, s:f}, s:[{s:s, s:f, s:f}]}",
                                      "verb", "profile", "isa", "avx2", "dtype", "fp32", "threads",
                                      2, "roofs", "gflops", 50.0 + i, "gbytes", 9.0 - i, "work",
                                      "work", "mlp", "intensity", 4.0, "gflops", 8.0));
    /* A device stands beside the CPU, and has no part in its roofs. */
    json_object_set_new(results, "c.json",
                        json_pack("{s:s, s:s, s:s, s:s, s:{s:f, s:f}, s:[{s:s, s:f, s:f, s:f}]}",
                                  "verb", "profile", "device", "opencl", "dtype", "fp16", "isa",
                                  "avx2", "roofs", "gflops", 99.0, "gbytes", 99.0, "work", "work",
                                  "mlp", "intensity", 4.0, "gflops", 8.0, "ms", 2.0));
    const vc_report_run run = {.name = "one", .results = results};
    char *text = page_of(&run, 1);
    assert_holds(text, "c, on opencl in fp16");
    assert_null(strstr(text, "99 GFLOP/s"));
    assert_int_equal(times(text, "GFLOP/s, 9 GB/s</title>"), 1);
    assert_holds(text, "avx2, fp32, 2 threads: 51 GFLOP/s, 9 GB/s");
    assert_null(strstr(text, "50 GFLOP/s"));
    free(text);
    json_decref(results);
}

static void it_is_written_whole_or_not_at_all(void **state)
{
    (void)state;
    const vc_report_run run = {.name = "nothing"};
    const vc_report report = {&run, 1, "", "", 0};
    assert_fails(vc_report_write("/dev/full", &report, NULL), VC_EIO, "/dev/full");
    assert_fails(vc_report_write(temporary("no/page.html"), &report, NULL), VC_EIO, "cannot write");
}

/* The number of shades is reduced until the page of a DeiT-Base is small enough, even when its maps
 * are noise. */
static void a_large_model_fits(void **state)
{
    (void)state;
    enum { L = 12, H = 12, T = 197, ALL = H * T * T, MOST_BYTES = 5000000 };
    uint32_t seed = 1;
    float *attention = malloc(ALL * sizeof *attention);
    uint8_t *pruned = malloc(ALL);
    int32_t *order = malloc(H * T * sizeof *order), globals[H] = {3};
    vc_report_layer layers[L];
    for (size_t i = 0; i < ALL; i++) {
        seed = seed * 1664525u + 1013904223u;
        attention[i] = expf((float)(seed >> 16 & 255) / 32.0f - 8.0f);
        pruned[i] = (seed >> 24) > 25;
    }
    for (int32_t i = 0; i < H * T; i++)
        order[i] = i % T;
    for (size_t l = 0; l < L; l++)
        layers[l] = (vc_report_layer){H, T, T, attention, pruned, order, order, globals};
    const vc_report_run run = {.name = "large", .layers = layers, .layer_count = L};
    char *text = page_of(&run, 1);
    assert_in_range(strlen(text), 1000000, MOST_BYTES);
    assert_int_equal(times(text, "\"attention\":\"data:image/png;base64,"), L);
    free(text);
    free(attention);
    free(pruned);
    free(order);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hostile_names_are_text),
                                       cmocka_unit_test(a_section_needs_numbers),
                                       cmocka_unit_test(an_empty_run_is_a_page),
                                       cmocka_unit_test(values_of_the_wrong_kind_do_no_harm),
                                       cmocka_unit_test(rivals_say_which_method),
                                       cmocka_unit_test(rivals_of_many_models),
                                       cmocka_unit_test(marks_without_room_for_names),
                                       cmocka_unit_test(many_results_in_time),
                                       cmocka_unit_test(sparsity_has_a_line_for_each_rule),
                                       cmocka_unit_test(sources_have_figures),
                                       cmocka_unit_test(dense_models_lose_nothing),
                                       cmocka_unit_test(heads_have_curves),
                                       cmocka_unit_test(broken_curves_do_no_harm),
                                       cmocka_unit_test(what_cannot_be_read_is_a_note),
                                       cmocka_unit_test(units_have_states),
                                       cmocka_unit_test(bars_can_be_read),
                                       cmocka_unit_test(small_parts_are_the_rest),
                                       cmocka_unit_test(results_stand_in_their_order),
                                       cmocka_unit_test(a_sweep_has_its_command),
                                       cmocka_unit_test(a_machine_has_one_roof),
                                       cmocka_unit_test(it_is_written_whole_or_not_at_all),
                                       cmocka_unit_test(a_large_model_fits)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
