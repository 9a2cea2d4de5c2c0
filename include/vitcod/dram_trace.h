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
/* The same for the commands to the devices, a line for each, "CLOCK KIND CHANNEL RANK BANK_GROUP
 * BANK ROW COLUMN", columns in bursts, a bank of its group. A comment in front says so, and which
 * `address_mapping` of DRAMsim3 has the same addresses. Lines of a channel are in the order of its
 * clock but for PREA and REF (eq. C4). */
vc_status vc_dram_commands_open(vc_dram_trace **out, const char *path,
                                const vc_dram_config *config);
/* A vc_dram_watch whose context is the trace. */
void vc_dram_trace_command(void *trace, const vc_dram_command *command);
/* Ends the file. VC_EIO if anything could not be written; the trace is closed in any case. */
vc_status vc_dram_trace_close(vc_dram_trace *trace);
/* Of a run that failed: leaves no file. */
void vc_dram_trace_abort(vc_dram_trace *trace);

#ifdef __cplusplus
}
#endif

#endif
