/* How near a student is to its teacher on images that it does not learn from. */
#ifndef VC_JUDGE_H
#define VC_JUDGE_H

#include "walk.h"

typedef struct vc__judgement {
    double agreement;  /* share of the images of which both name the same class */
    double divergence; /* mean KL(teacher || student) of the logits */
} vc__judgement;

/* What the teacher makes of the images. */
typedef struct vc__wanted {
    float *logits;    /* (images, classes) */
    int32_t *classes; /* (images): the first */
    size_t images;    /* those that are not broken */
} vc__wanted;

vc_status vc__wanted_open(vc__wanted *out, const vc_model *teacher, vc_source *held,
                          const vc_look *how);
void vc__wanted_close(vc__wanted *wanted);

typedef struct vc__judge {
    vc__walk_images walk;
    const vc__wanted *wanted;
} vc__judge;

/* Room for the student as it is restricted now. */
vc_status vc__judge_open(vc__judge *out, const vc_model *student, const vc__wanted *wanted,
                         vc_source *held, const vc_look *how);
void vc__judge_close(vc__judge *judge);

/* VC_EINVAL when the divergence is not finite; VC_EFORMAT when an image that could be read no longer can. */
vc_status vc__judge_now(vc__judgement *out, vc__judge *judge);

#endif
