/* The requests of a run, for other DRAM simulators. */
#ifndef VITCOD_DRAM_TRACE_H
#define VITCOD_DRAM_TRACE_H

#include "vitcod/memory.h"

typedef struct vc_dram_trace vc_dram_trace;

/* A line for each burst, as DRAMsim3's trace reader takes it: 0xADDRESS READ|WRITE CLOCK, clocks of
 * the DRAM. Ramulator's reader of loads and stores wants "LD|ST 0xADDRESS": sed turns one into the
 * other (docs/simulator.md). */
vc_status vc_dram_trace_open(vc_dram_trace **out, const char *path);
/* A vc_dram_request_watch whose context is the trace. */
void vc_dram_trace_request(void *trace, const vc_dram_request *request);
/* Ends the file; VC_EIO where anything could not be written. The trace is gone either way. */
vc_status vc_dram_trace_close(vc_dram_trace *trace);

#endif
