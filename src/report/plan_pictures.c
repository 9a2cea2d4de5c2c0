#include "vitcod/plan_pictures.h"

#include <stdio.h>
#include <stdlib.h>

#include "vitcod/file.h"
#include "vitcod/report.h"

/* DIR/mask.png, or with a group's name DIR/mask-dpt0.png. */
static vc_status picture_path(char out[4096], const char *directory, const char *group,
                              const char *suffix)
{
    int length =
        snprintf(out, 4096, "%s/mask%s%s%s.png", directory, group[0] ? "-" : "", group, suffix);
    if (length < 0 || length >= 4096)
        return vc_fail(VC_EINVAL, "%s: the path is too long", directory);
    return VC_OK;
}

static vc_status draw_mask(const char *directory, const vc_mask *mask, const char *group)
{
    char path[4096];
    VC_TRY(picture_path(path, directory, group, ""));
    size_t count = mask->layers * mask->heads * mask->queries * mask->keys;
    uint8_t *cells = malloc(count);
    if (!cells)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < count; i++)
        cells[i] = mask->pruned[i] ? VC_CELL_PRUNED : VC_CELL_KEPT;
    const vc_map_grid grid = {mask->layers, mask->heads, mask->queries, mask->keys, cells};
    vc_status status = vc_png_maps(path, &grid);
    free(cells);
    return status;
}

static void fill_polarized(uint8_t *cells, const vc_plan_layer *layer, size_t head)
{
    const int32_t *start = layer->column_start + head * (layer->keys + 1);
    size_t globals = (size_t)layer->global_tokens[head];
    for (size_t q = 0; q < layer->queries; q++)
        for (size_t k = 0; k < layer->keys; k++)
            cells[q * layer->keys + k] = k < globals ? VC_CELL_DENSER_PRUNED : VC_CELL_PRUNED;
    for (size_t k = 0; k < layer->keys; k++)
        for (int32_t i = start[k]; i < start[k + 1]; i++)
            cells[(size_t)layer->rows[i] * layer->keys + k] =
                k < globals ? VC_CELL_DENSER_KEPT : VC_CELL_KEPT;
}

/* The layers of one group. */
static vc_status draw_plan(const char *directory, const vc_plan_layer *layers, size_t count,
                           const char *group)
{
    char path[4096];
    VC_TRY(picture_path(path, directory, group, "-polarized"));
    const vc_plan_layer *first = &layers[0];
    size_t entries = first->queries * first->keys;
    uint8_t *cells = malloc(count * first->heads * entries);
    if (!cells)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    for (size_t l = 0; l < count; l++)
        for (size_t h = 0; h < first->heads; h++)
            fill_polarized(cells + (l * first->heads + h) * entries, &layers[l], h);
    const vc_map_grid grid = {count, first->heads, first->queries, first->keys, cells};
    vc_status status = vc_png_maps(path, &grid);
    free(cells);
    return status;
}

vc_status vc_plan_pictures(const char *directory, const vc_mask_set *set, const vc_plan *plan)
{
    VC_TRY(vc_directory_make(directory));
    for (size_t g = 0, layer = 0; g < set->count; layer += set->masks[g++].layers) {
        VC_TRY(draw_mask(directory, &set->masks[g], set->names[g].text));
        VC_TRY(
            draw_plan(directory, &plan->layers[layer], set->masks[g].layers, set->names[g].text));
    }
    return VC_OK;
}
