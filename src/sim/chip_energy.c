#include "vitcod/chip_energy.h"
#include "vitcod/chip_kind.h"

static const double KIB = 1024.0;

/* From 45 nm to 28 nm: energy is taken to shrink with the square of the length. */
static const double SHRINK = 28.0 * 28.0 / (45.0 * 45.0);

vc_energy_table vc_energy_table_default(void)
{
    return (vc_energy_table){
        .mac_pj = (0.2 + 0.1) * SHRINK, /* Horowitz, ISSCC 2014, 45 nm: mul8, add32 */
        .add_pj = 0.1 * SHRINK,         /* the same: add32 */
        .multiplication_pj = 0.732,     /* Focus: FP16, 0.366 mW at 500 MHz */
        .exponential_pj = 0.82,         /* Focus: FP16, 0.41 mW at 500 MHz */
        /* CACTI, 28 nm, 8-byte words: 53 KB 3.65 / 2.88, 20 KB 2.40 / 1.80, 108 KB 6.09 / 3.88 pJ;
         * the decoded scratchpad taken as one of 53 KB. */
        .read_pj_per_byte = {3.65 / 8, 3.65 / 8, 3.65 / 8, 2.40 / 8, 6.09 / 8, 3.65 / 8},
        .write_pj_per_byte = {2.88 / 8, 2.88 / 8, 2.88 / 8, 1.80 / 8, 3.88 / 8, 2.88 / 8},
        .node_factor = 1.0,
        .leakage_mw_per_kib = 0.203 / 16, /* Focus: 16 KB */
        .sram_mm2_per_kib = 0.0276 / 16,  /* Focus: 16 KB */
        /* What is left of ViTCoD's 3 mm2 after 320 KiB of SRAM, over 512 MACs. */
        .logic_mm2_per_mac = (3.0 - 320.0 * 0.0276 / 16) / 512,
    };
}

const char *vc_energy_name(vc_energy_part part)
{
    static const char *const names[] = {
#define VC_ENERGY_NAME(name, text) text,
        VC_ENERGY_MAP(VC_ENERGY_NAME)
#undef VC_ENERGY_NAME
    };
    return names[part];
}

static double sram_kib(const vc_chip_config *c)
{
    double bytes = 0.0;
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        bytes += (double)c->buffers[b].bytes;
    return bytes / KIB;
}

vc_chip_energy vc_chip_energy_of(const vc_chip_counts *n, const vc_chip_config *c,
                                 const vc_energy_table *t, const vc_memory_counters *memory)
{
    static const vc_energy_part parts[VC_BUFFER_COUNT] = {VC_ENERGY_QUERY,  VC_ENERGY_KEY,
                                                          VC_ENERGY_VALUE,  VC_ENERGY_INDEX,
                                                          VC_ENERGY_OUTPUT, VC_ENERGY_DECODED};
    vc_chip_energy e = {0};
    const double mac = t->mac_pj * (double)vc_chip_mac_slots(c);
    e.pj[VC_ENERGY_LINES] = (double)n->macs * mac;
    if (n->predicted_macs) /* the energy of a MAC for all its products of a cycle */
        e.pj[VC_ENERGY_LINES] +=
            (double)n->predicted_macs / (double)c->kind->predictions(c) * t->mac_pj;
    e.pj[VC_ENERGY_CODERS] = (double)n->coder_macs * mac;
    e.pj[VC_ENERGY_UNITS] = (double)n->exponentials * t->exponential_pj +
                            (double)n->multiplications * t->multiplication_pj +
                            (double)n->additions * t->add_pj;
    for (size_t b = 0; b < VC_BUFFER_COUNT; b++)
        e.pj[parts[b]] = (double)n->read_bytes[b] * t->read_pj_per_byte[b] +
                         (double)n->written_bytes[b] * t->write_pj_per_byte[b];
    for (size_t p = 0; p < VC_ENERGY_LEAKAGE; p++)
        e.pj[p] *= t->node_factor;
    /* mW times s is mJ: 1e9 pJ */
    e.pj[VC_ENERGY_LEAKAGE] =
        sram_kib(c) * t->leakage_mw_per_kib * 1e9 * (double)n->cycles / c->clock_hz;
    e.pj[VC_ENERGY_DRAM] = memory->energy_pj;
    e.pj[VC_ENERGY_DRAM_STANDBY] = memory->standby_pj;
    _Static_assert(VC_ENERGY_DRAM + 2 == VC_ENERGY_COUNT, "the memory's parts are the last");
    for (size_t p = 0; p < VC_ENERGY_COUNT; p++)
        e.total_pj += e.pj[p];
    e.dram_access_pj = memory->energy_pj;
    e.dram_standby_pj = memory->standby_pj;
    for (size_t p = 0; p < VC_ENERGY_DRAM; p++)
        e.on_chip_pj += e.pj[p];
    return e;
}

double vc_chip_area_mm2(const vc_chip_config *c, const vc_energy_table *t)
{
    return sram_kib(c) * t->sram_mm2_per_kib +
           (double)(c->lines * c->macs_per_line) * t->logic_mm2_per_mac;
}
