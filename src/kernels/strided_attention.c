/* Attention in training, on views of any strides and in float32 or bfloat16. */
#include "vitcod/strided_attention.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "attention_impl.h"
#include "vitcod/kernels.h"

/* A view of one call: its shape, and whether it has to be packed. */
typedef struct operand {
    vc_strided view;
    const char *name;
    size_t tokens, width;
    int packed;
    size_t room; /* where its packed values are in a thread's scratch, in floats */
} operand;

enum { Q, K, V, OUT, DQ, DK, DV, MOST_OPERANDS };

typedef struct work {
    const vc_strided_attention *attention;
    vc_attention_shape shape;
    operand operands[MOST_OPERANDS]; /* OUT: going backward, its gradient */
    size_t count;
    size_t probs_room;         /* in a thread's scratch, where no probabilities are kept */
    size_t scratch, of_thread; /* floats: of the kernels, of a thread with packed values */
    float *memory;             /* (threads, of_thread) */
    float *bias, *scores;      /* arranged; (B, values) */
    vc_pooling pooling;        /* the plan's, with what is learnt */
    const float *summary_bias;
    vc_strided_gradients parts; /* of every image and head: see vc_attention_gradients */
} work;

static int is_direct(const operand *o)
{
    return o->view.dtype == VC_F32 && o->view.value == 1 && o->view.token >= (ptrdiff_t)o->width;
}

static int is_shared(ptrdiff_t stride, size_t count)
{
    return stride == 0 && count > 1;
}

static vc_status check_view(const operand *o, const vc_strided_attention *a, int is_output)
{
    if (o->view.dtype != VC_F32 && o->view.dtype != VC_BF16)
        return vc_fail(VC_EINVAL, "attention: %s is %s; wanted F32 or BF16", o->name,
                       vc_dtype_name(o->view.dtype));
    if (!o->view.data)
        return vc_fail(VC_EINVAL, "attention: %s has no data", o->name);
    if (is_output &&
        (is_shared(o->view.image, a->batch) || is_shared(o->view.head, a->pattern->heads) ||
         is_shared(o->view.token, o->tokens) || is_shared(o->view.value, o->width)))
        return vc_fail(VC_EINVAL, "attention: values of %s share a place (a stride is 0)", o->name);
    return VC_OK;
}

static vc_status check_summaries(const vc_pattern *pattern, int summaries, const float *query)
{
    if ((summaries && !pattern->pooling) ||
        (query && (!pattern->pooling || !pattern->pooling->query)))
        return vc_fail(VC_EINVAL, "attention: %s are learnt; the layer of the plan has none",
                       query ? "queries of a pooling" : "summaries");
    return VC_OK;
}

static vc_status check_learnt(const vc_strided_attention *a)
{
    const vc_pattern *pattern = a->pattern;
    const vc_pooling *pooling = pattern->pooling;
    VC_TRY(check_summaries(pattern, a->summary_bias || a->pool_weights, a->pool_query));
    const size_t biases = pooling ? pattern->heads * pattern->queries * pooling->count : 0;
    for (size_t i = 0; a->summary_bias && i < biases; i++)
        if (a->summary_bias[i] == -INFINITY && pattern->summary_bias[i] != -INFINITY)
            return vc_fail(VC_EINVAL,
                           "attention: value %zu of the summaries' bias is -inf, and its row sees "
                           "that summary; wanted a finite one",
                           i);
    for (size_t e = 0; a->pool_weights && pooling->query && e < pooling->entries; e++)
        if (!(a->pool_weights[e] > 0.0f))
            return vc_fail(VC_EINVAL,
                           "attention: weight %zu of a pooling by queries is %g; wanted one above "
                           "0, whose logarithm is taken",
                           e, (double)a->pool_weights[e]);
    return VC_OK;
}

static vc_status check(const vc_strided_attention *a)
{
    const vc_pooling *pooling = a->pattern->pooling;
    if (a->batch == 0 || a->head_dim == 0 || a->value_dim == 0)
        return vc_fail(VC_EINVAL,
                       "attention: %zu images, %zu values of a key and %zu of a value; wanted 1 of "
                       "each at least",
                       a->batch, a->head_dim, a->value_dim);
    if (pooling && pooling->query && pooling->dim != a->head_dim)
        return vc_fail(VC_EINVAL,
                       "attention: the plan pools with queries of %zu values, the heads have %zu",
                       pooling->dim, a->head_dim);
    return check_learnt(a);
}

static size_t stride_of(const operand *o)
{
    return o->packed ? o->width : (size_t)o->view.token;
}

/* Floats of a thread come in whole cache lines, so that threads do not share one. */
static size_t place(size_t *end, size_t floats)
{
    const size_t start = *end;
    *end += (floats + 15) / 16 * 16;
    return start;
}

/* The largest head's. */
static size_t values_of_head(const vc_pattern *pattern)
{
    size_t most = 0;
    for (size_t h = 0; h < pattern->heads; h++) {
        const size_t end =
            h + 1 < pattern->heads ? pattern->head[h + 1].values_start : pattern->values;
        const size_t values = end - pattern->head[h].values_start;
        most = values > most ? values : most;
    }
    return most;
}

static vc_status out_of_memory(void)
{
    return vc_fail(VC_ENOMEM, "out of memory for attention");
}

/* Checks the views, and makes room. `keeps`: the caller has room for probabilities. */
static vc_status open_work(work *w, const vc_strided_attention *a, int keeps, int backward)
{
    const vc_pattern *pattern = a->pattern;
    w->attention = a;
    w->summary_bias = a->summary_bias ? a->summary_bias : pattern->summary_bias;
    if (pattern->pooling)
        w->pooling = *pattern->pooling;
    if (a->pool_weights)
        w->pooling.weights = (float *)a->pool_weights;
    if (a->pool_query)
        w->pooling.query = (float *)a->pool_query;
    for (size_t i = 0; i < w->count; i++) {
        operand *o = &w->operands[i];
        VC_TRY(check_view(o, a, backward ? i > OUT : i == OUT));
        o->packed = !is_direct(o);
    }
    for (size_t h = 0; backward && h < pattern->heads; h++)
        w->operands[OUT].packed |= pattern->head[h].kept_share != NULL; /* it is scaled */
    if (backward && pattern->pooling) /* whose gradients have the strides of K */
        w->operands[K].packed = w->operands[DK].packed = 1;
    w->shape = (vc_attention_shape){a->batch,
                                    pattern->heads,
                                    pattern->queries,
                                    pattern->keys,
                                    a->head_dim,
                                    a->value_dim,
                                    stride_of(&w->operands[Q]),
                                    stride_of(&w->operands[K]),
                                    stride_of(&w->operands[V]),
                                    stride_of(&w->operands[OUT])};
    w->scratch = vc_attention_scratch_floats(&w->shape, pattern, backward);
    w->of_thread = w->scratch;
    for (size_t i = 0; i < w->count; i++)
        if (w->operands[i].packed)
            w->operands[i].room =
                place(&w->of_thread, w->operands[i].tokens * w->operands[i].width);
    if (!keeps)
        w->probs_room = place(&w->of_thread, values_of_head(pattern));
    const size_t bytes = (size_t)omp_get_max_threads() * w->of_thread * sizeof(float);
    w->memory = aligned_alloc(64, bytes);
    return w->memory ? VC_OK : out_of_memory();
}

static void close_work(work *w)
{
    free(w->memory);
    free(w->bias);
    free(w->scores);
    free(w->parts.summary_bias);
    free(w->parts.pool_weights);
    free(w->parts.pool_query);
}

static operand operand_of(const char *name, const vc_strided *view, size_t tokens, size_t width)
{
    return (operand){.view = *view, .name = name, .tokens = tokens, .width = width};
}

/* The value 0 of a head. */
static size_t start_of(const operand *o, size_t image, size_t head)
{
    return (size_t)((ptrdiff_t)image * o->view.image + (ptrdiff_t)head * o->view.head);
}

/* With a step that is known, the loops are vectorised. */
static inline void take(float *row, const vc_strided *v, size_t at, size_t count, ptrdiff_t step)
{
    if (v->dtype == VC_F32) {
        const float *from = (const float *)v->data + at;
        for (size_t c = 0; c < count; c++)
            row[c] = from[(ptrdiff_t)c * step];
        return;
    }
    const uint16_t *from = (const uint16_t *)v->data + at;
    for (size_t c = 0; c < count; c++) {
        const uint32_t bits = (uint32_t)from[(ptrdiff_t)c * step] << 16;
        memcpy(row + c, &bits, sizeof bits);
    }
}

static inline void give(const vc_strided *v, size_t at, const float *row, size_t count,
                        ptrdiff_t step)
{
    enum { BLOCK = 64 };
    const vc_kernels *kernels = vc_kernels_get();
    if (v->dtype == VC_F32) {
        float *to = (float *)v->data + at;
        for (size_t c = 0; c < count; c++)
            to[(ptrdiff_t)c * step] = row[c];
        return;
    }
    uint16_t *to = (uint16_t *)v->data + at, block[BLOCK];
    for (size_t first = 0; first < count; first += BLOCK) {
        const size_t some = count - first < BLOCK ? count - first : BLOCK;
        kernels->to_bf16(block, row + first, some);
        for (size_t c = 0; c < some; c++)
            to[(ptrdiff_t)(first + c) * step] = block[c];
    }
}

static void pack(float *rows, const operand *o, size_t image, size_t head)
{
    size_t at = start_of(o, image, head);
    for (size_t t = 0; t < o->tokens; t++, at += (size_t)o->view.token)
        if (o->view.value == 1)
            take(rows + t * o->width, &o->view, at, o->width, 1);
        else
            take(rows + t * o->width, &o->view, at, o->width, o->view.value);
}

static void unpack(const operand *o, size_t image, size_t head, const float *rows)
{
    size_t at = start_of(o, image, head);
    for (size_t t = 0; t < o->tokens; t++, at += (size_t)o->view.token)
        if (o->view.value == 1)
            give(&o->view, at, rows + t * o->width, o->width, 1);
        else
            give(&o->view, at, rows + t * o->width, o->width, o->view.value);
}

/* Where a head of an operand is computed with. */
static float *rows_of(const work *w, size_t index, float *memory, size_t image, size_t head)
{
    const operand *o = &w->operands[index];
    return o->packed ? memory + o->room : (float *)o->view.data + start_of(o, image, head);
}

static const float *read_rows(const work *w, size_t index, float *memory, size_t image, size_t head)
{
    float *rows = rows_of(w, index, memory, image, head);
    if (w->operands[index].packed)
        pack(rows, &w->operands[index], image, head);
    return rows;
}

static void write_rows(const work *w, size_t index, float *memory, size_t image, size_t head)
{
    if (w->operands[index].packed)
        unpack(&w->operands[index], image, head, memory + w->operands[index].room);
}

static vc__attention_head head_of(const work *w, float *memory, size_t image, size_t h)
{
    const vc_pattern *pattern = w->attention->pattern;
    const vc_pattern_head *of = &pattern->head[h];
    const size_t summaries = vc_pattern_summaries(pattern);
    return (vc__attention_head){
        .shape = &w->shape,
        .pattern = of,
        .index = h,
        .pooling = pattern->pooling ? &w->pooling : NULL,
        .q = read_rows(w, Q, memory, image, h),
        .k = read_rows(w, K, memory, image, h),
        .v = read_rows(w, V, memory, image, h),
        .bias = w->bias ? w->bias + of->values_start : NULL,
        .summary_bias = summaries ? w->summary_bias + h * pattern->queries * summaries : NULL,
        .scratch = memory,
    };
}

static void run_forward(const work *w, float *probs)
{
    const vc_pattern *pattern = w->attention->pattern;
#pragma omp parallel for collapse(2) schedule(dynamic)
    for (size_t b = 0; b < w->shape.batch; b++)
        for (size_t h = 0; h < pattern->heads; h++) {
            float *memory = w->memory + (size_t)omp_get_thread_num() * w->of_thread;
            vc__attention_head head = head_of(w, memory, b, h);
            head.out = rows_of(w, OUT, memory, b, h);
            head.probs = probs ? probs + b * pattern->values + pattern->head[h].values_start
                               : memory + w->probs_room;
            vc__attention_head_forward(&head);
            write_rows(w, OUT, memory, b, h);
        }
}

vc_status vc_strided_attention_forward(const vc_strided *out, float *probs,
                                       const vc_strided_attention *a)
{
    VC_TRY(check(a));
    const vc_pattern *p = a->pattern;
    work w = {.operands = {operand_of("q", &a->q, p->queries, a->head_dim),
                           operand_of("k", &a->k, p->keys, a->head_dim),
                           operand_of("v", &a->v, p->keys, a->value_dim),
                           operand_of("out", out, p->queries, a->value_dim)},
              .count = OUT + 1};
    vc_status status = open_work(&w, a, probs != NULL, 0);
    if (status == VC_OK && a->bias) {
        w.bias = malloc(p->values * sizeof *w.bias);
        if (w.bias)
            vc_pattern_arrange(w.bias, a->bias, p);
        else
            status = out_of_memory();
    }
    if (status == VC_OK)
        run_forward(&w, probs);
    close_work(&w);
    return status;
}

/* Where a head of an image has its gradients of `count` values; NULL: they are not wanted. */
static float *part(float *parts, const work *w, size_t image, size_t head, size_t count)
{
    return parts ? parts + (image * w->shape.heads + head) * count : NULL;
}

static void run_backward(const work *w, const float *probs)
{
    const vc_pattern *pattern = w->attention->pattern;
    const vc_pooling *p = &w->pooling;
#pragma omp parallel for collapse(2) schedule(dynamic)
    for (size_t b = 0; b < w->shape.batch; b++)
        for (size_t h = 0; h < pattern->heads; h++) {
            float *memory = w->memory + (size_t)omp_get_thread_num() * w->of_thread;
            const size_t at = b * pattern->values + pattern->head[h].values_start;
            vc__attention_head head = head_of(w, memory, b, h);
            head.dout = (float *)read_rows(w, OUT, memory, b, h);
            head.dq = rows_of(w, DQ, memory, b, h);
            head.dk = rows_of(w, DK, memory, b, h);
            head.dv = rows_of(w, DV, memory, b, h);
            head.dq_stride = stride_of(&w->operands[DQ]);
            head.dk_stride = stride_of(&w->operands[DK]);
            head.dv_stride = stride_of(&w->operands[DV]);
            head.probs = (float *)probs + at;
            head.dscores = w->scores ? w->scores + at : NULL;
            head.dsummary_bias = part(w->parts.summary_bias, w, b, h, pattern->queries * p->count);
            head.dpool_weights = part(w->parts.pool_weights, w, b, h, p->entries);
            head.dpool_query = part(w->parts.pool_query, w, b, h, p->dim);
            vc__attention_head_backward(&head);
            for (size_t i = DQ; i <= DV; i++)
                write_rows(w, i, memory, b, h);
        }
}

/* Rows of `count` gradients, added up in the first. */
static void sum_rows(float *x, size_t rows, size_t count)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        for (size_t r = 1; r < rows; r++)
            x[i] += x[r * count + i];
}

/* Gradients that images, or images and heads, add up in, and how many each has. */
typedef struct summed {
    float *out, **parts;
    size_t rows, count;
} summed;

enum { SUMMED = 4 };

static vc_status open_sums(const summed sums[SUMMED])
{
    for (size_t i = 0; i < SUMMED; i++) {
        if (!sums[i].out || sums[i].count == 0)
            continue;
        *sums[i].parts = malloc(sums[i].rows * sums[i].count * sizeof(float));
        if (!*sums[i].parts)
            return out_of_memory();
    }
    return VC_OK;
}

vc_status vc_strided_attention_backward(const vc_strided_gradients *out, const vc_strided *dout,
                                        const float *probs, const vc_strided_attention *a)
{
    VC_TRY(check(a));
    VC_TRY(check_summaries(a->pattern, out->summary_bias || out->pool_weights, out->pool_query));
    const vc_pattern *p = a->pattern;
    work w = {.operands = {operand_of("q", &a->q, p->queries, a->head_dim),
                           operand_of("k", &a->k, p->keys, a->head_dim),
                           operand_of("v", &a->v, p->keys, a->value_dim),
                           operand_of("dout", dout, p->queries, a->value_dim),
                           operand_of("dq", &out->q, p->queries, a->head_dim),
                           operand_of("dk", &out->k, p->keys, a->head_dim),
                           operand_of("dv", &out->v, p->keys, a->value_dim)},
              .count = MOST_OPERANDS};
    vc_status status = open_work(&w, a, 1, 1);
    const summed sums[SUMMED] = {
        {out->bias, &w.scores, a->batch, p->values},
        {out->summary_bias, &w.parts.summary_bias, a->batch,
         p->heads * p->queries * w.pooling.count},
        {out->pool_query, &w.parts.pool_query, a->batch, p->heads * w.pooling.dim},
        {out->pool_weights, &w.parts.pool_weights, a->batch * p->heads, w.pooling.entries},
    };
    if (status == VC_OK)
        status = open_sums(sums);
    if (status == VC_OK)
        run_backward(&w, probs);
    for (size_t i = 0; status == VC_OK && i < SUMMED; i++) {
        if (!*sums[i].parts)
            continue;
        sum_rows(*sums[i].parts, sums[i].rows, sums[i].count);
        if (i == 0)
            vc_pattern_spread(out->bias, w.scores, p);
        else
            memcpy(sums[i].out, *sums[i].parts, sums[i].count * sizeof(float));
    }
    close_work(&w);
    return status;
}
