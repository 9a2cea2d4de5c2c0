/* Training of a model: AdamW, schedule, loop, checkpoints. */
#ifndef VITCOD_TRAIN_H
#define VITCOD_TRAIN_H

#include <signal.h>

#include "vitcod/data.h"
#include "vitcod/evaluate.h"
#include "vitcod/gradients.h"
#include "vitcod/json.h"
#include "vitcod/loss.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- optimiser and schedule */

/* Options of training. In several processes (comm.h) all have the same options, and each takes its
 * share of every batch. The sum of their gradients is the gradient of one process, except for
 * BatchNorm: it takes the statistics of each share, as PyTorch does without synchronising, and the
 * running statistics are the mean over the processes. All test, each its share; only rank 0 writes
 * and calls the hooks, but for on_broken and, with `parts`, on_epoch. */
typedef struct vc_train_options {
    size_t epochs, batch; /* images in a step, of all processes together */
    double learning_rate, min_learning_rate, warmup_learning_rate;
    double warmup_epochs; /* linear from warmup_learning_rate, then cosine to min_learning_rate */
    double weight_decay, beta1, beta2, eps;
    /* Factors of the learning rate for a plan's summaries: of their bias, of the weights by which
     * keys and values are pooled, and of the queries that make such weights. 0: not learnt.
     * pooling_rate must be 0 where there are queries. */
    double bias_rate, pooling_rate, query_rate;
    double coder_rate; /* the factor for the auto-encoder; 0: not learnt */
    /* Decay per step of a moving average of the parameters, which the run ends with; 0: none. */
    double ema;
    /* Stochastic depth (Huang et al. 2016): the share of images for which a branch of the last
     * block is left out. It grows linearly from 0 in the first block; in a LeViT it is the same for
     * all branches except subsampling. */
    double drop_path;
    double label_smoothing, clip; /* clip: largest gradient norm, 0 for none */
    double reconstruction;        /* weight of the auto-encoder's loss */
    const vc_model *teacher;      /* which is not changed; NULL: only labels teach */
    double distillation;          /* share of the loss that is the teacher's, 0 to 1 */
    double logits;                /* weight of the loss on logits, beside the distances; 1 */
    double features, attention;   /* weights of the distances from the teacher's blocks; 0: none */
    double temperature;
    /* 1: products of the blocks, and of a LeViT's stem, in bfloat16. VC_EUNSUPPORTED if the CPU
     * cannot. Tests of the epochs keep the stem in float32. */
    int half;
    /* 1: by the running statistics of BatchNorms, which stay (vc_acts.settled). VC_EUNSUPPORTED for
     * a family that cannot. */
    int settled;
    vc_keep activations;   /* what is kept of them; no result depends on it; VC_KEEP_ALL */
    int hard_distillation; /* learn the teacher's first class, not its distribution */
    /* 1: labels teach the first head and the teacher the second; 0: both teach the mean of the
     * heads. */
    int two_heads;
    vc_augment_options augment; /* how images are changed */
    size_t repetitions;         /* of an image in a row, each changed in its own way; 1: none */
    /* Gradients of a batch are added up from so many parts of it, one after the other, so that they
     * have the same bits in each number of processes that divides it. 0: a part in each process,
     * added in any order. */
    size_t parts;
    size_t workers; /* threads that make batches ahead; 0: one per thread */
    uint64_t seed;
    int held_back;     /* 1: what tests the epochs was held back from the images to learn from */
    size_t limit;      /* images of an epoch, the first of its order; 0: all */
    size_t save_every; /* steps between checkpoints besides the end of each epoch; 0: none */
    size_t keep;  /* checkpoints: the last, and those before it as <checkpoint>.1 and so on; 1 */
    size_t group; /* steps that are reported together; 0: none */
} vc_train_options;

/* DeiT's recipe as far as it fits small images (VITCOD.md section 2 for the auto-encoder's
 * weight). */
vc_train_options vc_train_options_default(void);

/* The learning rate at a time, given in epochs. */
double vc_learning_rate(const vc_train_options *options, double epoch);

typedef struct vc_optimizer {
    float *m, *v;   /* as the model's flat block */
    float *average; /* of its values, by options.ema; NULL: none */
    uint64_t steps;
} vc_optimizer;

vc_status vc_optimizer_open(vc_optimizer *out, const vc_model *model);
/* Starts the moving average of the parameters, with their present values. */
vc_status vc_optimizer_average(vc_optimizer *optimizer, const vc_model *model);
void vc_optimizer_close(vc_optimizer *optimizer);

/* Clips and applies the gradients. Returns their norm before clipping; if that is not finite,
 * nothing is changed. */
double vc_optimizer_step(vc_optimizer *optimizer, vc_model *model, const vc_grads *grads,
                         const vc_train_options *options, double learning_rate);

/* ---- loop */

/* The number of batches in an epoch without repetitions; an incomplete last one is dropped. */
size_t vc_epoch_steps(const vc_source *source, size_t batch);

/* Means over some steps, the learning rate of the last one, and the speed. train_top1 is NAN of
 * poses. */
typedef struct vc_step_means {
    double loss, distillation, features, attention, reconstruction, train_top1, learning_rate,
        grad_norm, images_per_second;
} vc_step_means;

typedef struct vc_epoch_report {
    size_t epoch, epochs; /* the epoch just done, from 1 */
    vc_step_means mean;
    int distilled, tested;        /* whether there was a teacher, test images */
    int held_back;                /* 1: those were held back from the images to learn from */
    vc_evaluation test, averaged; /* of the parameters, of their moving average */
    const float *average;         /* (value_count) the moving average; NULL: none */
} vc_epoch_report;

typedef struct vc_group_report {
    size_t epoch, step, steps; /* the steps done in this epoch, and how many it has */
    vc_step_means mean;        /* since the last report */
} vc_group_report;

typedef struct vc_train_hooks {
    void (*on_step)(void *context, size_t step, size_t steps, double loss);
    /* Called after each epoch, with options.parts in all processes. A failure ends the run. */
    vc_status (*on_epoch)(void *context, const vc_epoch_report *report);
    vc_status (*on_group)(void *context, const vc_group_report *report);
    vc_loader_broken_image
        *on_broken; /* once in each epoch; the next of its order takes the place */
    void *context;
    const int *stop; /* NULL, or set by on_epoch: the run ends there, as if it were over */
    const volatile sig_atomic_t *interrupted; /* NULL, or set by a signal: see vc_train */
} vc_train_hooks;

/* VC_EINVAL if this student cannot learn from options->teacher. */
vc_status vc_train_check_teacher(const vc_train_options *options, const vc_model *student);

/* Trains a model in place. Images without labels need a teacher that has all of the loss.
 * `checkpoint` (NULL: none) is written after every epoch and every save_every steps. With `resume`,
 * training continues from it and ends with the same bits as an uninterrupted run with as many
 * threads and processes. `test` may be NULL.
 *
 * VC_EINVAL when a loss, the gradient or what the model computes is not finite, or when the loss is
 * 100 times the mean of the epoch: the message names the layer or the parameter, and the last
 * checkpoint is kept. VC_EINTR when interrupted, after writing the checkpoint. */
vc_status vc_train(vc_model *model, vc_source *train, vc_source *test,
                   const vc_train_options *options, const char *checkpoint, int resume,
                   const vc_train_hooks *hooks);

/* The state of a run between two steps. */
typedef struct vc_train_state {
    uint64_t epoch, step; /* steps done in this epoch */
    double loss, distillation, features, attention, reconstruction, grad_norm, top1,
        images; /* sums over this epoch */
} vc_train_state;

/* `settings` are options and data by name: resuming with different ones is VC_EINVAL, and the
 * message names those that differ. */
vc_status vc_checkpoint_write(const char *path, const vc_model *model,
                              const vc_optimizer *optimizer, const vc_train_state *state,
                              const json_t *settings);
/* Makes room for the next checkpoint: the present one and the older ones are each renamed by one
 * place, of which there are `keep`. */
vc_status vc_checkpoint_rotate(const char *path, size_t keep);
/* The checkpoint and those before it. */
void vc_checkpoint_remove(const char *path, size_t keep);
vc_status vc_checkpoint_read(vc_model *model, vc_optimizer *optimizer, vc_train_state *state,
                             const json_t *settings, const char *path);

#ifdef __cplusplus
}
#endif

#endif
