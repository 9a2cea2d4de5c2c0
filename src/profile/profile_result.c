/* What `profile` says of a model. */
#include "vitcod/profile_result.h"

static const vc_field work_fields[] = {
    {VC_FIELD(vc_profile_work, macs, "MAC", "multiply-adds of an image"), VC_KNOWN},
    {VC_FIELD(vc_profile_work, flops, "FLOP", "operations of an image"), VC_KNOWN},
    {VC_FIELD(vc_profile_work, bytes, "B", "that an image moves"), VC_KNOWN},
    {VC_FIELD(vc_profile_work, intensity, "FLOP/B", "operations per byte"), VC_KNOWN},
    {VC_FIELD(vc_profile_work, work, "", "kind of work")},
    {VC_FIELD(vc_profile_work, executed_macs, "MAC", "that are done for an image"), VC_KNOWN},
    {VC_FIELD(vc_profile_work, ms, "ms", "for a batch, median"), VC_KNOWN},
    {VC_FIELD(vc_profile_work, share, "", "of the time of all work"), VC_KNOWN},
    {VC_FIELD(vc_profile_work, gflops, "GFLOP/s", "speed"), VC_KNOWN},
    {VC_FIELD(vc_profile_work, gbytes, "GB/s", "speed"), VC_KNOWN},
    {VC_FIELD(vc_profile_work, roof_share, "", "speed over the roof that it is nearest to"),
     VC_KNOWN},
};
static const vc_record work_record = VC_RECORD("kind of work", vc_profile_work, work_fields);

static const vc_field layer_fields[] = {
    {VC_FIELD(vc_profile_layer, macs, "MAC", "multiply-adds of an image")},
    {VC_FIELD(vc_profile_layer, flops, "FLOP", "operations of an image")},
    {VC_FIELD(vc_profile_layer, bytes, "B", "that an image moves")},
    {VC_FIELD(vc_profile_layer, intensity, "FLOP/B", "operations per byte"), VC_KNOWN},
    {VC_FIELD(vc_profile_layer, layer, "", "-1: outside the layers")},
    {VC_FIELD_RECORDS(vc_profile_layer, works, work_count, "work", &work_record,
                      "by kind of work")},
    {VC_FIELD(vc_profile_layer, ms, "ms", "for a batch, median"), VC_KNOWN},
    {VC_FIELD(vc_profile_layer, share, "", "of the time of all work"), VC_KNOWN},
};
static const vc_record layer_record = VC_RECORD("layer", vc_profile_layer, layer_fields);

static const vc_field counter_fields[] = {
    {VC_FIELD(vc_profile_counters, cycles, "", "CPU cycles of a run"), VC_KNOWN, VC_OR_NULL},
    {VC_FIELD(vc_profile_counters, instructions, "", "of a run"), VC_KNOWN, VC_OR_NULL},
    {VC_FIELD(vc_profile_counters, cache_references, "", "of a run"), VC_KNOWN, VC_OR_NULL},
    {VC_FIELD(vc_profile_counters, cache_misses, "", "of a run"), VC_KNOWN, VC_OR_NULL},
};
static const vc_record counter_record = VC_RECORD("counters", vc_profile_counters, counter_fields);

static const vc_field roof_fields[] = {
    {VC_FIELD(vc_profile_roofs, gbytes, "GB/s", "of memory, of a device by a copy, measured"),
     VC_KNOWN},
    {VC_FIELD(vc_profile_roofs, gflops, "GFLOP/s",
              "of multiply-adds on registers, or of a product, measured"),
     VC_KNOWN, VC_OR_NULL},
};
static const vc_record roof_record = VC_RECORD("roofs", vc_profile_roofs, roof_fields);

static const vc_field time_fields[] = {
    {VC_FIELD(vc_profile_times, no_counters, "", "why the CPU does not count"), VC_KNOWN},
    {VC_FIELD_RECORD(vc_profile_times, counters, "counters", &counter_record,
                     "what the CPU counts in a run"),
     VC_WHEN(vc_profile_times, counted), VC_OR_NULL},
    {VC_FIELD_RECORD(vc_profile_times, whole_ms, "whole_ms", &vc_spread_record,
                     "ms for a batch while times are taken")},
    {VC_FIELD(vc_profile_times, operators_ms, "ms", "all work, mean over threads")},
    {VC_FIELD(vc_profile_times, waiting_ms, "ms",
              "threads waiting for each other; on a device what is no operator's")},
    {VC_FIELD_RECORD(vc_profile_times, told_share, "told_share", &vc_spread_record,
                     "work and waiting, of the whole")},
    {VC_FIELD_RECORD(vc_profile_times, untimed_ms, "untimed_ms", &vc_spread_record,
                     "ms for a batch without taking times")},
    {VC_FIELD_RECORD(vc_profile_times, timed_over_untimed, "timed_over_untimed", &vc_spread_record,
                     "what taking times costs")},
    {VC_FIELD(vc_profile_times, repeats, "", "how often each was run")},
    {VC_FIELD(vc_profile_times, executed_macs, "MAC", "that are done for an image")},
    {VC_FIELD_AS(vc_profile_times, fused_ms, "attention_fused_ms", "ms",
                 "of a device: the kernel that does all of attention"),
     VC_KNOWN},
    {VC_FIELD_AS(vc_profile_times, apart_ms, "attention_apart_ms", "ms",
                 "three kernels that do its parts apart, whose shares of it are told"),
     VC_KNOWN},
    {VC_FIELD(vc_profile_times, energy_mj, "mJ", "of a device, for an image"), VC_KNOWN},
    {VC_FIELD(vc_profile_times, power_w, "W", "of a device while it runs"), VC_KNOWN},
    {VC_FIELD(vc_profile_times, energy_source, "", "what counted it"), VC_KNOWN},
    {VC_FIELD_RECORD(vc_profile_times, roofs, "roofs", &roof_record,
                     "what this machine can do at best")},
};
static const vc_record time_record = VC_RECORD("times", vc_profile_times, time_fields);

static const vc_field about_fields[] = {
    {VC_FIELD(vc_profile_result, architecture, "", "family")},
    {VC_FIELD(vc_profile_result, image_height, "", "pixels; 0: no pictures")},
    {VC_FIELD(vc_profile_result, image_width, "", "pixels; 0: no pictures")},
    {VC_FIELD(vc_profile_result, batch, "", "images at once")},
};
const vc_record vc_profile_about_record = VC_RECORD("model", vc_profile_result, about_fields);

static const vc_field fields[] = {
    {VC_FIELD(vc_profile_result, macs, "MAC", "multiply-adds of an image")},
    {VC_FIELD(vc_profile_result, flops, "FLOP", "operations of an image")},
    {VC_FIELD(vc_profile_result, bytes, "B", "that an image moves")},
    {VC_FIELD(vc_profile_result, intensity, "FLOP/B", "operations per byte"), VC_KNOWN},
    {VC_FIELD_RECORDS(vc_profile_result, works, work_count, "work", &work_record,
                      "by kind of work")},
    {VC_FIELD_RECORDS(vc_profile_result, layers, layer_count, "layers", &layer_record,
                      "by layer, first what is outside")},
    {VC_FIELD_INLINE(vc_profile_result, times, &time_record), VC_WHEN(vc_profile_result, timed)},
};
const vc_record vc_profile_record = VC_RECORD("profile of a model", vc_profile_result, fields);
