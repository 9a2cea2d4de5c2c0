#include <string.h>

#include "model_impl.h"

vc_status vc_model_set_input(vc_model_config *config, const vc_model_input *input)
{
    vc_model_config changed = *config;
    vc_deit_config *d = &changed.deit;
    vc_levit_config *l = &changed.levit;
    if (config->architecture == VC_DEIT) {
        d->image = input->image;
        d->channels = input->channels;
        d->classes = input->classes;
        memcpy(d->mean, input->mean, sizeof d->mean);
        memcpy(d->std, input->std, sizeof d->std);
    } else {
        l->image = input->image;
        l->channels = input->channels;
        l->classes = input->classes;
        memcpy(l->mean, input->mean, sizeof l->mean);
        memcpy(l->std, input->std, sizeof l->std);
    }
    VC_TRY(vc__architecture_of(config)->check(&changed));
    *config = changed;
    return VC_OK;
}
