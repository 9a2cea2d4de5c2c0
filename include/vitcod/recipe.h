/* ViTCoD's recipe as a whole: auto-encoder, averaged attention, pruning, polarization, learning,
 * evaluation and simulation. Each step is a run of the program `vitcod` that leaves its files in a
 * run folder. A run that was stopped continues from these files and ends with the same bits. */
#ifndef VITCOD_RECIPE_H
#define VITCOD_RECIPE_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_RECIPE_MOST_STEPS = 10, VC_RECIPE_PATH = 4096 };

#define VC_RECIPE_UNSET SIZE_MAX /* a count that is left to the step */

typedef struct vc_recipe_options {
    const char *model, *data, *folder; /* dense; images; where the files go */
    const char *test, *classes;        /* labelled images to evaluate; their class list; or NULL */
    const char *exif; /* "on": images are turned by their EXIF data; "off" or NULL: not */
    /* A rule of vc_plan_recipe (distill.h), "mean" or "none", and summaries; NULL: "budget" and
     * "mean", with summaries "measured" and "none"; no summaries. */
    const char *rule, *residual, *summaries;
    const char *autoencoder;        /* "qk", "q", "k" or "none" */
    const char *threshold, *target; /* "auto" or a number; auto: "vitcod" or "cpu" */
    const char *finetune;           /* "calibrate", from the dense model, or "train", from labels */
    const char *gradual, *chip;     /* as --gradual of calibrate, --chip of simulate; or NULL */
    double sparsity;                /* share of attention that is pruned, above 0 and below 1 */
    double minutes, hold_back, learning_rate; /* NAN: left to the step */
    size_t compressed, heads; /* 0: ViTCoD's half of the heads; what the model's file says */
    size_t epochs, patience, batch, limit; /* or VC_RECIPE_UNSET */
    size_t sample;                         /* images at random in place of the first; 0: none */
    size_t seed, threads;                  /* threads 0: all */
    int convert;                           /* 1: images may be made to have the model's channels */
    int skip_broken;                       /* 1: leave out images that cannot be read */
    int force;                             /* 1: start over in an existing folder */
    const char *program; /* what is started for each step: a path, or a name on the PATH */
} vc_recipe_options;

vc_recipe_options vc_recipe_options_default(void);
/* Fills in rule, residual and summaries. VC_EINVAL for what excludes each other. */
vc_status vc_recipe_options_settle(vc_recipe_options *options);

int vc_recipe_is_coded(const vc_recipe_options *options); /* an auto-encoder is made */
int vc_recipe_trains(const vc_recipe_options *options);   /* from labels */

typedef struct vc_recipe_step {
    const char *name;
    char result[64]; /* its JSON in the folder, there when the step is done */
    /* With one of these in the folder it was stopped and can go on; NULL: none. */
    const char *unfinished[2];
    json_t *words; /* the verb and its arguments */
} vc_recipe_step;

typedef struct vc_recipe {
    vc_recipe_options options; /* `test` as it was found */
    size_t head_dim;           /* of the model */
    uint64_t model_hash;       /* see vc_model_hash */
    vc_recipe_step steps[VC_RECIPE_MOST_STEPS];
    size_t count;
    json_t *settings; /* all that the files depend on */
} vc_recipe;

/* Checks model, images and chip, so that nothing fails late that could fail at once, and lists the
 * steps. VC_EUNSUPPORTED for a model without VC_ABILITY_BLOCKS. VC_EINVAL for a model with a plan
 * inside, for a sparsity that cannot be reached, and for paths that are not UTF-8. */
vc_status vc_recipe_open(vc_recipe *out, const vc_recipe_options *options);
void vc_recipe_close(vc_recipe *recipe);

/* The commands of the steps, as a shell takes them. */
json_t *vc_recipe_commands(const vc_recipe *recipe);

typedef struct vc_recipe_hooks {
    /* Called when step `index` of recipe->steps is done. `ran` is 1 if it was done just now, 0 if
     * before. */
    void (*on_step)(void *context, const vc_recipe *recipe, size_t index, double seconds, int ran);
    void *context;
} vc_recipe_hooks;

typedef struct vc_recipe_time {
    const char *step;
    double seconds;
} vc_recipe_time;

/* What came out. What the steps do not say is VC_NO_COUNT or NAN. */
typedef struct vc_recipe_summary {
    double sparsity;
    uint64_t threshold;
    char plan_hash[17];
    double agreement_coded, agreement_before, agreement; /* without labels */
    uint64_t images, held_back;
    double top1_dense, top1; /* percent, with labels */
    uint64_t attention_cycles_dense, attention_cycles, cycles_dense, cycles;
    double energy_uj_dense, energy_uj, attention_speedup, speedup;
    char model[VC_RECIPE_PATH];
    uint64_t bytes_dense, bytes; /* of the models' files */
    vc_recipe_time time[VC_RECIPE_MOST_STEPS], *step_seconds;
    size_t step_count;
    double seconds;
} vc_recipe_summary;

extern const vc_record vc_recipe_record;

/* Runs the steps that are not done and sums them up; `result` is what
 * result.json begins with. VC_EINVAL for a folder of other settings; VC_EIO when another run works
 * there, or a step fails. */
vc_status vc_recipe_run(vc_recipe_summary *out, const json_t *result, const vc_recipe *recipe,
                        const vc_recipe_hooks *hooks);

#ifdef __cplusplus
}
#endif

#endif
