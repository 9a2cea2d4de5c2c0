/* Whether products are a library's. */
#include <stdlib.h>
#include <string.h>

#include "device_impl.h"

vc_status vc__products_wanted(vc__products *out)
{
    const char *wanted = getenv("VC_PRODUCTS");
    *out = VC__PRODUCTS_USUAL;
    if (!wanted || !*wanted)
        return VC_OK;
    *out = strcmp(wanted, "plain") == 0 ? VC__PRODUCTS_PLAIN : VC__PRODUCTS_LIBRARY;
    if (*out == VC__PRODUCTS_LIBRARY && strcmp(wanted, "library") != 0)
        return vc_fail(VC_EINVAL, "VC_PRODUCTS is '%s', wanted plain or library", wanted);
    return VC_OK;
}
