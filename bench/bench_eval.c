/* What reading images costs a model: images per second from a folder against the same model fed from
 * memory, in interleaved rounds. Prints medians and quartiles as JSON.
 * usage: bench_eval MODEL PATH [IMAGES [ROUNDS]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/clock.h"
#include "vitcod/profile.h"
#include "vitcod/train.h"

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
    const vc_model_input input = vc_model_input_of(&model->config);
    size_t values = input.channels * input.image * input.image, count = 0;
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

static double from_memory(vc_acts *acts, const vc_model *model, const float *x, size_t images)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    size_t values = input.channels * input.image * input.image;
    double started = vc_clock_seconds();
    for (size_t done = 0; done < images; done += BATCH)
        vc_model_forward(acts, model, x + done * values,
                         images - done < BATCH ? images - done : BATCH, NULL);
    return (double)images / (vc_clock_seconds() - started);
}

static double from_folder(vc_acts *acts, const vc_model *model, vc_source *source, size_t images)
{
    vc_evaluation e;
    vc_evaluate_options how = vc_evaluate_options_default();
    how.limit = images;
    must(vc_evaluate(&e, model, source, acts, &how));
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
    vc_acts acts;
    must(vc_model_open(&model, argv[1], &in_place));
    must(vc_model_pack(model));
    must(vc_source_open(&source, argv[2], &unlabelled));
    must(vc_acts_open(&acts, model, BATCH, 0));
    float *x = load(source, model, &images);
    if (!x || images == 0)
        return 1;
    from_memory(&acts, model, x, images); /* warm */
    for (size_t r = 0; r < rounds; r++) {
        memory[r] = from_memory(&acts, model, x, images);
        folder[r] = from_folder(&acts, model, source, images);
        share[r] = folder[r] / memory[r];
    }
    printf("{\"images\": %zu, \"rounds\": %zu, ", images, rounds);
    print("memory_images_per_s", memory, rounds, ", ");
    print("folder_images_per_s", folder, rounds, ", ");
    print("share", share, rounds, "}\n");
    free(x);
    vc_acts_close(&acts);
    vc_source_close(source);
    vc_model_close(model);
    return 0;
}
