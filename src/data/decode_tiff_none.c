/* In place of decode_tiff.c where the library is missing. */
#include "image_impl.h"

vc_status vc__decode_tiff(vc_image *out, const vc__encoded *in)
{
    (void)out;
    return vc_fail(VC_EUNSUPPORTED,
                   "%s: is TIFF, which this program was built without (libtiff-dev)", in->name);
}
