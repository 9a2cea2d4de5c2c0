/* Losses of heads that keep less, level by level, from one backward pass. */
#include "vitcod/head_curves.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "entry_order.h"
#include "summary_rows.h"

enum { LEVELS = VC_CURVE_LEVELS };

/* Shares of a head's entries. What must be kept comes before the first, and all is the last. */
static const double shares[LEVELS - 2] = {0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.11,
                                          0.15,  0.2,  0.27, 0.36, 0.48, 0.64, 0.8};

/* ---- levels and summaries of a layer */

static vc_status set_levels(vc_curve_layer *l, const float *map, int32_t *order,
                            size_t prefix_tokens)
{
    const size_t entries = l->queries * l->keys;
    for (size_t h = 0; h < l->heads; h++) {
        uint64_t *kept = l->kept + h * LEVELS;
        size_t forced, at = 0;
        VC_TRY(
            vc__entry_order(order, &forced, map + h * entries, l->queries, l->keys, prefix_tokens));
        for (size_t i = 0; i < LEVELS; i++) {
            const size_t wanted = i == 0            ? 0
                                  : i + 1 == LEVELS ? entries
                                                    : (size_t)(shares[i - 1] * (double)entries);
            for (kept[i] = wanted > forced ? wanted : forced; at < kept[i]; at++)
                l->level[h * entries + (size_t)order[at]] = (uint8_t)i;
        }
    }
    return VC_OK;
}

/* exp of the bias: the averaged attention of what is pruned at a level, over what is predicted. */
static void set_factors(float *factors, const vc_curve_layer *l, const float *map,
                        const vc_summary_stats *s)
{
    const vc_pooling *p = &s->pooling;
    for (size_t r = 0; r < l->heads * l->queries; r++)
        for (size_t g = 0; g < p->count; g++) {
            const double mean = fmax(s->sum[r * p->count + g] / (double)s->images, DBL_MIN);
            double mass[LEVELS] = {0};
            for (int32_t e = p->start[g]; e < p->start[g + 1]; e++) {
                const size_t entry = r * l->keys + (size_t)p->keys[e];
                for (size_t i = 0; p->weights[e] > 0.0f && i < l->level[entry]; i++)
                    mass[i] += (double)map[entry];
            }
            for (size_t i = 0; i < LEVELS; i++)
                factors[(r * p->count + g) * LEVELS + i] = (float)fmin(mass[i] / mean, FLT_MAX);
        }
}

static vc_status open_layer(vc_curve_layer *l, const float *map, size_t choices,
                            size_t prefix_tokens)
{
    const size_t rows = l->heads * l->queries, entries = l->queries * l->keys;
    int32_t *order = malloc(entries * sizeof *order);
    l->level = malloc(l->heads * entries);
    l->kept = calloc(l->heads * LEVELS, sizeof *l->kept);
    l->loss = calloc(choices * l->heads * LEVELS, sizeof *l->loss);
    vc_status status = order && l->level && l->kept && l->loss
                           ? set_levels(l, map, order, prefix_tokens)
                           : vc_fail(VC_ENOMEM, "out of memory for the curves of heads");
    for (size_t c = 0; status == VC_OK && c < choices; c++) {
        const vc_summary_stats *s = l->summaries[c];
        if (!s || s->pooling.count == 0)
            continue;
        l->factors[c] = malloc(rows * s->pooling.count * LEVELS * sizeof *l->factors[c]);
        if (l->factors[c])
            set_factors(l->factors[c], l, map, s);
        else
            status = vc_fail(VC_ENOMEM, "out of memory for the curves of heads");
    }
    free(order);
    return status;
}

vc_status vc_head_curves_open(vc_head_curves *out, const vc_maps *maps, size_t count,
                              const vc_summary_stats *const *summaries, size_t choices,
                              size_t prefix_tokens)
{
    size_t layers = 0;
    for (size_t g = 0; g < count; g++)
        layers += maps[g].layers;
    *out = (vc_head_curves){.choices = choices, .layers = calloc(layers, sizeof *out->layers)};
    if (!out->layers)
        return vc_fail(VC_ENOMEM, "out of memory for %zu layers", layers);
    out->layer_count = layers;
    if (choices == 0 || choices > VC_CURVE_MOST_CHOICES) {
        vc_head_curves_close(out);
        return vc_fail(VC_EINVAL, "%zu kinds of summaries, wanted 1 to %d", choices,
                       VC_CURVE_MOST_CHOICES);
    }
    vc_status status = VC_OK;
    for (size_t g = 0, layer = 0; g < count; g++)
        for (size_t i = 0; status == VC_OK && i < maps[g].layers; i++, layer++) {
            const vc_maps *m = &maps[g];
            vc_curve_layer *l = &out->layers[layer];
            *l = (vc_curve_layer){.heads = m->heads, .queries = m->queries, .keys = m->keys};
            for (size_t c = 0; c < choices; c++)
                l->summaries[c] = summaries[c * layers + layer];
            status = open_layer(l, m->values + i * m->heads * m->queries * m->keys, choices,
                                prefix_tokens);
        }
    if (status != VC_OK)
        vc_head_curves_close(out);
    return status;
}

void vc_head_curves_close(vc_head_curves *curves)
{
    for (size_t i = 0; i < curves->layer_count; i++) {
        vc_curve_layer *l = &curves->layers[i];
        free(l->level);
        free(l->kept);
        free(l->loss);
        for (size_t c = 0; c < curves->choices && c < VC_CURVE_MOST_CHOICES; c++)
            free(l->factors[c]);
    }
    free(curves->layers);
    *curves = (vc_head_curves){0};
}

/* ---- one head of one image */

/* What rows attend to, of one image and head. */
typedef struct head_view {
    const vc_curve_layer *layer;
    const vc_head_gradients *in;
    size_t image, head, choices;
    const double *const *pooled; /* (choices) keys (G, H * D), of the image */
    const float *const *pooling; /* (choices) the weights of it, (entries), of the head */
    float *values, *weights;     /* V transposed, (Dv, Tk); g . v of a row, (Tk) */
    double *given;               /* (G) attention to the summaries of a row */
} head_view;

/* weights (Tk) = g . v for row i */
static void weigh_keys(const head_view *v, size_t i)
{
    const size_t keys = v->layer->keys, dim = v->in->value_dim;
    const float *g =
        v->in->dout + (v->image * v->layer->queries + i) * v->in->out_stride + v->head * dim;
    memset(v->weights, 0, keys * sizeof *v->weights);
    for (size_t d = 0; d < dim; d++)
        for (size_t k = 0; k < keys; k++)
            v->weights[k] += g[d] * v->values[d * keys + k];
}

/* change (levels) += g . (sparse output - dense output) of a row with one choice of summaries;
 * num, den: sums over the kept entries of p (g . v) and of p. */
static void add_choice(double *change, const head_view *v, size_t row, size_t choice,
                       const double *num, const double *den)
{
    const vc_summary_stats *s = v->layer->summaries[choice];
    const vc_pooling *p = &s->pooling;
    const double dense = num[LEVELS - 1] / den[LEVELS - 1];
    double top[LEVELS], below[LEVELS];
    memcpy(top, num, sizeof top);
    memcpy(below, den, sizeof below);
    if (p->count > 0)
        vc__summary_row(v->given, row, v->image, v->pooled[choice], s, &v->in->scores);
    for (size_t g = 0; g < p->count; g++) {
        const float *factor = v->layer->factors[choice] + (row * p->count + g) * LEVELS;
        double weight = 0.0;
        for (int32_t e = p->start[g]; e < p->start[g + 1]; e++)
            weight += (double)v->pooling[choice][e] * (double)v->weights[p->keys[e]];
        for (size_t l = 0; l < LEVELS; l++) {
            const double attention = v->given[g] * (double)factor[l];
            top[l] += attention * weight;
            below[l] += attention;
        }
    }
    for (size_t l = 0; l < LEVELS; l++)
        change[l] += below[l] > 0.0 ? top[l] / below[l] - dense : 0.0;
}

/* change (choices, levels) of a head, the sum over its rows */
static void add_head(double *change, const head_view *v)
{
    const vc_curve_layer *l = v->layer;
    const size_t keys = l->keys, dim = v->in->value_dim;
    const float *values = v->in->v + v->image * keys * v->in->v_stride + v->head * dim;
    memset(change, 0, v->choices * LEVELS * sizeof *change);
    for (size_t k = 0; k < keys; k++)
        for (size_t d = 0; d < dim; d++)
            v->values[d * keys + k] = values[k * v->in->v_stride + d];
    for (size_t i = 0; i < l->queries; i++) {
        const size_t row = v->head * l->queries + i;
        const float *probs =
            v->in->scores.probs + ((v->image * l->heads) * l->queries + row) * keys;
        double num[LEVELS] = {0}, den[LEVELS] = {0};
        weigh_keys(v, i);
        for (size_t k = 0; k < keys; k++) {
            const size_t level = l->level[row * keys + k];
            num[level] += (double)probs[k] * (double)v->weights[k];
            den[level] += (double)probs[k];
        }
        for (size_t n = 1; n < LEVELS; n++) {
            num[n] += num[n - 1];
            den[n] += den[n - 1];
        }
        for (size_t c = 0; c < v->choices; c++)
            if (l->summaries[c])
                add_choice(change + c * LEVELS, v, row, c, num, den);
    }
}

/* ---- a batch */

/* Room for a batch: pooled keys by choice, and what each pair of image and head needs. */
typedef struct batch_room {
    double *pooled[VC_CURVE_MOST_CHOICES]; /* (B, G, H * D) */
    float *weights[VC_CURVE_MOST_CHOICES]; /* (B, H, entries) */
    double *changes;                       /* (B, H, choices, levels) */
    float *values;                         /* (B, H, (Dv + 1) * Tk) */
    double *given;                         /* (B, H, most) */
    size_t most;                           /* summaries of all choices */
} batch_room;

static void close_room(batch_room *room)
{
    for (size_t c = 0; c < VC_CURVE_MOST_CHOICES; c++) {
        free(room->pooled[c]);
        free(room->weights[c]);
    }
    free(room->changes);
    free(room->values);
    free(room->given);
}

static vc_status open_room(batch_room *room, const vc_curve_layer *l, size_t choices,
                           const vc_head_gradients *in)
{
    const size_t pairs = in->scores.batch * l->heads, width = l->heads * in->scores.head_dim;
    *room = (batch_room){.changes = malloc(pairs * choices * LEVELS * sizeof *room->changes),
                         .values =
                             malloc(pairs * (in->value_dim + 1) * l->keys * sizeof *room->values)};
    for (size_t c = 0; c < choices; c++)
        if (l->summaries[c] && l->summaries[c]->pooling.count > room->most)
            room->most = l->summaries[c]->pooling.count;
    room->given = malloc((pairs * room->most + 1) * sizeof *room->given);
    int whole = room->changes && room->values && room->given;
    for (size_t c = 0; whole && c < choices; c++) {
        const vc_summary_stats *sums = l->summaries[c];
        const size_t each = sums ? sums->pooling.count * width : 0;
        if (each == 0)
            continue;
        const size_t entries = l->heads * sums->pooling.entries;
        room->pooled[c] = malloc(in->scores.batch * each * sizeof *room->pooled[c]);
        room->weights[c] = malloc(in->scores.batch * entries * sizeof *room->weights[c]);
        whole = room->pooled[c] && room->weights[c];
        for (size_t b = 0; whole && b < in->scores.batch; b++)
            vc__pool_keys(room->pooled[c] + b * each, room->weights[c] + b * entries, sums,
                          &in->scores, b);
    }
    if (whole)
        return VC_OK;
    close_room(room);
    return vc_fail(VC_ENOMEM, "out of memory for the curves of heads");
}

static void measure_pair(const batch_room *room, const vc_curve_layer *l, size_t choices,
                         const vc_head_gradients *in, size_t pair)
{
    const size_t width = l->heads * in->scores.head_dim;
    const double *pooled[VC_CURVE_MOST_CHOICES] = {0};
    const float *pooling[VC_CURVE_MOST_CHOICES] = {0};
    float *values = room->values + pair * (in->value_dim + 1) * l->keys;
    const head_view view = {.layer = l,
                            .in = in,
                            .image = pair / l->heads,
                            .head = pair % l->heads,
                            .choices = choices,
                            .pooled = pooled,
                            .pooling = pooling,
                            .given = room->given + pair * room->most,
                            .values = values,
                            .weights = values + in->value_dim * l->keys};
    for (size_t c = 0; c < choices; c++)
        if (room->pooled[c]) {
            const vc_pooling *p = &l->summaries[c]->pooling;
            pooled[c] = room->pooled[c] + view.image * p->count * width;
            pooling[c] = room->weights[c] + pair * p->entries;
        }
    add_head(room->changes + pair * choices * LEVELS, &view);
}

vc_status vc_head_curves_add(vc_head_curves *curves, size_t layer, const vc_head_gradients *in)
{
    vc_curve_layer *l = &curves->layers[layer];
    const size_t choices = curves->choices, pairs = in->scores.batch * l->heads;
    batch_room room;
    VC_TRY(open_room(&room, l, choices, in));
#pragma omp parallel for schedule(static)
    for (size_t pair = 0; pair < pairs; pair++)
        measure_pair(&room, l, choices, in, pair);
    vc_turn_take(in->scores.turns, l->loss, choices * l->heads * LEVELS);
    for (size_t pair = 0; pair < pairs; pair++)
        for (size_t c = 0; c < choices; c++)
            for (size_t i = 0; i < LEVELS; i++) {
                const double change = room.changes[(pair * choices + c) * LEVELS + i];
                l->loss[(c * l->heads + pair % l->heads) * LEVELS + i] += 0.5 * change * change;
            }
    vc_turn_pass(in->scores.turns, l->loss, choices * l->heads * LEVELS);
    if (layer == 0)
        curves->images += in->scores.batch;
    close_room(&room);
    return VC_OK;
}

/* ---- for people and pictures */

static json_t *head_json(const vc_head_curves *c, size_t layer, size_t head)
{
    const vc_curve_layer *l = &c->layers[layer];
    json_t *kept = json_array(), *loss = json_array();
    for (size_t i = 0; i < LEVELS; i++)
        vc_json_append(
            &kept, json_real((double)l->kept[head * LEVELS + i] / (double)(l->queries * l->keys)));
    for (size_t k = 0; k < c->choices; k++) {
        json_t *one = l->summaries[k] ? json_array() : json_null();
        for (size_t i = 0; l->summaries[k] && i < LEVELS; i++)
            vc_json_append(
                &one, json_real(l->loss[(k * l->heads + head) * LEVELS + i] / (double)c->images));
        vc_json_append(&loss, one);
    }
    return json_pack("{s:I, s:I, s:o, s:o}", "layer", (json_int_t)layer, "head", (json_int_t)head,
                     "kept", kept, "loss", loss);
}

json_t *vc_head_curves_json(const vc_head_curves *curves)
{
    json_t *heads = json_array();
    for (size_t l = 0; l < curves->layer_count; l++)
        for (size_t h = 0; h < curves->layers[l].heads; h++)
            vc_json_append(&heads, head_json(curves, l, h));
    return json_pack("{s:I, s:o}", "images", (json_int_t)curves->images, "heads", heads);
}
