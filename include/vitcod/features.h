/* What the features of a model are worth, on labelled images: nearest neighbours, and a linear
 * classifier that is learnt here. Neither changes the model, which needs no classes. */
#ifndef VITCOD_FEATURES_H
#define VITCOD_FEATURES_H

#include "vitcod/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Features of images that could be read, each of length 1, and their labels. */
typedef struct vc_features {
    float *values; /* (images, width) */
    int32_t *labels;
    size_t images, width, classes, broken;
} vc_features;

/* Runs `runner` over all images of a labelled source; the model's outputs are the features, so it
 * must not tell classes apart (vc_model_set_features). Of the options only on_broken, its context
 * and progress count. VC_EINVAL for features that are not finite, or all 0. */
vc_status vc_features_open(vc_features *out, const vc_model *model, vc_source *source,
                           const vc_runner *runner, const vc_evaluate_options *options);
void vc_features_close(vc_features *features);

/* Hits among images that were judged, in percent. */
typedef struct vc_feature_accuracy {
    const char *judge; /* knn, probe */
    size_t images, train_images, train_broken, width;
    size_t neighbours;  /* knn; else 0 */
    double temperature; /* knn; else NAN */
    size_t epochs;      /* probe; else 0 */
    double train_top1;  /* probe; else NAN */
    double top1, top5;
    double low, high; /* of top1: Wilson's interval of 95 % (Wilson 1927) */
} vc_feature_accuracy;

extern const vc_record vc_feature_accuracy_record;

/* Each image gets the classes of the `neighbours` images of `train` whose features have the largest
 * cosine with its own, each weighing exp(cosine / 0.07) (Wu et al. 2018, as DINO has it). Equal
 * weights: the lower class. VC_EINVAL for more neighbours than images, or other classes. */
vc_status vc_features_knn(vc_feature_accuracy *out, const vc_features *train,
                          const vc_features *test, size_t neighbours);

/* A linear classifier with a bias, learnt on all of `train` at once: cross-entropy plus 5e-4 times
 * the squared weights, on features with mean 0 and deviation 1 in `train`, by so many steps of
 * Nesterov's gradient from 0. */
enum { VC_PROBE_EPOCHS = 300 };
vc_status vc_features_probe(vc_feature_accuracy *out, const vc_features *train,
                            const vc_features *test);

#ifdef __cplusplus
}
#endif

#endif
