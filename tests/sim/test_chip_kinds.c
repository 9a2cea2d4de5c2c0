/* A chip is a row: a toy one, which is known nowhere else, is read, run, varied and shown like any
 * other. */
#include "../chip_set.h"

#include "../../src/sim/accelerator_impl.h"
#include "../../src/sim/rivals.h"
#include "run_attention.h"

/* ---- the toy: every key for every query, `speed` times as fast as its MACs would be */

typedef struct toy {
    uint64_t speed;
    int slow;
} toy;

static const vc_chip_field toy_fields[] = {
    VC__COUNT_FIELD(toy, speed, "speed", "speed", 1, 8, "times as fast as it could be"),
    VC__FLAG_FIELD(toy, slow, "slow", "one cycle more for every query"),
};

static const toy *toy_of(const vc_chip_config *c)
{
    return (const toy *)(const void *)c->own;
}

static void make_toy_block(vc__block *b, const vc__chip_layer *a, size_t head, size_t first,
                           size_t end)
{
    const vc_chip_config *c = a->machine->config;
    const vc_attention_sizes *s = &a->sizes;
    (void)head;
    b->unit = VC_CHIP_UNIT_DENSER;
    b->entries = (end - first) * s->keys;
    b->bytes[VC_BUFFER_QUERY] = (end - first) * s->head_dim;
    b->bytes[VC_BUFFER_KEY] = s->keys * s->head_dim;
    b->bytes[VC_BUFFER_VALUE] = s->keys * s->value_dim;
    b->stored_bytes = (end - first) * s->value_dim;
    b->macs[0] = b->entries * s->head_dim / toy_of(c)->speed;
    b->cycles[VC__SCORE] = vc__ceil_div(b->macs[0], c->lines * c->macs_per_line);
    b->cycles[VC__SCORE] += toy_of(c)->slow ? end - first : 0;
    b->softmax = vc__ceil_div(b->entries, c->softmax_lanes);
}

static vc_status run_toy(vc__chip_layer *a)
{
    const vc__rival rival = {.make = make_toy_block,
                             .heads = a->sizes.heads,
                             .queries = a->sizes.queries,
                             .keys = a->sizes.keys,
                             .value_bytes = 1};
    return vc__rival_run(a, &rival);
}

static vc_status check_toy(const vc_chip_config *c)
{
    return c->lines >= toy_of(c)->speed ? VC_OK
                                        : vc_fail(VC_EINVAL, "'toy.speed' is more than the lines");
}

static const vc_chip_variant toy_variants[] = {
    {.key = "toy", .name = "a toy", .own = &(toy){.speed = 2}},
};

static const vc_chip_kind toy_kind = {
    .name = "toy",
    .own_bytes = sizeof(toy),
    .fields = toy_fields,
    .field_count = 2,
    .variants = toy_variants,
    .variant_count = 1,
    .check = check_toy,
    .run = run_toy,
};

static const vc_chip_kind *const kinds[] = {&vc__kind_vitcod, &toy_kind, NULL};

/* ---- */

static uint64_t cycles_of(const vc_accelerator *a)
{
    const vc_attention_sizes sizes = {2, 16, 16, 64, 64, {0, 0}};
    return run_attention(&a->chip, &a->memory, &sizes, NULL, NULL).cycles;
}

static const char *file_of(const char *more)
{
    char text[2048], here[1024];
    const char *path = temporary("toy.yaml");
    assert_non_null(getcwd(here, sizeof here));
    snprintf(text, sizeof text,
             "like: %s/configs/accelerators/vitcod.yaml\nname: a toy\ndataflow: toy\nprune: false\n"
             "reorder: false\nautoencoder: false\n%s\n",
             here, more);
    write_bytes(path, text, strlen(text));
    return path;
}

static void it_runs(void **state)
{
    (void)state;
    vc_accelerator a = vc__accelerator_of(&toy_kind, toy_variants);
    const uint64_t before = cycles_of(&a);
    chip_set(&a.chip, "toy_slow", 1);
    assert_true(cycles_of(&a) > before);
}

static void its_file_is_what_is_built_in(void **state)
{
    (void)state;
    vc_accelerator file, built_in = vc__accelerator_of(&toy_kind, toy_variants);
    assert_ok(vc__accelerator_read(&file, file_of("toy: {speed: 2, slow: false}"), kinds));
    file.energy = built_in.energy; /* test_accelerator.c looks at it */
    json_t *a = vc_accelerator_json(&file), *b = vc_accelerator_json(&built_in);
    assert_true(json_equal(a, b));
    assert_int_equal(json_integer_value(json_object_get(json_object_get(a, "toy"), "speed")), 2);
    assert_string_equal(json_string_value(json_object_get(a, "dataflow")), "toy");
    json_decref(a);
    json_decref(b);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    vc_accelerator a;
    assert_fails(vc__accelerator_read(&a, file_of("toy: {speed: 9, slow: false}"), kinds),
                 VC_EFORMAT, "'toy.speed' is '9', wanted 1 to 8");
    assert_fails(vc__accelerator_read(&a, file_of("toy: {speed: 1}"), kinds), VC_EFORMAT,
                 "'toy.slow' is missing");
    assert_fails(vc__accelerator_read(&a, file_of(""), kinds), VC_EFORMAT,
                 "'toy' is missing, which the dataflow wants");
    assert_fails(vc__accelerator_read(
                     &a, file_of("toy: {speed: 4, slow: false}\nlines: 2\nlinear_rows: 1"), kinds),
                 VC_EINVAL, "'toy.speed' is more than the lines");
    a = vc__accelerator_of(&toy_kind, toy_variants);
    a.chip.steps.prune = 1;
    assert_fails(vc_chip_config_check(&a.chip), VC_EINVAL,
                 "'prune' is true, and the dataflow toy uses no mask");
    a = vc__accelerator_of(&toy_kind, toy_variants);
    memcpy(a.chip.own, &(toy){.speed = 9}, sizeof(toy));
    assert_fails(vc_chip_config_check(&a.chip), VC_EINVAL, "'toy.speed' is 9, wanted 1 to 8");
}

static const vc_chip_key *find(const vc_chip_key *keys, size_t count, const char *name)
{
    const vc_chip_key *found = NULL;
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0) {
            assert_null(found);
            found = &keys[i];
        }
    return found;
}

static void its_keys_can_be_varied(void **state)
{
    (void)state;
    enum { ROOM = 128 };
    static vc_chip_key keys[ROOM];
    const size_t count = vc_chip_keys(keys, ROOM, kinds);
    vc_accelerator ours = vc_accelerator_default(), a = vc__accelerator_of(&toy_kind, toy_variants);
    const vc_accelerator before = ours;
    assert_true(count < ROOM);
    const vc_chip_key *speed = find(keys, count, "toy_speed");
    assert_non_null(speed);
    vc_chip_key_set(&a.chip, speed, 7);
    assert_int_equal(toy_of(&a.chip)->speed, 7);
    vc_chip_key_set(&ours.chip, speed, 7); /* of another kind */
    assert_memory_equal(&ours.chip, &before.chip, sizeof ours.chip);
}

/* Of all kinds that are built in: names are unique, in files and in results, and every key says
 * what it is. */
static void keys_are_told_apart(void **state)
{
    (void)state;
    enum { ROOM = 128 };
    static vc_chip_key keys[ROOM];
    const size_t count = vc_chip_keys(keys, ROOM, vc_chip_kinds());
    assert_true(count < ROOM);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(find(keys, count, keys[i].name), &keys[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(keys[i].result, keys[j].result);
        assert_true(strlen(keys[i].field->meaning) > 0);
    }
    assert_string_equal(find(keys, count, "index_size")->result, "index_size_bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_runs),
        cmocka_unit_test(its_file_is_what_is_built_in),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(its_keys_can_be_varied),
        cmocka_unit_test(keys_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
