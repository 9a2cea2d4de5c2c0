/* In place of decode_gif.c where the library is missing. */
#include "image_impl.h"

vc_status vc__decode_gif(vc_image *out, const vc__encoded *in)
{
    (void)out;
    return vc_fail(VC_EUNSUPPORTED, "%s: is GIF, which this program was built without (libgif-dev)",
                   in->name);
}
