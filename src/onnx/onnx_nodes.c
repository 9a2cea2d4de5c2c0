/* Nodes that many operators need. */
#include <math.h>

#include "onnx_impl.h"

vc__term vc__unary(vc__graph *g, const char *type, vc__term x)
{
    return vc__node(g, type, (vc__term[]){x, {""}}, NULL);
}

vc__term vc__binary(vc__graph *g, const char *type, vc__term a, vc__term b)
{
    return vc__node(g, type, (vc__term[]){a, b, {""}}, NULL);
}

vc__term vc__reshape(vc__graph *g, vc__term x, const int64_t *dims, size_t count)
{
    return vc__binary(g, "Reshape", x, vc__integers(g, dims, count));
}

vc__term vc__permute(vc__graph *g, vc__term x, const int64_t *order, size_t count)
{
    vc__attribute attributes[] = {{.name = "perm", .is_list = 1, .count = count}, {0}};
    for (size_t i = 0; i < count; i++)
        attributes[0].values[i] = order[i];
    return vc__node(g, "Transpose", (vc__term[]){x, {""}}, attributes);
}

vc__term vc__slice(vc__graph *g, vc__term x, int64_t axis, size_t from, size_t to)
{
    const int64_t start = (int64_t)from, end = (int64_t)to;
    return vc__node(g, "Slice",
                    (vc__term[]){x,
                                 vc__integers(g, &start, 1),
                                 vc__integers(g, &end, 1),
                                 vc__integers(g, &axis, 1),
                                 {""}},
                    NULL);
}

vc__term vc__concat(vc__graph *g, vc__term a, vc__term b, int64_t axis)
{
    const vc__attribute attributes[] = {{.name = "axis", .values = {axis}, .count = 1}, {0}};
    return vc__node(g, "Concat", (vc__term[]){a, b, {""}}, attributes);
}

vc__term vc__softmax(vc__graph *g, vc__term x)
{
    const vc__attribute attributes[] = {{.name = "axis", .values = {-1}, .count = 1}, {0}};
    return vc__node(g, "Softmax", (vc__term[]){x, {""}}, attributes);
}

vc__term vc__mean(vc__graph *g, vc__term x, int64_t axis)
{
    const vc__attribute attributes[] = {
        {.name = "axes", .is_list = 1, .values = {axis}, .count = 1},
        {.name = "keepdims", .values = {1}, .count = 1},
        {0}};
    return vc__node(g, "ReduceMean", (vc__term[]){x, {""}}, attributes);
}

/* x / 2 * (1 + erf(x / sqrt(2))), in the order in which engines know it again. */
static vc__term gelu(vc__graph *g, vc__term x)
{
    const vc__term scaled = vc__binary(g, "Div", x, vc__scalar(g, (float)sqrt(2.0))),
                   share = vc__binary(g, "Add", vc__unary(g, "Erf", scaled), vc__scalar(g, 1.0f));
    return vc__binary(g, "Mul", vc__binary(g, "Mul", x, share), vc__scalar(g, 0.5f));
}

vc__term vc__activation(vc__graph *g, vc__term x, vc_activation activation)
{
    switch (activation) {
    case VC_ACTIVATION_NONE:
        return x;
    case VC_ACTIVATION_GELU:
        return gelu(g, x);
    case VC_ACTIVATION_HARDSWISH:
        return vc__unary(g, "HardSwish", x);
    case VC_ACTIVATION_SILU:
        return vc__binary(g, "Mul", x, vc__unary(g, "Sigmoid", x));
    case VC_ACTIVATION_QUICK_GELU: {
        const vc__term scaled = vc__binary(g, "Mul", x, vc__scalar(g, 1.702f));
        return vc__binary(g, "Mul", x, vc__unary(g, "Sigmoid", scaled));
    }
    case VC_ACTIVATION_TANH:
        return vc__unary(g, "Tanh", x);
    case VC_ACTIVATION_RELU:
        return vc__unary(g, "Relu", x);
    case VC_ACTIVATION_COUNT:
        break;
    }
    if (g->status == VC_OK)
        vc__graph_fail(g, vc_fail(VC_EUNSUPPORTED, "%s: activation %d has no form in ONNX", g->path,
                                  (int)activation));
    return x;
}
