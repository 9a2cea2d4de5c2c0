#include "testing.h"
#include "vitcod/npy.h"
#include "vitcod/vitcod_files.h"

/* Head 0: column 2 keeps three, the others one; head 1: nothing is global. Polarized, tokens 0 and
 * 2 of head 0 change places. */
static uint8_t pruned[] = {1, 1, 0, 1, 1, 0, 0, 0, 0, /**/ 0, 1, 1, 1, 0, 1, 1, 1, 0};
static const double reordered[] = {0, 0, 0, 0, 1, 1, 0, 1, 1, /**/ 0, 1, 1, 1, 0, 1, 1, 1, 0};
static int32_t orders[] = {2, 1, 0, 0, 1, 2};
static int32_t globals[] = {1, 0};
static const double counts[] = {1, 0};

static void write_pair(const void *map, const void *count)
{
    const vc_tensor m = {VC_F64, 4, {1, 2, 3, 3}, (void *)map};
    const vc_tensor c = {VC_F64, 2, {1, 2}, (void *)count};
    assert_ok(vc_npy_write(temporary("reodered_m.npy"), &m));
    assert_ok(vc_npy_write(temporary("global_token_m.npy"), &c));
}

static void writes_a_plan(void **state)
{
    (void)state;
    const vc_mask mask = {1, 2, 3, 3, pruned};
    const vc_token_order order = {orders, orders, globals};
    vc_mask masks[] = {mask};
    vc_group_name names[] = {{""}};
    const vc_mask_set set = {1, masks, names};
    const size_t shape[] = {1, 2, 3, 3};
    vc_plan plan;
    vc_npy npy;
    assert_ok(vc_plan_assemble(&plan, &mask, &order, 1));
    assert_ok(vc_vitcod_write(temporary("out"), &plan, &set, "some/info_0.5.npz"));
    assert_ok(vc_npy_open(&npy, temporary("out/reodered_info_0.5.npy")));
    assert_true(vc_tensor_has(&npy.tensor, VC_F64, 4, shape));
    assert_memory_equal(npy.tensor.data, reordered, sizeof reordered);
    vc_npy_close(&npy);
    assert_ok(vc_npy_open(&npy, temporary("out/global_token_info_0.5.npy")));
    assert_true(vc_tensor_has(&npy.tensor, VC_F64, 2, shape));
    assert_memory_equal(npy.tensor.data, counts, sizeof counts);
    vc_npy_close(&npy);
    vc_plan_close(&plan);
}

static void reads_a_plan(void **state)
{
    (void)state;
    vc_plan plan, back;
    write_pair(reordered, counts);
    assert_true(vc_vitcod_is_reordered("a/reodered_m.npy"));
    assert_false(vc_vitcod_is_reordered("reodered_/m.npy"));
    assert_ok(vc_vitcod_read(&plan, temporary("reodered_m.npy")));
    assert_true(plan.reordered);
    assert_int_equal(plan.threshold, 1);
    assert_memory_equal(plan.layers[0].global_tokens, globals, sizeof globals);
    for (int i = 0; i < 6; i++)
        assert_int_equal(plan.layers[0].key_order[i], i % 3);
    uint8_t mask[18];
    vc_plan_layer_mask(mask, &plan.layers[0]);
    for (int i = 0; i < 18; i++)
        assert_int_equal(mask[i], (int)reordered[i]);
    assert_ok(vc_plan_write(temporary("plan"), &plan));
    assert_ok(vc_plan_read(&back, temporary("plan")));
    assert_true(back.reordered); /* travels with the file */
    vc_plan_close(&back);
    assert_ok(vc_plan_copy(&back, &plan));
    assert_true(back.reordered);
    vc_plan_close(&back);
    vc_plan_close(&plan);
}

static void refuses(const double *map, const double *count, vc_status status, const char *message)
{
    vc_plan plan;
    write_pair(map, count);
    assert_fails(vc_vitcod_read(&plan, temporary("reodered_m.npy")), status, message);
}

static void refuses_what_does_not_add_up(void **state)
{
    (void)state;
    const double halves[] = {0.5, 0}, many[] = {4, 0}, nan[] = {NAN, 0}, below[] = {-1, 0};
    double map[18];
    refuses(reordered, halves, VC_EFORMAT, "head 0 has 0.5 global tokens, wanted a whole number");
    refuses(reordered, many, VC_EFORMAT, "has 4 global tokens");
    refuses(reordered, nan, VC_EFORMAT, "has nan global tokens");
    refuses(reordered, below, VC_EFORMAT, "has -1 global tokens");
    for (int i = 0; i < 18; i++) /* as it was before polarization */
        map[i] = pruned[i];
    refuses(map, counts, VC_EINVAL,
            "head 0 keeps 1 entries of one of its 1 global tokens and 3 of another one");
    memcpy(map, reordered, sizeof map);
    map[17] = 1;
    refuses(map, counts, VC_EINVAL, "head 1 row 2 keeps no entry");
    map[17] = 0.25;
    refuses(map, counts, VC_EFORMAT, "0.25 at flat index 17");
    vc_plan plan;
    const vc_tensor flat = {VC_F64, 1, {2}, (void *)counts};
    write_pair(reordered, counts);
    assert_ok(vc_npy_write(temporary("global_token_m.npy"), &flat));
    assert_fails(vc_vitcod_read(&plan, temporary("reodered_m.npy")), VC_EFORMAT,
                 "(2), wanted global tokens (layers, heads): (1, 2)");
    assert_int_equal(unlink(temporary("global_token_m.npy")), 0);
    assert_fails(vc_vitcod_read(&plan, temporary("reodered_m.npy")), VC_EIO, "global_token_m.npy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(writes_a_plan),
                                       cmocka_unit_test(reads_a_plan),
                                       cmocka_unit_test(refuses_what_does_not_add_up)};
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
