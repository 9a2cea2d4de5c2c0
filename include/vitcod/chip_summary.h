/* A run of the chip as results keep it: cycles, MACs, bytes, energy, what units did with their
 * time; summed by operator, and for every stage. */
#ifndef VITCOD_CHIP_SUMMARY_H
#define VITCOD_CHIP_SUMMARY_H

#include <stdbool.h>

#include "vitcod/chip_energy.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_chip_traffic {
    uint64_t loaded[VC_BUFFER_COUNT]; /* VC_NO_COUNT where nothing is */
    uint64_t biases;                  /* of summaries; VC_NO_COUNT where there are none */
    uint64_t weights, inputs, stored;
} vc_chip_traffic;

typedef struct vc_chip_work {
    uint64_t cycles, macs, coder_macs, predicted_macs, dram_bytes;
    double mac_utilisation; /* share of what the lines could do in the cycles */
    double macs_per_byte;   /* from and to the memory; NAN: nothing is */
    double roof_share; /* of what MACs and memory allow at so many MACs per byte: the roofline */
    double on_chip_uj, dram_access_uj, dram_standby_uj; /* energy; without the memory's; its */
    vc_chip_traffic bytes;
    uint64_t line_cycles[VC_SPENT_COUNT]; /* of the three units made of lines: lines x cycles */
    uint64_t read_bytes[VC_BUFFER_COUNT], written_bytes[VC_BUFFER_COUNT]; /* of scratchpads */
} vc_chip_work;

typedef struct vc_chip_unit_time {
    const char *unit;
    bool of_lines, alone;           /* made of lines, and then cycles are of one line; or not */
    uint64_t spent[VC_SPENT_COUNT]; /* cycles */
} vc_chip_unit_time;

typedef struct vc_chip_operator {
    vc_chip_work work;
    const char *name;
    vc_chip_unit_time unit[VC_CHIP_UNIT_COUNT], *units;
    size_t unit_count;
} vc_chip_operator;

typedef struct vc_chip_stage_work {
    vc_chip_work work;
    const char *name;
    int layer;
    uint64_t start_cycle;
} vc_chip_stage_work;

typedef struct vc_chip_layer_work {
    vc_chip_work work;
    int layer;
} vc_chip_layer_work;

typedef struct vc_chip_summary {
    vc_chip_operator all; /* its name is NULL */
    double time_us, energy_uj, energy_parts_uj[VC_ENERGY_COUNT];
    double on_chip_uj, dram_access_uj, dram_standby_uj; /* their sum is energy_uj */
    double image_cycles, image_uj; /* of one image of a batch; NAN where there is no other */
    vc_chip_layer_work *layers;    /* in their order, all operators together; -1: outside */
    size_t layer_count;
    vc_chip_operator *operators; /* in the order of vc_op_kind */
    vc_chip_stage_work *stages;
    size_t operator_count, stage_count;
} vc_chip_summary;

extern const vc_record vc_chip_summary_record;
extern const vc_record vc_chip_energy_record; /* of a vc_chip_summary: its energy by part alone */
extern const vc_record vc_chip_units_record;  /* of a vc_chip_operator: its units alone */

vc_status vc_chip_summary_open(vc_chip_summary *out, const vc_chip_result *result,
                               const vc_chip_config *config, const vc_energy_table *table,
                               const vc_memory_config *memory);
void vc_chip_summary_close(vc_chip_summary *summary);

#ifdef __cplusplus
}
#endif

#endif
