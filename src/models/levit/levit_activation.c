/* What lies between the products: hardswish, in timm's later sizes SiLU. */
#include "levit_impl.h"
#include "vitcod/ops.h"

vc_activation vc__levit_activation(const vc__levit_config *config)
{
    return config->silu ? VC_ACTIVATION_SILU : VC_ACTIVATION_HARDSWISH;
}

void vc__levit_activate(const vc_model *model, float *y, const float *x, size_t count)
{
    if (vc__levit_sizes_of(&model->config)->silu)
        vc_silu_forward(y, x, count);
    else
        vc_hardswish_forward(y, x, count);
}

void vc__levit_activate_backward(const vc_model *model, float *dx, const float *dy, const float *x,
                                 size_t count)
{
    if (vc__levit_sizes_of(&model->config)->silu)
        vc_silu_backward(dx, dy, x, count);
    else
        vc_hardswish_backward(dx, dy, x, count);
}
