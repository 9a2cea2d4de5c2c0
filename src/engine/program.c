/* Making a program from a block list.
 *
 * Threads take tiles of rows through all operators of a step. A new step begins where the number of
 * rows changes, and where an operator reads other rows that the same step makes; attention, for
 * example, reads the keys of all tokens. Panels are packed directly after the product that makes
 * the keys.
 *
 * Rows that nothing reads are not computed. If a classifier reads only class tokens, the last block
 * projects K and V of all tokens and continues with the class tokens. */
#include <stdlib.h>
#include <string.h>

#include "engine_impl.h"

typedef struct builder {
    vc_engine *e;
    vc_program *program;
    const vc_block_list *list;
    size_t *needed;               /* (operators) rows of its output that are needed */
    vc_program_buffer **of_value; /* (values) the buffer of each; NULL: none yet */
    vc_program_buffer **of_panels, **of_summaries; /* (layers) */
    vc_status status;                              /* returned at the end */
} builder;

static void fail(builder *b, vc_status status)
{
    if (b->status == VC_OK)
        b->status = status;
}

static int is_product(const vc_block_op *op)
{
    return op->linear.inputs > 0;
}

/* The attention that reads a value, as Q or as keys; NULL if none does. */
static const vc_block_op *attention_of(const builder *b, int value)
{
    for (size_t i = 0; i < b->list->op_count; i++) {
        const vc_block_op *op = &b->list->ops[i];
        if (op->kind == VC_OP_ATTENTION && (op->from == value || op->keys == value))
            return op;
    }
    return NULL;
}

static const vc_block_op *maker_of(const builder *b, int value)
{
    for (size_t i = 0; i < b->list->op_count; i++)
        if (b->list->ops[i].to == value)
            return &b->list->ops[i];
    return NULL;
}

static size_t needed_of(const builder *b, const vc_block_op *op)
{
    return b->needed[op - b->list->ops];
}

/* 1 if an attention has fewer queries than the product of Q, K and V has rows. */
static int is_cut(const builder *b, const vc_block_op *attention)
{
    return attention && attention->from == attention->keys &&
           needed_of(b, attention) < b->list->values[attention->from].rows;
}

/* ---- buffers and steps */

static vc_program_buffer *add_buffer(builder *b, size_t width, size_t rows)
{
    static vc_program_buffer nowhere;
    vc_program *p = b->program;
    vc_program_buffer **grown = realloc(p->buffers, (p->buffer_count + 1) * sizeof(void *));
    if (grown)
        p->buffers = grown;
    vc_program_buffer *made = grown ? calloc(1, sizeof *made) : NULL;
    if (!made) {
        fail(b, vc_fail(VC_ENOMEM, "out of memory for %zu buffers", p->buffer_count));
        return &nowhere;
    }
    *made = (vc_program_buffer){.width = width, .rows = rows};
    return p->buffers[p->buffer_count++] = made;
}

static int makes(const vc_program_step *step, const vc_program_buffer *buffer)
{
    for (size_t i = 0; i < step->op_count; i++)
        if (step->ops[i].to == buffer)
            return 1;
    return 0;
}

/* The step for an operator on `rows` rows that reads all rows of `whole` (or NULL). */
static vc_program_step *step_for(builder *b, size_t rows, const vc_program_buffer *whole)
{
    vc_program *p = b->program;
    vc_program_step *last = p->step_count ? &p->steps[p->step_count - 1] : NULL;
    if (last && last->rows_per_image == rows && !(whole && makes(last, whole)))
        return last;
    vc_program_step *grown = realloc(p->steps, (p->step_count + 1) * sizeof *grown);
    if (!grown) {
        fail(b, vc_fail(VC_ENOMEM, "out of memory for %zu steps", p->step_count));
        return NULL;
    }
    p->steps = grown;
    grown[p->step_count] = (vc_program_step){.rows_per_image = rows};
    return &grown[p->step_count++];
}

static void check_backend_has(builder *b, const vc_program_op *op)
{
    if (!b->e->backend->has(op->kind, op->precision))
        fail(b, vc_fail(VC_EUNSUPPORTED, "%s has no operator '%s' in %s", b->e->backend->name,
                        vc_op_name(op->kind), vc_precision_name(op->precision)));
}

static void add_op(builder *b, vc_program_step *step, const vc_program_op *op)
{
    check_backend_has(b, op);
    if (b->status != VC_OK || !step)
        return;
    vc_program_op *grown = realloc(step->ops, (step->op_count + 1) * sizeof *grown);
    if (!grown) {
        fail(b, vc_fail(VC_ENOMEM, "out of memory for %zu operators", step->op_count));
        return;
    }
    step->ops = grown;
    grown[step->op_count] = *op;
    grown[step->op_count++].index = b->program->op_count++;
}

/* The first rows of a value, copied if it has more. */
static vc_program_buffer *first_rows(builder *b, int value, size_t rows, int layer)
{
    vc_program_buffer *all = b->of_value[value];
    if (all->rows <= rows)
        return all;
    vc_program_buffer *made = add_buffer(b, all->width, rows);
    add_op(b, step_for(b, rows, all),
           &(vc_program_op){.kind = VC_OP_PREFIX, .layer = layer, .from = all, .to = made});
    return b->of_value[value] = made;
}

static vc_program_buffer *target_of(builder *b, const vc_block_op *op, size_t rows)
{
    if (op->add)
        return first_rows(b, op->to, rows, op->layer);
    if (op->to != VC_BLOCK_OUTPUTS)
        b->of_value[op->to] = add_buffer(b, b->list->values[op->to].width, rows);
    return b->of_value[op->to];
}

/* ---- operators */

/* A copy of the weights of a product with everything folded in, to be freed; NULL if nothing is
 * folded. */
static float *fold(builder *b, vc_linear *out, const vc_block_op *op)
{
    const vc_block_op *attention = attention_of(b, op->to);
    const size_t n = op->linear.outputs, k = op->linear.inputs;
    *out = op->linear;
    if (!attention && !op->scale)
        return NULL;
    float *weight = vc__scaled_copy(&op->linear, op->scale);
    if (!weight) {
        fail(b, vc_fail(VC_ENOMEM, "out of memory for %zu weights", n * k));
        return NULL;
    }
    float *bias = weight + n * k;
    out->weight = weight;
    out->bias = op->linear.bias ? bias : NULL;
    if (!attention)
        return weight;
    const vc_attention_layer l = vc_model_layer(&b->e->model->config, (size_t)op->layer);
    const size_t part = l.heads * l.head_dim, at = attention->keys_at;
    vc_linear q = {k, part, weight, bias}, key = {k, part, weight + at * k, bias + at};
    fail(b, vc__fold_scores(attention->from == op->to ? &q : NULL,
                            attention->keys == op->to ? &key : NULL, &l,
                            vc_model_coder(b->e->model, (size_t)op->layer)));
    if (l.compressed[0] || l.compressed[1])
        out->bias = bias;
    return weight;
}

/* Adds a product for outputs first to first + outputs - 1. */
static void add_product(builder *b, vc_program_step *step, const vc_block_op *op,
                        vc_program_buffer *to, vc_program_buffer *from, size_t first,
                        size_t outputs)
{
    const vc_engine *e = b->e;
    vc_program_op made = {.kind = op->kind,
                          .layer = op->layer,
                          .from = from,
                          .to = to,
                          .activation = op->activation,
                          .inputs = op->linear.inputs,
                          .outputs = outputs,
                          .first = first,
                          .precision =
                              vc_op_in_any_precision(op->kind) ? e->options.precision : VC_IN_FP32,
                          .add = op->add};
    vc_linear all;
    check_backend_has(b, &made);
    if (b->status != VC_OK)
        return;
    if (e->backend->take && e->backend->take(&made, e->device)) {
        add_op(b, step, &made);
        return;
    }
    float *folded = fold(b, &all, op);
    const vc_linear linear = {all.inputs, outputs, all.weight + first * all.inputs,
                              all.bias ? all.bias + first : NULL};
    if (b->status == VC_OK)
        fail(b, e->backend->pack(&made, e->device, &linear));
    add_op(b, step, &made);
    free(folded);
    vc_model_forget(e->model, op->linear.weight, op->linear.inputs * op->linear.outputs);
}

static const float *upload(builder *b, const float *values, size_t count)
{
    const float *out = NULL;
    if (b->status == VC_OK)
        fail(b, b->e->backend->upload(&out, b->e->device, values, count));
    return out;
}

static void add_norm(builder *b, const vc_block_op *op, vc_program_buffer *to,
                     vc_program_buffer *from, size_t rows)
{
    add_op(b, step_for(b, rows, NULL),
           &(vc_program_op){.kind = op->kind,
                            .layer = op->layer,
                            .from = from,
                            .to = to,
                            .weight = upload(b, op->gain, from->width),
                            .bias = upload(b, op->shift, from->width),
                            .eps = op->eps,
                            .deviation = op->deviation});
}

/* An operator that reads the keys of an attention. `dropped` is the number of values of their rows
 * that were left out. */
static vc_program_op on_keys(const builder *b, vc_op_kind kind, const vc_block_op *attention,
                             vc_program_buffer *keys, size_t dropped)
{
    return (vc_program_op){.kind = kind,
                           .layer = attention->layer,
                           .attention = &b->e->attention[attention->layer],
                           .keys = keys,
                           .panels = b->of_panels[attention->layer],
                           .summaries = b->of_summaries[attention->layer],
                           .keys_at = attention->keys_at - dropped,
                           .values_at = attention->values_at - dropped};
}

/* Adds the packing of keys that were just made. */
static void add_panels(builder *b, vc_program_step *step, const vc_block_op *attention,
                       vc_program_buffer *keys, size_t dropped)
{
    const vc_engine *e = b->e;
    const vc_packed_attention *layer = &e->attention[attention->layer];
    const vc_attention_layer l = vc_model_layer(&e->model->config, (size_t)attention->layer);
    if (e->backend->panels(&l, e->options.precision) == VC_PANELS_NONE)
        return;
    vc_program_buffer *panels = add_buffer(b, layer->panel_floats, 1);
    panels->panels = 1;
    b->of_panels[attention->layer] = panels;
    vc_program_op op = on_keys(b, VC_OP_PANELS, attention, keys, dropped);
    op.to = panels;
    add_op(b, step, &op);
}

/* Adds the pooling of keys that were just made, if there are summaries. */
static void add_pooling(builder *b, const vc_block_op *attention, vc_program_buffer *keys,
                        size_t dropped)
{
    const vc_packed_attention *layer = &b->e->attention[attention->layer];
    const size_t summaries = vc_pattern_summaries(&layer->pattern);
    if (summaries == 0)
        return;
    vc_program_buffer *rows = add_buffer(b, vc_summary_floats(layer), summaries);
    b->of_summaries[attention->layer] = rows;
    vc_program_op op = on_keys(b, VC_OP_POOL, attention, keys, dropped);
    op.to = rows;
    add_op(b, step_for(b, summaries, keys), &op);
}

static size_t values_of_q(const builder *b, const vc_block_op *attention)
{
    const vc_packed_attention *layer = &b->e->attention[attention->layer];
    return layer->heads * layer->head_dim;
}

/* Adds a product, and what is made of keys if its output has them; if few queries are needed, K and
 * V without Q. */
static void project(builder *b, const vc_block_op *op, size_t rows)
{
    const vc_block_op *attention = attention_of(b, op->to);
    vc_program_buffer *from = first_rows(b, op->from, rows, op->layer);
    if (!is_cut(b, attention)) {
        vc_program_buffer *to = target_of(b, op, rows);
        vc_program_step *step = step_for(b, rows, NULL);
        add_product(b, step, op, to, from, 0, op->linear.outputs);
        if (attention && attention->keys == op->to) {
            add_panels(b, step, attention, to, 0);
            add_pooling(b, attention, to, 0);
        }
        return;
    }
    const size_t dropped = values_of_q(b, attention), outputs = op->linear.outputs - dropped;
    vc_program_step *step = step_for(b, rows, NULL);
    vc_program_buffer *to = add_buffer(b, outputs, rows);
    b->of_value[op->to] = to;
    add_product(b, step, op, to, from, dropped, outputs);
    add_panels(b, step, attention, to, dropped);
    add_pooling(b, attention, to, dropped);
}

/* Adds Q of the few rows that are needed. Their norm is computed again. */
static vc_program_buffer *project_queries(builder *b, const vc_block_op *attention, size_t rows)
{
    const vc_block_op *op = maker_of(b, attention->from), *norm = maker_of(b, op->from);
    vc_program_buffer *from;
    if (vc_op_work(norm->kind) == VC_WORK_NORM) {
        vc_program_buffer *tokens = first_rows(b, norm->from, rows, op->layer);
        from = add_buffer(b, tokens->width, rows);
        add_norm(b, norm, from, tokens, rows);
    } else {
        from = first_rows(b, op->from, rows, op->layer);
    }
    const size_t outputs = values_of_q(b, attention);
    vc_program_buffer *q = add_buffer(b, outputs, rows);
    add_product(b, step_for(b, rows, NULL), op, q, from, 0, outputs);
    return q;
}

static void add_attention(builder *b, const vc_block_op *op, size_t rows)
{
    const int cut = is_cut(b, op);
    const size_t dropped = cut ? values_of_q(b, op) : 0;
    vc_program_buffer *keys = b->of_value[op->keys];
    vc_program_op made = on_keys(b, op->kind, op, keys, dropped);
    made.from = cut ? project_queries(b, op, rows) : b->of_value[op->from];
    made.to = target_of(b, op, rows);
    made.activation = op->activation;
    /* Summaries are made in a step after that of the keys. */
    add_op(b, step_for(b, rows, made.summaries ? made.summaries : keys), &made);
}

/* Adds an operator that moves values: patches, windows, spans, positions, every second token, or a
 * mean. */
static void add_reshape(builder *b, const vc_block_op *op, size_t rows)
{
    vc_program_buffer *from =
        op->from == VC_BLOCK_NOTHING
            ? NULL
            : first_rows(b, op->from, vc_block_op_by_row(b->list, op) ? rows : op->reads,
                         op->layer);
    vc_program_buffer *to = target_of(b, op, rows);
    add_op(b, step_for(b, rows, from),
           &(vc_program_op){.kind = op->kind,
                            .layer = op->layer,
                            .from = from,
                            .to = to,
                            .weight = op->start ? upload(b, op->start, to->rows * to->width) : NULL,
                            .add = op->add,
                            .patches = op->patches,
                            .window = op->window,
                            .span = op->span,
                            .prefix = op->prefix});
}

static void add_operator(builder *b, const vc_block_op *op)
{
    const size_t rows = needed_of(b, op);
    if (rows == 0 || b->status != VC_OK)
        return;
    if (op->kind == VC_OP_ATTENTION) {
        add_attention(b, op, rows);
    } else if (is_product(op)) {
        project(b, op, rows);
    } else if (vc_op_work(op->kind) == VC_WORK_NORM) {
        vc_program_buffer *from =
            first_rows(b, op->from, vc_block_op_by_row(b->list, op) ? rows : op->reads, op->layer);
        add_norm(b, op, target_of(b, op, rows), from, rows);
    } else {
        add_reshape(b, op, rows);
    }
}

/* For maps, all rows up to the last attention. */
static void need_queries(size_t *needed, const vc_block_list *list)
{
    size_t count = list->op_count;
    while (count > 0 && list->ops[count - 1].kind != VC_OP_ATTENTION)
        count--;
    for (size_t i = 0; i < count; i++)
        needed[i] = list->values[list->ops[i].to].rows;
}

vc_status vc__program_build(vc_engine *e, const vc_block_list *list)
{
    const size_t layers = vc_model_layers(&e->model->config);
    builder b = {.e = e,
                 .program = &e->program,
                 .list = list,
                 .needed = calloc(list->op_count, sizeof *b.needed),
                 .of_value = calloc(list->value_count, sizeof(void *)),
                 .of_panels = calloc(layers, sizeof(void *)),
                 .of_summaries = calloc(layers, sizeof(void *))};
    if (!b.needed || !b.of_value || !b.of_panels || !b.of_summaries)
        fail(&b, vc_fail(VC_ENOMEM, "out of memory for a program"));
    else
        fail(&b, vc_block_list_needed(b.needed, list));
    if (b.status == VC_OK && e->options.attention == VC_ATTENTION_MAPS)
        need_queries(b.needed, list);
    for (int v = VC_BLOCK_IMAGES; b.status == VC_OK && v <= VC_BLOCK_OUTPUTS; v++)
        b.of_value[v] = add_buffer(&b, list->values[v].width, list->values[v].rows);
    for (size_t i = 0; b.status == VC_OK && i < list->op_count; i++)
        add_operator(&b, &list->ops[i]);
    free(b.needed);
    free(b.of_value);
    free(b.of_panels);
    free(b.of_summaries);
    return b.status;
}

void vc__program_close(vc_program *p)
{
    for (size_t i = 0; i < p->buffer_count; i++)
        free(p->buffers[i]);
    for (size_t s = 0; s < p->step_count; s++)
        free(p->steps[s].ops);
    free(p->buffers);
    free(p->steps);
    *p = (vc_program){0};
}
