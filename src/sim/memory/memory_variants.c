/* The memories that need no file; sources are in configs/memory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vitcod/memory.h"

static vc_memory_config rate(void)
{
    vc_memory_config c = {
        .model = VC_MEMORY_BANDWIDTH, .bytes_per_second = 76.8e9, .pj_per_bit = 12.5};
    snprintf(c.dram.name, sizeof c.dram.name, "76.8 GB/s");
    return c;
}

static vc_memory_config ddr4_2400(void)
{
    vc_memory_config c = vc_memory_config_default();
    c.bytes_per_second = c.pj_per_bit = 0.0; /* of the other model */
    return c;
}

static vc_memory_config hbm2(void)
{
    return (vc_memory_config){
        .model = VC_MEMORY_DRAM,
        .dram = {.name = "HBM2, one stack",
                 .clock_hz = 1000e6,
                 .channels = 16,
                 .ranks = 1,
                 .bank_groups = 4,
                 .banks = 4,
                 .rows = 16384,
                 .row_bytes = 1024,
                 .burst_bytes = 32,
                 .mapping = {VC_DRAM_ROW, VC_DRAM_RANK, VC_DRAM_BANK, VC_DRAM_COLUMN,
                             VC_DRAM_BANK_GROUP, VC_DRAM_CHANNEL},
                 .timing = {.burst = 2,
                            .cl = 14,
                            .cwl = 4,
                            .rcd = 14,
                            .rp = 14,
                            .ras = 33,
                            .rc = 47,
                            .wr = 16,
                            .rtp = 5,
                            .ccd_s = 2,
                            .ccd_l = 4,
                            .rrd_s = 4,
                            .rrd_l = 6,
                            .wtr_s = 6,
                            .wtr_l = 8,
                            .faw = 16,
                            .rank_switch = 2,
                            .rfc_s = 260e-9,
                            .refi_s = 3.9e-6},
                 .read_queue = 32,
                 .write_queue = 32,
                 .write_high = 24,
                 .write_low = 8,
                 .age_cap = 2000,
                 .vdd = 1.2,
                 .idd0 = 65e-3,
                 .idd2n = 25e-3,
                 .idd3n = 35e-3,
                 .idd4r = 390e-3,
                 .idd4w = 390e-3,
                 .idd5ab = 250e-3,
                 .devices = 1}};
}

static vc_memory_config lpddr4(void)
{
    return (vc_memory_config){
        .model = VC_MEMORY_DRAM,
        .dram = {.name = "LPDDR4-3200, 4 channels of 16 bit",
                 .clock_hz = 1600e6,
                 .channels = 4,
                 .ranks = 1,
                 .bank_groups = 1,
                 .banks = 8,
                 .rows = 32768,
                 .row_bytes = 2048,
                 .burst_bytes = 32,
                 .mapping = {VC_DRAM_ROW, VC_DRAM_RANK, VC_DRAM_BANK, VC_DRAM_BANK_GROUP,
                             VC_DRAM_COLUMN, VC_DRAM_CHANNEL},
                 .timing = {.burst = 8,
                            .cl = 28,
                            .cwl = 14,
                            .rcd = 29,
                            .rp = 34,
                            .ras = 68,
                            .rc = 102,
                            .wr = 29,
                            .rtp = 12,
                            .ccd_s = 8,
                            .ccd_l = 8,
                            .rrd_s = 16,
                            .rrd_l = 16,
                            .wtr_s = 16,
                            .wtr_l = 16,
                            .faw = 64,
                            .rank_switch = 4,
                            .rfc_s = 280e-9,
                            .refi_s = 3.9e-6},
                 .read_queue = 32,
                 .write_queue = 32,
                 .write_high = 24,
                 .write_low = 8,
                 .age_cap = 4000,
                 .vdd = 1.1,
                 .idd0 = 60e-3,
                 .idd2n = 20e-3,
                 .idd3n = 30e-3,
                 .idd4r = 260e-3,
                 .idd4w = 260e-3,
                 .idd5ab = 120e-3,
                 .devices = 1}};
}

static const struct {
    const char *key;
    vc_memory_config (*config)(void);
} variants[] = {{"bandwidth", rate}, {"ddr4-2400", ddr4_2400}, {"hbm2", hbm2}, {"lpddr4", lpddr4}};
enum { VARIANTS = sizeof variants / sizeof *variants };

int vc_memory_variant_at(vc_memory_variant *out, size_t index)
{
    if (index >= VARIANTS)
        return 0;
    *out = (vc_memory_variant){variants[index].key, variants[index].config()};
    return 1;
}

const char *vc_memory_names(char text[VC_MEMORY_NAMES])
{
    size_t used = 0;
    for (size_t i = 0; i < VARIANTS; i++)
        used += (size_t)snprintf(text + used, VC_MEMORY_NAMES - used, "%s%s", i ? ", " : "",
                                 variants[i].key);
    return text;
}

vc_status vc_memory_config_open(vc_memory_config *out, const char *name_or_path)
{
    char names[VC_MEMORY_NAMES];
    for (size_t i = 0; i < VARIANTS; i++)
        if (strcmp(variants[i].key, name_or_path) == 0) {
            *out = variants[i].config();
            return VC_OK;
        }
    if (access(name_or_path, F_OK) != 0 && errno == ENOENT)
        return vc_fail(VC_EIO, "%s: cannot open: no such file, wanted one or a memory of %s",
                       name_or_path, vc_memory_names(names));
    return vc_memory_config_read(out, name_or_path);
}
