/* `sweep`: a space of points (sweep_space.c), its file of results (sweep_file.c), who computes what
 * (sweep_run.c). */
#ifndef VC_SWEEP_H
#define VC_SWEEP_H

#include "point.h"
#include "vitcod/hash.h"
#include "vitcod/yaml.h"

enum { SWEEP_MOST_AXES = 128, SWEEP_LINE = 4096 };

typedef enum sweep_axis_kind {
    SWEEP_MODEL,
    SWEEP_SPARSITY,
    SWEEP_THRESHOLD,
    SWEEP_CHIP,
    SWEEP_COMPRESSED,
    SWEEP_BANDWIDTH,
    SWEEP_CHANNELS,
    SWEEP_KEY /* of a chip */
} sweep_axis_kind;

/* A key with the values that it takes. */
typedef struct sweep_axis {
    sweep_axis_kind kind;
    vc_chip_key key; /* its names, and where a chip has it */
    size_t count;
    vc_yaml_numbers numbers;
    vc_yaml_texts texts; /* instead of numbers: names, words, flags */
} sweep_axis;

/* All axes, without values, in the order in which points count. The caller frees them. */
vc_status sweep_axes_open(sweep_axis **out, size_t *count);
vc_status sweep_axes_read(sweep_axis *axes, size_t count, const vc_yaml_map *map);
int sweep_axis_is_text(const sweep_axis *axis);
/* One of its values: a number, or which word or flag. */
double sweep_axis_value(const sweep_axis *axis, size_t index);
json_t *sweep_axis_json(const sweep_axis *axis, size_t index);
uint64_t sweep_axes_hash(uint64_t hash, const sweep_axis *axes, size_t count);

typedef struct sweep_model {
    vc_model_config config;
    int is_file;  /* not timm's name */
    vc_plan plan; /* inside that file; no layers: none */
} sweep_model;

typedef struct sweep_plan {
    vc_plan plan;
    vc_status status;
    char message[512];
} sweep_plan;

typedef struct sweep_space {
    sweep_axis *axes; /* in the order in which points count, the last fastest */
    size_t axis_count;
    uint64_t grid;           /* points of the whole grid */
    uint64_t points;         /* of the sweep: all, or so many of them in a random order */
    uint64_t factor, offset; /* point i is grid point (factor i + offset) mod grid */
    char masks[4096];        /* the folder; empty: attention is dense */
    int end_to_end;
    uint64_t hash; /* of all that decides the results */
    /* what points share */
    sweep_model *models;   /* one for each value of "model" */
    vc_accelerator *chips; /* of "chip" */
    sweep_plan *plans;     /* (models, sparsities, thresholds) */
} sweep_space;

/* VC_EFORMAT naming file, line and key. */
vc_status sweep_space_open(sweep_space *out, const char *path, uint64_t seed);
void sweep_space_close(sweep_space *space);

/* A point's line of JSON, without its end; a point that is impossible has its reason. */
void sweep_space_run(char line[SWEEP_LINE], const sweep_space *space, uint64_t point);

/* ---- the file: a line that says what it is, then one for each point, in any order */

typedef struct sweep_file {
    const char *path;
    int descriptor;
    uint8_t *done; /* a bit for each point */
    uint64_t count;
} sweep_file;

/* Opens or goes on. VC_EINVAL where the file is of another sweep or in use; what a killed run left
 * of a line is cut off. */
vc_status sweep_file_open(sweep_file *out, const char *path, const sweep_space *space,
                          json_t *header);
/* VC_EIO where it cannot be written. */
vc_status sweep_file_add(sweep_file *file, const char *line);
int sweep_file_has(const sweep_file *file, uint64_t point);
void sweep_file_mark(sweep_file *file, uint64_t point);
void sweep_file_close(sweep_file *file);

/* Computes what is not done, on all threads and all processes. */
vc_status sweep_run(sweep_file *file, const sweep_space *space);

/* Points of a file that no other beats in latency, energy and area, by latency. */
vc_status sweep_pareto(json_t **out, const char *path);

#endif
