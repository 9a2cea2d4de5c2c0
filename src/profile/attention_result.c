/* What `profile` says of attention alone: on a plan, and over lengths. */
#include "vitcod/profile.h"

static const vc_field attention_fields[] = {
    {VC_FIELD_RECORD(vc_attention_result, dense_ms, "dense_ms", &vc_spread_record,
                     "ms for all layers of a batch, dense")},
    {VC_FIELD_RECORD(vc_attention_result, sparse_ms, "sparse_ms", &vc_spread_record,
                     "ms for all layers of a batch, on the plan")},
    {VC_FIELD_RECORD(vc_attention_result, ratio, "ratio", &vc_spread_record,
                     "dense over sparse, pair by pair")},
    {VC_FIELD(vc_attention_result, largest_difference, "",
              "sparse against masked dense, relative to the largest output")},
    {VC_FIELD(vc_attention_result, batch, "", "images at once")},
    {VC_FIELD(vc_attention_result, head_dim, "", "values per head")},
    {VC_FIELD(vc_attention_result, repeats, "", "how often each was run")},
};
const vc_record vc_attention_record =
    VC_RECORD("attention on a plan", vc_attention_result, attention_fields);

static const vc_field way_fields[] = {
    {VC_FIELD(vc_length_way, macs, "MAC", "of one layer and image")},
    {VC_FIELD(vc_length_way, ms, "ms", "median")},
    {VC_FIELD(vc_length_way, ms_low, "ms", "a quarter of the runs lies below")},
    {VC_FIELD(vc_length_way, ms_high, "ms", "a quarter of the runs lies above")},
    {VC_FIELD(vc_length_way, dense_over_this, "", "time of dense attention over this way's")},
};
static const vc_record way_record = VC_RECORD("way", vc_length_way, way_fields);

static const vc_field length_fields[] = {
    {VC_FIELD(vc_length_result, tokens, "", "queries and keys")},
    {VC_FIELD(vc_length_result, kept_share, "", "share of the scores that the sparse way keeps")},
    {VC_FIELD(vc_length_result, projected, "", "tokens that Linformer projects keys to")},
    {VC_FIELD_RECORD(vc_length_result, dense, "dense", &way_record, "all scores")},
    {VC_FIELD_RECORD(vc_length_result, linformer, "linformer", &way_record,
                     "one head of keys, which are values too, projected to fewer tokens")},
    {VC_FIELD_RECORD(vc_length_result, sparse, "sparse", &way_record,
                     "global columns and a band around the diagonal")},
};
static const vc_record length_record = VC_RECORD("length", vc_length_result, length_fields);

static const vc_field lengths_fields[] = {
    {VC_FIELD(vc_lengths_result, arch, "", "preset whose heads are taken")},
    {VC_FIELD(vc_lengths_result, heads, "", "heads of a layer")},
    {VC_FIELD(vc_lengths_result, head_dim, "", "values per head")},
    {VC_FIELD(vc_lengths_result, sparsity, "", "share that the sparse way is asked to prune")},
    {VC_FIELD(vc_lengths_result, repeats, "", "how often each was run")},
    {VC_FIELD_RECORDS(vc_lengths_result, lengths, length_count, "lengths", &length_record,
                      "one for each number of tokens")},
};
const vc_record vc_lengths_record =
    VC_RECORD("attention over lengths", vc_lengths_result, lengths_fields);

static vc_length_way way_of(const vc_length_times *t, vc_way way)
{
    const vc_spread ms = vc_spread_scaled(t->seconds[way], 1e3);
    return (vc_length_way){t->macs[way], ms.median, ms.low, ms.high, t->ratio[way].median};
}

void vc_lengths_add(vc_lengths_result *out, size_t tokens, const vc_length_times *times)
{
    out->lengths[out->length_count++] =
        (vc_length_result){.tokens = tokens,
                           .kept_share = times->kept_share,
                           .projected = times->projected,
                           .dense = way_of(times, VC_WAY_DENSE),
                           .linformer = way_of(times, VC_WAY_LINFORMER),
                           .sparse = way_of(times, VC_WAY_SPARSE)};
}
