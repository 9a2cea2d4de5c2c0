/* The list of steps, each as the arguments of a verb. */
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "recipe_impl.h"
#include "vitcod/distill.h"
#include "vitcod/prune.h"
#include "vitcod/shell_words.h"

static int has_residual(const vc_recipe_options *o)
{
    return strcmp(o->residual, "mean") == 0;
}

/* The plan is calibrate's: what it is made by is measured while images are looked at. */
static int has_measured_plan(const vc_recipe_options *o)
{
    return o->summaries || strcmp(o->rule, VC_RULE_MEASURED) == 0;
}

/* ---- words */

typedef struct builder {
    const vc_recipe_options *o;
    vc_recipe *out;
    vc_recipe_step *step; /* that is being built */
    int failed;           /* out of memory */
} builder;

static void add_word(builder *b, const char *word)
{
    vc_json_append(&b->step->words, json_string(word));
    b->failed |= !b->step->words;
}

static void add_text(builder *b, const char *option, const char *value)
{
    if (!value)
        return;
    add_word(b, option);
    add_word(b, value);
}

static void add_count(builder *b, const char *option, size_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", value);
    if (value != VC_RECIPE_UNSET)
        add_text(b, option, text);
}

static void add_number(builder *b, const char *option, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.15g", value);
    if (!isnan(value))
        add_text(b, option, text);
}

/* Adds a file of the run folder; if `option` is NULL, as an argument. */
static void add_file(builder *b, const char *option, const char *name)
{
    char path[VC_RECIPE_PATH];
    snprintf(path, sizeof path, "%s/%s", b->o->folder, name);
    if (option)
        add_word(b, option);
    add_word(b, path);
}

static void add_some(builder *b)
{
    add_count(b, "--limit", b->o->limit);
    if (b->o->sample > 0)
        add_count(b, "--sample", b->o->sample);
}

static void add_convert(builder *b)
{
    if (b->o->convert)
        add_word(b, "--convert-channels");
}

static void add_heads(builder *b)
{
    if (b->o->heads > 0)
        add_count(b, "--heads", b->o->heads);
}

/* Adds the model with its auto-encoder, or the dense model if there is none. */
static void add_student(builder *b)
{
    if (vc_recipe_is_coded(b->o))
        add_file(b, NULL, "coded.safetensors");
    else
        add_word(b, b->o->model);
}

/* Begins step `number`; 0: a step whose result is its only file. */
static vc_recipe_step *begin_step(builder *b, int number, const char *name, const char *verb)
{
    assert(b->out->count < VC_RECIPE_MOST_STEPS);
    vc_recipe_step *s = &b->out->steps[b->out->count++];
    s->name = name;
    if (number > 0)
        snprintf(s->result, sizeof s->result, "%d-%s.json", number, name);
    else
        snprintf(s->result, sizeof s->result, "%s.json", name);
    b->step = s;
    s->words = json_array();
    add_word(b, verb);
    return s;
}

static void end_step(builder *b)
{
    add_count(b, "--seed", b->o->seed);
    if (b->o->threads > 0)
        add_count(b, "--threads", b->o->threads);
    add_word(b, "--json");
}

/* ---- steps */

static void add_images(builder *b)
{
    add_text(b, "--data", b->o->data);
    add_some(b);
    add_text(b, "--exif", b->o->exif);
    add_convert(b);
    if (b->o->skip_broken)
        add_word(b, "--skip-broken");
    add_heads(b);
}

static void list_coder(builder *b)
{
    begin_step(b, 1, "autoencoder", "autoencoder");
    add_word(b, b->o->model);
    add_images(b);
    add_text(b, "--of", b->o->autoencoder);
    if (b->o->compressed > 0)
        add_count(b, "--compressed", b->o->compressed);
    add_file(b, "--output", "autoencoder.safetensors");
    end_step(b);
}

static void add_learning(builder *b)
{
    const vc_recipe_options *o = b->o;
    add_convert(b);
    add_some(b);
    add_text(b, "--exif", o->exif);
    add_count(b, "--epochs", o->epochs);
    add_count(b, "--patience", o->patience);
    add_number(b, "--minutes", vc_recipe_is_coded(o) ? o->minutes / 2.0 : o->minutes);
    add_count(b, "--batch", o->batch);
    add_number(b, "--lr", o->learning_rate);
    add_number(b, "--hold-back", o->hold_back);
    add_heads(b);
}

/* Trains with the auto-encoder: dense in step 2, on the plan in step 6. */
static void list_training(builder *b, int number)
{
    const int first = number == 2;
    vc_recipe_step *s = begin_step(b, number, first ? "coded" : "finetune", "train");
    s->unfinished[0] = first ? "coded.safetensors.checkpoint" : "model.safetensors.checkpoint";
    add_word(b, "--init");
    if (first)
        add_word(b, b->o->model);
    else
        add_student(b);
    add_text(b, "--teacher", b->o->model);
    add_text(b, "--data", b->o->data);
    add_word(b, "--no-test");
    if (b->o->heads > 0)
        add_count(b, "--teacher-heads", b->o->heads);
    add_learning(b);
    add_file(b, first ? "--autoencoder" : "--plan",
             first ? "autoencoder.safetensors" : "plan.safetensors");
    add_file(b, "--output", first ? "coded.safetensors" : "model.safetensors");
    end_step(b);
}

static void add_calibration(builder *b)
{
    add_learning(b);
    if (b->o->skip_broken)
        add_word(b, "--skip-broken");
}

static void list_coded_calibration(builder *b)
{
    vc_recipe_step *s = begin_step(b, 2, "coded", "calibrate");
    s->unfinished[0] = "coded.safetensors.checkpoint.json";
    add_word(b, b->o->model);
    add_text(b, "--data", b->o->data);
    add_text(b, "--sparsity", "0");
    add_file(b, "--autoencoder", "autoencoder.safetensors");
    add_calibration(b);
    add_file(b, "--output", "coded.safetensors");
    end_step(b);
}

/* What makes a plan in calibrate. */
static void add_pruning(builder *b)
{
    const vc_recipe_options *o = b->o;
    add_number(b, "--sparsity", o->sparsity);
    add_text(b, "--rule", o->rule);
    add_text(b, "--residual", o->residual);
    add_text(b, "--summary", o->summaries);
    if (strcmp(o->threshold, "auto") != 0) /* else calibrate's own will do */
        add_text(b, "--threshold", o->threshold);
}

static void list_sparse_calibration(builder *b)
{
    const vc_recipe_options *o = b->o;
    vc_recipe_step *s = begin_step(b, 6, "finetune", "calibrate");
    s->unfinished[0] = "model.safetensors.checkpoint.json";
    s->unfinished[1] = "model.safetensors.checkpoint.heads"; /* of stages that are measured */
    add_student(b);
    if (vc_recipe_is_coded(o))
        add_text(b, "--teacher", o->model);
    add_text(b, "--data", o->data);
    add_file(b, "--plan", "plan.safetensors");
    if (o->gradual) {
        add_text(b, "--gradual", o->gradual);
        add_pruning(b);
    }
    add_calibration(b);
    add_file(b, "--output", "model.safetensors");
    end_step(b);
}

/* What is judged by has no say in what is pruned. `calibrate` holds a share back unasked. */
static void add_images_to_learn_from(builder *b)
{
    const double asked = b->o->hold_back;
    add_images(b);
    add_number(b, "--hold-back", isnan(asked) && !vc_recipe_trains(b->o) ? 0.2 : asked);
}

static void list_attention(builder *b)
{
    begin_step(b, 3, "attention", "attention");
    add_student(b);
    add_images_to_learn_from(b);
    add_file(b, "--output", "attention.npy");
    if (vc_prune_is_budget(b->o->rule)) {
        add_file(b, "--scores", "scores.npy");
        if (has_residual(b->o))
            add_word(b, "--beyond-mean");
    }
    end_step(b);
}

static void list_pruning(builder *b)
{
    begin_step(b, 4, "prune", "prune");
    add_file(b, NULL, vc_prune_is_budget(b->o->rule) ? "scores.npy" : "attention.npy");
    add_text(b, "--rule", vc_prune_is_budget(b->o->rule) ? "threshold" : b->o->rule);
    add_number(b, "--sparsity", b->o->sparsity);
    add_file(b, "--output", "mask.npy");
    end_step(b);
}

static void list_polarization(builder *b)
{
    begin_step(b, 5, "polarize", "polarize");
    add_file(b, NULL, "mask.npy");
    add_text(b, "--threshold", b->o->threshold);
    if (strcmp(b->o->threshold, "auto") == 0) {
        add_text(b, "--for", b->o->target);
        add_count(b, "--head-dim", b->out->head_dim);
    }
    if (has_residual(b->o))
        add_file(b, "--residual", "attention.npy");
    add_file(b, "--output", "plan.safetensors");
    end_step(b);
}

static void list_plan(builder *b)
{
    vc_recipe_step *s = begin_step(b, 3, "plan", "calibrate");
    s->unfinished[0] = "planned.safetensors.checkpoint.json";
    s->unfinished[1] = "planned.safetensors.checkpoint.heads";
    add_student(b);
    add_images(b);
    add_pruning(b);
    add_count(b, "--epochs", 0);
    add_number(b, "--hold-back", b->o->hold_back);
    add_file(b, "--plan-output", "plan.safetensors");
    add_file(b, "--output", "planned.safetensors");
    end_step(b);
}

/* Adds the dense model, or what has become of it. */
static void add_model(builder *b, int dense)
{
    if (dense)
        add_word(b, b->o->model);
    else
        add_file(b, NULL, "model.safetensors");
    add_heads(b);
}

static void list_evaluation(builder *b, int dense)
{
    begin_step(b, 0, dense ? "evaluation-dense" : "evaluation", "eval");
    add_model(b, dense);
    add_text(b, "--data", b->o->test);
    add_text(b, "--classes", b->o->classes);
    add_text(b, "--exif", b->o->exif);
    add_text(b, "--dtype", "fp32"); /* of both, whatever the dense model's file is in */
    add_convert(b);
    if (b->o->skip_broken)
        add_word(b, "--skip-broken");
    end_step(b);
}

static void list_simulation(builder *b, int dense)
{
    begin_step(b, 0, dense ? "simulation-dense" : "simulation", "simulate");
    add_model(b, dense);
    add_text(b, "--chip", b->o->chip);
    end_step(b);
}

static void list_steps(builder *b)
{
    const vc_recipe_options *o = b->o;
    if (vc_recipe_is_coded(o)) {
        list_coder(b);
        if (vc_recipe_trains(o))
            list_training(b, 2);
        else
            list_coded_calibration(b);
    }
    if (has_measured_plan(o)) {
        list_plan(b);
    } else {
        list_attention(b);
        list_pruning(b);
        list_polarization(b);
    }
    if (vc_recipe_trains(o))
        list_training(b, 6);
    else
        list_sparse_calibration(b);
    for (int dense = 1; dense >= 0 && o->test; dense--)
        list_evaluation(b, dense);
    for (int dense = 1; dense >= 0; dense--)
        list_simulation(b, dense);
}

/* ---- the whole */

vc_status vc__recipe_list(vc_recipe *recipe)
{
    builder b = {.o = &recipe->options, .out = recipe};
    list_steps(&b);
    return b.failed ? vc_fail(VC_ENOMEM, "out of memory for the commands") : VC_OK;
}

json_t *vc_recipe_commands(const vc_recipe *recipe)
{
    json_t *list = json_array();
    for (size_t s = 0; s < recipe->count; s++) {
        char line[1 << 15] = "vitcod";
        size_t i;
        json_t *word;
        json_array_foreach (recipe->steps[s].words, i, word)
            vc_shell_add_word(line, sizeof line, json_string_value(word));
        vc_json_append(&list, json_string(line));
    }
    return list;
}
