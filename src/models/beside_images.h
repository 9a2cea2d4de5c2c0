/* How images are prepared, as the files beside a checkpoint say it. */
#ifndef VC_BESIDE_IMAGES_H
#define VC_BESIDE_IMAGES_H

#include <jansson.h>

#include "renaming.h"
#include "vitcod/extent.h"

typedef struct vc__images_beside {
    vc_extent oblong; /* of the model's images, where it is said that they are no squares */
    int squeezed;     /* pictures to squares, without regard to their shape */
    char missed[256]; /* what is not done here, in words */
} vc__images_beside;

/* transformers' preprocessor_config.json. */
void vc__say_images(vc__renaming *to, vc__images_beside *b, const json_t *images);

/* A list of a number per channel, each times `scale`, or a note that it is none; NULL: nothing. */
void vc__say_channels(vc__renaming *to, const char *key, const json_t *list, double scale);
void vc__say_crop(vc__renaming *to, vc__images_beside *b, double crop);
void vc__say_interpolation(vc__renaming *to, vc__images_beside *b, const char *text);

/* Something that is not done here. */
void vc__miss(vc__images_beside *b, const char *what);

void vc__note_images(vc__renaming *to, const vc__images_beside *b);

#endif
