/* Putting a block list together, where errors are kept and told at the end; which rows matter. */
#include <stdlib.h>

#include "model_impl.h"

/* Room for one more of `size` bytes; NULL, and an error in the list, when memory is out. */
static void *grow(vc_block_list *list, void *items, size_t count, size_t size)
{
    void *grown = list->status == VC_OK ? realloc(items, (count + 1) * size) : NULL;
    if (!grown && list->status == VC_OK)
        list->status = vc_fail(VC_ENOMEM, "out of memory for a list of %zu operators", count);
    return grown;
}

int vc__block_value(vc_block_list *list, size_t rows, size_t width)
{
    vc_block_value *grown = grow(list, list->values, list->value_count, sizeof *grown);
    if (!grown)
        return 0;
    list->values = grown;
    grown[list->value_count] = (vc_block_value){rows, width};
    return (int)list->value_count++;
}

vc_block_op *vc__block_op(vc_block_list *list, vc_op_kind kind, size_t layer, int to, int from)
{
    static vc_block_op nowhere;
    vc_block_op *grown = grow(list, list->ops, list->op_count, sizeof *grown);
    if (!grown)
        return &nowhere;
    list->ops = grown;
    const size_t there = from == VC_BLOCK_NOTHING ? 0 : list->values[from].rows,
                 wanted = list->values[to].rows;
    grown[list->op_count] = (vc_block_op){.kind = kind,
                                          .layer = layer == VC__NO_LAYER ? -1 : (int)layer,
                                          .from = from,
                                          .to = to,
                                          .keys = VC_BLOCK_NOTHING,
                                          .reads = there < wanted ? there : wanted};
    return &grown[list->op_count++];
}

vc_block_op *vc__block_linear(vc_block_list *list, vc_op_kind kind, size_t layer, int to, int from,
                              const vc_linear *linear)
{
    vc_block_op *op = vc__block_op(list, kind, layer, to, from);
    if (list->status != VC_OK)
        return op;
    op->linear = *linear;
    op->products[0] = (vc_product_shape){list->values[to].rows, linear->inputs, linear->outputs};
    return op;
}

float *vc__block_floats(vc_block_list *list, size_t count)
{
    float **grown = grow(list, list->made, list->made_count, sizeof *grown);
    if (!grown)
        return NULL;
    list->made = grown;
    grown[list->made_count] = malloc(count * sizeof **grown);
    if (!grown[list->made_count]) {
        list->status = vc_fail(VC_ENOMEM, "out of memory for %zu values of a block list", count);
        return NULL;
    }
    return grown[list->made_count++];
}

vc_status vc_model_blocks(vc_block_list *out, const vc_model_config *config, const vc_model *model)
{
    *out = (vc_block_list){0};
    vc__block_value(out, 1, vc_model_image_values(config));
    vc__block_value(out, 1, vc_model_input_of(config).outputs);
    if (out->status == VC_OK)
        config->family->blocks(out, config, model);
    const vc_status status = out->status;
    if (status != VC_OK)
        vc_block_list_close(out);
    return status;
}

void vc_block_list_close(vc_block_list *list)
{
    for (size_t i = 0; i < list->made_count; i++)
        free(list->made[i]);
    free(list->made);
    free(list->values);
    free(list->ops);
    *list = (vc_block_list){0};
}

int vc_block_op_by_row(const vc_block_list *list, const vc_block_op *op)
{
    if (op->from == VC_BLOCK_NOTHING)
        return 1;
    return !vc_op_reads_other_rows(op->kind) &&
           list->values[op->from].rows == list->values[op->to].rows;
}

static void raise_to(size_t *count, size_t least)
{
    *count = *count > least ? *count : least;
}

vc_status vc_block_list_needed(size_t *needed, const vc_block_list *list)
{
    const vc_block_value *values = list->values;
    size_t *wanted = calloc(list->value_count, sizeof *wanted);
    if (!wanted)
        return vc_fail(VC_ENOMEM, "out of memory for %zu values", list->value_count);
    wanted[VC_BLOCK_OUTPUTS] = values[VC_BLOCK_OUTPUTS].rows;
    for (size_t i = list->op_count; i-- > 0;) {
        const vc_block_op *op = &list->ops[i];
        const size_t rows = wanted[op->to];
        needed[i] = rows;
        if (op->keys != VC_BLOCK_NOTHING)
            wanted[op->keys] = values[op->keys].rows;
        if (op->from != VC_BLOCK_NOTHING)
            raise_to(&wanted[op->from], vc_block_op_by_row(list, op) ? rows : op->reads);
    }
    free(wanted);
    return VC_OK;
}
