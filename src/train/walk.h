/* A model over images in memory, in their order and as they are, batch by batch. */
#ifndef VC_WALK_H
#define VC_WALK_H

#include "vitcod/train.h"

typedef struct vc__walk_images {
    const vc_model *model;
    const vc_dataset *data;
    vc_acts acts; /* of the last batch */
    float *x;
    int32_t *y; /* its labels */
    uint32_t *order;
    size_t first, count; /* the last batch */
} vc__walk_images;

/* Room for the model as it is restricted now. */
vc_status vc__walk_images_open(vc__walk_images *out, const vc_model *model, const vc_dataset *data,
                               size_t batch);
void vc__walk_images_close(vc__walk_images *walk);

/* Runs the next batch, with a tap or NULL; 0 when there is none, and then it begins anew. */
int vc__walk_images_next(vc__walk_images *walk, const vc_tap *tap);

#endif
