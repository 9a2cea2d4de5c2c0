/* The memory behind the chip: bytes over a rate, or DRAM command by command (docs/simulator.md,
 * part C). Transfers are pushed and then waited for; all times are cycles of the chip's clock.
 *
 * Before it waits for what is complete at some time, the caller pushes all transfers that can be
 * issued before that time, in program order. So the memory never has to go back in time. What the
 * caller reads has been written and waited for. */
#ifndef VITCOD_MEMORY_H
#define VITCOD_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/yaml.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The fields of an address, which `mapping` puts in order from the highest bits to the lowest. */
typedef enum vc_dram_field {
    VC_DRAM_ROW,
    VC_DRAM_RANK,
    VC_DRAM_BANK,
    VC_DRAM_BANK_GROUP,
    VC_DRAM_COLUMN, /* the burst within a row */
    VC_DRAM_CHANNEL,
    VC_DRAM_FIELDS
} vc_dram_field;

/* Times in clocks of the DRAM, unless said otherwise. _s: to another bank group, _l: to the
 * same. */
typedef struct vc_dram_timing {
    uint64_t burst; /* of the data bus: BL / 2 for double data rate */
    uint64_t cl, cwl, rcd, rp, ras, rc, wr, rtp, ccd_s, ccd_l, rrd_s, rrd_l, wtr_s, wtr_l, faw;
    uint64_t rank_switch;
    uint64_t xp, xs;      /* out of power-down, out of self-refresh */
    double rfc_s, refi_s; /* seconds */
} vc_dram_timing;

typedef struct vc_dram_config {
    char name[64];
    double clock_hz;
    uint64_t channels, ranks, bank_groups, banks /* of a group */, rows, row_bytes, burst_bytes;
    vc_dram_field mapping[VC_DRAM_FIELDS];
    vc_dram_timing timing;
    uint64_t read_queue, write_queue; /* bursts, per channel */
    uint64_t write_high, write_low;   /* queue lengths at which draining starts and ends */
    uint64_t age_cap;                 /* clocks after which the oldest burst goes first */
    /* per device: volts, amperes */
    double vdd, idd0, idd2n, idd3n, idd4r, idd4w, idd5ab, idd2p, idd6;
    uint64_t devices; /* of a rank */
    /* clocks without a burst after which a rank goes there; 0: never */
    uint64_t power_down, self_refresh;
} vc_dram_config;

typedef enum vc_memory_model { VC_MEMORY_BANDWIDTH, VC_MEMORY_DRAM } vc_memory_model;

typedef struct vc_memory_config {
    vc_memory_model model;
    double bytes_per_second, pj_per_bit; /* bandwidth */
    vc_dram_config dram;
} vc_memory_config;

/* DDR4-2400 with four channels of 64 bit, as in configs/memory/ddr4-2400.yaml. With the model set
 * to bandwidth, the same 76.8 GB/s at 12.5 pJ/bit (Focus, from DRAMsim3: the whole system). */
vc_memory_config vc_memory_config_default(void);

/* Bytes per second of all channels together. */
double vc_memory_peak(const vc_memory_config *config);

/* Reads a file like those of configs/memory. VC_EFORMAT with file, line and key for whatever is
 * wrong. */
vc_status vc_memory_config_read(vc_memory_config *out, const char *path);

/* A memory that needs no file: as configs/memory has it. */
typedef struct vc_memory_variant {
    const char *key; /* as --memory, chips' files and configs/memory name it */
    vc_memory_config config;
} vc_memory_variant;

/* 0 behind the last one. */
int vc_memory_variant_at(vc_memory_variant *out, size_t index);
/* "bandwidth, ddr4-2400, ..", for messages. */
enum { VC_MEMORY_NAMES = 128 };
const char *vc_memory_names(char text[VC_MEMORY_NAMES]);

/* A memory that is built in, or else a file. VC_EIO, with the names, where it is neither. */
vc_status vc_memory_config_open(vc_memory_config *out, const char *name_or_path);

/* How files write the rate of a memory that is one, and the channels of a DRAM. */
extern const vc_yaml_field vc_memory_rate_field, vc_memory_channels_field;

typedef struct vc_transfer {
    uint64_t address, bytes;
    int write;
    uint64_t
        issue; /* the cycle from which it may be served; never falls among reads or among writes */
    uint64_t chunk_bytes; /* bytes for which done[] has an entry each */
    uint64_t *done;       /* out: the cycle at which each chunk is complete; or NULL */
    uint64_t finished;    /* out: the cycle at which all of it is complete */
    /* for the memory's own use */
    struct vc_transfer *next;
    uint64_t pushed, left; /* bursts */
} vc_transfer;

/* What a rank is in while no command says otherwise. Its rows are closed before it sleeps. */
typedef enum vc_dram_state {
    VC_DRAM_PRECHARGED, /* all rows are closed */
    VC_DRAM_ACTIVE,
    VC_DRAM_POWER_DOWN,
    VC_DRAM_SELF_REFRESH,
    VC_DRAM_STATES
} vc_dram_state;

typedef struct vc_memory_counters {
    uint64_t read_bytes, written_bytes; /* asked for */
    uint64_t reads, writes, activates, precharges, refreshes;
    uint64_t row_hits;                     /* bursts to a row that was open already */
    uint64_t state_clocks[VC_DRAM_STATES]; /* of the DRAM, over all ranks */
    double energy_pj;                      /* of commands */
    double standby_pj;                     /* of standby */
} vc_memory_counters;

#define VC_DRAM_COMMAND_MAP(X)                                                                     \
    X(ACT, "ACT")                                                                                  \
    X(PRE, "PRE")                                                                                  \
    X(PREA, "PREA") /* all banks of a rank */                                                      \
    X(RD, "RD")                                                                                    \
    X(WR, "WR")                                                                                    \
    X(REF, "REF")

typedef enum vc_dram_kind {
#define VC_DRAM_ENUM(name, text) VC_DRAM_##name,
    VC_DRAM_COMMAND_MAP(VC_DRAM_ENUM)
#undef VC_DRAM_ENUM
        VC_DRAM_KINDS
} vc_dram_kind;

typedef struct vc_dram_command {
    uint64_t clock; /* of the DRAM */
    vc_dram_kind kind;
    uint32_t channel, rank, group, bank; /* bank of its group */
    uint32_t row, column;
} vc_dram_command;

typedef void vc_dram_watch(void *context, const vc_dram_command *command);

/* A burst as it comes to its channel's queue. */
typedef struct vc_dram_request {
    uint64_t clock; /* of the DRAM; never falls */
    uint64_t address;
    int write;
} vc_dram_request;

typedef void vc_dram_request_watch(void *context, const vc_dram_request *request);

typedef struct vc_memory vc_memory;

/* VC_EINVAL for sizes or rates that cannot be. */
vc_status vc_memory_open(vc_memory **out, const vc_memory_config *config, double chip_hz);
/* Reports every command from now on. They come in order within a rank, but not among ranks. */
void vc_memory_watch(vc_memory *memory, vc_dram_watch *watch, void *context);
/* Reports every request from now on. The bandwidth model has none. */
void vc_memory_watch_requests(vc_memory *memory, vc_dram_request_watch *watch, void *context);
/* Pushes a transfer, which remains the caller's and must live until it is finished. */
void vc_memory_push(vc_memory *memory, vc_transfer *transfer);
/* Runs the memory until the transfer is finished, and returns the cycle. */
uint64_t vc_memory_wait(vc_memory *memory, vc_transfer *transfer);
/* The counts up to `cycle`, which determines the energy of standby. */
vc_memory_counters vc_memory_count(const vc_memory *memory, uint64_t cycle);
void vc_memory_close(vc_memory *memory);

/* Checks every pair of commands against the gap that the timing demands, from a table of its own.
 * VC_EINVAL names the first pair that is too close, or a command to a bank that is in the wrong
 * state for it. Sorts the commands. */
vc_status vc_dram_check(vc_dram_command *commands, size_t count, const vc_dram_config *config);

#ifdef __cplusplus
}
#endif

#endif
