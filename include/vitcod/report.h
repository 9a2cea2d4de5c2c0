/* Pictures, tables and pages of results. */
#ifndef VITCOD_REPORT_H
#define VITCOD_REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vitcod/json.h"
#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- text */

/* Prints the numbers of a run's results, grouped by part ("dense", "polarize", "profile" and so
 * on). What was not measured has no line; what is no number is called unreadable. */
void vc_table_print(FILE *out, const json_t *run);

/* ---- a page */

/* One layer of a run. What is not known is NULL. */
typedef struct vc_report_layer {
    size_t heads, queries, keys;
    const float *attention;       /* (H, Tq, Tk) averaged */
    const uint8_t *pruned;        /* (H, Tq, Tk) 0 or 1, tokens in their own order */
    const int32_t *query_order;   /* (H, Tq) the query in each row of the polarized map */
    const int32_t *key_order;     /* (H, Tk) the key in each column */
    const int32_t *global_tokens; /* (H) columns of the denser part */
} vc_report_layer;

typedef struct vc_report_run {
    const char *name;
    const json_t *results; /* {file name: what a verb printed with --json} */
    const json_t *logs;    /* {file name: [object of a line, ...]} */
    const json_t *notes;   /* [sentence about something that was found but is not shown, ...] */
    const vc_report_layer *layers;
    size_t layer_count;
} vc_report_run;

typedef struct vc_report {
    const vc_report_run *runs;
    size_t run_count;
    const char *command, *version; /* of the program that writes the page */
    size_t measured_batch;         /* images of a run in files of other programs; 0: one */
} vc_report;

/* Writes one self-contained HTML file, with a section for each subject of which some run has
 * numbers. `figures` (may be NULL) gets the number of figures. */
vc_status vc_report_write(const char *path, const vc_report *report, size_t *figures);

/* ---- pictures */

/* Colours of a map's cells. */
typedef enum vc_cell {
    VC_CELL_PRUNED,
    VC_CELL_KEPT,
    VC_CELL_DENSER_PRUNED,
    VC_CELL_DENSER_KEPT
} vc_cell;

/* A PNG of rows x columns maps with a margin between them; rows are layers, columns are heads. Each
 * map has height x width cells (vc_cell), one pixel each. cells (rows, columns, height, width). */
typedef struct vc_map_grid {
    size_t rows, columns, height, width;
    const uint8_t *cells;
} vc_map_grid;

vc_status vc_png_maps(const char *path, const vc_map_grid *grid);

/* An 8-bit RGB image (height, width, 3). */
vc_status vc_png_write(const char *path, const uint8_t *rgb, size_t height, size_t width);

#ifdef __cplusplus
}
#endif

#endif
