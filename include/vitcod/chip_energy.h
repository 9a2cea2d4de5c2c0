/* The energy of a simulated run and the area of the chip: counts times a table (docs/simulator.md,
 * eq. D15 and D16). */
#ifndef VITCOD_CHIP_ENERGY_H
#define VITCOD_CHIP_ENERGY_H

#include "vitcod/chip.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_energy_table {
    double mac_pj;            /* an int8 product, added in 32 bit */
    double add_pj;            /* 32 bit */
    double multiplication_pj; /* of softmax and vector unit */
    double exponential_pj;
    double read_pj_per_byte[VC_BUFFER_COUNT], write_pj_per_byte[VC_BUFFER_COUNT];
    double leakage_mw_per_kib; /* of all scratchpads */
    double sram_mm2_per_kib, logic_mm2_per_mac;
    double node_factor; /* of what units and accesses take, for another process; 1: none */
} vc_energy_table;

vc_energy_table
vc_energy_table_default(void); /* 28 nm; sources in configs/accelerators/vitcod.yaml */

#define VC_ENERGY_MAP(X)                                                                           \
    X(LINES, "lines")                                                                              \
    X(CODERS, "coders")                                                                            \
    X(UNITS, "softmax_and_vector")                                                                 \
    X(QUERY, "query")                                                                              \
    X(KEY, "key")                                                                                  \
    X(VALUE, "value")                                                                              \
    X(INDEX, "index")                                                                              \
    X(OUTPUT, "output")                                                                            \
    X(DECODED, "decoded")                                                                          \
    X(LEAKAGE, "leakage")                                                                          \
    X(DRAM, "dram")                                                                                \
    X(DRAM_STANDBY, "dram_standby")

typedef enum vc_energy_part {
#define VC_ENERGY_ENUM(name, text) VC_ENERGY_##name,
    VC_ENERGY_MAP(VC_ENERGY_ENUM)
#undef VC_ENERGY_ENUM
        VC_ENERGY_COUNT
} vc_energy_part;

const char *vc_energy_name(vc_energy_part part);

typedef struct vc_chip_energy {
    double pj[VC_ENERGY_COUNT];
    double total_pj; /* their sum, which is that of these three: */
    double on_chip_pj, dram_access_pj;
    double dram_standby_pj; /* grows with time, less where ranks sleep */
} vc_chip_energy;

/* The energy of a run. `memory` holds the counts of the memory. */
vc_chip_energy vc_chip_energy_of(const vc_chip_counts *counts, const vc_chip_config *config,
                                 const vc_energy_table *table, const vc_memory_counters *memory);

double vc_chip_area_mm2(const vc_chip_config *config, const vc_energy_table *table);

#ifdef __cplusplus
}
#endif

#endif
