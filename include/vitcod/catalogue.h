/* What needs no file: chips, memories and pruning rules, by the names that options take. */
#ifndef VITCOD_CATALOGUE_H
#define VITCOD_CATALOGUE_H

#include <stdbool.h>
#include <stdio.h>

#include "vitcod/prune.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_catalogue_chip {
    const char *key;
    char name[64], memory[64];
    const char *dataflow;
    uint64_t macs; /* of the lines, per cycle */
    double clock_hz;
    bool published; /* with its authors' MACs, clock and memory */
} vc_catalogue_chip;

typedef struct vc_catalogue_memory {
    const char *key;
    char name[64];
    const char *model;
    double peak_bytes_per_s;
} vc_catalogue_memory;

enum { VC_CATALOGUE_MOST = 64 };

typedef struct vc_catalogue {
    vc_catalogue_chip chips[VC_CATALOGUE_MOST], *chip; /* chip, memory: their first */
    vc_catalogue_memory memories[VC_CATALOGUE_MOST], *memory;
    size_t chip_count, memory_count;
    char rules[VC_PRUNE_RULES_TEXT]; /* of `prune` (vc_prune_rules) */
} vc_catalogue;

void vc_catalogue_fill(vc_catalogue *out);
void vc_catalogue_print(FILE *out, const vc_catalogue *catalogue);

extern const vc_record vc_catalogue_record;

#ifdef __cplusplus
}
#endif

#endif
