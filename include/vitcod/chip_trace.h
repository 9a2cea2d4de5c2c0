/* Writes a run of the chip as a trace, which Perfetto and chrome://tracing open. */
#ifndef VITCOD_CHIP_TRACE_H
#define VITCOD_CHIP_TRACE_H

#include "vitcod/chip_energy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_chip_trace vc_chip_trace;

/* Begins a trace. With `dram` (NULL: none) each of its channels is a track, with streams of reads
 * and of writes. */
vc_status vc_chip_trace_open(vc_chip_trace **out, const char *path, double clock_hz,
                             const vc_dram_config *dram);
/* A vc_chip_watch whose context is the trace. */
void vc_chip_trace_span(void *trace, const vc_chip_span *span);
/* A vc_dram_watch whose context is the trace. */
void vc_chip_trace_command(void *trace, const vc_dram_command *command);
/* The chip's power, stage by stage, of a run that is over. */
void vc_chip_trace_stages(vc_chip_trace *trace, const vc_chip_result *result,
                          const vc_chip_config *config, const vc_energy_table *table);
/* Ends the file. VC_EIO if anything could not be written, VC_ENOMEM if anything could not be kept
 * for it; the trace is closed in any case. */
vc_status vc_chip_trace_close(vc_chip_trace *trace);
/* Of a run that failed: leaves no file. */
void vc_chip_trace_abort(vc_chip_trace *trace);

#ifdef __cplusplus
}
#endif

#endif
