/* Shared by the kinds of memories. */
#ifndef VC_MEMORY_IMPL_H
#define VC_MEMORY_IMPL_H

#include "vitcod/json.h"
#include "vitcod/memory.h"
#include "vitcod/yaml.h"

typedef struct vc__memory_kind {
    vc_status (*open)(vc_memory **out, const vc_memory_config *config, double chip_hz);
    void (*push)(vc_memory *memory, vc_transfer *transfer);
    void (*wait)(vc_memory *memory, vc_transfer *transfer);
    void (*count_energy)(vc_memory_counters *out, const vc_memory *memory, uint64_t cycle);
    void (*close)(vc_memory *memory);
} vc__memory_kind;

/* The beginning of the struct of every kind of memory. */
struct vc_memory {
    const vc__memory_kind *kind;
    vc_memory_counters counters;
    vc_dram_watch *watch;
    void *watcher;
    vc_dram_request_watch *request_watch;
    void *request_watcher;
};

extern const vc__memory_kind vc__memory_bandwidth, vc__memory_dram;

/* Reads the keys of a memory, in a file of its own or in a section. */
vc_status vc__memory_config_from(vc_memory_config *out, const vc_yaml_map *map);
/* The configuration as JSON, by the tables that read it. */
json_t *vc__memory_config_json(const vc_memory_config *config);

/* VC_EINVAL, with the name of the member, for values that no DRAM can have. */
vc_status vc__dram_config_check(const vc_dram_config *config);

/* Energy of a command beyond that of the state of its rank, of all devices (eq. C8). */
double vc__dram_command_pj(const vc_dram_config *config, vc_dram_kind kind);

static inline uint64_t vc__chunks(const vc_transfer *t)
{
    return t->done ? (t->bytes + t->chunk_bytes - 1) / t->chunk_bytes : 0;
}

#endif
