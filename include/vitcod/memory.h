/* The memory behind the chip. Transfers are pushed and waited for; all times are cycles of the chip's clock.
 *
 * The caller pushes, in the order of its program, everything that can be issued before some time before it waits for
 * what is over at that time; so the memory never has to go back. */
#ifndef VITCOD_MEMORY_H
#define VITCOD_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

typedef struct vc_memory_config {
    double bytes_per_second;
    double pj_per_bit;
} vc_memory_config;

/* DDR4-2400, four channels of 64 bit: 76.8 GB/s, 12.5 pJ/bit (Focus, from DRAMsim3: the system). */
vc_memory_config vc_memory_config_default(void);

typedef struct vc_transfer {
    uint64_t address, bytes;
    int write;
    uint64_t
        issue; /* the cycle from which it may be served; never falls among reads or among writes */
    uint64_t chunk_bytes; /* done[] has an entry for each so many bytes */
    uint64_t *done;       /* the cycle at which the chunk is complete; NULL: nobody asks */
    uint64_t finished;    /* out: the cycle at which all of it is */
} vc_transfer;

typedef struct vc_memory_counters {
    uint64_t read_bytes, written_bytes;
    double energy_pj;
} vc_memory_counters;

typedef struct vc_memory vc_memory;

/* VC_EINVAL for a rate that is not above 0. */
vc_status vc_memory_open(vc_memory **out, const vc_memory_config *config, double chip_hz);
/* The transfer stays the caller's, and alive until it is finished. */
void vc_memory_push(vc_memory *memory, vc_transfer *transfer);
/* Runs the memory until the transfer is finished; returns when. */
uint64_t vc_memory_wait(vc_memory *memory, vc_transfer *transfer);
vc_memory_counters vc_memory_count(const vc_memory *memory);
void vc_memory_close(vc_memory *memory);

#endif
