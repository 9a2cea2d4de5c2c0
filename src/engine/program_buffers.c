/* Finds the buffers that belong to a tile only, and those that can share memory because they are
 * never in use at the same time. */
#include <stdlib.h>

#include "engine_impl.h"

/* When a buffer is in use: from its first operator to its last, in steps and in operators. */
typedef struct life {
    size_t first_step, last_step, first_op, last_op;
    int met, crossed; /* crossed: 1: an operator reads other rows */
    int plain; /* something but products reads it, or something but a product or norm makes it */
    vc_program_buffer *merged; /* the buffer whose memory it uses */
} life;

typedef struct sharing {
    vc_program *program;
    life *lives; /* (buffers) */
    vc_precision precision;
} sharing;

static life *life_of(const sharing *s, const vc_program_buffer *buffer)
{
    size_t i = 0;
    while (s->program->buffers[i] != buffer)
        i++;
    return &s->lives[i];
}

static void meet(const sharing *s, const vc_program_buffer *buffer, size_t step, size_t op,
                 int crossed, int plain)
{
    if (!buffer)
        return;
    life *l = life_of(s, buffer);
    if (!l->met)
        *l = (life){.first_step = step, .first_op = op, .met = 1};
    l->last_step = step;
    l->last_op = op;
    l->crossed |= crossed;
    l->plain |= plain;
}

static void find_lives(const sharing *s)
{
    for (size_t step = 0; step < s->program->step_count; step++)
        for (size_t i = 0; i < s->program->steps[step].op_count; i++) {
            const vc_program_op *op = &s->program->steps[step].ops[i];
            const int product = op->inputs > 0, norm = vc_op_work(op->kind) == VC_WORK_NORM;
            meet(s, op->from, step, op->index, vc_op_reads_other_rows(op->kind),
                 !product || op->precision != s->precision);
            meet(s, op->to, step, op->index, op->panels == op->to, !norm && (!product || op->add));
            meet(s, op->keys, step, op->index, op->kind != VC_OP_PANELS, 1);
            meet(s, op->panels, step, op->index, 1, 1);
            meet(s, op->summaries, step, op->index, 1, 1);
        }
}

/* 1 if `b`, which begins later, can use the memory of `a`. */
static int can_follow(const vc_program_buffer *a, const life *of_a, const vc_program_buffer *b,
                      const life *of_b)
{
    if (a->local != b->local || a->panels != b->panels || a->precision != b->precision)
        return 0;
    if (!a->panels && (a->width != b->width || (!a->local && a->rows != b->rows)))
        return 0;
    return a->local ? of_a->last_op < of_b->first_op : of_a->last_step < of_b->first_step;
}

static void merge(const sharing *s, size_t index)
{
    vc_program_buffer *b = s->program->buffers[index];
    life *of_b = &s->lives[index];
    for (size_t i = VC_BLOCK_OUTPUTS + 1; i < index; i++) {
        vc_program_buffer *a = s->program->buffers[i];
        life *of_a = &s->lives[i];
        if (of_a->merged || !can_follow(a, of_a, b, of_b))
            continue;
        a->width = a->width > b->width ? a->width : b->width;
        a->rows = a->rows > b->rows ? a->rows : b->rows; /* where both are local */
        of_a->last_step = of_b->last_step;
        of_a->last_op = of_b->last_op;
        of_b->merged = a;
        return;
    }
}

static vc_program_buffer *after_merging(const sharing *s, vc_program_buffer *buffer)
{
    if (!buffer)
        return NULL;
    const life *l = life_of(s, buffer);
    return l->merged ? l->merged : buffer;
}

static void point_at_merged(const sharing *s)
{
    vc_program *p = s->program;
    for (size_t step = 0; step < p->step_count; step++)
        for (size_t i = 0; i < p->steps[step].op_count; i++) {
            vc_program_op *op = &p->steps[step].ops[i];
            op->from = after_merging(s, op->from);
            op->to = after_merging(s, op->to);
            op->keys = after_merging(s, op->keys);
            op->panels = after_merging(s, op->panels);
            op->summaries = after_merging(s, op->summaries);
        }
    size_t kept = 0;
    for (size_t i = 0; i < p->buffer_count; i++) {
        if (s->lives[i].merged)
            free(p->buffers[i]);
        else
            p->buffers[kept++] = p->buffers[i];
    }
    p->buffer_count = kept;
}

vc_status vc__program_share_buffers(vc_program *program, vc_precision precision)
{
    const sharing s = {program, calloc(program->buffer_count, sizeof(life)), precision};
    if (!s.lives)
        return vc_fail(VC_ENOMEM, "out of memory for a program's buffers");
    find_lives(&s);
    for (size_t i = VC_BLOCK_OUTPUTS + 1; i < program->buffer_count; i++) {
        const life *l = &s.lives[i];
        vc_program_buffer *b = program->buffers[i];
        b->local = !l->crossed && l->first_step == l->last_step;
        b->precision = b->local && !l->plain ? precision : VC_IN_FP32;
        merge(&s, i);
    }
    point_at_merged(&s);
    free(s.lives);
    return VC_OK;
}
