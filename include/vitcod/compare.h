/* A comparison of chips on equal terms: the same models, masks, MACs, clock, scratchpads and
 * memory. What is assumed of each rival is in docs/simulator.md, part E. */
#ifndef VITCOD_COMPARE_H
#define VITCOD_COMPARE_H

#include <stdbool.h>
#include <stdio.h>

#include "vitcod/accelerator.h"
#include "vitcod/measured.h"
#include "vitcod/point.h"
#include "vitcod/progress.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_compare_options {
    const char *const *models; /* timm's names, or files with a plan inside */
    size_t model_count;
    const double *sparsities; /* none: those of 0.6 to 0.95 that have a mask */
    size_t sparsity_count;
    const char *const *chips; /* built in, or files; none: all on ViTCoD's lines and memory */
    size_t chip_count;
    int published; /* and rivals with their own MACs, clocks and memories, where no chips are named
                    */
    const char *masks;     /* the folder (vc_subject_plan); NULL where all models are files */
    const char *attention; /* a folder of real attention (vc_subject_maps); NULL: none */
    const char *memory;    /* behind every chip, built in or a file; NULL: its own */
    double token_keep;     /* of a chip that prunes tokens; NAN: as many scores as the mask keeps */
    double flat;           /* a row whose highest probability is lower is flat */
    size_t threshold;      /* a column that keeps more is global */
    int attention_only;
    const char *const *measured;           /* files of times that were measured (measured.h) */
    size_t measured_count, measured_batch; /* images of a run, where a file does not say; 0: one */
    vc_progress *progress;                 /* of the rows, whose number it gets; NULL: none */
} vc_compare_options;

vc_compare_options vc_compare_options_default(void);

/* A model at a sparsity. */
typedef struct vc_scene {
    const char *arch; /* of the options; a model's file has its own plan and auto-encoder */
    int is_file;
    vc_model_config model;
    double sparsity, kept; /* asked for; share of scores */
    vc_plan plan;
    vc_plan seen; /* what a prediction keeps of real attention; no layers: the plan's mask */
    double flat;  /* share of rows of real attention that are flat; NAN: not known */
} vc_scene;

/* A chip in a scene. */
typedef struct vc_compare_row {
    const vc_scene *scene;
    const char *key; /* as options name the chip */
    vc_accelerator chip;
    vc_status status; /* and why, where it is none */
    char message[512];
    /* what results say */
    const char *arch, *setting, *seen; /* "equal substrate" has ViTCoD's MACs, clock, scratchpads */
    const char *method;                /* of the scene's plan (vc_plan_method) */
    const char *summaries; /* what the chip does with them (vc_chip_summaries); NULL: none */
    double sparsity, kept_share;
    char plan_hash[VC_PLAN_HASH_TEXT];
    json_t *accelerator;
    vc_point attention, end_to_end;
    bool has_end_to_end;
    /* against the chip that is named "vitcod" in the same scene; NAN where there is none */
    double attention_times, energy_times, end_to_end_times;
    double on_chip_times, dram_access_times, dram_standby_times; /* parts of the energy */
    const char *ahead; /* why one of these is below 1; NULL: none is */
} vc_compare_row;

/* What was measured against the chip that is named "vitcod" in a scene. It is not known of which
 * model the times are. */
typedef struct vc_measured_times {
    const char *path, *arch;
    double sparsity;
    double attention_times, end_to_end_times; /* NAN: it has none */
} vc_measured_times;

/* What was published (You et al., HPCA 2023): how many times ViTCoD's latency. */
typedef struct vc_compare_paper {
    double reorder_mean, reorder_at_09, prune_mean, prune_at_09, spatten_at_09, sanger_at_09;
    double cpu_at_09, edge_gpu_at_09, gpu_at_09; /* Xeon 6230R, Xavier NX, RTX 2080 Ti */
    const char *source;
    const char *explained; /* the page that says what makes the difference */
} vc_compare_paper;

typedef struct vc_comparison {
    vc_scene *scenes;
    vc_compare_row *rows; /* scene by scene */
    size_t scene_count, row_count;
    vc_measured *measured;
    vc_measured_times *measured_times; /* of every file in every scene with a "vitcod" */
    size_t measured_count, measured_times_count;
    bool has_measured;
    vc_compare_paper paper;
} vc_comparison;

/* VC_EINVAL where a mask is not there: with sparsities any, without them all of a model. The
 * options' names must live as long as the comparison. */
vc_status vc_compare(vc_comparison *out, const vc_compare_options *options);
void vc_comparison_close(vc_comparison *comparison);

void vc_comparison_print(FILE *out, const vc_comparison *comparison);

/* "rows" and "paper", of a vc_comparison. */
extern const vc_record vc_comparison_record;

#ifdef __cplusplus
}
#endif

#endif
