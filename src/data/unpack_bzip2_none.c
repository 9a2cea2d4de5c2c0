/* In place of unpack_bzip2.c where the library is missing. */
#include "stream.h"

static vc_status begin(void **state, const char *path)
{
    *state = NULL;
    return vc_fail(
        VC_EUNSUPPORTED,
        "%s: is compressed with bzip2, which this program was built without (libbz2-dev)", path);
}

const vc__unpacker vc__unpack_bzip2 = {"bzip2", "BZh", 3, begin, NULL, NULL};
