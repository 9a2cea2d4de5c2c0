/* Training of a model: AdamW, schedule, loop, checkpoints. */
#ifndef VITCOD_TRAIN_H
#define VITCOD_TRAIN_H

#include <signal.h>

#include "vitcod/data.h"
#include "vitcod/evaluate.h"
#include "vitcod/gradients.h"
#include "vitcod/json.h"
#include "vitcod/loss.h"

/* ---- optimiser and schedule */

/* In several processes (comm.h) all have the same options; each takes its share of the batch,
 * and the sums of their gradients are those of one process, but for BatchNorm: it takes the
 * statistics of each share alone, as PyTorch's does where it is not synchronised, and the
 * running ones are the mean over the processes. Rank 0 tests, calls the hooks and writes. */
typedef struct vc_train_options {
    size_t epochs, batch; /* images in a step, of all processes together */
    double learning_rate, min_learning_rate, warmup_learning_rate;
    double warmup_epochs; /* linear from warmup_learning_rate, then cosine to min_learning_rate */
    double weight_decay, beta1, beta2, eps;
    /* Decay per step of the parameters' moving average, which the run ends with; 0: none. */
    double ema;
    /* Stochastic depth (Huang et al. 2016): how often an image leaves out a branch of the last
     * block; the first block's never, linear between. A LeViT's are left out alike, but for its
     * subsampling. */
    double drop_path;
    double label_smoothing, clip; /* clip: largest gradient norm, 0 for none */
    double reconstruction;        /* weight of the auto-encoder's loss */
    const vc_model *teacher;      /* NULL: labels alone; not changed */
    double distillation;          /* share of the loss that is the teacher's, 0 to 1 */
    double logits;                /* weight of the loss on logits, beside the distances; 1 */
    double features, attention;   /* weights of the distances from the teacher's blocks; 0: none */
    double temperature;
    /* Products of the blocks, and of a LeViT's stem, in bfloat16: VC_EUNSUPPORTED where the CPU
     * has none. Tests keep that stem in float32. */
    int half;
    int hard_distillation; /* from the teacher's first class instead of its distribution */
    /* Labels teach the first head, the teacher the second; 0: both teach the heads' mean. */
    int two_heads;
    vc_augment_options augment; /* how images are changed */
    size_t repetitions;         /* of an image in a row, each changed in its own way; 1: none */
    double crop_fraction; /* of images that are not cropped at random; see vc_loader_options */
    size_t workers; /* threads that make batches ahead of the steps; 0: as many as there are */
    uint64_t seed;
    size_t limit;      /* train on the first so many images of each epoch's order; 0: all */
    size_t save_every; /* steps between checkpoints besides the end of each epoch; 0: none */
    size_t keep;  /* checkpoints: the last, and those before it as <checkpoint>.1 and so on; 1 */
    size_t group; /* steps that are reported together; 0: none */
} vc_train_options;

/* DeiT's recipe as far as it fits small images (VITCOD.md section 2 for the auto-encoder's
 * weight). */
vc_train_options vc_train_options_default(void);

/* Learning rate of a step, in epochs as a real number. */
double vc_learning_rate(const vc_train_options *options, double epoch);

typedef struct vc_optimizer {
    float *m, *v;   /* as the model's flat block */
    float *average; /* of its values, by options.ema; NULL: none */
    uint64_t steps;
} vc_optimizer;

vc_status vc_optimizer_open(vc_optimizer *out, const vc_model *model);
/* From here on the parameters are averaged, beginning with these. */
vc_status vc_optimizer_average(vc_optimizer *optimizer, const vc_model *model);
void vc_optimizer_close(vc_optimizer *optimizer);

/* Clips and applies the gradients; returns their norm before clipping. When that is not finite,
 * nothing is changed. */
double vc_optimizer_step(vc_optimizer *optimizer, vc_model *model, const vc_grads *grads,
                         const vc_train_options *options, double learning_rate);

/* ---- loop */

/* Whole batches in an epoch without repetitions: a last one that is not full is left out. */
size_t vc_epoch_steps(const vc_source *source, size_t batch);

/* Of some steps: means, the last one's learning rate, and how fast they were. */
typedef struct vc_step_means {
    double loss, distillation, features, attention, reconstruction, train_top1, learning_rate,
        grad_norm, images_per_second;
} vc_step_means;

typedef struct vc_epoch_report {
    size_t epoch, epochs; /* the epoch just done, from 1 */
    vc_step_means mean;
    int distilled, tested;        /* whether there was a teacher, test images */
    vc_evaluation test, averaged; /* of the parameters, of their moving average */
} vc_epoch_report;

typedef struct vc_group_report {
    size_t epoch, step, steps; /* the steps done in this epoch, and how many it has */
    vc_step_means mean;        /* since the last report */
} vc_group_report;

typedef struct vc_train_hooks {
    void (*on_step)(void *context, size_t step, size_t steps, double loss);
    /* A failure ends the run. */
    vc_status (*on_epoch)(void *context, const vc_epoch_report *report);
    vc_status (*on_group)(void *context, const vc_group_report *report);
    vc_loader_broken_image
        *on_broken; /* once in each epoch; the next of its order takes the place */
    void *context;
    const int *stop; /* NULL, or set by on_epoch: the run ends there, as if it were over */
    const volatile sig_atomic_t *interrupted; /* NULL, or set by a signal: see vc_train */
} vc_train_hooks;

/* VC_EINVAL for a teacher (options->teacher) that this student cannot learn from. */
vc_status vc_train_check_teacher(const vc_train_options *options, const vc_model *student);

/* Trains in place. Images without labels want a teacher with all of the loss. `checkpoint` (NULL:
 * none) is written after every epoch and every save_every steps; with `resume` training goes on
 * from it, and ends with the same bits as an uninterrupted run with as many threads and processes.
 * `test` may be NULL.
 *
 * VC_EINVAL when a loss, the gradient or what the model computes stops being finite, or the loss
 * is 100 times the epoch's mean: the message names the layer or the parameter, and the last
 * checkpoint stays. VC_EINTR when interrupted: the checkpoint is written first. */
vc_status vc_train(vc_model *model, vc_source *train, vc_source *test,
                   const vc_train_options *options, const char *checkpoint, int resume,
                   const vc_train_hooks *hooks);

/* Where a run stands between two steps. */
typedef struct vc_train_state {
    uint64_t epoch, step; /* steps done in this epoch */
    double loss, distillation, features, attention, reconstruction, grad_norm, top1,
        images; /* sums over this epoch */
} vc_train_state;

/* `fingerprint` names options and data: resuming with others is VC_EINVAL. */
vc_status vc_checkpoint_write(const char *path, const vc_model *model,
                              const vc_optimizer *optimizer, const vc_train_state *state,
                              uint64_t fingerprint);
/* Makes room for the next: moves the checkpoint and those before it on by one place, of `keep`
 * places. */
vc_status vc_checkpoint_rotate(const char *path, size_t keep);
/* The checkpoint and those before it. */
void vc_checkpoint_remove(const char *path, size_t keep);
vc_status vc_checkpoint_read(vc_model *model, vc_optimizer *optimizer, vc_train_state *state,
                             uint64_t fingerprint, const char *path);

#endif
