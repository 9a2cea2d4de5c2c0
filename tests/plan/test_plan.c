#include <math.h>

#include "testing.h"
#include "vitcod/maps.h"
#include "vitcod/npy.h"
#include "vitcod/plan.h"
#include "vitcod/safetensors.h"

/* One layer, two heads, 3 x 3; head 1's only busy column, 2, is swapped with 0. */
static uint8_t pruned[] = {0, 1, 1, 0, 0, 1, 0, 1, 0, /**/ 1, 1, 0, 1, 0, 0, 0, 1, 0};
static int32_t orders[] = {0, 1, 2, 2, 1, 0};
static int32_t globals[] = {1, 1};

static void make(vc_plan *plan)
{
    const vc_mask mask = {1, 2, 3, 3, pruned};
    const vc_token_order order = {orders, orders, globals};
    assert_ok(vc_plan_assemble(plan, &mask, &order, 2));
}

static void columns_and_counts(void **state)
{
    (void)state;
    vc_plan plan;
    uint8_t back[18];
    make(&plan);
    const vc_plan_layer *layer = &plan.layers[0];
    const int32_t start[] = {0, 3, 4, 5, 5, 8, 9, 10}, rows[] = {0, 1, 2, 1, 2, 0, 1, 2, 1, 0};
    assert_memory_equal(layer->column_start, start, sizeof start);
    assert_memory_equal(layer->rows, rows, sizeof rows);
    assert_int_equal(vc_plan_kept(layer, 1), 5);
    assert_int_equal(vc_plan_kept_sparser(layer, 1), 2);
    vc_plan_layer_mask(back, layer);
    assert_memory_equal(back, pruned, sizeof back);
    vc_plan_close(&plan);
}

static void shares_travel_with_it(void **state)
{
    (void)state;
    vc_plan plan, back;
    make(&plan);
    const uint64_t without = vc_plan_hash(&plan);
    plan.layers[0].kept_share = malloc(6 * sizeof(float));
    assert_non_null(plan.layers[0].kept_share);
    for (size_t r = 0; r < 6; r++)
        plan.layers[0].kept_share[r] = (float)r / 5.0f;
    assert_ok(vc_plan_write(temporary("p"), &plan));
    assert_ok(vc_plan_read(&back, temporary("p")));
    assert_memory_equal(back.layers[0].kept_share, plan.layers[0].kept_share, 6 * sizeof(float));
    assert_true(vc_plan_hash(&plan) == vc_plan_hash(&back) && vc_plan_hash(&plan) != without);
    vc_plan_close(&back);
    plan.layers[0].kept_share[4] = 1.5f;
    assert_ok(vc_plan_write(temporary("p"), &plan));
    assert_fails(vc_plan_read(&back, temporary("p")), VC_EFORMAT,
                 "layers.0.kept_share[4] is 1.5, wanted 0 to 1");
    vc_plan_close(&plan);
}

/* The first two tokens and the last two; of head 1 no row sees the second. */
static void summarize(vc_plan *plan)
{
    int32_t start[] = {0, 2, 4}, keys[] = {0, 1, 1, 2};
    float weights[] = {0.5f, 0.5f, 0.25f, 0.75f}, bias[12];
    const vc_pooling pooling = {2, 4, start, keys, weights, 0, NULL};
    for (size_t i = 0; i < 12; i++)
        bias[i] = i > 5 && i % 2 ? -INFINITY : (float)i - 3.0f;
    assert_ok(vc_plan_layer_add_summaries(&plan->layers[0], &pooling, bias));
}

static void summaries_travel_with_it(void **state)
{
    (void)state;
    vc_plan plan, back, plain;
    make(&plan);
    const uint64_t without = vc_plan_hash(&plan);
    summarize(&plan);
    const vc_plan_layer *layer = &plan.layers[0];
    assert_ok(vc_plan_write(temporary("p"), &plan));
    assert_ok(vc_plan_read(&back, temporary("p")));
    assert_int_equal(back.layers[0].pooling.count, 2);
    assert_memory_equal(back.layers[0].pooling.weights, layer->pooling.weights, 4 * sizeof(float));
    assert_memory_equal(back.layers[0].summary_bias, layer->summary_bias, 12 * sizeof(float));
    assert_true(vc_plan_hash(&plan) == vc_plan_hash(&back) && vc_plan_hash(&plan) != without);
    back.layers[0].summary_bias[0] += 1.0f;
    assert_true(vc_plan_hash(&plan) != vc_plan_hash(&back));
    vc_plan_close(&back);
    assert_ok(vc_plan_copy(&back, &plan));
    assert_true(vc_plan_hash(&plan) == vc_plan_hash(&back));
    assert_ok(vc_plan_plain(&plain, &plan));
    assert_int_equal(plain.layers[0].pooling.keys[3], 2);
    const vc_plan_entries n = vc_plan_count(&plan);
    /* 2 heads * 3 queries * 2 summaries; of 4 entries one is beyond the 3 keys, in 2 heads */
    assert_true(n.all == 18 && n.kept == 10 && n.summaries == 12 + 2);
    assert_true(vc_plan_kept_share(&plan) == 24.0 / 18.0);
    const vc_pooling once = {.count = 2, .entries = 3};
    assert_int_equal(vc_pooling_scores(&once, 2, 3, 3), 12);
    const float other[12] = {7.0f}; /* the layer's own pooling with another bias */
    assert_ok(vc_plan_layer_add_summaries(&plan.layers[0], &layer->pooling, other));
    assert_memory_equal(layer->pooling.weights, back.layers[0].pooling.weights, 4 * sizeof(float));
    assert_memory_equal(layer->summary_bias, other, sizeof other);
    vc_plan_close(&plain);
    vc_plan_close(&back);
    vc_plan_close(&plan);
}

static void poolings_are_copied(void **state)
{
    (void)state;
    int32_t start[] = {0, 2, 3}, keys[] = {0, 1, 2};
    float weights[] = {0.5f, 0.25f, 1.0f}, query[] = {1.0f, -2.0f, 3.0f, -4.0f, 5.0f, -6.0f};
    const vc_pooling none = {0}, from = {2, 3, start, keys, weights, 3, query};
    vc_pooling copy;
    assert_ok(vc_pooling_copy(&copy, &from, 2));
    assert_true(copy.count == 2 && copy.entries == 3 && copy.dim == 3);
    assert_true(copy.start != start && copy.query != query);
    assert_memory_equal(copy.start, start, sizeof start);
    assert_memory_equal(copy.keys, keys, sizeof keys);
    assert_memory_equal(copy.weights, weights, sizeof weights);
    assert_memory_equal(copy.query, query, sizeof query);
    vc_pooling_close(&copy);
    assert_true(copy.count == 0 && !copy.start && !copy.query);
    assert_ok(vc_pooling_copy(&copy, &none, 2));
    assert_true(copy.count == 0 && !copy.start);
    vc_pooling_close(&copy);
}

static void refuses_wrong_summaries(void **state)
{
    (void)state;
    vc_plan plan, back;
    make(&plan);
    summarize(&plan);
    vc_plan_layer *layer = &plan.layers[0];
    layer->pooling.keys[1] = 0;
    assert_ok(vc_plan_write(temporary("p"), &plan));
    assert_fails(vc_plan_read(&back, temporary("p")), VC_EFORMAT,
                 "layers.0: its pooling is not 2 sums, each of ascending tokens below 3");
    layer->pooling.keys[1] = 1;
    layer->pooling.start[1] = 4;
    assert_ok(vc_plan_write(temporary("p"), &plan));
    assert_fails(vc_plan_read(&back, temporary("p")), VC_EFORMAT, "its pooling is not 2 sums");
    layer->pooling.start[1] = 2;
    layer->summary_bias[3] = NAN;
    assert_ok(vc_plan_write(temporary("p"), &plan));
    assert_fails(vc_plan_read(&back, temporary("p")), VC_EFORMAT,
                 "layers.0.summary_bias[3] is nan, wanted a number or -inf");
    const vc_pooling none = {0};
    assert_ok(vc_plan_layer_add_summaries(layer, &none, NULL));
    assert_null(layer->summary_bias);
    layer->kept_share = calloc(6, sizeof(float));
    const vc_pooling one = {1, 1, (int32_t[]){0, 1}, (int32_t[]){2}, (float[]){1.0f}, 0, NULL};
    assert_fails(vc_plan_layer_add_summaries(layer, &one, (float[6]){0}), VC_EINVAL,
                 "has kept shares and summaries, wanted one");
    vc_plan_close(&plan);
}

static void file_round_trip(void **state)
{
    (void)state;
    vc_plan plan, back;
    make(&plan);
    assert_ok(vc_plan_write(temporary("p"), &plan));
    assert_ok(vc_plan_read(&back, temporary("p")));
    assert_int_equal(back.threshold, 2);
    assert_true(vc_plan_hash(&plan) == vc_plan_hash(&back));
    globals[1] = 0;
    vc_plan_close(&back);
    make(&back);
    assert_true(vc_plan_hash(&plan) != vc_plan_hash(&back));
    globals[1] = 1;
    vc_plan_close(&plan);
    vc_plan_close(&back);
}

/* Writes a plan after one of its arrays was changed; reading must fail. */
static void broken(int32_t *value, int32_t to, vc_plan *plan, vc_status status, const char *message)
{
    vc_plan back;
    int32_t kept = *value;
    *value = to;
    assert_ok(vc_plan_write(temporary("broken"), plan));
    *value = kept;
    assert_fails(vc_plan_read(&back, temporary("broken")), status, message);
}

static void refuses_inconsistent_plans(void **state)
{
    (void)state;
    vc_plan plan;
    make(&plan);
    vc_plan_layer *layer = &plan.layers[0];
    broken(&layer->key_order[0], 1, &plan, VC_EFORMAT, "permutation");
    broken(&layer->query_order[5], -1, &plan, VC_EFORMAT, "permutation");
    broken(&layer->global_tokens[1], 4, &plan, VC_EFORMAT, "wanted 0 to 3");
    broken(&layer->rows[0], 7, &plan, VC_EFORMAT, "ascending");
    broken(&layer->rows[1], 0, &plan, VC_EFORMAT, "ascending");
    broken(&layer->column_start[1], 9, &plan, VC_EFORMAT, "ascend");
    broken(&layer->column_start[4], 6, &plan, VC_EFORMAT, "ascend");
    vc_plan_close(&plan);
    float a = 0;
    const vc_named_tensor other = {"a", {VC_F32, 1, {1}, &a}};
    assert_ok(vc_safetensors_write(temporary("other"), &other, 1, NULL, 0));
    assert_fails(vc_plan_read(&plan, temporary("other")), VC_EFORMAT, "is not a plan");
}

/* Among a model's tensors: `more` of them, and a threshold where there is one. */
static void write_inside(const char *path, const vc_plan *plan, const vc_named_tensor *more,
                         const char *threshold)
{
    vc_named_tensor tensors[8];
    char names[8][VC_PLAN_NAME];
    const vc_metadata metadata = {VC_PLAN_PREFIX "threshold", threshold};
    size_t count = vc_plan_tensors(NULL, NULL, plan, VC_PLAN_PREFIX);
    assert_int_equal(count, 5);
    assert_int_equal(vc_plan_tensors(tensors, names, plan, VC_PLAN_PREFIX), count);
    tensors[count++] = *more;
    assert_ok(vc_safetensors_write(path, tensors, count, &metadata, threshold != NULL));
}

static void inside_another_file(void **state)
{
    (void)state;
    vc_plan plan, back;
    float a = 0;
    const vc_named_tensor other = {"head.weight", {VC_F32, 1, {1}, &a}},
                          odd = {VC_PLAN_PREFIX "layers.1", {VC_F32, 1, {1}, &a}},
                          gap = {VC_PLAN_PREFIX "layers.2.rows", {VC_F32, 1, {1}, &a}},
                          half = {VC_PLAN_PREFIX "layers.1.rows", {VC_F32, 1, {1}, &a}};
    make(&plan);
    write_inside(temporary("in"), &plan, &other, "2");
    assert_int_equal(vc_plan_is(temporary("in")), VC_PLAN_INSIDE);
    assert_ok(vc_plan_read(&back, temporary("in")));
    assert_int_equal(back.threshold, 2);
    assert_true(vc_plan_hash(&plan) == vc_plan_hash(&back));
    vc_plan_close(&back);
    assert_ok(vc_plan_write(temporary("alone"), &plan));
    assert_int_equal(vc_plan_is(temporary("alone")), VC_PLAN_ALONE);
    assert_int_equal(vc_plan_is(temporary("none")), VC_PLAN_NOWHERE);

    write_inside(temporary("in"), &plan, &odd, "2");
    assert_fails(vc_plan_read(&back, temporary("in")), VC_EFORMAT,
                 "'vitcod.plan.layers.1' is no part of a plan of 1 layer");
    write_inside(temporary("in"), &plan, &gap, "2");
    assert_fails(vc_plan_read(&back, temporary("in")), VC_EFORMAT,
                 "'vitcod.plan.layers.2.rows' is no part of a plan of 1 layer");
    write_inside(temporary("in"), &plan, &half, "2");
    assert_fails(vc_plan_read(&back, temporary("in")), VC_EFORMAT,
                 "no tensor 'vitcod.plan.layers.1.query_order' of a plan");
    write_inside(temporary("in"), &plan, &other, NULL);
    assert_fails(vc_plan_read(&back, temporary("in")), VC_EFORMAT,
                 "'vitcod.plan.threshold' of a plan is missing, wanted a whole number");
    write_inside(temporary("in"), &plan, &other, "-2");
    assert_fails(vc_plan_read(&back, temporary("in")), VC_EFORMAT,
                 "is '-2', wanted a whole number");
    plan.layers[0].rows[0] = 7;
    write_inside(temporary("in"), &plan, &other, "2");
    assert_fails(vc_plan_read(&back, temporary("in")), VC_EFORMAT,
                 "vitcod.plan.layers.0.rows[0] is 7, wanted ascending rows below 3");
    vc_plan_close(&plan);
    const vc_metadata alone = {VC_PLAN_PREFIX "threshold", "2"};
    assert_ok(vc_safetensors_write(temporary("in"), &other, 1, &alone, 1));
    assert_fails(vc_plan_read(&back, temporary("in")), VC_EFORMAT,
                 "no tensors 'vitcod.plan.layers.0..' of a plan");
}

/* A file of 2 MB that speaks of a map of 10^10 entries is read in memory of the file's size. */
static void a_small_file_of_a_large_map(void **state)
{
    (void)state;
    enum { TOKENS = 100000 };
    static int32_t tokens[TOKENS], starts[TOKENS + 1];
    int32_t none = 0;
    for (int32_t i = 0; i < TOKENS; i++)
        tokens[i] = starts[i] = i;
    starts[TOKENS] = TOKENS;
    vc_plan_layer layer = {.heads = 1,
                           .queries = TOKENS,
                           .keys = TOKENS,
                           .query_order = tokens,
                           .key_order = tokens,
                           .global_tokens = &none,
                           .column_start = starts,
                           .rows = tokens};
    vc_plan plan = {.layer_count = 1, .threshold = 50, .layers = &layer}, back;
    assert_ok(vc_plan_write(temporary("large"), &plan));
    assert_ok(vc_plan_read(&back, temporary("large")));
    assert_true(vc_plan_hash(&plan) == vc_plan_hash(&back));
    vc_plan_close(&back);
    starts[TOKENS] = starts[TOKENS - 1]; /* the last column, and so the last row, is empty */
    assert_ok(vc_plan_write(temporary("large"), &plan));
    assert_fails(vc_plan_read(&back, temporary("large")), VC_EINVAL,
                 "layers.0: head 0 row 99999 keeps no entry");
}

static void copies(void **state)
{
    (void)state;
    vc_plan plan, copy;
    make(&plan);
    assert_ok(vc_plan_copy(&copy, &plan));
    const uint64_t hash = vc_plan_hash(&plan);
    vc_plan_close(&plan);
    assert_true(vc_plan_hash(&copy) == hash);
    assert_int_equal(copy.threshold, 2);
    vc_plan_close(&copy);
}

static void an_empty_row_is_named(void **state)
{
    (void)state;
    uint8_t values[] = {0, 0, 1, 1};
    const vc_mask mask = {1, 1, 2, 2, values};
    assert_fails(vc_mask_check_rows(&mask, "m.npy"), VC_EINVAL, "layer 0 head 0 row 1");
}

static void mask_files(void **state)
{
    (void)state;
    vc_mask mask = {1, 2, 3, 3, pruned}, back;
    assert_ok(vc_mask_write(temporary("m"), &mask));
    assert_ok(vc_mask_read(&back, temporary("m")));
    assert_memory_equal(back.pruned, pruned, sizeof pruned);
    assert_int_equal(vc_mask_kept(&back), 10);
    vc_mask_close(&back);
}

static void write_and_refuse(const vc_tensor *tensor, const char *message)
{
    vc_mask mask;
    assert_ok(vc_npy_write(temporary("o"), tensor));
    assert_fails(vc_mask_read(&mask, temporary("o")), VC_EFORMAT, message);
}

/* 1 or -inf is pruned, whatever the dtype. */
static void mask_files_of_other_dtypes(void **state)
{
    (void)state;
    uint8_t bytes[18];
    int64_t longs[18];
    float floats[18], added[18];
    double doubles[18];
    for (int i = 0; i < 18; i++) {
        bytes[i] = pruned[i];
        longs[i] = pruned[i];
        floats[i] = pruned[i];
        doubles[i] = pruned[i];
        added[i] = pruned[i] ? -INFINITY : -0.0f;
    }
    const vc_tensor forms[] = {{VC_U8, 4, {1, 2, 3, 3}, bytes},
                               {VC_I64, 4, {1, 2, 3, 3}, longs},
                               {VC_F32, 4, {1, 2, 3, 3}, floats},
                               {VC_F64, 4, {1, 2, 3, 3}, doubles},
                               {VC_F32, 4, {1, 2, 3, 3}, added}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        vc_mask back;
        assert_ok(vc_npy_write(temporary("f"), &forms[i]));
        assert_ok(vc_mask_read(&back, temporary("f")));
        assert_memory_equal(back.pruned, pruned, sizeof pruned);
        vc_mask_close(&back);
    }
    bytes[4] = 2;
    write_and_refuse(&forms[0], "2 at flat index 4, wanted a mask of 0 and 1 (pruned)");
    floats[17] = -INFINITY;
    write_and_refuse(&forms[2], "1 at flat index 1 and -inf at 17");
    doubles[3] = NAN;
    write_and_refuse(&forms[3], "nan at flat index 3");
    added[5] = -1e9f;
    write_and_refuse(&forms[4], "-1e+09 at flat index 5");
    const vc_tensor flat = {VC_U8, 2, {6, 3}, bytes}, empty = {VC_U8, 4, {1, 0, 3, 3}, bytes};
    write_and_refuse(&flat, "U8 (6, 3), wanted a mask (layers, heads, queries, keys)");
    write_and_refuse(&empty, "wanted a mask (layers");
}

/* float16 and float64 become float32, and whether that rounds is known. */
static void map_files_of_other_dtypes(void **state)
{
    (void)state;
    double doubles[] = {0.25, 0.75, 0.5, 0.5};
    uint16_t halves[] = {0x3400, 0x3a00, 0x3800, 0x3800};
    int32_t whole[] = {0, 1, 1, 0};
    const float want[] = {0.25f, 0.75f, 0.5f, 0.5f};
    const vc_tensor forms[] = {{VC_F64, 4, {1, 1, 2, 2}, doubles},
                               {VC_F16, 4, {1, 1, 2, 2}, halves}};
    vc_map_set maps;
    for (int i = 0; i < 2; i++) {
        assert_ok(vc_npy_write(temporary("d"), &forms[i]));
        assert_ok(vc_map_set_read(&maps, temporary("d")));
        assert_memory_equal(maps.maps[0].values, want, sizeof want);
        assert_false(maps.rounded);
        vc_map_set_close(&maps);
    }
    doubles[0] = 0.1;
    assert_ok(vc_npy_write(temporary("d"), &forms[0]));
    assert_ok(vc_map_set_read(&maps, temporary("d")));
    assert_true(maps.rounded && maps.maps[0].values[0] == 0.1f);
    vc_map_set_close(&maps);
    const vc_tensor wrong = {VC_I32, 4, {1, 1, 2, 2}, whole};
    assert_ok(vc_npy_write(temporary("d"), &wrong));
    assert_fails(vc_map_set_read(&maps, temporary("d")), VC_EFORMAT,
                 "I32 (1, 1, 2, 2), wanted averaged attention");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_and_counts),          cmocka_unit_test(shares_travel_with_it),
        cmocka_unit_test(summaries_travel_with_it),    cmocka_unit_test(poolings_are_copied),
        cmocka_unit_test(refuses_wrong_summaries),     cmocka_unit_test(file_round_trip),
        cmocka_unit_test(refuses_inconsistent_plans),  cmocka_unit_test(inside_another_file),
        cmocka_unit_test(a_small_file_of_a_large_map), cmocka_unit_test(copies),
        cmocka_unit_test(an_empty_row_is_named),       cmocka_unit_test(mask_files),
        cmocka_unit_test(mask_files_of_other_dtypes),  cmocka_unit_test(map_files_of_other_dtypes)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
