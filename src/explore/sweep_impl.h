/* A sweep inside: its axes (sweep_axes.c), what they name (sweep_space.c), a point's choice and
 * result (sweep_point.c), the file of results (sweep_file.c), who computes what (sweep_run.c). */
#ifndef VC_SWEEP_IMPL_H
#define VC_SWEEP_IMPL_H

#include "vitcod/accelerator.h"
#include "vitcod/chip_kind.h"
#include "vitcod/model.h"
#include "vitcod/sweep.h"
#include "vitcod/yaml.h"

enum { VC__SWEEP_MOST_AXES = 128 };

/* ---- axes */

typedef enum vc__axis_kind {
    VC__AXIS_MODEL,
    VC__AXIS_SPARSITY,
    VC__AXIS_THRESHOLD,
    VC__AXIS_CHIP,
    VC__AXIS_COMPRESSED,
    VC__AXIS_BANDWIDTH,
    VC__AXIS_CHANNELS,
    VC__AXIS_NODE,
    VC__AXIS_KEY /* of a chip */
} vc__axis_kind;

/* A key with the values that it takes. */
typedef struct vc__axis {
    vc__axis_kind kind;
    vc_chip_key key; /* its names, and where a chip has it */
    size_t count;
    vc_yaml_numbers numbers;
    vc_yaml_texts texts; /* instead of numbers: names, words, flags */
} vc__axis;

/* All axes, without values, in the order in which points count. The caller frees them. */
vc_status vc__axes_open(vc__axis **out, size_t *count);
vc_status vc__axes_read(vc__axis *axes, size_t count, const vc_yaml_map *map);
uint64_t vc__axes_hash(uint64_t hash, const vc__axis *axes, size_t count);
int vc__axis_is_text(const vc__axis *axis);
/* One of its values: a number, or which word or flag. */
double vc__axis_value(const vc__axis *axis, size_t index);
json_t *vc__axis_json(const vc__axis *axis, size_t index);

/* ---- the space */

typedef struct vc__sweep_model {
    vc_model_config config;
    int is_file;  /* not timm's name */
    vc_plan plan; /* inside that file; no layers: none */
} vc__sweep_model;

typedef struct vc__sweep_plan {
    vc_plan plan;
    vc_status status;
    char message[512];
} vc__sweep_plan;

struct vc_sweep {
    char path[4096];
    uint64_t seed;
    vc__axis *axes; /* in the order in which points count, the last fastest */
    size_t axis_count;
    uint64_t grid;           /* points of the whole grid */
    uint64_t points;         /* of the sweep: all, or so many of them in a random order */
    uint64_t factor, offset; /* point i is grid point (factor i + offset) mod grid */
    char masks[4096];        /* the folder; empty: attention is dense */
    int end_to_end;
    uint64_t hash; /* of all that decides the results */
    /* what points share */
    vc__sweep_model *models; /* one for each value of "model" */
    vc_accelerator *chips;   /* of "chip" */
    vc__sweep_plan *plans;   /* (models, sparsities, thresholds) */
};

const vc__axis *vc__sweep_axis(const vc_sweep *sweep, vc__axis_kind kind);
/* Values of an axis, or one where it is not there. */
size_t vc__sweep_steps(const vc__axis *axis);
/* The first line of a file: everything that its points have in common. NULL: out of memory. */
json_t *vc__sweep_header(const vc_sweep *sweep, const char *command);

/* ---- the file: a line that says what it is, then one for each point, in any order */

typedef struct vc__sweep_file {
    const char *path;
    int descriptor;
    uint8_t *done; /* a bit for each point */
    uint64_t count, impossible;
    uint64_t first; /* impossible point */
    char reason[512];
} vc__sweep_file;

/* Whether a failure is the point's own, which makes it a result, and not the machine's. */
int vc__sweep_is_impossible(vc_status status);

/* Opens or goes on. VC_EINVAL where the file is of another sweep or in use; what a killed run left
 * of a line is cut off. */
vc_status vc__sweep_file_open(vc__sweep_file *out, const char *path, const char *command,
                              const vc_sweep *sweep);
/* Adds a point's line. VC_EIO where it cannot be written. */
vc_status vc__sweep_file_add(vc__sweep_file *file, const char *line);
int vc__sweep_file_has(const vc__sweep_file *file, uint64_t point);
void vc__sweep_file_close(vc__sweep_file *file);

#endif
