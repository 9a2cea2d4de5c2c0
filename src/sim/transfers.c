/* The DMA: reads are issued in the order of the schedule, writes when results are there. */
#include "chip_impl.h"

static uint64_t issue_after(uint64_t *latest, uint64_t issue)
{
    return *latest = vc__later(*latest, issue);
}

void vc__read(vc__machine *m, vc_transfer *transfer, uint64_t issue)
{
    transfer->write = 0;
    transfer->issue = issue_after(&m->read_issue, issue);
    vc_memory_push(m->memory, transfer);
}

void vc__write(vc__machine *m, vc_transfer *transfer, uint64_t issue)
{
    transfer->write = 1;
    transfer->issue = issue_after(&m->write_issue, issue);
    m->counts.stored_bytes += transfer->bytes;
    vc_memory_push(m->memory, transfer);
}
