/* In place of decode_webp.c where the library is missing. */
#include "image_impl.h"

vc_status vc__decode_webp(vc_image *out, const vc__encoded *in)
{
    (void)out;
    return vc_fail(VC_EUNSUPPORTED,
                   "%s: is WebP, which this program was built without (libwebp-dev)", in->name);
}
