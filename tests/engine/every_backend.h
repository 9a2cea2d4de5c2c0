/* Every backend that there is, and a test's own ones behind them. */
#ifndef VC_TEST_EVERY_BACKEND_H
#define VC_TEST_EVERY_BACKEND_H

#include "vitcod/backend.h"

/* NULL beyond the last one. */
static inline const vc_backend *every_backend(size_t index, const vc_backend *own, size_t count)
{
    size_t listed = 0;
    while (vc_backend_at(listed))
        listed++;
    if (index < listed)
        return vc_backend_at(index);
    return index - listed < count ? &own[index - listed] : NULL;
}

#endif
