#include "vitcod/backend.h"

#define VC_BACKEND(name) extern const vc_backend vc_backend_##name;
#include "backends.def"
#undef VC_BACKEND

static const vc_backend *const backends[] = {
#define VC_BACKEND(name) &vc_backend_##name,
#include "backends.def"
#undef VC_BACKEND
};

const vc_backend *vc_backend_at(size_t index)
{
    return index < sizeof backends / sizeof *backends ? backends[index] : NULL;
}
