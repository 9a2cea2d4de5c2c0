/* Counter tracks of a trace: points in windows of half a microsecond. */
#ifndef VC_CHIP_COUNTERS_H
#define VC_CHIP_COUNTERS_H

#include <stdio.h>

#include "vitcod/chip.h"

typedef struct vc__window {
    uint64_t moved[2]; /* bytes read from the DRAM and written */
    double dram_pj;    /* of its commands */
    double busy_us[VC_CHIP_UNIT_COUNT];
} vc__window;

typedef struct vc__counters {
    vc__window *windows;
    size_t count, room;
    int lost; /* out of memory for them */
} vc__counters;

/* Times are in microseconds. */
void vc__counters_move(vc__counters *counters, double time, int write, uint64_t bytes);
void vc__counters_spend(vc__counters *counters, double time, double pj);
void vc__counters_work(vc__counters *counters, vc_chip_unit unit, double start, double end);
/* Writes what units do, and with `dram` what it moves and takes. */
void vc__counters_write(FILE *file, const vc__counters *counters, int dram);
/* From a time on the chip takes so much energy (pJ: MACs, units, scratchpads, leakage) in so many
 * microseconds. */
void vc__counters_power(FILE *file, double time, const double pj[4], double us);
void vc__counters_close(vc__counters *counters);

#endif
