/* From a model or a plan to a workload to a chip. `simulate`, comparisons, sweeps and the search
 * for a threshold all do it here. */
#ifndef VITCOD_SIMULATION_H
#define VITCOD_SIMULATION_H

#include "vitcod/accelerator.h"
#include "vitcod/chip_kind.h"
#include "vitcod/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_simulation {
    const vc_accelerator *chip;
    const vc_plan *plan;   /* what the chip's steps leave of it; NULL: attention is dense */
    int of_model;          /* 0: a plan's attention alone */
    const char *summaries; /* vc_chip_summaries of the plan that was given */
    vc_workload workload;
    vc_plan room; /* of `plan`, where it is not the caller's */
} vc_simulation;

/* A model, with a plan or without (NULL). The chip and the plan stay the caller's and must live as
 * long. `path` names the plan where it does not fit the model. */
vc_status vc_simulation_of_model(vc_simulation *out, const vc_model_config *model,
                                 const vc_plan *plan, const vc_accelerator *chip, const char *path);

/* A plan's attention alone, without a model, with Q and K of so many compressed heads (0: not
 * compressed; NULL: neither). */
vc_status vc_simulation_of_plan(vc_simulation *out, const vc_plan *plan, size_t head_dim,
                                const size_t compressed[2], const vc_accelerator *chip,
                                const char *path);
void vc_simulation_close(vc_simulation *simulation);

/* Keeps to some layers, "N" or "A-B" from 0; VC_EINVAL for others than there are. */
vc_status vc_simulation_keep_layers(vc_simulation *simulation, const char *layers);

/* VC_EINVAL for a model with an auto-encoder on a chip that makes no use of one. */
vc_status vc_simulation_check(const vc_simulation *simulation);

/* Writes the workload as matrix products: a topology of SCALE-Sim, or, as FILE.yaml, problems of
 * Timeloop. Neither knows of masks: attention is all of each head's, and coders are left out. */
vc_status vc_simulation_write_gemms(const vc_simulation *simulation, const char *path);

typedef struct vc_simulation_options {
    int attention_only;
    const vc_chip_values *values;   /* int8 data to send through, by layer; NULL: none */
    struct vc_rtl_vectors *vectors; /* where it is kept for RTL (rtl.h); NULL: nowhere */
    const char *trace;              /* where the timeline is written, for Perfetto; NULL: nowhere */
    const char *dram_trace;         /* and the memory's requests, as DRAMsim3 reads them */
    const char *dram_commands;      /* and the commands to its devices (dram_trace.h) */
} vc_simulation_options;

/* VC_EINVAL for dram_trace where the memory is no DRAM. The caller closes the result. */
vc_status vc_simulation_run(vc_chip_result *out, const vc_simulation *simulation,
                            const vc_simulation_options *options);

/* What no schedule on the chip beats. VC_EUNSUPPORTED for a kind of chip that does other work than
 * the workload says. */
vc_status vc_simulation_bound(vc_bound *out, const vc_simulation *simulation, int attention_only);

#ifdef __cplusplus
}
#endif

#endif
