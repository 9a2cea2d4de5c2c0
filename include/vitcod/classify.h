/* What is on images: the likeliest classes of each. */
#ifndef VITCOD_CLASSIFY_H
#define VITCOD_CLASSIFY_H

#include "vitcod/engine.h"
#include "vitcod/evaluate.h"
#include "vitcod/loss.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_classify_options {
    vc_engine_options engine;          /* for one image at once */
    size_t top;                        /* so many classes of each, 1 to all */
    vc_loader_broken_image *on_broken; /* NULL: nobody is told */
    void *broken_context;
    /* An image is done; best (top), the likeliest first. */
    void (*on_image)(void *context, size_t index, const vc_ranked_class *best);
    void *context; /* of on_image */
} vc_classify_options;

/* One image after the other, decoded while the engine is made ready. VC_EINVAL when logits are not
 * finite. */
vc_status vc_classify(const vc_model *model, vc_source *source, const vc_classify_options *options);

/* ---- as results have it */

typedef struct vc_named_class {
    size_t index;
    const char *name; /* the source's */
    double probability;
} vc_named_class;

typedef struct vc_classified {
    const char *image; /* owned */
    vc_named_class *top;
    size_t top_count;
} vc_classified;

extern const vc_record vc_classified_record;

/* Of an image and its likeliest classes, with their names. */
vc_status vc_classified_open(vc_classified *out, const char *image, const vc_ranked_class *best,
                             size_t top, const vc_source *source);
void vc_classified_close(vc_classified *classified);

#ifdef __cplusplus
}
#endif

#endif
