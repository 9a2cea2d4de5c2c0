/* What lies between the products of the MLP. */
#include "deit_impl.h"
#include "vitcod/ops.h"

vc_activation vc__deit_activation(const vc__deit_config *config)
{
    switch (config->mlp) {
    case VC__DEIT_GELU:
        return VC_ACTIVATION_GELU;
    case VC__DEIT_QUICK_GELU:
        return VC_ACTIVATION_QUICK_GELU;
    case VC__DEIT_SWIGLU:
        break; /* an operator of its own */
    }
    return VC_ACTIVATION_NONE;
}

void vc__deit_activate(float *y, const float *x, const vc__deit_config *config, size_t rows)
{
    switch (config->mlp) {
    case VC__DEIT_GELU:
        vc_gelu_forward(y, x, rows * config->hidden);
        break;
    case VC__DEIT_QUICK_GELU:
        vc_quick_gelu_forward(y, x, rows * config->hidden);
        break;
    case VC__DEIT_SWIGLU:
        vc_swiglu_forward(y, x, rows, config->hidden / 2);
        break;
    }
}

int vc__deit_activate_backward(vc_half *half, float *dx, float *db, const float *dy, const float *x,
                               const vc__deit_config *config, size_t rows)
{
    switch (config->mlp) {
    case VC__DEIT_GELU:
        vc_gelu_backward_in(half, dx, db, dy, x, rows, config->hidden);
        return 1;
    case VC__DEIT_QUICK_GELU:
        vc_quick_gelu_backward(dx, dy, x, rows * config->hidden);
        break;
    case VC__DEIT_SWIGLU:
        vc_swiglu_backward(dx, dy, x, rows, config->hidden / 2);
        break;
    }
    return 0;
}
