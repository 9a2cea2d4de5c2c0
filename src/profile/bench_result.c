/* What `bench` says. */
#include "vitcod/bench.h"

static const vc_field operator_fields[] = {
    {VC_FIELD(vc_bench_operator, name, "", "operator of the engine")},
    {VC_FIELD(vc_bench_operator, layer, "", "-1: outside the layers")},
    {VC_FIELD(vc_bench_operator, ms, "ms", "time in it, mean over threads and runs")},
};
static const vc_record operator_record = VC_RECORD("operator", vc_bench_operator, operator_fields);

static const vc_field layer_fields[] = {
    {VC_FIELD(vc_bench_layer, layer, "", "layer with attention")},
    {VC_FIELD(vc_bench_layer, kept_share, "", "share of its scores that is kept")},
    {VC_FIELD_LIST(vc_bench_layer, panel_keys, heads, "panel_keys", "",
                   "keys that all queries look at, by head")},
    {VC_FIELD(vc_bench_layer, panel_entries, "", "kept entries of such keys")},
    {VC_FIELD(vc_bench_layer, row_entries, "", "kept entries of other keys")},
    {VC_FIELD(vc_bench_layer, attention_ms, "ms", "time in attention")},
    {VC_FIELD(vc_bench_layer, dense_ms, "ms", "without the mask"),
     VC_WHEN(vc_bench_layer, compared)},
};
static const vc_record layer_record = VC_RECORD("layer", vc_bench_layer, layer_fields);

static const vc_field fields[] = {
    {VC_FIELD(vc_bench_result, split, "",
              "what heads are split by: plan, cost; whole: they are not")},
    {VC_FIELD_RECORDS(vc_bench_result, operators, operator_count, "operators", &operator_record,
                      "in the order in which they run")},
    {VC_FIELD(vc_bench_result, attention_ms, "ms", "time in attention, all layers")},
    {VC_FIELD(vc_bench_result, waiting_ms, "ms",
              "threads waiting for each other; on a device what is no operator's")},
    {VC_FIELD_RECORD(vc_bench_result, dense_over_sparse, "dense_over_sparse", &vc_spread_record,
                     "time without the mask over time with it, pair by pair"),
     VC_WHEN(vc_bench_result, compared)},
    {VC_FIELD_AS(vc_bench_result, dense_ms.median, "dense_median_ms", "ms", "without the mask"),
     VC_WHEN(vc_bench_result, compared)},
    {VC_FIELD_AS(vc_bench_result, dense_ms.low, "dense_quartile_low_ms", "ms", "without the mask"),
     VC_WHEN(vc_bench_result, compared)},
    {VC_FIELD_AS(vc_bench_result, dense_ms.high, "dense_quartile_high_ms", "ms",
                 "without the mask"),
     VC_WHEN(vc_bench_result, compared)},
    {VC_FIELD(vc_bench_result, dense_attention_ms, "ms", "in attention, without the mask"),
     VC_WHEN(vc_bench_result, compared)},
    {VC_FIELD_AS(vc_bench_result, ms.median, "median_ms", "ms", "for a batch")},
    {VC_FIELD_AS(vc_bench_result, ms.low, "quartile_low_ms", "ms", "for a batch")},
    {VC_FIELD_AS(vc_bench_result, ms.high, "quartile_high_ms", "ms", "for a batch")},
    {VC_FIELD(vc_bench_result, p90_ms, "ms", "90 percent of the runs took no longer")},
    {VC_FIELD(vc_bench_result, p99_ms, "ms", "99 percent of the runs took no longer")},
    {VC_FIELD_LIST(vc_bench_result, runs_ms, runs, "runs_ms", "ms", "of each run, ascending")},
    {VC_FIELD(vc_bench_result, images_per_second, "1/s", "by the median")},
    {VC_FIELD(vc_bench_result, executed_macs, "MAC", "that are done for an image")},
    {VC_FIELD(vc_bench_result, peak_gops, "Gop/s", "multiply-adds on registers, measured"),
     VC_KNOWN},
    {VC_FIELD(vc_bench_result, share_of_peak, "", "operations a second, over peak_gops"), VC_KNOWN},
    {VC_FIELD_RECORDS(vc_bench_result, layers, layer_count, "layers", &layer_record,
                      "attention by layer")},
    {VC_FIELD(vc_bench_result, batch, "", "images at once")},
    {VC_FIELD(vc_bench_result, runs, "", "how often it was measured")},
    {VC_FIELD(vc_bench_result, warm_up, "", "runs before these")},
    {VC_FIELD(vc_bench_result, seconds, "s", "of all runs, those of operators too")},
    {VC_FIELD(vc_bench_result, peak_mib, "MiB", "most memory that the process had")},
    {VC_FIELD(vc_bench_result, image_height, "", "pixels; 0: no pictures")},
    {VC_FIELD(vc_bench_result, image_width, "", "pixels; 0: no pictures")},
};
const vc_record vc_bench_record = VC_RECORD("bench", vc_bench_result, fields);
