/* ViTCoD (You et al., HPCA 2023): denser and sparser parts side by side (docs/simulator.md, part
 * D). Its ablation is the same chip with fewer of its steps. */
#include "chip_impl.h"

static const vc_chip_variant variants[] = {
    {.key = "dense", .name = "dense", .steps = {0, 0, 0}},
    {.key = "reorder", .name = "reorder only", .steps = {0, 1, 0}},
    {.key = "prune", .name = "prune only", .steps = {1, 0, 0}},
    {.key = "prune-reorder", .name = "prune + reorder", .steps = {1, 1, 0}},
    {.key = "vitcod", .name = "vitcod", .steps = {1, 1, 1}},
};

static const char *why_ahead(const vc_chip_config *c)
{
    if (!c->steps.prune || c->steps.autoencoder)
        return NULL;
    if (!c->steps.reorder)
        return "each line reads operands of its own at full speed (assumption D1), so that nothing "
               "is won by panels, which compute pruned entries as well; with fewer banks "
               "polarizing pays";
    return "nothing is decoded (assumption D7): attention waits for the MACs here, and an "
           "auto-encoder saves bytes, not MACs";
}

const vc_chip_kind vc__kind_vitcod = {
    .name = "vitcod",
    .variants = variants,
    .variant_count = sizeof variants / sizeof *variants,
    .banked = 1u << VC_BUFFER_QUERY | 1u << VC_BUFFER_KEY | 1u << VC_BUFFER_VALUE |
              1u << VC_BUFFER_OUTPUT | 1u << VC_BUFFER_DECODED,
    .uses_mask = 1,
    .uses_autoencoder = 1,
    .takes_values = 1,
    .takes_summaries = 1,
    .run = vc__schedule_run,
    .bound = vc_bound_compute,
    .ahead = why_ahead,
};
