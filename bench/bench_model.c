/* Throughput of training and inference on random images, after two rounds to warm up. Prints the
 * multiply-adds per image as a comment, then images per second, a line for each round.
 *
 * usage: bench_model tiny|demo|small train|forward BATCH ROUNDS [fp32|bf16 [PLAN]]
 *
 * bf16 is for training only. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/clock.h"
#include "vitcod/engine.h"
#include "vitcod/rng.h"
#include "vitcod/train.h"

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

static vc_status run(const vc_model_config *config, int train, size_t batch, int rounds,
                     const char *dtype, const char *plan_path)
{
    vc_half *half = NULL;
    vc_plan plan = {0};
    vc_model *model;
    vc_acts acts;
    vc_grads grads;
    vc_optimizer optimizer;
    vc_workload workload = {0};
    vc_train_options o = vc_train_options_default();
    VC_TRY(vc_model_create(&model, config, 0));
    if (plan_path) {
        VC_TRY(vc_plan_read(&plan, plan_path));
        VC_TRY(vc_model_use_plan(model, &plan, plan_path));
    }
    if (strcmp(dtype, "bf16") == 0)
        VC_TRY(vc_half_open(&half));
    vc_engine *engine;
    vc_engine_options how = vc_engine_options_default();
    how.batch = batch;
    VC_TRY(vc_engine_open(&engine, model, &how));
    VC_TRY(vc_acts_open(&acts, model, batch, train));
    acts.half = half;
    VC_TRY(vc_grads_open(&grads, model, batch));
    VC_TRY(vc_optimizer_open(&optimizer, model));
    VC_TRY(vc_model_lower(&workload, &model->config, plan_path ? &plan : NULL));
    printf("# macs_per_image %llu\n", (unsigned long long)vc_workload_macs(&workload, 0));
    const size_t values = batch * vc_model_image_values(config),
                 classes = vc_model_input_of(config).classes;
    float *x = malloc(values * sizeof *x);
    int32_t *y = calloc(batch, sizeof *y);
    float *logits = malloc(batch * classes * sizeof *logits);
    if (!x || !y || !logits)
        return vc_fail(VC_ENOMEM, "out of memory");
    vc_rng rng = vc_rng_open(1, 0, 0);
    for (size_t i = 0; i < values; i++)
        x[i] = (float)vc_rng_normal(&rng);
    if (!train)
        VC_TRY(verify(logits, engine, &acts, model, x, batch));
    for (int r = -2; r < rounds; r++) {
        double start = vc_clock_seconds();
        if (!train) {
            VC_TRY(vc_engine_run(engine, logits, x, batch));
        } else {
            vc_model_forward(&acts, model, x, batch, NULL);
            vc_cross_entropy(grads.dlogits, acts.logits, y, batch, classes, 0.1f);
            vc_grads_clear(&grads, model);
            vc_model_backward(&grads, &acts, model, batch, 0.0f);
            vc_optimizer_step(&optimizer, model, &grads, &o, 1e-4);
        }
        if (r >= 0)
            printf("%.3f\n", (double)batch / (vc_clock_seconds() - start));
    }
    free(x);
    free(y);
    free(logits);
    vc_half_close(half);
    vc_plan_close(&plan);
    vc_engine_close(engine);
    vc_workload_close(&workload);
    vc_optimizer_close(&optimizer);
    vc_grads_close(&grads);
    vc_acts_close(&acts);
    vc_model_close(model);
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

int main(int argc, char **argv)
{
    vc_model_config config;
    if (argc < 5 || argc > 7) {
        fputs("usage: bench_model tiny|demo|small train|forward BATCH ROUNDS [fp32|bf16 [PLAN]]\n",
              stderr);
        return 2;
    }
    if (choose(&config, argv[1]) != VC_OK) {
        fprintf(stderr, "bench_model: %s\n", vc_last_error());
        return 2;
    }
    if (run(&config, strcmp(argv[2], "train") == 0, (size_t)atoi(argv[3]), atoi(argv[4]),
            argc > 5 ? argv[5] : "fp32", argc > 6 ? argv[6] : NULL) != VC_OK) {
        fprintf(stderr, "bench_model: %s\n", vc_last_error());
        return 1;
    }
    return 0;
}
