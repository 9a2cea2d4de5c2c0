/* The summary of a `codesign` run: numbers out of its steps' results. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "codesign.h"

/* A number of the summary, and where it comes from: [step][key], or [step][key][inner]. */
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

static double number(const json_t *result, const char *name)
{
    return json_number_value(json_object_get(result, name));
}

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
    if (number(result, sparse) > 0.0)
        json_object_set_new(result, name,
                            json_real(number(result, dense) / number(result, sparse)));
}

void codesign_add_summary(json_t *result, const codesign_options *o, const codesign_recipe *recipe,
                          json_t *const *done)
{
    char model[CODESIGN_PATH];
    double all = 0.0;
    json_t *run = json_object(), *seconds = json_object();
    for (size_t i = 0; i < recipe->count; i++) {
        const char *name = recipe->steps[i].name;
        json_object_set(run, name, done[i]);
        all += number(done[i], "step_seconds");
        json_object_set(seconds, name, json_object_get(done[i], "step_seconds"));
    }
    add_numbers(result, run);
    json_decref(run);
    add_ratio(result, "attention_speedup", "attention_cycles_dense", "attention_cycles");
    add_ratio(result, "speedup", "cycles_dense", "cycles");
    snprintf(model, sizeof model, "%s/model.safetensors", o->folder);
    json_object_set_new(result, "model", cli_text(model));
    json_object_set_new(result, "bytes_dense", bytes_of(o->model));
    json_object_set_new(result, "bytes", bytes_of(model));
    json_object_set_new(result, "step_seconds", seconds);
    json_object_set_new(result, "seconds", json_real(all));
}

/* ---- text */

static void print_accuracy(const json_t *result)
{
    if (json_object_get(result, "agreement"))
        printf("  agreement with the dense model %.1f %%, %.1f %% before learning\n",
               100.0 * number(result, "agreement"), 100.0 * number(result, "agreement_before"));
    if (json_object_get(result, "top1"))
        printf("  top-1 %.2f %%, dense %.2f %%\n", number(result, "top1"),
               number(result, "top1_dense"));
}

static void print_cycles(const json_t *result)
{
    printf("  attention %.0f cycles on the simulated chip, dense %.0f: %.2f times as fast\n",
           number(result, "attention_cycles"), number(result, "attention_cycles_dense"),
           number(result, "attention_speedup"));
    printf("  end to end %.0f cycles, dense %.0f: %.2f times as fast; %.2f uJ, dense %.2f uJ\n",
           number(result, "cycles"), number(result, "cycles_dense"), number(result, "speedup"),
           number(result, "energy_uj"), number(result, "energy_uj_dense"));
}

void codesign_print(const json_t *result)
{
    size_t i;
    json_t *command;
    const json_t *commands = json_object_get(result, "commands");
    json_array_foreach ((json_t *)commands, i, command)
        puts(json_string_value(command));
    if (commands)
        return;
    printf("%s: %.2f %% of attention pruned, threshold %.0f\n",
           json_string_value(json_object_get(result, "model")), 100.0 * number(result, "sparsity"),
           number(result, "threshold"));
    print_accuracy(result);
    print_cycles(result);
    printf("  %.0f bytes, dense %.0f; %.1f s\n", number(result, "bytes"),
           number(result, "bytes_dense"), number(result, "seconds"));
}
