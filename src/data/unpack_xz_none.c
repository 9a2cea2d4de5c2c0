/* In place of unpack_xz.c where the library is missing. */
#include "stream.h"

static vc_status begin(void **state, const char *path)
{
    *state = NULL;
    return vc_fail(VC_EUNSUPPORTED,
                   "%s: is compressed with xz, which this program was built without (liblzma-dev)",
                   path);
}

const vc__unpacker vc__unpack_xz = {"xz",
                                    "\xfd"
                                    "7zXZ",
                                    5,
                                    begin,
                                    NULL,
                                    NULL};
