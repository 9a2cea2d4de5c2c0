/* The curves of heads (head_curves.h), by backward passes of the dense model. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/clock.h"
#include "vitcod/comm.h"
#include "vitcod/distill.h"
#include "vitcod/gradients.h"
#include "vitcod/loader.h"
#include "vitcod/rng.h"

enum { PROBES = 0x70726f62 }; /* random numbers of their own */

typedef struct measurement {
    vc_statistics *statistics;
    const vc_statistics_keep *keep; /* or NULL */
    double kept;                    /* when they were written last */
    const vc_model *model;
    vc_acts acts;
    vc_grads grads;
    vc_source *source;
    vc_loader *loader;
    vc_turns turns; /* of processes that measure together */
    int together;
    double *p;        /* (classes) of one image */
    vc_status status; /* the first failure behind the backward pass */
} measurement;

static void add_heads(void *context, size_t layer, const vc_attention *a, const float *probs,
                      const float *dout)
{
    measurement *m = context;
    const vc_attention_shape *s = &a->shape;
    const vc_head_gradients heads = {.scores = {.batch = s->batch,
                                                .head_dim = s->head_dim,
                                                .q = a->q,
                                                .k = a->k,
                                                .q_stride = s->q_stride,
                                                .k_stride = s->k_stride,
                                                .bias = a->bias,
                                                .probs = probs,
                                                .turns = &m->turns},
                                     .v = a->v,
                                     .dout = dout,
                                     .value_dim = s->value_dim,
                                     .v_stride = s->v_stride,
                                     .out_stride = s->out_stride};
    if (m->status == VC_OK)
        m->status = vc_head_curves_add(&m->statistics->curves, layer, &heads);
}

/* p, the softmax of the logits, and u = sqrt(p) r - p (sqrt(p) . r), where each r is 1 or -1:
 * E[u u^T] = diag(p) - p p^T. */
static void draw_probe(float *u, double *p, const float *logits, size_t classes, size_t image)
{
    vc_rng rng = vc_rng_open(0, PROBES, image);
    double highest = -INFINITY, sum = 0.0, along = 0.0;
    for (size_t c = 0; c < classes; c++)
        highest = fmax(highest, (double)logits[c]);
    for (size_t c = 0; c < classes; c++)
        sum += p[c] = exp((double)logits[c] - highest);
    for (size_t c = 0; c < classes; c++) {
        p[c] /= sum;
        u[c] = (float)(vc_rng_below(&rng, 2) ? sqrt(p[c]) : -sqrt(p[c]));
        along += (double)u[c];
    }
    for (size_t c = 0; c < classes; c++)
        u[c] -= (float)(p[c] * along);
}

/* Of features f, for the distance 1 - cosine: u = (r - f' (f' . r)) / |f| with f' = f / |f|, so
 * that E[u u^T] is its second derivative where nothing has changed yet. */
static void draw_feature_probe(float *u, const float *features, size_t values, size_t image)
{
    vc_rng rng = vc_rng_open(0, PROBES, image);
    double square = 0.0, along = 0.0;
    for (size_t i = 0; i < values; i++) {
        u[i] = vc_rng_below(&rng, 2) ? 1.0f : -1.0f;
        square += (double)features[i] * features[i];
        along += (double)features[i] * u[i];
    }
    for (size_t i = 0; i < values; i++)
        u[i] = square > 0.0 ? (float)((u[i] - features[i] * along / square) / sqrt(square)) : 0.0f;
}

/* Their number goes from batch to batch as the losses do, so that what is kept in between is whole.
 */
static void count_images(measurement *m, size_t own)
{
    vc_head_curves *curves = &m->statistics->curves;
    double images = (double)(curves->images - own);
    vc_turn_take(&m->turns, &images, 1);
    images += (double)own;
    vc_turn_pass(&m->turns, &images, 1);
    curves->images = (uint64_t)images;
}

/* In the order of a backward pass. */
static void relay(void *context)
{
    measurement *m = context;
    const vc_head_curves *curves = &m->statistics->curves;
    for (size_t i = curves->layer_count; i-- > 0;) {
        vc_curve_layer *l = &curves->layers[i];
        const size_t count = curves->choices * l->heads * VC_CURVE_LEVELS;
        vc_turn_take(&m->turns, l->loss, count);
        vc_turn_pass(&m->turns, l->loss, count);
    }
    count_images(m, 0);
}

static vc_status measure_batch(measurement *m, const vc_loaded *batch)
{
    const vc_model_input input = vc_model_input_of(&m->model->config);
    vc_model_observe(&m->acts, m->model, batch->x, batch->count);
    for (size_t i = 0; i < batch->count; i++) {
        float *u = m->grads.dlogits + i * input.outputs;
        const float *outputs = m->acts.logits + i * input.outputs;
        if (input.classes > 0)
            draw_probe(u, m->p, outputs, input.outputs, batch->indices[i]);
        else
            draw_feature_probe(u, outputs, input.outputs, batch->indices[i]);
    }
    vc_model_backward(&m->grads, &m->acts, m->model, batch->count, 0.0f);
    VC_TRY(m->status);
    count_images(m, batch->count);
    return VC_OK;
}

static vc_status keep(measurement *m)
{
    m->kept = vc_clock_seconds();
    return m->keep && m->keep->path && (!m->together || vc_comm_rank() == 0)
               ? vc_statistics_write(m->keep->path, m->statistics, m->keep->settings)
               : VC_OK;
}

/* All get what the last batch's process has. */
static vc_status share_curves(measurement *m)
{
    const vc_head_curves *curves = &m->statistics->curves;
    double images = (double)curves->images;
    for (size_t i = 0; i < curves->layer_count; i++)
        VC_TRY(vc_turns_share(&m->turns, curves->layers[i].loss,
                              curves->choices * curves->layers[i].heads * VC_CURVE_LEVELS));
    VC_TRY(vc_turns_share(&m->turns, &images, 1));
    m->statistics->curves.images = (uint64_t)images;
    return VC_OK;
}

static vc_status measure_next(measurement *m, const vc_loaded *batch, size_t done,
                              vc_progress *progress)
{
    vc_turns_reach(&m->turns, batch->indices[0]);
    if (m->turns.batch < m->turns.first) { /* by the run that was stopped */
        vc_progress_go_on(progress, done);
        return VC_OK;
    }
    VC_TRY(measure_batch(m, batch));
    m->statistics->curve_batches = m->turns.batch + 1;
    vc_progress_update(progress, done, NULL);
    return m->keep && vc_clock_seconds() - m->kept >= m->keep->seconds ? keep(m) : VC_OK;
}

static vc_status measure_all(measurement *m, vc_progress *progress)
{
    vc_statistics *s = m->statistics;
    size_t done = 0;
    for (;;) {
        vc_loaded batch;
        VC_TRY(vc_loader_next(&batch, m->loader));
        if (batch.count == 0)
            break;
        done += batch.count * (m->together ? (size_t)vc_comm_size() : 1);
        VC_TRY(measure_next(m, &batch, done < progress->total ? done : progress->total, progress));
    }
    vc_turns_end(&m->turns);
    if (m->together)
        VC_TRY(share_curves(m));
    if (s->curves.images == 0)
        return vc_fail(VC_EFORMAT, "of %zu %s to measure heads on none can be read",
                       vc_source_count(m->source),
                       vc_source_unit(m->source, vc_source_count(m->source)));
    s->curve_batches = m->turns.batches;
    s->measured = 1;
    return keep(m);
}

static vc_status open_measurement(measurement *m, vc_source *source, const vc_look *how)
{
    vc_loader_options options = vc_model_loader_options(m->model);
    options.batch = how->batch;
    options.on_broken = how->on_broken;
    options.context = how->context;
    m->p = malloc(vc_model_input_of(&m->model->config).outputs * sizeof *m->p);
    if (!m->p)
        return vc_fail(VC_ENOMEM, "out of memory for the classes of an image");
    VC_TRY(vc_acts_open(&m->acts, m->model, how->batch, 1));
    m->acts.settled = vc_model_observes_apart(&m->model->config);
    VC_TRY(vc_grads_open(&m->grads, m->model, how->batch));
    m->grads.on_heads = add_heads;
    m->grads.context = m;
    VC_TRY(vc_source_spread(&m->source, source, m->statistics->curve_images));
    options.rank = m->together ? (size_t)vc_comm_rank() : 0;
    options.ranks = m->together ? (size_t)vc_comm_size() : 0;
    vc_turns_begin(&m->turns, vc_source_count(m->source), how->batch, m->together);
    m->turns.first = m->statistics->curve_batches;
    m->turns.relay = relay;
    m->turns.context = m;
    return vc_loader_open(&m->loader, m->source, &options);
}

vc_status vc_measure_heads_check(const vc_model *model)
{
    if (vc_model_observes_settled(&model->config))
        return VC_OK;
    return vc_fail(VC_EUNSUPPORTED,
                   "heads of a %s cannot be measured: its BatchNorms make one image depend on the "
                   "others of its batch; wanted another rule than measured",
                   vc_model_family(&model->config));
}

vc_status vc_measure_heads(vc_statistics *statistics, const vc_model *model, vc_source *source,
                           const vc_statistics_keep *keeps, const vc_look *how)
{
    measurement m = {
        .statistics = statistics, .keep = keeps, .model = model, .together = how->together};
    VC_TRY(vc_measure_heads_check(model));
    if (statistics->curves.layer_count == 0) {
        VC_TRY(vc_statistics_open_curves(statistics));
        VC_TRY(keep(&m));
    }
    const size_t there = vc_source_count(source), wanted = statistics->curve_images;
    vc_progress progress = vc_progress_begin("heads", wanted < there ? wanted : there);
    if (m.together && vc_comm_rank() > 0)
        progress.visible = progress.file = 0;
    vc_status status = open_measurement(&m, source, how);
    m.kept = vc_clock_seconds();
    if (status == VC_OK)
        status = measure_all(&m, &progress);
    vc_progress_end(&progress);
    vc_loader_close(m.loader);
    vc_source_close(m.source);
    vc_grads_close(&m.grads);
    vc_acts_close(&m.acts);
    free(m.p);
    return status;
}
