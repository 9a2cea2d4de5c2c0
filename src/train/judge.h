/* How near a student is to its teacher on images that it does not learn from. */
#ifndef VC_JUDGE_H
#define VC_JUDGE_H

#include "walk.h"

typedef struct vc__judgement {
    double agreement;  /* share of the images whose label is the student's first class */
    double divergence; /* mean KL(teacher || student) of the logits; 0 without a teacher */
} vc__judgement;

typedef struct vc__judge {
    vc__walk_images walk;
    const float *wanted; /* (images, classes) the teacher's logits, or NULL */
} vc__judge;

/* The teacher's logits of the images, allocated. */
vc_status vc__judge_teacher(float **wanted, const vc_model *teacher, const vc_dataset *held);

/* Room for the student as it is restricted now. */
vc_status vc__judge_open(vc__judge *out, const vc_model *student, const float *wanted,
                         const vc_dataset *held);
void vc__judge_close(vc__judge *judge);

/* VC_EINVAL when loss or divergence is not finite. */
vc_status vc__judge_now(vc__judgement *out, vc__judge *judge);

#endif
