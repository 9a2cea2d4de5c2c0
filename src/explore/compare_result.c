/* What a comparison says, row by row. */
#include "vitcod/compare.h"

#define ROW(member, key, unit, meaning) VC_FIELD_AS(vc_compare_row, member, key, unit, meaning)
#define PAPER(member, key, meaning) VC_FIELD_AS(vc_compare_paper, member, key, "", meaning)

static const vc_field row_fields[] = {
    {ROW(arch, "arch", "", "the model: timm's name, or a file")},
    {ROW(sparsity, "sparsity", "", "share of scores that is to be pruned")},
    {ROW(kept_share, "kept_share", "", "share of scores that the mask keeps, or summaries have")},
    {ROW(method, "method", "", "kept entries alone, with a residual, or with summaries")},
    {ROW(summaries, "summaries", "", "what the chip does with them, where the plan has any"),
     VC_KNOWN},
    {ROW(chip.chip.name, "chip", "", "its name")},
    {ROW(setting, "setting", "",
         "equal substrate: ViTCoD's MACs, clock and scratchpads, and the memory of all")},
    {VC_FIELD_RECORD(vc_compare_row, attention, "attention", &vc_point_record,
                     "between the projections")},
    {ROW(accelerator, "accelerator", "", "all of the chip")},
    {ROW(plan_hash, "plan_hash", "", "of the plan that the mask became")},
    {ROW(seen, "dynamic_sparsity_from", "", "what a chip that predicts its mask sees")},
    {VC_FIELD_RECORD(vc_compare_row, end_to_end, "end_to_end", &vc_point_record,
                     "all of the model"),
     VC_WHEN(vc_compare_row, has_end_to_end)},
    {ROW(attention_times, "attention_times_vitcod", "", "times ViTCoD's time of attention"),
     VC_KNOWN},
    {ROW(energy_times, "energy_times_vitcod", "", "times ViTCoD's energy of attention"), VC_KNOWN},
    {ROW(on_chip_times, "on_chip_energy_times_vitcod", "", "times that of ViTCoD's chip alone"),
     VC_KNOWN},
    {ROW(dram_access_times, "dram_access_energy_times_vitcod", "",
         "times that of the commands to ViTCoD's memory"),
     VC_KNOWN},
    {ROW(dram_standby_times, "dram_standby_energy_times_vitcod", "",
         "times that of ViTCoD's memory, whatever is done"),
     VC_KNOWN},
    {ROW(end_to_end_times, "end_to_end_times_vitcod", "", "times ViTCoD's time of all"), VC_KNOWN},
    {ROW(ahead, "ahead_because", "", "where one of those is below 1"), VC_KNOWN},
};
static const vc_record row_record = VC_RECORD("chip in a scene", vc_compare_row, row_fields);

static const vc_field paper_fields[] = {
    {PAPER(reorder_mean, "reorder_only_over_prune_reorder_mean", "latency, over all sparsities")},
    {PAPER(reorder_at_09, "reorder_only_over_prune_reorder_at_0.9", "latency")},
    {PAPER(prune_mean, "prune_only_over_prune_reorder_mean", "latency, over all sparsities")},
    {PAPER(prune_at_09, "prune_only_over_prune_reorder_at_0.9", "latency")},
    {PAPER(spatten_at_09, "spatten_at_0.9", "times ViTCoD's latency")},
    {PAPER(sanger_at_09, "sanger_at_0.9", "times ViTCoD's latency")},
    {PAPER(cpu_at_09, "cpu_at_0.9", "times ViTCoD's latency of attention: Xeon Gold 6230R")},
    {PAPER(edge_gpu_at_09, "edge_gpu_at_0.9", "likewise: Jetson Xavier NX")},
    {PAPER(gpu_at_09, "gpu_at_0.9", "likewise: RTX 2080 Ti")},
    {PAPER(source, "source", "where it is published")},
    {PAPER(explained, "explained_in", "which assumption makes each difference to this")},
};
static const vc_record paper_record = VC_RECORD("published", vc_compare_paper, paper_fields);

static const vc_field times_fields[] = {
    {VC_FIELD_AS(vc_measured_times, path, "file", "", "of `measured`")},
    {VC_FIELD(vc_measured_times, arch, "", "the model that the chip ran")},
    {VC_FIELD(vc_measured_times, sparsity, "", "of that")},
    {VC_FIELD_AS(vc_measured_times, attention_times, "attention_times_vitcod", "",
                 "times ViTCoD's time of attention"),
     VC_KNOWN},
    {VC_FIELD_AS(vc_measured_times, end_to_end_times, "end_to_end_times_vitcod", "",
                 "times ViTCoD's time of all"),
     VC_KNOWN},
};
static const vc_record times_record =
    VC_RECORD("measured against a chip", vc_measured_times, times_fields);

static const vc_field fields[] = {
    {VC_FIELD_RECORDS(vc_comparison, measured, measured_count, "measured", &vc_measured_record,
                      "times that were measured elsewhere"),
     VC_WHEN(vc_comparison, has_measured)},
    {VC_FIELD_RECORDS(vc_comparison, measured_times, measured_times_count, "measured_times",
                      &times_record, "those against ViTCoD's chip"),
     VC_WHEN(vc_comparison, has_measured)},
    {VC_FIELD_RECORDS(vc_comparison, rows, row_count, "rows", &row_record,
                      "every chip in every scene")},
    {VC_FIELD_RECORD(vc_comparison, paper, "paper", &paper_record, "what was published")},
};
const vc_record vc_comparison_record = VC_RECORD("comparison", vc_comparison, fields);
