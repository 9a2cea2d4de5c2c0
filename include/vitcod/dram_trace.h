/* Writes the memory requests of a run, for other DRAM simulators. */
#ifndef VITCOD_DRAM_TRACE_H
#define VITCOD_DRAM_TRACE_H

#include "vitcod/memory.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_dram_trace vc_dram_trace;

/* Writes a line for each burst in the format of DRAMsim3's trace reader, "0xADDRESS READ|WRITE
 * CLOCK", in clocks of the DRAM. docs/simulator.md shows how to turn it into the "LD|ST 0xADDRESS"
 * that Ramulator reads. */
vc_status vc_dram_trace_open(vc_dram_trace **out, const char *path);
/* A vc_dram_request_watch whose context is the trace. */
void vc_dram_trace_request(void *trace, const vc_dram_request *request);
/* Ends the file. VC_EIO if anything could not be written; the trace is closed in any case. */
vc_status vc_dram_trace_close(vc_dram_trace *trace);
/* Of a run that failed: leaves no file. */
void vc_dram_trace_abort(vc_dram_trace *trace);

#ifdef __cplusplus
}
#endif

#endif
