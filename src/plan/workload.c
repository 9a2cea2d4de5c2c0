#include "vitcod/workload.h"

#include <stdlib.h>

vc_status vc_workload_add(vc_workload *workload, const vc_op *op)
{
    if (workload->count == workload->capacity) {
        size_t capacity = workload->capacity ? 2 * workload->capacity : 64;
        vc_op *ops = realloc(workload->ops, capacity * sizeof *ops);
        if (!ops)
            return vc_fail(VC_ENOMEM, "out of memory for a workload of %zu operators", capacity);
        workload->ops = ops;
        workload->capacity = capacity;
    }
    workload->ops[workload->count++] = *op;
    return VC_OK;
}

typedef struct counts {
    uint64_t scores;   /* scores computed: panels and sparser entries */
    uint64_t residual; /* values added up for the mean, and rows it is added to */
    uint64_t indices;  /* rows of sparser entries and lengths of their columns */
    uint64_t biases;   /* scores of summaries */
} counts;

static counts count_scores(const vc_attention_sizes *s, const vc_plan_layer *plan)
{
    counts total = {0};
    if (!plan)
        return (counts){.scores = (uint64_t)s->heads * s->queries * s->keys};
    for (size_t h = 0; h < plan->heads; h++) {
        uint64_t sparse = vc_plan_kept_sparser(plan, h);
        total.biases += plan->pooling.count * plan->queries;
        total.scores += (uint64_t)plan->global_tokens[h] * plan->queries + sparse;
        total.residual += plan->kept_share ? plan->keys + plan->queries : 0;
        total.indices += sparse + plan->keys - (size_t)plan->global_tokens[h];
    }
    total.scores += total.biases;
    return total;
}

/* The values of a token that are stored of K, and of V; before the encoder, they are those of all
 * heads. */
static uint64_t width_of(const vc_attention_sizes *s, int encoded)
{
    const size_t heads = encoded && s->compressed[1] ? s->compressed[1] : s->heads;
    return heads * s->head_dim + s->heads * s->value_dim;
}

vc_status vc_workload_add_pooling(vc_workload *workload, int layer, const vc_attention_sizes *s,
                                  const vc_plan_layer *plan)
{
    const vc_pooling *p = plan ? &plan->pooling : NULL;
    if (!p || p->count == 0)
        return VC_OK;
    const uint64_t scored = p->query ? s->heads * p->dim : 0; /* of a token, by pooling queries */
    const vc_op op = {.kind = VC_OP_POOL,
                      .layer = layer,
                      .macs = p->entries * (width_of(s, !p->query) + scored),
                      .output_values = p->count * width_of(s, 1),
                      .index_values = p->entries + p->count, /* tokens, and lengths of the sums */
                      .summary_values = p->entries + scored,
                      .sizes = *s};
    return vc_workload_add(workload, &op);
}

void vc_workload_keep_layers(vc_workload *workload, int first, int last)
{
    size_t kept = 0;
    for (size_t i = 0; i < workload->count; i++)
        if (workload->ops[i].layer >= first && workload->ops[i].layer <= last)
            workload->ops[kept++] = workload->ops[i];
    workload->count = kept;
}

static vc_status add_to_layer(vc_workload *workload, vc_op op, int layer,
                              const vc_attention_sizes *sizes)
{
    op.layer = layer;
    op.attention = 1;
    op.sizes = *sizes;
    return vc_workload_add(workload, &op);
}

vc_status vc_workload_add_attention(vc_workload *workload, int layer, const vc_attention_sizes *s,
                                    const vc_plan_layer *plan)
{
    const size_t *z = s->compressed;
    uint64_t h = s->heads, d = s->head_dim, v = s->value_dim;
    uint64_t keys = s->keys + (plan ? plan->pooling.count : 0);
    uint64_t stored = s->queries * (z[0] ? z[0] : h) + keys * (z[1] ? z[1] : h);
    uint64_t decoded = s->queries * z[0] + keys * z[1]; /* times D each */
    uint64_t decoders = (z[0] ? h * z[0] + h : 0) + (z[1] ? h * z[1] + h : 0);
    counts n = count_scores(s, plan);
    const vc_op ops[] = {
        {.kind = VC_OP_DECODE, .macs = decoded * d * h, .weight_values = decoders},
        {.kind = VC_OP_SDDMM,
         .macs = n.scores * d,
         .input_values = stored * d,
         .index_values = n.indices,
         .summary_values = n.biases},
        {.kind = VC_OP_SOFTMAX},
        {.kind = VC_OP_SPMM,
         .macs = (n.scores + n.residual) * v,
         .input_values = keys * h * v,
         .output_values = s->queries * h * v},
    };
    for (size_t i = decoders ? 0 : 1; i < sizeof ops / sizeof *ops; i++)
        VC_TRY(add_to_layer(workload, ops[i], layer, s));
    return VC_OK;
}

void vc_workload_close(vc_workload *workload)
{
    free(workload->ops);
    *workload = (vc_workload){0};
}

vc_status vc_workload_add_plan(vc_workload *out, const vc_plan *layers, const vc_plan *plan,
                               size_t head_dim, const size_t compressed[2], const char *path)
{
    enum { MOST_HEAD_DIM = 1 << 16 };
    if (head_dim == 0 || head_dim > MOST_HEAD_DIM)
        return vc_fail(VC_EINVAL, "%s: head dimension %zu, wanted 1 to %d", path, head_dim,
                       MOST_HEAD_DIM);
    for (size_t l = 0; l < layers->layer_count; l++) {
        const vc_plan_layer *p = &layers->layers[l];
        vc_attention_sizes sizes = {p->heads, p->queries, p->keys, head_dim, head_dim, {0}};
        for (size_t i = 0; compressed && i < 2; i++) {
            sizes.compressed[i] = compressed[i];
            if (compressed[i] > p->heads)
                return vc_fail(VC_EINVAL,
                               "%s: %zu compressed heads, wanted at most layer %zu's %zu", path,
                               compressed[i], l, p->heads);
        }
        VC_TRY(vc_workload_add_attention(out, (int)l, &sizes, plan ? &plan->layers[l] : NULL));
    }
    return VC_OK;
}

vc_status vc_workload_batch(vc_workload *w, uint64_t images)
{
    if (images < 2)
        return VC_OK;
    for (size_t i = 0; i < w->count; i++)
        if (w->ops[i].kind == VC_OP_POOL)
            return vc_fail(VC_EUNSUPPORTED,
                           "a batch of %zu images on a plan with summaries, wanted one image, or "
                           "attention alone",
                           (size_t)images);
    for (size_t i = 0; i < w->count; i++) {
        vc_op *op = &w->ops[i];
        uint64_t *const each[] = {&op->macs,         &op->input_values,   &op->output_values,
                                  &op->index_values, &op->summary_values, &op->residual_values};
        for (size_t k = 0; k < sizeof each / sizeof *each; k++)
            *each[k] *= images;
        for (size_t p = 0; p < VC_OP_PRODUCTS; p++)
            op->products[p].rows *= images;
    }
    w->images = images;
    return VC_OK;
}

uint64_t vc_workload_macs(const vc_workload *workload, int attention_only)
{
    uint64_t macs = 0;
    for (size_t i = 0; i < workload->count; i++)
        if (!attention_only || workload->ops[i].attention)
            macs += workload->ops[i].macs;
    return macs;
}

json_t *vc_workload_json(const vc_workload *workload)
{
    json_t *ops = json_array();
    for (size_t i = 0; i < workload->count; i++) {
        const vc_op *op = &workload->ops[i];
        json_t *one =
            json_pack("{s:s, s:i, s:b, s:I, s:I, s:I, s:I, s:I}", "kind", vc_op_name(op->kind),
                      "layer", op->layer, "attention", op->attention, "macs", (json_int_t)op->macs,
                      "weight_values", (json_int_t)op->weight_values, "input_values",
                      (json_int_t)op->input_values, "output_values", (json_int_t)op->output_values,
                      "index_values", (json_int_t)op->index_values);
        if (op->summary_values)
            vc_json_set(&one, "summary_values", json_integer((json_int_t)op->summary_values));
        vc_json_append(&ops, one);
    }
    return json_pack("{s:o}", "ops", ops);
}
