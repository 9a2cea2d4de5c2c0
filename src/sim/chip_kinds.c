/* Every kind of chip, and the chips that need no file: as configs/accelerators has them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "accelerator_impl.h"

/* One line each, in the order of comparisons. */
#define KINDS(X)                                                                                   \
    X(vc__kind_vitcod)                                                                             \
    X(vc__kind_systolic)                                                                           \
    X(vc__kind_sanger)                                                                             \
    X(vc__kind_spatten)                                                                            \
    X(vc__kind_vitality)

#define DECLARE_KIND(kind) extern const vc_chip_kind kind;
KINDS(DECLARE_KIND)

static const vc_chip_kind *const kinds[] = {
#define LIST_KIND(kind) &kind,
    KINDS(LIST_KIND) NULL};

const vc_chip_kind *const *vc_chip_kinds(void)
{
    return kinds;
}

const vc_chip_variant *vc_chip_variant_at(size_t index)
{
    for (size_t k = 0; kinds[k]; index -= kinds[k]->variant_count, k++)
        if (index < kinds[k]->variant_count)
            return &kinds[k]->variants[index];
    return NULL;
}

static void use_published(vc_accelerator *a, const vc_chip_published *p)
{
    a->chip.clock_hz = p->clock_hz;
    a->chip.macs_per_line = p->macs_per_line;
    a->memory = (vc_memory_config){.model = VC_MEMORY_BANDWIDTH,
                                   .bytes_per_second = p->bytes_per_second,
                                   .pj_per_bit = p->pj_per_bit};
    snprintf(a->memory.dram.name, sizeof a->memory.dram.name, "%s", p->memory);
}

vc_accelerator vc__accelerator_of(const vc_chip_kind *kind, const vc_chip_variant *variant)
{
    vc_accelerator a = vc_accelerator_default();
    a.chip.kind = kind;
    a.chip.steps = variant->steps;
    if (variant->own)
        memcpy(a.chip.own, variant->own, kind->own_bytes);
    if (variant->published)
        use_published(&a, variant->published);
    snprintf(a.chip.name, sizeof a.chip.name, "%s", variant->name);
    return a;
}

vc_status vc_accelerator_open(vc_accelerator *out, const char *name_or_path)
{
    for (size_t k = 0; kinds[k]; k++)
        for (size_t v = 0; v < kinds[k]->variant_count; v++)
            if (strcmp(kinds[k]->variants[v].key, name_or_path) == 0) {
                *out = vc__accelerator_of(kinds[k], &kinds[k]->variants[v]);
                return VC_OK;
            }
    if (access(name_or_path, F_OK) != 0 && errno == ENOENT)
        return vc_fail(VC_EIO,
                       "%s: cannot open: no such file, nor a chip that is built in (`vitcod "
                       "simulate --list` has them)",
                       name_or_path);
    return vc_accelerator_read(out, name_or_path);
}

vc_status vc_accelerator_open_with(vc_accelerator *out, const char *name_or_path,
                                   const char *memory)
{
    VC_TRY(vc_accelerator_open(out, name_or_path));
    return memory ? vc_memory_config_open(&out->memory, memory) : VC_OK;
}
