/* Throughput of training and inference on random images, after two rounds to warm up. Prints the
 * multiply-adds per image as a comment, then images per second, a line for each round, and as a
 * comment the most memory that those rounds had, without what the program had at its start.
 *
 * usage: bench_model tiny|demo|small train|forward BATCH ROUNDS [fp32|bf16 [PLAN|none
 *        [fast|less|least]]]
 *
 * bf16, and what is kept of activations (train --memory), are for training only. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/clock.h"
#include "vitcod/engine.h"
#include "vitcod/rng.h"
#include "vitcod/train.h"

/* A line of /proc/self/status in bytes: VmRSS, what the program has, or VmHWM, the most it had. */
static size_t memory_of(const char *name)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    size_t kilobytes = 0;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), ": %zu", &kilobytes);
    if (file)
        fclose(file);
    return 1024 * kilobytes;
}

/* From here on VmHWM is about what follows. */
static void forget_peak(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
}

/* The engine must give what the forward pass gives, before anything is timed. */
static vc_status verify(float *logits, vc_engine *engine, vc_acts *acts, const vc_model *model,
                        const float *x, size_t batch)
{
    double difference = 0.0, largest = 0.0;
    vc_model_forward(acts, model, x, batch, NULL);
    VC_TRY(vc_engine_run(engine, logits, x, batch));
    for (size_t i = 0; i < batch * vc_model_input_of(&model->config).outputs; i++) {
        difference = fmax(difference, fabs((double)acts->logits[i] - logits[i]));
        largest = fmax(largest, fabs((double)acts->logits[i]));
    }
    if (!(difference <= 1e-4 * largest))
        return vc_fail(VC_EINVAL, "the engine differs by %g of logits up to %g", difference,
                       largest);
    return VC_OK;
}

/* Of one image: what the engine does, or all of the model, as training does it. */
static vc_status count_macs(uint64_t *macs, const vc_model *model, const vc_plan *plan,
                            const vc_engine *engine)
{
    vc_workload workload = {0};
    if (engine) {
        *macs = vc_engine_macs(engine);
        return VC_OK;
    }
    VC_TRY(vc_model_lower(&workload, &model->config, plan));
    *macs = vc_workload_macs(&workload, 0);
    vc_workload_close(&workload);
    return VC_OK;
}

/* What a round works on. */
typedef struct work {
    vc_model *model;
    vc_half *half;
    vc_plan plan;
    vc_engine *engine;
    vc_acts acts;
    vc_grads grads;
    vc_optimizer optimizer;
    size_t batch, classes;
    float *x, *logits;
    int32_t *y;
} work;

static vc_status open_work(work *w, const vc_model_config *config, const char *dtype,
                           const char *plan_path, vc_keep keep)
{
    const size_t values = w->batch * vc_model_image_values(config);
    VC_TRY(vc_model_create(&w->model, config, 0));
    if (plan_path) {
        VC_TRY(vc_plan_read(&w->plan, plan_path));
        VC_TRY(vc_model_use_plan(w->model, &w->plan, plan_path));
    }
    if (strcmp(dtype, "bf16") == 0)
        VC_TRY(vc_half_open(&w->half));
    VC_TRY(vc_acts_open(&w->acts, w->model, w->batch, (int)keep));
    w->acts.half = w->half;
    w->classes = vc_model_input_of(config).classes;
    w->x = malloc(values * sizeof *w->x);
    w->y = calloc(w->batch, sizeof *w->y);
    w->logits = malloc(w->batch * w->classes * sizeof *w->logits);
    if (!w->x || !w->y || !w->logits)
        return vc_fail(VC_ENOMEM, "out of memory");
    vc_rng rng = vc_rng_open(1, 0, 0);
    for (size_t i = 0; i < values; i++)
        w->x[i] = (float)vc_rng_normal(&rng);
    if (keep) {
        VC_TRY(vc_grads_open(&w->grads, w->model, w->batch));
        return vc_optimizer_open(&w->optimizer, w->model);
    }
    vc_engine_options how = vc_engine_options_default();
    how.batch = w->batch;
    VC_TRY(vc_engine_open(&w->engine, w->model, &how));
    return verify(w->logits, w->engine, &w->acts, w->model, w->x, w->batch);
}

static void close_work(work *w)
{
    free(w->x);
    free(w->y);
    free(w->logits);
    vc_half_close(w->half);
    vc_plan_close(&w->plan);
    vc_engine_close(w->engine);
    vc_optimizer_close(&w->optimizer);
    vc_grads_close(&w->grads);
    vc_acts_close(&w->acts);
    vc_model_close(w->model);
}

static void learn(work *w, const vc_train_options *o)
{
    vc_model_forward(&w->acts, w->model, w->x, w->batch, NULL);
    vc_cross_entropy(w->grads.dlogits, w->acts.logits, w->y, w->batch, w->classes, 0.1f);
    vc_grads_clear(&w->grads, w->model);
    vc_model_backward(&w->grads, &w->acts, w->model, w->batch, 0.0f);
    vc_optimizer_step(&w->optimizer, w->model, &w->grads, o, 1e-4);
}

static vc_status run(const vc_model_config *config, vc_keep keep, size_t batch, int rounds,
                     const char *dtype, const char *plan_path)
{
    const size_t before = memory_of("VmRSS");
    work w = {.batch = batch};
    uint64_t macs = 0;
    const vc_train_options o = vc_train_options_default();
    VC_TRY(open_work(&w, config, dtype, plan_path, keep));
    VC_TRY(count_macs(&macs, w.model, plan_path ? &w.plan : NULL, w.engine));
    printf("# macs_per_image %llu\n", (unsigned long long)macs);
    for (int r = -2; r < rounds; r++) {
        if (r == 0)
            forget_peak();
        const double start = vc_clock_seconds();
        if (keep)
            learn(&w, &o);
        else
            VC_TRY(vc_engine_run(w.engine, w.logits, w.x, batch));
        if (r >= 0)
            printf("%.3f\n", (double)batch / (vc_clock_seconds() - start));
    }
    printf("# peak_bytes %zu\n", memory_of("VmHWM") - before);
    close_work(&w);
    return VC_OK;
}

/* DeiT-Tiny, or a small one for images of 28 x 28 (the demo's), or one of 49 patches. */
static vc_status choose(vc_model_config *out, const char *name)
{
    const vc_model_input input = {
        .height = 28, .width = 28, .channels = 1, .classes = 10, .std = {1}};
    const vc_plain_sizes demo = {.patch = 2, .width = 48, .depth = 4, .heads = 3, .hidden = 192},
                         small = {.patch = 4, .width = 64, .depth = 6, .heads = 4, .hidden = 256};
    if (strcmp(name, "tiny") == 0)
        return vc_model_preset(out, "deit_tiny_patch16_224");
    if (strcmp(name, "demo") == 0)
        return vc_model_plain(out, &demo, &input);
    if (strcmp(name, "small") == 0)
        return vc_model_plain(out, &small, &input);
    return vc_fail(VC_EINVAL, "'%s' is no model, wanted tiny, demo or small", name);
}

static vc_keep keep_of(const char *mode, const char *memory)
{
    if (strcmp(mode, "train") != 0)
        return VC_KEEP_NOTHING;
    return strcmp(memory, "least") == 0  ? VC_KEEP_LEAST
           : strcmp(memory, "less") == 0 ? VC_KEEP_LESS
                                         : VC_KEEP_ALL;
}

int main(int argc, char **argv)
{
    vc_model_config config;
    if (argc < 5 || argc > 8) {
        fputs("usage: bench_model tiny|demo|small train|forward BATCH ROUNDS [fp32|bf16 "
              "[PLAN|none [fast|less|least]]]\n",
              stderr);
        return 2;
    }
    if (choose(&config, argv[1]) != VC_OK) {
        fprintf(stderr, "bench_model: %s\n", vc_last_error());
        return 2;
    }
    const char *plan = argc > 6 && strcmp(argv[6], "none") != 0 ? argv[6] : NULL;
    if (run(&config, keep_of(argv[2], argc > 7 ? argv[7] : "fast"), (size_t)atoi(argv[3]),
            atoi(argv[4]), argc > 5 ? argv[5] : "fp32", plan) != VC_OK) {
        fprintf(stderr, "bench_model: %s\n", vc_last_error());
        return 1;
    }
    return 0;
}
