/* One point of a comparison or a sweep: a model's attention, or all of it, on a chip. */
#ifndef VITCOD_POINT_H
#define VITCOD_POINT_H

#include "vitcod/accelerator.h"
#include "vitcod/model.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_point {
    uint64_t cycles, macs, dram_bytes;
    uint64_t bound_cycles; /* what no schedule on the chip beats */
    double time_us, energy_uj, mac_utilisation;
    double image_cycles, image_uj; /* of one image of a batch; NAN where there is no other */
    double on_chip_uj, dram_access_uj, dram_standby_uj; /* their sum is energy_uj */
} vc_point;

/* For vc_point_run: the model's auto-encoder as it is. */
#define VC_OWN_AUTOENCODER SIZE_MAX

/* Runs the chip with what it uses of the plan (NULL: dense) and, if it uses one, an auto-encoder of
 * `compressed` heads (0: of ViTCoD's widths). */
vc_status vc_point_run(vc_point *out, const vc_model_config *model, const vc_plan *plan,
                       size_t compressed, const vc_accelerator *chip, int attention_only);

/* Cycles of a plan's attention alone, without a model. */
vc_status vc_point_plan_cycles(double *out, const vc_plan *plan, size_t head_dim,
                               const vc_accelerator *chip);

extern const vc_record vc_point_record;

#ifdef __cplusplus
}
#endif

#endif
