#include <stdlib.h>
#include <string.h>

#include "vitcod/report.h"

/* Light for pruned and dark for kept, in blue for the denser part. The two pairs can be told apart
 * by colour-blind readers and in grey. */
static const uint8_t colours[4][3] = {
    [VC_CELL_PRUNED] = {244, 244, 240},
    [VC_CELL_KEPT] = {32, 32, 40},
    [VC_CELL_DENSER_PRUNED] = {198, 219, 239},
    [VC_CELL_DENSER_KEPT] = {8, 81, 156},
};

vc_status vc_png_maps(const char *path, const vc_map_grid *g)
{
    enum { MARGIN = 6, GREY = 200 };
    size_t height = g->rows * (g->height + MARGIN) + MARGIN;
    size_t width = g->columns * (g->width + MARGIN) + MARGIN;
    uint8_t *rgb = malloc(height * width * 3);
    if (!rgb)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu x %zu pixels", path, width, height);
    memset(rgb, GREY, height * width * 3);
    for (size_t m = 0; m < g->rows * g->columns; m++) {
        size_t top = MARGIN + m / g->columns * (g->height + MARGIN);
        size_t left = MARGIN + m % g->columns * (g->width + MARGIN);
        for (size_t y = 0; y < g->height; y++)
            for (size_t x = 0; x < g->width; x++)
                memcpy(rgb + ((top + y) * width + left + x) * 3,
                       colours[g->cells[(m * g->height + y) * g->width + x] & 3], 3);
    }
    vc_status status = vc_png_write(path, rgb, height, width);
    free(rgb);
    return status;
}
