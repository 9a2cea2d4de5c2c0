/* What `simulate` tells: the timeline of attention, and of the whole model where there is one, and
 * what no schedule beats. */
#ifndef VITCOD_TIMELINE_H
#define VITCOD_TIMELINE_H

#include <stdio.h>

#include "vitcod/chip_summary.h"
#include "vitcod/control.h"
#include "vitcod/functional.h"
#include "vitcod/simulation.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What no schedule beats. */
typedef struct vc_bounds {
    vc_bound attention, end_to_end;
    bool of_model; /* there is an end to end */
    vc_bound_config config;
} vc_bounds;

extern const vc_record vc_bounds_record;

/* On a chip of ViTCoD's kind that `config` describes, which need not be the simulation's. */
vc_status vc_bounds_compute(vc_bounds *out, const vc_simulation *simulation,
                            const vc_bound_config *config);

typedef struct vc_timeline_options {
    bool functional;  /* int8 data is sent through and compared with plain loops */
    uint64_t seed;    /* of that data */
    const char *data; /* what it is, where `fill` brings it; NULL: random numbers */
    vc_status (*fill)(void *context, vc_functional *functional, const vc_workload *workload);
    void *context;
    const char *trace, *dram_trace, *dram_commands; /* of all that runs (vc_simulation_options) */
    const char *vectors;        /* with `functional`: a file for RTL (rtl.h); NULL: none */
    const char *gemms;          /* a file for vc_simulation_write_gemms; NULL: none */
    const char *rtl_parameters; /* likewise, without data as well */
} vc_timeline_options;

typedef struct vc_timeline {
    vc_chip_summary attention, end_to_end;
    bool of_model, functional, bit_exact, bounded;
    vc_functional_counts checked;
    const char *data;           /* what was sent; NULL: random numbers */
    const char *summaries;      /* vc_chip_summaries; NULL: the plan has none */
    double energy_uj, area_mm2; /* of all that ran; of the chip */
    json_t *accelerator;
    vc_bounds bound; /* of a chip that does the work that the workload says */
} vc_timeline;

extern const vc_record vc_timeline_record;

/* VC_EINVAL where the data that comes out is not what plain loops give; an error, too, where a kind
 * of chip has a bound and it cannot be found. The caller closes it in any
 * case. */
vc_status vc_timeline_run(vc_timeline *out, const vc_simulation *simulation,
                          const vc_timeline_options *options);
void vc_timeline_close(vc_timeline *timeline);

/* Results as people read them. */
void vc_timeline_print(FILE *out, const vc_timeline *timeline);
void vc_bounds_print(FILE *out, const vc_bounds *bounds);
void vc_control_print(FILE *out, const vc_control_result *control);

#ifdef __cplusplus
}
#endif

#endif
