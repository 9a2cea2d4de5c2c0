/* From a block list to a workload, which is what a chip is given. Operators that a chip takes as
 * one are one there: values between them go through memory, values inside one stay on the chip.
 * docs/simulator.md lists the assumptions. */
#include <assert.h>

#include "model_impl.h"

/* Operators first to end - 1 of a list, which are one in the workload. */
typedef struct group {
    const vc_block_list *list;
    size_t first, end;
} group;

static group group_from(const vc_block_list *list, size_t first)
{
    const vc_block_op *op = &list->ops[first];
    group g = {list, first, first};
    while (g.end < list->op_count && list->ops[g.end].layer == op->layer &&
           vc_op_part_of(list->ops[g.end].kind) == vc_op_part_of(op->kind))
        g.end++;
    return g;
}

/* What the residual stream of an operator is: of every n-th row that is taken of the input, the
 * input. */
static int stream_of(const group *g, size_t index, int value)
{
    for (size_t i = g->first; i < index; i++)
        if (g->list->ops[i].kind == VC_OP_SPANS && g->list->ops[i].to == value)
            return g->list->ops[i].from;
    return value;
}

/* Whether an operator of the group before `index` makes this value, or reads it. */
static int has_met(const group *g, size_t index, int value)
{
    for (size_t i = g->first; i < index; i++)
        if (g->list->ops[i].to == value || g->list->ops[i].from == value)
            return 1;
    return 0;
}

static int has_made(const group *g, size_t index, int value)
{
    for (size_t i = g->first; i < index; i++)
        if (g->list->ops[i].to == value)
            return 1;
    return 0;
}

static void add_products(vc_op *op, const vc_block_op *from)
{
    size_t count = 0;
    while (count < VC_OP_PRODUCTS && op->products[count].rows)
        count++;
    for (size_t i = 0; i < VC_OP_PRODUCTS && from->products[i].rows; i++) {
        const vc_product_shape p = from->products[i];
        assert(count < VC_OP_PRODUCTS);
        op->products[count++] = p;
        op->macs += p.rows * p.inputs * p.outputs;
        op->weight_values += (p.inputs + 1) * p.outputs;
        op->output_values = p.rows * p.outputs;
    }
}

/* V, and of Q and K what no encoder takes over. */
static uint64_t stored_projections(const vc_attention_layer *l)
{
    const uint64_t q = l->queries * l->heads * l->head_dim, k = l->keys * l->heads * l->head_dim;
    return l->keys * l->heads * l->value_dim + (l->compressed[0] ? 0 : q) +
           (l->compressed[1] ? 0 : k);
}

static vc_status add_group(vc_workload *out, const group *g, const vc_model_config *config)
{
    const vc_op_kind kind = vc_op_part_of(g->list->ops[g->first].kind);
    vc_op op = {.kind = kind, .layer = g->list->ops[g->first].layer};
    for (size_t i = g->first; i < g->end; i++) /* a chip wants queries first */
        if (g->list->ops[i].kind == VC_OP_Q)
            add_products(&op, &g->list->ops[i]);
    for (size_t i = g->first; i < g->end; i++) {
        const vc_block_op *from = &g->list->ops[i];
        if (from->from != VC_BLOCK_NOTHING && !has_met(g, i, from->from))
            op.input_values += from->reads * g->list->values[from->from].width;
        const int stream = stream_of(g, i, from->to);
        if (from->add && !has_made(g, i, stream) && from->from != VC_BLOCK_NOTHING) {
            const vc_block_value *added_to = &g->list->values[from->to];
            op.residual_values = added_to->rows * added_to->width;
            op.residual_is_input = has_met(g, i, stream);
        }
        op.normalised |= vc_op_work(from->kind) == VC_WORK_NORM;
        op.weight_values += from->parameters;
        if (from->kind != VC_OP_Q)
            add_products(&op, from);
    }
    if (op.products[0].rows == 0)
        return VC_OK; /* what only moves values costs a chip nothing */
    if (kind == VC_OP_QKV) {
        const vc_attention_layer l = vc_model_layer(config, (size_t)op.layer);
        op.output_values = stored_projections(&l);
    }
    return vc_workload_add(out, &op);
}

static vc_op encode_op(int layer, const vc_attention_sizes *s)
{
    const uint64_t tokens = s->queries * s->compressed[0] + s->keys * s->compressed[1],
                   values = tokens * s->head_dim, outputs = s->compressed[0] + s->compressed[1];
    return (vc_op){.kind = VC_OP_ENCODE,
                   .layer = layer,
                   .macs = values * s->heads,
                   .weight_values = outputs * (s->heads + 1),
                   .output_values = values,
                   .sizes = *s};
}

/* With the auto-encoder around it, and what pools keys and values before it. */
static vc_status add_attention(vc_workload *out, int layer, const vc_model_config *config,
                               const vc_plan *plan)
{
    const vc_attention_layer l = vc_model_layer(config, (size_t)layer);
    const vc_attention_sizes sizes = {l.heads,    l.queries,   l.keys,
                                      l.head_dim, l.value_dim, {l.compressed[0], l.compressed[1]}};
    const vc_plan_layer *restriction = plan ? &plan->layers[layer] : NULL;
    const vc_op encode = encode_op(layer, &sizes);
    if (encode.macs)
        VC_TRY(vc_workload_add(out, &encode));
    VC_TRY(vc_workload_add_pooling(out, layer, &sizes, restriction));
    return vc_workload_add_attention(out, layer, &sizes, restriction);
}

static vc_status lower(vc_workload *out, const vc_block_list *list, const vc_model_config *config,
                       const vc_plan *plan)
{
    for (size_t i = 0; i < list->op_count;) {
        const group g = group_from(list, i);
        if (list->ops[i].kind == VC_OP_ATTENTION)
            VC_TRY(add_attention(out, list->ops[i].layer, config, plan));
        else
            VC_TRY(add_group(out, &g, config));
        i = g.end;
    }
    return VC_OK;
}

vc_status vc_model_lower(vc_workload *out, const vc_model_config *config, const vc_plan *plan)
{
    vc_block_list list;
    VC_TRY(vc_model_blocks(&list, config, NULL));
    const vc_status status = lower(out, &list, config, plan);
    vc_block_list_close(&list);
    return status;
}
