/* `codesign`: ViTCoD's recipe as runs of other verbs, in a folder where each leaves its files. */
#ifndef VC_CODESIGN_H
#define VC_CODESIGN_H

#include "cli.h"

enum { CODESIGN_MOST_STEPS = 10, CODESIGN_PATH = 4096 };

typedef struct codesign_options {
    const char *model, *data, *folder;
    const char *test, *classes, *rule, *residual, *autoencoder, *threshold, *target, *finetune,
        *gradual, *chip;
    double sparsity, minutes, hold_back, learning_rate; /* NAN: unset, but for the first */
    size_t compressed, epochs, patience, batch, limit, heads, seed, threads;
    size_t head_dim; /* of the model */
    int skip_broken, force, dry_run;
    json_t *
        settings; /* all that the files depend on: not threads, nor whether broken images are allowed */
} codesign_options;

int codesign_is_coded(const codesign_options *o); /* an auto-encoder is made */
int codesign_trains(const codesign_options *o);   /* from labels */

/* ---- which commands (codesign_steps.c) */

typedef struct codesign_step {
    const char *name;
    char result[64]; /* its JSON in the folder, there when the step is done */
    const char
        *unfinished; /* what lies in the folder when it was interrupted and can go on, or NULL */
    json_t *words;   /* the verb and its arguments */
} codesign_step;

typedef struct codesign_recipe {
    codesign_step steps[CODESIGN_MOST_STEPS];
    size_t count;
    json_t *settings;
} codesign_recipe;

vc_status codesign_open_recipe(codesign_recipe *out, const codesign_options *o);
void codesign_close_recipe(codesign_recipe *recipe);

/* The commands as a shell takes them. */
json_t *codesign_commands(const codesign_recipe *recipe);

/* ---- the run folder (codesign_folder.c) */

/* Makes it, or looks whether it is of the same settings; nobody else works in it until `lock` is closed. */
vc_status codesign_open_folder(int *lock, const codesign_options *o, const codesign_recipe *recipe);

/* ---- one step (run_step.c) */

/* Runs it, or, where its result is there, reads that: `ran` tells. */
vc_status codesign_run_step(json_t **out, int *ran, const codesign_step *step, const char *folder);

/* ---- what came out (codesign_result.c) */

/* Adds the summary to a result; `done` (recipe->count) what the steps said. */
void codesign_add_summary(json_t *result, const codesign_options *o, const codesign_recipe *recipe,
                          json_t *const *done);
void codesign_print(const json_t *result);

#endif
