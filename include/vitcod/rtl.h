/* What RTL of the chip (rtl/) is built from and held against: parameters, and a run's schedule and
 * data. Of the chips of ViTCoD's kind alone. */
#ifndef VITCOD_RTL_H
#define VITCOD_RTL_H

#include "vitcod/accelerator.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes macros of SystemVerilog, VITCOD_LINES and so on: every count, flag and word of the chip by
 * its key in files, the memory's bytes per cycle as a fraction, and how large heads of the workload
 * are at most. What a file may leave out has its default. VC_EUNSUPPORTED for what the RTL has not.
 */
vc_status vc_rtl_parameters_write(const char *path, const vc_accelerator *accelerator,
                                  const vc_workload *workload, const vc_plan *plan);

/* Schedules and data of the layers that a run computes (vc_chip_options.vectors, with values). */
typedef struct vc_rtl_vectors vc_rtl_vectors;
vc_status vc_rtl_vectors_open(vc_rtl_vectors **out);
/* One safetensors file. Tensors of layer N are named layer.N.NAME; docs/rtl.md lists them. */
vc_status vc_rtl_vectors_write(const vc_rtl_vectors *vectors, const char *path);
void vc_rtl_vectors_close(vc_rtl_vectors *vectors);

#ifdef __cplusplus
}
#endif

#endif
