/* The summary of a run: numbers from the results of its steps. */
#include <stdio.h>
#include <sys/stat.h>

#include "recipe_impl.h"

/* A number of the summary, and its source: [step][key] or [step][key][inner]. */
typedef struct source {
    const char *name, *step, *key, *inner;
} source;

static const source numbers[] = {
    {"sparsity", "prune", "sparsity", NULL},
    {"threshold", "polarize", "threshold", NULL},
    {"plan_hash", "polarize", "plan_hash", NULL},
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

static json_t *bytes_of(const char *path)
{
    struct stat info;
    return json_integer(stat(path, &info) == 0 ? (json_int_t)info.st_size : 0);
}

static void add_numbers(json_t *result, const json_t *run)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const source *n = &numbers[i];
        json_t *value = json_object_get(json_object_get(run, n->step), n->key);
        if (n->inner)
            value = json_object_get(value, n->inner);
        if (value)
            json_object_set(result, n->name, value);
    }
}

static void add_ratio(json_t *result, const char *name, const char *dense, const char *sparse)
{
    if (vc_json_number(result, sparse) > 0.0)
        json_object_set_new(
            result, name,
            json_real(vc_json_number(result, dense) / vc_json_number(result, sparse)));
}

void vc__recipe_summarize(json_t *result, const vc_recipe *recipe, json_t *const *done)
{
    char model[VC_RECIPE_PATH];
    double all = 0.0;
    json_t *run = json_object(), *seconds = json_object();
    for (size_t i = 0; i < recipe->count; i++) {
        const char *name = recipe->steps[i].name;
        json_object_set(run, name, done[i]);
        all += vc_json_number(done[i], "step_seconds");
        json_object_set(seconds, name, json_object_get(done[i], "step_seconds"));
    }
    add_numbers(result, run);
    json_decref(run);
    add_ratio(result, "attention_speedup", "attention_cycles_dense", "attention_cycles");
    add_ratio(result, "speedup", "cycles_dense", "cycles");
    snprintf(model, sizeof model, "%s/model.safetensors", recipe->options.folder);
    json_object_set_new(result, "model", vc_json_text(model));
    json_object_set_new(result, "bytes_dense", bytes_of(recipe->options.model));
    json_object_set_new(result, "bytes", bytes_of(model));
    json_object_set_new(result, "step_seconds", seconds);
    json_object_set_new(result, "seconds", json_real(all));
}
