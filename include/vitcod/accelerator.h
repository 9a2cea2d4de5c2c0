/* An accelerator as a YAML file describes it: the chip, the memory behind it, what things cost. */
#ifndef VITCOD_ACCELERATOR_H
#define VITCOD_ACCELERATOR_H

#include "vitcod/bound.h"
#include "vitcod/chip_energy.h"
#include "vitcod/json.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_accelerator {
    vc_chip_config chip;
    vc_memory_config memory;
    vc_energy_table energy;
    char like[256]; /* the file that it was read on top of; empty: none */
} vc_accelerator;

/* ViTCoD, as configs/accelerators/vitcod.yaml has it. */
vc_accelerator vc_accelerator_default(void);

/* Every key must be there, and none that is unknown: VC_EFORMAT with file, line and key. Each
 * constant of energy and area must say where it comes from. A file with `like: OTHER` (from its own
 * folder) changes what it says and keeps the rest. Its `memory` is keys and values, the name of one
 * that is built in, or a file (likewise). */
vc_status vc_accelerator_read(vc_accelerator *out, const char *path);

/* A chip that is built in, or else a file. */
vc_status vc_accelerator_open(vc_accelerator *out, const char *name_or_path);
/* The same in front of another memory, built in or a file (NULL: its own). */
vc_status vc_accelerator_open_with(vc_accelerator *out, const char *name_or_path,
                                   const char *memory);

/* MACs, clock, bandwidth and index width, for what no schedule on the chip beats. */
vc_bound_config vc_accelerator_bound_config(const vc_accelerator *accelerator);

/* All of it, as results keep it. NULL when memory is out. */
json_t *vc_accelerator_json(const vc_accelerator *accelerator);

#ifdef __cplusplus
}
#endif

#endif
