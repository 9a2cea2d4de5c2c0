/* Pictures and tables of results. */
#ifndef VITCOD_REPORT_H
#define VITCOD_REPORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vitcod/json.h"
#include "vitcod/status.h"

/* Prints what a run's results hold, by part ("dense", "polarize", "profile"...) and name; a number
 * that was not measured has no line. */
void vc_table_print(FILE *out, const json_t *run);

/* Colours of a map's cells. */
typedef enum vc_cell {
    VC_CELL_PRUNED,
    VC_CELL_KEPT,
    VC_CELL_DENSER_PRUNED,
    VC_CELL_DENSER_KEPT
} vc_cell;

/* One PNG with rows x columns maps of height x width cells (vc_cell), one pixel each, with a margin
 * between them: rows are layers, columns heads. cells (rows, columns, height, width). */
typedef struct vc_map_grid {
    size_t rows, columns, height, width;
    const uint8_t *cells;
} vc_map_grid;

vc_status vc_png_maps(const char *path, const vc_map_grid *grid);

/* An 8-bit RGB image (height, width, 3). */
vc_status vc_png_write(const char *path, const uint8_t *rgb, size_t height, size_t width);

#endif
