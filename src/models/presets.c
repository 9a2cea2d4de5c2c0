/* Sizes by timm's names. */
#include <string.h>

#include "model_impl.h"

/* The family whose preset it is, and which of its own. */
static const vc__family *find_preset(size_t *own, size_t index)
{
    const vc__family *family;
    for (size_t i = 0; (family = vc__family_at(i)); i++)
        for (*own = 0; family->preset_name && family->preset_name(*own); (*own)++)
            if (index-- == 0)
                return family;
    return NULL;
}

const char *vc_model_preset_name(size_t index)
{
    size_t own;
    const vc__family *family = find_preset(&own, index);
    return family ? family->preset_name(own) : NULL;
}

vc_status vc_model_preset(vc_model_config *out, const char *name)
{
    const vc__family *family;
    size_t own;
    for (size_t i = 0; (family = find_preset(&own, i)); i++)
        if (strcmp(family->preset_name(own), name) == 0) {
            *out = (vc_model_config){.family = family};
            family->preset(out, own);
            vc__looks_of_name(out, name);
            return VC_OK;
        }
    return vc_fail(VC_EINVAL, "architecture '%s' is unknown: `vitcod info --list` names all", name);
}
