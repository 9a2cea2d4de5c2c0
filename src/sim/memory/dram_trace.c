#include "vitcod/dram_trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "vitcod/file.h"

struct vc_dram_trace {
    vc_file_writer writer;
};

vc_status vc_dram_trace_open(vc_dram_trace **out, const char *path)
{
    vc_dram_trace *t = *out = calloc(1, sizeof *t);
    const vc_status status =
        t ? vc_file_write_begin(&t->writer, path) : vc_fail(VC_ENOMEM, "out of memory");
    if (status != VC_OK) {
        free(t);
        *out = NULL;
    }
    return status;
}

void vc_dram_trace_request(void *trace, const vc_dram_request *r)
{
    vc_dram_trace *t = trace;
    fprintf(t->writer.stream, "0x%" PRIX64 " %s %" PRIu64 "\n", r->address,
            r->write ? "WRITE" : "READ", r->clock);
}

void vc_dram_trace_abort(vc_dram_trace *t)
{
    vc_file_write_abort(&t->writer);
    free(t);
}

vc_status vc_dram_trace_close(vc_dram_trace *t)
{
    const vc_status status = vc_file_write_commit(&t->writer);
    free(t);
    return status;
}
