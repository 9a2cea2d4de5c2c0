/* The DMA: reads are issued in the order of the schedule, writes when results are there. And what
 * need not go through it. */
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

uint64_t vc__forwarded_bytes(const vc_chip_config *c, const vc_attention_sizes *s, vc_buffer buffer)
{
    const uint64_t each = vc_chip_images(c) * vc_chip_value_bytes(c);
    const size_t side = buffer == VC_BUFFER_KEY,
                 heads = s->compressed[side] ? s->compressed[side] : s->heads;
    if (buffer == VC_BUFFER_VALUE)
        return each * s->heads * s->keys * s->value_dim;
    return each * heads * (side ? s->keys : s->queries) * s->head_dim;
}

int vc__forwards(const vc_chip_config *c, const vc_attention_sizes *s, int pooled)
{
    int fit = c->forward && !pooled;
    for (int b = VC_BUFFER_QUERY; b <= VC_BUFFER_VALUE; b++)
        fit = fit && vc__forwarded_bytes(c, s, (vc_buffer)b) <= c->buffers[b].bytes;
    return fit;
}
