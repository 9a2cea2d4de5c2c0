/* No key of a chip is accepted and ignored: each changes what comes out, or is refused. */
#include "../chip_set.h"
#include "small_masks.h"
#include "vitcod/accelerator.h"
#include "vitcod/model.h"
#include "vitcod/simulation.h"
#include "vitcod/subject.h"

enum { MOST_KEYS = 128, MOST_VALUES = 16 };

typedef struct outcome {
    vc_chip_counts counts;
    double energy_pj, area_mm2;
} outcome;

/* What a layer comes to, end to end; 0: the chip refuses. */
static int run(outcome *out, const vc_accelerator *a, const vc_model_config *model,
               const vc_plan *plan)
{
    const vc_simulation_options how = {0};
    vc_model_config config = *model;
    vc_simulation s;
    vc_chip_result r;
    *out = (outcome){0};
    assert_ok(vc_model_compress(&config, a->chip.steps.autoencoder ? 2 : 0,
                                a->chip.steps.autoencoder ? VC_CODED_QK : VC_CODED_NONE));
    if (vc_simulation_of_model(&s, &config, plan, a, "plan") != VC_OK)
        return 0;
    assert_ok(vc_simulation_keep_layers(&s, "0"));
    const vc_status status = vc_simulation_run(&r, &s, &how);
    vc_simulation_close(&s);
    if (status != VC_OK)
        return 0;
    out->counts = r.total;
    out->energy_pj = vc_chip_energy_of(&r.total, &a->chip, &a->energy, &r.memory).total_pj;
    out->area_mm2 = vc_chip_area_mm2(&a->chip, &a->energy);
    vc_chip_result_close(&r);
    return 1;
}

static double value_of(const vc_chip_config *c, const vc_chip_key *key)
{
    const void *at = (const char *)c + key->offset;
    switch (key->field->yaml.kind) {
    case VC_YAML_COUNT:
        return (double)*(const uint64_t *)at;
    case VC_YAML_NUMBER:
        return *(const double *)at;
    default:
        return *(const int *)at;
    }
}

static int is_banks(const vc_chip_key *key)
{
    return strcmp(key->field->yaml.key, "banks") == 0;
}

/* Other values of a key. As many banks as lines are no limit, and change nothing. */
static size_t others(double out[MOST_VALUES], const vc_chip_config *c, const vc_chip_key *key)
{
    const vc_yaml_field *f = &key->field->yaml;
    const double now = value_of(c, key);
    size_t count = 0;
    if (f->kind == VC_YAML_WORD || f->kind == VC_YAML_FLAG) {
        for (int w = 0; f->kind == VC_YAML_FLAG ? w < 2 : f->words[w] != NULL; w++)
            if (w != (int)now)
                out[count++] = w;
        return count;
    }
    const double tries[] = {
        f->least, floor(now / 2.0), now / 2.0 + 0.1, 2.0 * now, 1000.0 * now, now + 1.0, 3.0, 16.0};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        if (tries[i] != now && tries[i] >= f->least && tries[i] <= f->most &&
            (f->kind == VC_YAML_NUMBER || tries[i] == floor(tries[i])) &&
            !(is_banks(key) && tries[i] >= (double)c->lines))
            out[count++] = tries[i];
    return count;
}

/* Other circumstances, in which keys have a use that have none by default. */
static void change(vc_accelerator *a)
{
    vc_chip_config *c = &a->chip;
    c->buffers[VC_BUFFER_VALUE].bytes = c->buffers[VC_BUFFER_KEY].bytes = 8192;
    c->buffers[VC_BUFFER_OUTPUT].bytes = 24576;
    if (strcmp(c->kind->name, "vitcod") == 0)
        c->split = VC_LINE_SPLIT_FIXED;
    if (strcmp(c->kind->name, "spatten") == 0) {
        chip_set(c, "spatten_token_keep", 0.5);
        chip_set(c, "spatten_least_significant", 0.25);
        chip_set(c, "spatten_first_bits", 4);
    }
}

/* 1: a value of the key makes another outcome, or all are refused. */
static int has_a_use(const vc_accelerator *a, const vc_chip_key *key, const vc_model_config *model,
                     const vc_plan *plan)
{
    double values[MOST_VALUES];
    outcome before, after;
    int accepted = 0;
    const size_t count = others(values, &a->chip, key);
    if (!run(&before, a, model, plan))
        fail_msg("%s: %s", a->chip.name, vc_last_error());
    for (size_t i = 0; i < count; i++) {
        vc_accelerator other = *a;
        vc_chip_key_set(&other.chip, key, values[i]);
        if (!run(&after, &other, model, plan))
            continue;
        accepted = 1;
        if (memcmp(&before, &after, sizeof before) != 0)
            return 1;
    }
    return count > 0 && !accepted;
}

static void every_key_has_a_use_or_is_refused(void **state)
{
    (void)state;
    static vc_chip_key keys[MOST_KEYS];
    static const char *const chips[] = {"vitcod", "systolic", "sanger", "spatten", "vitality"};
    vc_model_config model;
    vc_plan plan;
    assert_ok(vc_model_preset(&model, "deit_tiny_patch16_224"));
    assert_ok(
        vc_subject_plan(&plan, &model, write_small_masks(), "deit_tiny_patch16_224", 0.95, 50));
    for (size_t i = 0; i < sizeof chips / sizeof *chips; i++) {
        vc_accelerator usual, other;
        assert_ok(vc_accelerator_open(&usual, chips[i]));
        const vc_chip_kind *const own[] = {usual.chip.kind, NULL};
        const size_t count = vc_chip_keys(keys, MOST_KEYS, own);
        other = usual;
        change(&other);
        for (size_t k = 0; k < count; k++)
            if (!has_a_use(&usual, &keys[k], &model, &plan) &&
                !has_a_use(&other, &keys[k], &model, &plan) &&
                !has_a_use(&other, &keys[k], &model, NULL)) /* dense, whose rows are long */
                fail_msg("%s: '%s' is accepted and changes nothing", chips[i], keys[k].name);
    }
    vc_plan_close(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_a_use_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
