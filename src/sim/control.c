/* The published simulator's formulas; numbers refer to docs/simulator.md, part A. */
#include <math.h>

#include "vitcod/control.h"

#define ALL(member, meaning) VC_FIELD(vc_control_result, member, "cycles", meaning)
#define LAYER(member, key, meaning) VC_FIELD_AS(vc_control_layer, member, key, "cycles", meaning)

static const vc_field attention_fields[] = {
    {ALL(preload, "of loads")},
    {ALL(decode, "of the decoder")},
    {ALL(compute, "of the lines")},
    {ALL(total, "the larger of loads and of the others' sum")},
};
static const vc_record attention_record =
    VC_RECORD("attention", vc_control_result, attention_fields);

static const vc_field layer_fields[] = {
    {VC_FIELD(vc_control_layer, global_tokens, "", "of head 0, summaries among them")},
    {LAYER(sddmm_denser, "sddmm_denser_cycles", "scores of the denser part")},
    {LAYER(sddmm_sparser, "sddmm_sparser_cycles", "scores of the sparser part")},
    {LAYER(spmm_denser, "spmm_denser_cycles", "sums of the denser part")},
    {LAYER(spmm_sparser, "spmm_sparser_cycles", "sums of the sparser part")},
};
static const vc_record layer_record = VC_RECORD("layer", vc_control_layer, layer_fields);

static const vc_field fields[] = {
    {.name = "attention",
     .unit = "",
     .meaning = "over all layers",
     .kind = VC_KIND_RECORD,
     .size = sizeof(vc_control_result),
     .record = &attention_record},
    {ALL(linear, "the larger of the next two")},
    {ALL(linear_compute, "of the lines, for the projections")},
    {ALL(linear_preload, "of their loads")},
    {ALL(ffn, "of the two products behind attention")},
    {ALL(end_to_end, "projections and products, as the published program adds them up")},
    {VC_FIELD_RECORDS(vc_control_result, layers, layer_count, "layers", &layer_record,
                      "one by one")},
};
const vc_record vc_control_record = VC_RECORD("control", vc_control_result, fields);

enum { PE_WIDTH = 64, MACS = 512 };
static const double bytes_per_cycle = 76.8 * 1024.0 * 1024.0 * 1024.0 / 500e6; /* its GB is 2^30 */

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

/* Cycles to move `values` bytes over 1 / share of the bandwidth, rounded up (eq. A1). */
static uint64_t transfer(double values, double share)
{
    return (uint64_t)ceil(values * share / bytes_per_cycle);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

typedef struct head_zero {
    uint64_t heads, queries, keys, globals, sparse;
    uint64_t wide_denser, wide_sparser; /* PE lines of either part */
} head_zero;

static head_zero look_at_head_zero(const vc_plan_layer *layer)
{
    head_zero z = {.heads = layer->heads,
                   .queries = layer->queries,
                   .keys = layer->keys + layer->pooling.count, /* eq. A15 */
                   .globals = (uint64_t)layer->global_tokens[0] + layer->pooling.count,
                   .sparse = vc_plan_kept_sparser(layer, 0)};
    uint64_t panel = z.globals * z.queries;
    double share = panel + z.sparse > 0 ? (double)panel / (double)(panel + z.sparse) : 0.0;
    z.wide_denser = (uint64_t)floor(PE_WIDTH * share); /* eq. A4 */
    z.wide_sparser = PE_WIDTH - z.wide_denser;
    return z;
}

static void count_compute(vc_control_layer *out, const head_zero *z, uint64_t d)
{
    uint64_t passes = ceil_div(d * z->heads, PE_WIDTH);
    if (z->globals > 0) { /* eq. A5, A7 */
        out->sddmm_denser = z->globals * ceil_div(z->queries, z->wide_denser) * passes;
        out->spmm_denser =
            ceil_div(z->queries * d * z->globals, z->wide_denser * PE_WIDTH / z->heads);
    }
    if (z->sparse > 0) { /* eq. A6, A8 */
        out->sddmm_sparser = ceil_div(z->sparse, z->wide_sparser) * passes;
        out->spmm_sparser = ceil_div(z->sparse * d, z->wide_sparser * PE_WIDTH / z->heads);
    }
    out->compute =
        larger(out->sddmm_denser, out->sddmm_sparser) + larger(out->spmm_denser, out->spmm_sparser);
}

static void count_loads(vc_control_layer *out, const head_zero *z, const vc_control_options *o)
{
    double h = (double)z->heads, vector = h * o->ratio * (double)o->head_dim;
    uint64_t load = transfer(vector, 1.0); /* one row of Q or K */
    uint64_t decode = (uint64_t)ceil(vector / floor(PE_WIDTH * PE_WIDTH / h));
    uint64_t weights = transfer(h * o->ratio, h); /* of a decoder, eq. A2 */
    out->preload = z->keys * load + weights;
    out->decode = z->keys * decode;
    if (z->globals > 0) { /* eq. A9: Q comes in with the first global token */
        out->preload += z->queries * load + 2 * weights;
        out->decode += z->queries * decode;
    } else { /* eq. A10 */
        double part = (double)z->sparse / (double)z->keys;
        out->preload += (uint64_t)ceil((double)(z->queries * load) * part) + weights;
        out->decode += (uint64_t)ceil((double)(z->queries * decode) * part);
    }
    out->preload += z->keys * transfer(h * (double)o->head_dim, 1.0); /* V, eq. A11 */
}

static void count_linear(vc_control_result *out, const head_zero *z, const vc_control_options *o)
{
    uint64_t lanes = MACS / z->heads, e = o->embed_dim, d = o->head_dim, t = z->queries;
    double h = (double)z->heads, compressed = h * o->ratio;
    out->linear_compute += 3 * t * (e * d / lanes) + t * e * d / lanes; /* eq. A12 */
    out->linear_preload += 3 * d * transfer(h * (double)e, 1.0);        /* eq. A13 */
    out->linear_preload += 2 * transfer(h, compressed);
    out->linear_preload += t * (2 * transfer((double)d, compressed) + transfer((double)d, h));
    out->linear_preload += t / lanes * e * transfer((double)d, h);
    out->ffn += 2 * (t * e * 4 * e / MACS); /* eq. A14 */
}

vc_status vc_control_compute(vc_control_result *out, const vc_plan *plan,
                             const vc_control_options *o, const char *path)
{
    vc_control_layer *layers = out->layers;
    *out = (vc_control_result){.layers = layers, .layer_count = plan->layer_count};
    enum { MOST = 1 << 16 };
    if (o->head_dim == 0 || o->head_dim > MOST || o->embed_dim > MOST)
        return vc_fail(VC_EINVAL, "%s: head dimension %zu and width %zu, wanted 1 and 0 to %d",
                       path, o->head_dim, o->embed_dim, MOST);
    if (!(o->ratio > 0.0 && o->ratio <= 1.0))
        return vc_fail(VC_EINVAL, "%s: ratio %g, wanted above 0 and at most 1", path, o->ratio);
    for (size_t l = 0; l < plan->layer_count; l++) {
        head_zero z = look_at_head_zero(&plan->layers[l]);
        if (z.heads > PE_WIDTH)
            return vc_fail(VC_EINVAL, "%s: layer %zu has %zu heads, wanted at most %d", path, l,
                           (size_t)z.heads, PE_WIDTH);
        if ((z.globals > 0 && z.wide_denser * PE_WIDTH / z.heads == 0) ||
            (z.sparse > 0 && z.wide_sparser * PE_WIDTH / z.heads == 0))
            return vc_fail(
                VC_EINVAL,
                "%s: layer %zu: of %d lanes the denser part gets %zu for %zu global tokens, the "
                "sparser %zu for %zu entries; the published program divides by zero here",
                path, l, PE_WIDTH, (size_t)z.wide_denser, (size_t)z.globals, (size_t)z.wide_sparser,
                (size_t)z.sparse);
        layers[l] = (vc_control_layer){.global_tokens = z.globals};
        count_compute(&layers[l], &z, o->head_dim);
        count_loads(&layers[l], &z, o);
        out->preload += layers[l].preload;
        out->decode += layers[l].decode;
        out->compute += layers[l].compute;
        if (o->embed_dim > 0)
            count_linear(out, &z, o);
    }
    out->total = larger(out->preload, out->decode + out->compute); /* eq. A3 */
    out->linear = larger(out->linear_compute, out->linear_preload);
    out->end_to_end = out->linear + out->ffn;
    return VC_OK;
}
