/* A comparison of chips on equal terms: the same models, masks, MACs, clock, scratchpads and
 * memory. What is assumed of each rival is in docs/simulator.md, part E. */
#ifndef VITCOD_COMPARE_H
#define VITCOD_COMPARE_H

#include "vitcod/accelerator.h"
#include "vitcod/point.h"

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
    const char *memory;    /* another memory behind every chip; NULL: its own */
    double token_keep;     /* of a chip that prunes tokens; NAN: as many scores as the mask keeps */
    double flat;           /* a row whose highest probability is lower is flat */
    size_t threshold;      /* a column that keeps more is global */
    int attention_only;
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
    const char
        *setting; /* "equal substrate": ViTCoD's MACs, clock, scratchpads, and the memory of all */
    vc_point attention, end_to_end;
    vc_status status;
    char message[512];
} vc_compare_row;

typedef struct vc_comparison {
    vc_scene *scenes;
    vc_compare_row *rows; /* scene by scene */
    size_t scene_count, row_count;
    int attention_only;
} vc_comparison;

/* VC_EIO where a mask is not there: with sparsities any, without them all of a model. The options'
 * names must live as long as the comparison. */
vc_status vc_compare(vc_comparison *out, const vc_compare_options *options);
void vc_comparison_close(vc_comparison *comparison);

/* The chip named "vitcod" in a row's scene, which others are measured by; NULL: it is not compared.
 */
const vc_compare_row *vc_compare_base(const vc_comparison *comparison, const vc_compare_row *row);

/* "rows", and "paper": what was published. */
json_t *vc_comparison_json(const vc_comparison *comparison);

#endif
