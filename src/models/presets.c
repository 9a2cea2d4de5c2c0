/* Sizes by timm's names. */
#include <stdio.h>
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
    char known[512] = "";
    const vc__family *family;
    size_t own;
    for (size_t i = 0; (family = find_preset(&own, i)); i++) {
        const char *preset = family->preset_name(own);
        if (strcmp(preset, name) == 0) {
            *out = (vc_model_config){.family = family};
            family->preset(out, own);
            return VC_OK;
        }
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", preset);
    }
    return vc_fail(VC_EINVAL, "architecture '%s' is unknown, wanted one of %s", name, known);
}
