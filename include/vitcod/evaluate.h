/* A model over images: batches in the source's order, hits and losses. */
#ifndef VITCOD_EVALUATE_H
#define VITCOD_EVALUATE_H

#include "vitcod/loader.h"
#include "vitcod/model.h"
#include "vitcod/progress.h"
#include "vitcod/record.h"
#include "vitcod/turns.h"

#ifdef __cplusplus
extern "C" {
#endif

/* VC_EINVAL if classes or channels of the images do not fit those of the model: as many classes, or
 * a class list of as many, and the same channels unless they may be converted. A model without
 * classes takes images of any. Poses must be those of the model's joints. */
vc_status vc_model_check_source(const vc_model *model, vc_source *source);

/* VC_EUNSUPPORTED for a model that tells no classes apart: labels say nothing of it. */
vc_status vc_model_check_labels(const vc_model_config *config);

/* Makes an input that of the source: its classes; of images in memory channels, mean and standard
 * deviation too. */
void vc_model_input_of_source(vc_model_input *input, const vc_source *source);
/* Calls the classes of a model as the source does, where it has as many; else they have no names:
 * what they were called before may be others. */
vc_status vc_model_name_classes_as(vc_model *model, const vc_source *source);

/* The options by which a loader makes the model's input of images. */
vc_loader_options vc_model_loader_options(const vc_model *model);

/* ---- hits and loss */

typedef struct vc_class_count {
    size_t images, top1, top5;
} vc_class_count;

typedef struct vc_evaluate_options {
    size_t limit; /* the number of images, from the first on; 0: all */
    /* As the loader's: how images are changed at random, or NULL. */
    const vc_augment_options *augment;
    uint64_t seed;
    /* 1: the processes share the batches (vitcod/comm.h), and every one gets what one alone would
     * get, to the same bits; `on_broken` hears of a process's own images alone. */
    int together;
    vc_turns *turns; /* begun, and moved to each batch that is run, for what taps add up; or NULL */
    /* (classes) which are added to, and begin with 0 where processes share; or NULL */
    vc_class_count *counts;
    vc_progress *progress; /* NULL: none */
    vc_loader_broken_image *on_broken;
    void *context; /* of on_broken */
} vc_evaluate_options;

vc_evaluate_options vc_evaluate_options_default(void); /* all images, a crop of 224 of 256 */

typedef struct vc_evaluation {
    size_t images, broken; /* evaluated; left out because they cannot be read */
    size_t top1, top5;     /* hits, and mean loss: 0 without labels */
    double loss, seconds;
    /* Of poses whose truth is known: mean distance of the joints, mm where the truth is in metres,
     * with joint 0 where both are, and the loss is the same in the truth's unit; 0 of others. */
    double mpjpe;
} vc_evaluation;

/* The same as results have it. */
typedef struct vc_accuracy {
    double top1, top5; /* percent */
    double loss, images_per_s;
} vc_accuracy;

typedef struct vc_class_accuracy {
    size_t index;
    const char *name; /* the source's */
    size_t images;
    double top1, top5; /* percent */
} vc_class_accuracy;

extern const vc_record vc_accuracy_record, vc_class_accuracy_record;

vc_accuracy vc_accuracy_of(const vc_evaluation *evaluation);

/* Of the classes that were seen: how many. `out` has room for all classes. */
size_t vc_class_accuracies(vc_class_accuracy *out, const vc_class_count *counts, size_t classes,
                           const vc_source *source);

/* Turns images into logits (count, classes): the forward pass of a model, or an engine. */
typedef struct vc_runner {
    vc_status (*run)(void *context, const float **logits, const float *images, size_t count);
    void *context;
    size_t batch; /* images per call */
} vc_runner;

/* The forward pass of a model, with a tap or NULL. */
typedef struct vc_forward_pass {
    vc_acts *acts;
    const vc_model *model;
    const vc_tap *tap;
} vc_forward_pass;
vc_runner vc_forward_runner(vc_forward_pass *pass);

/* Evaluates the model on images that are read ahead. VC_EFORMAT if every image is broken. */
vc_status vc_evaluate(vc_evaluation *out, const vc_model *model, vc_source *source,
                      const vc_runner *runner, const vc_evaluate_options *options);

/* ---- batch by batch, for callers that want more than counts */

/* Options: images come in their order and without augmentation. */
typedef struct vc_look {
    size_t batch;
    vc_loader_broken_image *on_broken; /* NULL: nobody is told */
    void *context;                     /* of on_broken */
    vc_progress *progress;             /* NULL: none */
    /* 1: the processes share the batches (vitcod/comm.h); what all of them must have, as averages
     * and answers, all get as one alone would, to the same bits. */
    int together;
} vc_look;
vc_look vc_look_default(void); /* 16 at once, a crop of 224 of 256 */

/* The forward pass over all images of a source, batch by batch. */
typedef struct vc_image_walk {
    const vc_model *model;
    vc_source *source;
    vc_loader_options how;
    vc_loader *loader; /* NULL: before the first batch */
    vc_acts acts;      /* of the last batch */
    vc_loaded batch;   /* the last; broken images are left out */
    size_t first;      /* images before it, of this process */
    vc_turns *turns;   /* as in vc_evaluate_options */
} vc_image_walk;

/* Allocates what the model needs, with the mask or plan that it has now. VC_EINVAL if the classes
 * of the images do not fit those of the model. */
vc_status vc_image_walk_open(vc_image_walk *out, const vc_model *model, vc_source *source,
                             const vc_look *how);
void vc_image_walk_close(vc_image_walk *walk);

/* Runs the next batch, with a tap or NULL. At the end walk->batch.count is 0, and the following
 * call starts again with the first image. */
vc_status vc_image_walk_next(vc_image_walk *walk, const vc_tap *tap);

#ifdef __cplusplus
}
#endif

#endif
