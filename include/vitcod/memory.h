/* The memory behind the chip: bytes over a rate, or DRAM command by command (docs/simulator.md,
 * part C). Transfers are pushed and waited for; all times are cycles of the chip's clock.
 *
 * The caller pushes, in the order of its program, everything that can be issued before some time
 * before it waits for what is over at that time; so the memory never has to go back. What it reads
 * it has written and waited for. */
#ifndef VITCOD_MEMORY_H
#define VITCOD_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

/* Where a burst lies: the fields of an address, from the highest bits to the lowest. */
typedef enum vc_dram_field {
    VC_DRAM_ROW,
    VC_DRAM_RANK,
    VC_DRAM_BANK,
    VC_DRAM_BANK_GROUP,
    VC_DRAM_COLUMN, /* a burst of a row */
    VC_DRAM_CHANNEL,
    VC_DRAM_FIELDS
} vc_dram_field;

/* Clocks of the DRAM unless said otherwise. S: other bank group, L: the same. */
typedef struct vc_dram_timing {
    uint64_t burst; /* of the data bus: BL / 2 for double data rate */
    uint64_t cl, cwl, rcd, rp, ras, rc, wr, rtp, ccd_s, ccd_l, rrd_s, rrd_l, wtr_s, wtr_l, faw;
    uint64_t rank_switch;
    double rfc_s, refi_s; /* seconds */
} vc_dram_timing;

typedef struct vc_dram_config {
    char name[64];
    double clock_hz;
    uint64_t channels, ranks, bank_groups, banks /* of a group */, rows, row_bytes, burst_bytes;
    vc_dram_field mapping[VC_DRAM_FIELDS];
    vc_dram_timing timing;
    uint64_t read_queue, write_queue; /* bursts, per channel */
    uint64_t write_high, write_low;   /* writes are drained from so many on, down to so many */
    uint64_t age_cap;                 /* clocks after which the oldest burst goes first */
    /* per device: volts, amperes */
    double vdd, idd0, idd2n, idd3n, idd4r, idd4w, idd5ab;
    uint64_t devices; /* of a rank */
} vc_dram_config;

typedef enum vc_memory_model { VC_MEMORY_BANDWIDTH, VC_MEMORY_DRAM } vc_memory_model;

typedef struct vc_memory_config {
    vc_memory_model model;
    double bytes_per_second, pj_per_bit; /* bandwidth */
    vc_dram_config dram;
} vc_memory_config;

/* DDR4-2400, four channels of 64 bit, as configs/memory/ddr4-2400.yaml has it; with the model set
 * to bandwidth the same 76.8 GB/s, and 12.5 pJ/bit (Focus, from DRAMsim3: the system). */
vc_memory_config vc_memory_config_default(void);

/* Bytes per second of all channels together. */
double vc_memory_peak(const vc_memory_config *config);

/* A file of configs/memory: VC_EFORMAT with file, line and key for whatever is wrong. */
vc_status vc_memory_config_read(vc_memory_config *out, const char *path);

typedef struct vc_transfer {
    uint64_t address, bytes;
    int write;
    uint64_t
        issue; /* the cycle from which it may be served; never falls among reads or among writes */
    uint64_t chunk_bytes; /* done[] has an entry for each so many bytes */
    uint64_t *done;       /* out: the cycle at which the chunk is complete; NULL: nobody asks */
    uint64_t finished;    /* out: the cycle at which all of it is */
    /* the memory's */
    struct vc_transfer *next;
    uint64_t pushed, left; /* bursts */
} vc_transfer;

typedef struct vc_memory_counters {
    uint64_t read_bytes, written_bytes; /* asked for */
    uint64_t reads, writes, activates, precharges, refreshes;
    uint64_t row_hits; /* bursts whose row was open already */
    double energy_pj;  /* of what was done */
    double standby_pj; /* of being there */
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
/* Every command from now on; they come in order within a rank, not among ranks. */
void vc_memory_watch(vc_memory *memory, vc_dram_watch *watch, void *context);
/* Every request from now on; the bandwidth model has none. */
void vc_memory_watch_requests(vc_memory *memory, vc_dram_request_watch *watch, void *context);
/* The transfer stays the caller's, and alive until it is finished. */
void vc_memory_push(vc_memory *memory, vc_transfer *transfer);
/* Runs the memory until the transfer is finished; returns when. */
uint64_t vc_memory_wait(vc_memory *memory, vc_transfer *transfer);
/* Until `cycle`, which counts for what is spent while nothing happens. */
vc_memory_counters vc_memory_count(const vc_memory *memory, uint64_t cycle);
void vc_memory_close(vc_memory *memory);

/* Every pair of commands against the gap that the timing wants, by a table of its own; VC_EINVAL
 * naming the first pair that is too close, or a command to a bank that is not in the state for it.
 * Sorts the commands. */
vc_status vc_dram_check(vc_dram_command *commands, size_t count, const vc_dram_config *config);

#endif
