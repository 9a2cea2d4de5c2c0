/* The chips that need no file: as configs/accelerators has them. */
#include <stdio.h>
#include <string.h>

#include "vitcod/accelerator.h"

static void set_steps(vc_accelerator *a, int prune, int reorder, int autoencoder)
{
    a->chip.steps = (vc_chip_steps){prune, reorder, autoencoder};
}

static void make_vitcod(vc_accelerator *a)
{
    set_steps(a, 1, 1, 1);
}

static void make_dense(vc_accelerator *a)
{
    set_steps(a, 0, 0, 0);
}

static void make_prune(vc_accelerator *a)
{
    set_steps(a, 1, 0, 0);
}

static void make_reorder(vc_accelerator *a)
{
    set_steps(a, 0, 1, 0);
}

static void make_prune_reorder(vc_accelerator *a)
{
    set_steps(a, 1, 1, 0);
}

static void make_systolic(vc_accelerator *a)
{
    set_steps(a, 0, 0, 0);
    a->chip.dataflow = VC_DATAFLOW_SYSTOLIC;
    a->chip.systolic = (vc_systolic_config){.rows = 32, .columns = 16};
}

static void make_sanger(vc_accelerator *a)
{
    set_steps(a, 1, 0, 0);
    a->chip.dataflow = VC_DATAFLOW_SANGER;
    a->chip.sanger = (vc_sanger_config){.rows = 32,
                                        .entries = 16,
                                        .positions = 64,
                                        .predictions = 4,
                                        .skew = 64,
                                        .pipelined = 1,
                                        .value_bytes = 1};
}

static void set_bandwidth(vc_accelerator *a, const char *name, double bytes_per_second)
{
    a->memory = (vc_memory_config){.model = VC_MEMORY_BANDWIDTH,
                                   .bytes_per_second = bytes_per_second,
                                   .pj_per_bit = 3.9}; /* HBM2, Accelergy */
    snprintf(a->memory.dram.name, sizeof a->memory.dram.name, "%s", name);
}

static void make_sanger_published(vc_accelerator *a)
{
    make_sanger(a);
    a->chip.clock_hz = 1e9;
    a->chip.macs_per_line = 16;
    a->chip.sanger.rows = 64;
    a->chip.sanger.pipelined = 0;
    a->chip.sanger.value_bytes = 2;
    set_bandwidth(a, "128 GB/s", 128e9);
}

static void make_spatten(vc_accelerator *a)
{
    set_steps(a, 0, 0, 0);
    a->chip.dataflow = VC_DATAFLOW_SPATTEN;
    a->chip.spatten = (vc_spatten_config){.token_keep = 1.0,
                                          .head_keep = 1.0,
                                          .value_keep = 1.0,
                                          .top_k = 4,
                                          .drain = 101,
                                          .value_bits = 8,
                                          .first_bits = 8};
}

static void make_spatten_published(vc_accelerator *a)
{
    make_spatten(a);
    a->chip.clock_hz = 1e9;
    a->chip.macs_per_line = 16;
    set_bandwidth(a, "16 channels of HBM2", 512e9);
}

static const struct {
    const char *key, *name;
    void (*make)(vc_accelerator *a);
} chips[] = {
    {"vitcod", "vitcod", make_vitcod},
    {"dense", "dense", make_dense},
    {"prune", "prune only", make_prune},
    {"reorder", "reorder only", make_reorder},
    {"prune-reorder", "prune + reorder", make_prune_reorder},
    {"systolic", "systolic", make_systolic},
    {"sanger", "sanger", make_sanger},
    {"spatten", "spatten", make_spatten},
    {"sanger-published", "sanger, as published", make_sanger_published},
    {"spatten-published", "spatten, as published", make_spatten_published},
};

const char *vc_accelerator_name(size_t index)
{
    return index < sizeof chips / sizeof *chips ? chips[index].key : NULL;
}

vc_status vc_accelerator_open(vc_accelerator *out, const char *name_or_path)
{
    for (size_t i = 0; i < sizeof chips / sizeof *chips; i++)
        if (strcmp(chips[i].key, name_or_path) == 0) {
            *out = vc_accelerator_default();
            chips[i].make(out);
            snprintf(out->chip.name, sizeof out->chip.name, "%s", chips[i].name);
            return VC_OK;
        }
    return vc_accelerator_read(out, name_or_path);
}
