#include <assert.h>

#include "memory_impl.h"

static const vc__memory_kind *kind_of(vc_memory_model model)
{
    static const vc__memory_kind *const kinds[] = {
        [VC_MEMORY_BANDWIDTH] = &vc__memory_bandwidth, [VC_MEMORY_DRAM] = &vc__memory_dram};
    return kinds[model];
}

vc_status vc_memory_open(vc_memory **out, const vc_memory_config *config, double chip_hz)
{
    *out = NULL;
    const vc__memory_kind *kind = kind_of(config->model);
    VC_TRY(kind->open(out, config, chip_hz));
    (*out)->kind = kind;
    return VC_OK;
}

void vc_memory_watch(vc_memory *memory, vc_dram_watch *watch, void *context)
{
    memory->watch = watch;
    memory->watcher = context;
}

void vc_memory_watch_requests(vc_memory *memory, vc_dram_request_watch *watch, void *context)
{
    memory->request_watch = watch;
    memory->request_watcher = context;
}

void vc_memory_push(vc_memory *memory, vc_transfer *t)
{
    assert(t->bytes > 0 && (!t->done || t->chunk_bytes > 0));
    t->finished = 0;
    if (t->write)
        memory->counters.written_bytes += t->bytes;
    else
        memory->counters.read_bytes += t->bytes;
    memory->kind->push(memory, t);
}

uint64_t vc_memory_wait(vc_memory *memory, vc_transfer *transfer)
{
    memory->kind->wait(memory, transfer);
    return transfer->finished;
}

vc_memory_counters vc_memory_count(const vc_memory *memory, uint64_t cycle)
{
    vc_memory_counters counters = memory->counters;
    memory->kind->count_energy(&counters, memory, cycle);
    return counters;
}

void vc_memory_close(vc_memory *memory)
{
    if (memory)
        memory->kind->close(memory);
}
