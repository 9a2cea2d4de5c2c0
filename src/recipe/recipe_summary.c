/* The summary of a run: numbers from the results of its steps. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "recipe_impl.h"

/* A number of the summary, and its source: [step][key] or [step][key][inner]. */
typedef struct source {
    const char *name, *step, *key, *inner;
} source;

static const source numbers[] = {
    {"sparsity", "prune", "sparsity", NULL},
    {"threshold", "polarize", "threshold", NULL},
    {"plan_hash", "simulation", "plan_hash", NULL},
    {"sparsity", "plan", "sparsity", NULL},
    {"agreement_coded", "coded", "agreement", NULL},
    {"agreement_before", "finetune", "agreement_before", NULL},
    {"agreement", "finetune", "agreement", NULL},
    {"images", "finetune", "images", NULL},
    {"held_back", "finetune", "held_back", NULL},
    {"top1_dense", "evaluation-dense", "top1", NULL},
    {"top1", "evaluation", "top1", NULL},
    {"attention_cycles_dense", "simulation-dense", "attention", "cycles"},
    {"attention_cycles", "simulation", "attention", "cycles"},
    {"cycles_dense", "simulation-dense", "end_to_end", "cycles"},
    {"cycles", "simulation", "end_to_end", "cycles"},
    {"energy_uj_dense", "simulation-dense", "energy_uj", NULL},
    {"energy_uj", "simulation", "energy_uj", NULL},
};

static const vc_field time_fields[] = {
    {VC_FIELD(vc_recipe_time, step, "", "step")},
    {VC_FIELD_AS(vc_recipe_time, seconds, NULL, "s", "that it took")},
};
static const vc_record time_record = VC_RECORD("time of a step", vc_recipe_time, time_fields);

#define NUMBER(member, unit, meaning)                                                              \
    {                                                                                              \
        VC_FIELD(vc_recipe_summary, member, unit, meaning), VC_KNOWN                               \
    }

/* Those in `numbers`. */
static const vc_field number_fields[] = {
    NUMBER(sparsity, "", "share of attention that is pruned"),
    NUMBER(threshold, "", "a column that keeps more is a global token"),
    NUMBER(plan_hash, "", "of the plan"),
    NUMBER(agreement_coded, "", "with the dense model, with the auto-encoder alone"),
    NUMBER(agreement_before, "", "with the dense model, before learning"),
    NUMBER(agreement, "", "share of images with the dense model's class"),
    NUMBER(images, "", "to learn from"),
    NUMBER(held_back, "", "images to judge by"),
    NUMBER(top1_dense, "%", "of the dense model"),
    NUMBER(top1, "%", "of the model that is written"),
    NUMBER(attention_cycles_dense, "cycles", "on the simulated chip"),
    NUMBER(attention_cycles, "cycles", "on the simulated chip"),
    NUMBER(cycles_dense, "cycles", "on the simulated chip, end to end"),
    NUMBER(cycles, "cycles", "on the simulated chip, end to end"),
    NUMBER(energy_uj_dense, "uJ", "of the simulated chip"),
    NUMBER(energy_uj, "uJ", "of the simulated chip"),
};
static const vc_record number_record = VC_RECORD("numbers", vc_recipe_summary, number_fields);

static const vc_field fields[] = {
    {VC_FIELD_WHOLE(vc_recipe_summary, &number_record)},
    NUMBER(attention_speedup, "", "dense cycles over cycles"),
    NUMBER(speedup, "", "dense cycles over cycles, end to end"),
    {VC_FIELD(vc_recipe_summary, model, "", "file of the model")},
    {VC_FIELD(vc_recipe_summary, bytes_dense, "B", "of the dense model's file")},
    {VC_FIELD(vc_recipe_summary, bytes, "B", "of the model's file")},
    {VC_FIELD_NAMED(vc_recipe_summary, step_seconds, step_count, "step_seconds", &time_record,
                    "by step")},
    {VC_FIELD(vc_recipe_summary, seconds, "s", "of all steps")},
};
const vc_record vc_recipe_record = VC_RECORD("summary of a run", vc_recipe_summary, fields);

static uint64_t bytes_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

/* The numbers of all steps in one object, by the summary's names. */
static vc_status gather_numbers(json_t **found, const vc_recipe *recipe, json_t *const *done)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (size_t s = 0; s < recipe->count; s++) {
            const source *n = &numbers[i];
            if (strcmp(recipe->steps[s].name, n->step) != 0)
                continue;
            json_t *value = json_object_get(done[s], n->key);
            value = n->inner ? json_object_get(value, n->inner) : value;
            if (value)
                vc_json_set(found, n->name, json_incref(value));
        }
    return *found ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for the summary");
}

static vc_status read_numbers(vc_recipe_summary *out, const vc_recipe *recipe, json_t *const *done)
{
    json_t *found = json_object();
    vc_status status = gather_numbers(&found, recipe, done);
    if (status == VC_OK)
        status = vc_record_read(out, &number_record, found, recipe->options.folder);
    json_decref(found);
    return status;
}

/* NAN where one of them is not known. */
static double ratio_of(uint64_t dense, uint64_t sparse)
{
    const int known = dense != VC_NO_COUNT && sparse != VC_NO_COUNT && sparse > 0;
    return known ? (double)dense / (double)sparse : (double)NAN;
}

vc_status vc__recipe_summarize(vc_recipe_summary *out, const vc_recipe *recipe, json_t *const *done)
{
    VC_TRY(read_numbers(out, recipe, done));
    out->attention_speedup = ratio_of(out->attention_cycles_dense, out->attention_cycles);
    out->speedup = ratio_of(out->cycles_dense, out->cycles);
    out->step_seconds = out->time;
    for (size_t i = 0; i < recipe->count; i++) {
        const double seconds = vc_json_number(done[i], "step_seconds");
        out->seconds += seconds;
        out->step_seconds[out->step_count++] = (vc_recipe_time){recipe->steps[i].name, seconds};
    }
    snprintf(out->model, sizeof out->model, "%s/model.safetensors", recipe->options.folder);
    out->bytes_dense = bytes_of(recipe->options.model);
    out->bytes = bytes_of(out->model);
    return VC_OK;
}
