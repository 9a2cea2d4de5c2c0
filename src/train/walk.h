/* A model over images, in their order and as they are, batch by batch. */
#ifndef VC_WALK_H
#define VC_WALK_H

#include "vitcod/calibrate.h"

typedef struct vc__walk_images {
    const vc_model *model;
    vc_source *source;
    vc_loader_options how;
    vc_loader *loader; /* NULL: before the first batch */
    vc_acts acts;      /* of the last batch */
    vc_loaded batch;   /* the last; broken images are left out */
    size_t first;      /* images before it */
} vc__walk_images;

/* Room for the model as it is restricted now; `how`: batch, crop fraction and who is told of broken images. VC_EINVAL:
 * classes that do not fit the model's. */
vc_status vc__walk_images_open(vc__walk_images *out, const vc_model *model, vc_source *source,
                               const vc_look *how);
void vc__walk_images_close(vc__walk_images *walk);

/* Runs the next batch, with a tap or NULL; walk->batch.count is 0 when there is none, and then it begins anew. */
vc_status vc__walk_images_next(vc__walk_images *walk, const vc_tap *tap);

#endif
