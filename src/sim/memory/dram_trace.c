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

vc_status vc_dram_commands_open(vc_dram_trace **out, const char *path, const vc_dram_config *c)
{
    static const char *const fields[VC_DRAM_FIELDS] = {
        [VC_DRAM_ROW] = "ro",        [VC_DRAM_RANK] = "ra",   [VC_DRAM_BANK] = "ba",
        [VC_DRAM_BANK_GROUP] = "bg", [VC_DRAM_COLUMN] = "co", [VC_DRAM_CHANNEL] = "ch"};
    VC_TRY(vc_dram_trace_open(out, path));
    FILE *file = (*out)->writer.stream;
    fputs("# clock command channel rank bank_group bank row column; DRAMsim3: address_mapping = ",
          file);
    for (size_t i = 0; i < VC_DRAM_FIELDS; i++)
        fputs(fields[c->mapping[i]], file);
    fputc('\n', file);
    return VC_OK;
}

void vc_dram_trace_command(void *trace, const vc_dram_command *c)
{
    static const char *const names[] = {
#define NAME(kind, text) text,
        VC_DRAM_COMMAND_MAP(NAME)
#undef NAME
    };
    vc_dram_trace *t = trace;
    fprintf(t->writer.stream,
            "%" PRIu64 " %s %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu32
            "\n",
            c->clock, names[c->kind], c->channel, c->rank, c->group, c->bank, c->row, c->column);
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
