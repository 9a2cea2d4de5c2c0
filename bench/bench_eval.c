/* The cost of reading images: images per second of a model that reads a folder, against the same
 * model fed from memory, in turns. Prints medians and quartiles as JSON.
 *
 * usage: bench_eval MODEL PATH [IMAGES [ROUNDS]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/clock.h"
#include "vitcod/engine.h"
#include "vitcod/evaluate.h"
#include "vitcod/profile.h"

enum { BATCH = 16 };

static void must(vc_status status)
{
    if (status == VC_OK)
        return;
    fprintf(stderr, "bench_eval: %s\n", vc_last_error());
    exit(1);
}

/* The images as the model gets them, all in memory. */
static float *load(vc_source *source, const vc_model *model, size_t *images)
{
    size_t values = vc_model_image_values(&model->config), count = 0;
    vc_loader_options how = vc_model_loader_options(model);
    vc_loader *loader;
    vc_loaded batch;
    how.limit = *images;
    must(vc_loader_open(&loader, source, &how));
    float *x = malloc(vc_loader_total(loader) * values * sizeof *x);
    for (must(vc_loader_next(&batch, loader)); x && batch.count > 0;
         must(vc_loader_next(&batch, loader)), count++)
        memcpy(x + count * values, batch.x, values * sizeof *x);
    vc_loader_close(loader);
    *images = count;
    return x;
}

static vc_status run_engine(void *context, const float **logits, const float *images, size_t count)
{
    static float out[BATCH * 1000];
    *logits = out;
    return vc_engine_run(context, out, images, count);
}

static double from_memory(vc_engine *engine, const vc_model *model, const float *x, size_t images)
{
    size_t values = vc_model_image_values(&model->config);
    double started = vc_clock_seconds();
    const float *logits;
    for (size_t done = 0; done < images; done += BATCH)
        must(run_engine(engine, &logits, x + done * values,
                        images - done < BATCH ? images - done : BATCH));
    return (double)images / (vc_clock_seconds() - started);
}

static double from_folder(vc_engine *engine, const vc_model *model, vc_source *source,
                          size_t images)
{
    const vc_runner runner = {run_engine, engine, BATCH};
    vc_evaluation e;
    vc_evaluate_options how = vc_evaluate_options_default();
    how.limit = images;
    must(vc_evaluate(&e, model, source, &runner, &how));
    return (double)e.images / e.seconds;
}

static void print(const char *name, double *samples, size_t rounds, const char *end)
{
    const vc_spread s = vc_spread_of(samples, rounds);
    printf("\"%s\": {\"median\": %.4g, \"quartile_low\": %.4g, \"quartile_high\": %.4g}%s", name,
           s.median, s.low, s.high, end);
}

int main(int argc, char **argv)
{
    enum { MOST = 1000 };
    static double memory[MOST], folder[MOST], share[MOST];
    if (argc < 3 || argc > 5) {
        fputs("usage: bench_eval MODEL PATH [IMAGES [ROUNDS]]\n", stderr);
        return 2;
    }
    size_t images = argc > 3 ? (size_t)atoi(argv[3]) : 256;
    size_t rounds = argc > 4 ? (size_t)atoi(argv[4]) : 9;
    rounds = rounds < 1 || rounds > MOST ? MOST : rounds;
    const vc_model_options in_place = {.in_place = 1};
    vc_source_options unlabelled = vc_source_options_default();
    unlabelled.labelled = 0;
    vc_model *model;
    vc_source *source;
    vc_engine *engine;
    vc_engine_options options = vc_engine_options_default();
    options.batch = BATCH;
    must(vc_model_open(&model, argv[1], &in_place));
    if (vc_model_input_of(&model->config).classes > 1000) {
        fputs("bench_eval: wanted a model of at most 1000 classes\n", stderr);
        return 1;
    }
    must(vc_source_open(&source, argv[2], &unlabelled));
    must(vc_engine_open(&engine, model, &options));
    float *x = load(source, model, &images);
    if (!x || images == 0)
        return 1;
    from_memory(engine, model, x, images); /* warm */
    for (size_t r = 0; r < rounds; r++) {
        memory[r] = from_memory(engine, model, x, images);
        folder[r] = from_folder(engine, model, source, images);
        share[r] = folder[r] / memory[r];
    }
    printf("{\"images\": %zu, \"rounds\": %zu, ", images, rounds);
    print("memory_images_per_s", memory, rounds, ", ");
    print("folder_images_per_s", folder, rounds, ", ");
    print("share", share, rounds, "}\n");
    free(x);
    vc_engine_close(engine);
    vc_source_close(source);
    vc_model_close(model);
    return 0;
}
