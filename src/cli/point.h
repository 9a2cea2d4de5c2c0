/* One point of a comparison or a sweep: a model's attention, or all of it, on a chip. */
#ifndef VC_POINT_H
#define VC_POINT_H

#include "vitcod/accelerator.h"
#include "vitcod/chip_kind.h"
#include "vitcod/model.h"

typedef struct cli_point {
    uint64_t cycles, macs, dram_bytes, bound_cycles;
    double time_us, energy_uj, mac_utilisation;
} cli_point;

/* For cli_run_point: the model's auto-encoder as it is. */
#define CLI_OWN_AUTOENCODER SIZE_MAX

/* The chip with what it uses of the plan and, where it has one, of an auto-encoder of ViTCoD's
 * widths, or of `compressed` heads. */
vc_status cli_run_point(cli_point *out, const vc_model_config *model, const vc_plan *plan,
                        size_t compressed, const vc_accelerator *chip, int attention_only);

json_t *cli_point_json(const cli_point *point);

#endif
