/* How close a student is to its teacher, on images that it does not learn from. */
#ifndef VITCOD_JUDGE_H
#define VITCOD_JUDGE_H

#include "vitcod/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_closeness {
    double agreement;  /* share of the images of which both name the same class */
    double divergence; /* mean KL(teacher || student) of the logits */
    /* Of models without classes, which have neither of these (NAN): the mean of 1 - cosine between
     * the features of both; of poses the mean distance of the joints, in their unit. NAN with
     * classes. */
    double distance;
} vc_closeness;

/* What learning makes smaller: divergence, or distance. */
double vc_closeness_loss(const vc_closeness *closeness);

extern const vc_record vc_closeness_record;

typedef struct vc_judgement {
    vc_closeness all;
    /* The same of the images of each source that was joined; NAN: it has none. */
    size_t part_count;
    vc_closeness parts[VC_SOURCE_MOST_PARTS];
} vc_judgement;

/* The answers of the teacher to the images. */
typedef struct vc_teacher_answers {
    float *logits;    /* (images, outputs): logits, or features of a model without classes */
    int32_t *classes; /* (images): the first; NULL for features */
    size_t images;    /* those that are not broken, of this process */
    size_t all;       /* of all processes that look together */
} vc_teacher_answers;

/* VC_EFORMAT when no image can be read. */
vc_status vc_teacher_answers_open(vc_teacher_answers *out, const vc_model *teacher, vc_source *held,
                                  const vc_look *how);
void vc_teacher_answers_close(vc_teacher_answers *answers);

typedef struct vc_judge {
    vc_image_walk walk;
    const vc_teacher_answers *answers;
} vc_judge;

/* Allocates what the student needs, with the mask or plan that it has now. */
vc_status vc_judge_open(vc_judge *out, const vc_model *student, const vc_teacher_answers *answers,
                        vc_source *held, const vc_look *how);
void vc_judge_close(vc_judge *judge);

/* Runs the student over the images. VC_EINVAL if the divergence is not finite; VC_EFORMAT if an
 * image that could be read before cannot be read any more. */
vc_status vc_judge_now(vc_judgement *out, vc_judge *judge);

#ifdef __cplusplus
}
#endif

#endif
