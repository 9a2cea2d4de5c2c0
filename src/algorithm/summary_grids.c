/* Poolings over blocks of a grid of tokens, and their text. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/summaries.h"

/* ---- text */

enum { MOST_BLOCKS = 1024 };

/* A number in decimal digits that is 1 or more; NULL if there is none. */
static const char *read_count(size_t *out, const char *at)
{
    char *end;
    const unsigned long value = strtoul(at, &end, 10);
    *out = value;
    return *at < '1' || *at > '9' || value > MOST_BLOCKS ? NULL : end;
}

/* A number above 1 and up to 8 with two decimals, as its text has them; NULL if there is none. */
static const char *read_sharpness(double *out, const char *at)
{
    char *end;
    const double value = strtod(at, &end);
    *out = round(100.0 * value) / 100.0;
    return *at < '1' || *at > '9' || *out != value || !(value > 1.0 && value <= 8.0) ? NULL : end;
}

/* "3x3", "3x3q", "3x3s1.5" or "none"; NULL: neither. */
static const char *read_grid(vc_summary_grid *out, const char *at)
{
    *out = (vc_summary_grid){0};
    if (strncmp(at, "none", 4) == 0)
        return at + 4;
    at = read_count(&out->y, at);
    at = at && *at == 'x' ? read_count(&out->x, at + 1) : NULL;
    out->queried = at && *at == 'q';
    if (at && *at == 's')
        return read_sharpness(&out->sharpness, at + 1);
    return out->queried ? at + 1 : at;
}

static vc_status refuse(const char *text)
{
    return vc_fail(VC_EINVAL,
                   "summaries are '%s', wanted blocks as 3x3, 3x3q or 3x3s1.5, none, or layer by "
                   "layer as 3x3*9,1x1q*3",
                   text);
}

vc_status vc_summary_grids_parse(vc_summary_grid *out, size_t layers, const char *text)
{
    const char *at = text;
    const int alone = strpbrk(text, "*,") == NULL;
    size_t used = 0;
    for (;;) {
        vc_summary_grid grid;
        size_t count = alone ? layers : 1;
        at = read_grid(&grid, at);
        if (at && *at == '*')
            at = read_count(&count, at + 1);
        if (!at || (*at != ',' && *at != '\0'))
            return refuse(text);
        for (size_t i = 0; i < count; i++, used++)
            if (out && used < layers)
                out[used] = grid;
        if (*at++ == '\0')
            break;
    }
    if (out && used != layers)
        return vc_fail(VC_EINVAL, "summaries '%s' are for %zu layers, and the model has %zu", text,
                       used, layers);
    return VC_OK;
}

int vc_summary_grid_equal(vc_summary_grid a, vc_summary_grid b)
{
    return a.y == b.y && a.x == b.x && a.queried == b.queried && a.sharpness == b.sharpness;
}

const char *vc_summary_grids_text(char text[VC_SUMMARY_TEXT], const vc_summary_grid *grids,
                                  size_t layers)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t l = 0, run = 0; l < layers && used < VC_SUMMARY_TEXT; l += run) {
        char grid[48], sharp[24] = "", times[24] = "";
        for (run = 1; l + run < layers && vc_summary_grid_equal(grids[l + run], grids[l]);)
            run++;
        if (grids[l].sharpness > 0.0)
            snprintf(sharp, sizeof sharp, "s%g", grids[l].sharpness);
        snprintf(grid, sizeof grid, "%zux%zu%s%s", grids[l].y, grids[l].x,
                 grids[l].queried ? "q" : "", sharp);
        if (run > 1 && run < layers)
            snprintf(times, sizeof times, "*%zu", run);
        used += (size_t)snprintf(text + used, VC_SUMMARY_TEXT - used, "%s%s%s", l ? "," : "",
                                 grids[l].y ? grid : "none", times);
    }
    return text;
}

/* ---- poolings */

static size_t first_of_block(size_t block, size_t side, size_t blocks)
{
    return (block * side + blocks - 1) / blocks;
}

static vc_status open_pooling(vc_pooling *out, size_t count, size_t entries)
{
    *out = (vc_pooling){.count = count,
                        .entries = entries,
                        .start = malloc((count + 1) * sizeof *out->start),
                        .keys = malloc(entries * sizeof *out->keys),
                        .weights = malloc(entries * sizeof *out->weights)};
    if (out->start && out->keys && out->weights)
        return VC_OK;
    vc_pooling_close(out);
    return vc_fail(VC_ENOMEM, "out of memory for %zu summaries", count);
}

/* All tokens with s / size - (s - 1) / all in the block, and -(s - 1) / all elsewhere. */
static void add_sharpened(vc_pooling *out, int32_t *used, const size_t block[4], size_t side_y,
                          size_t side_x, double sharpness)
{
    const double size = (double)((block[1] - block[0]) * (block[3] - block[2]));
    const double all = (double)(side_y * side_x);
    for (size_t y = 0; y < side_y; y++)
        for (size_t x = 0; x < side_x; x++) {
            const int inside = y >= block[0] && y < block[1] && x >= block[2] && x < block[3];
            out->keys[*used] = (int32_t)(y * side_x + x);
            out->weights[(*used)++] =
                (float)((inside ? sharpness / size : 0.0) - (sharpness - 1.0) / all);
        }
}

static void add_mean(vc_pooling *out, int32_t *used, const size_t block[4], size_t side_x)
{
    const float weight = 1.0f / (float)((block[1] - block[0]) * (block[3] - block[2]));
    for (size_t y = block[0]; y < block[1]; y++)
        for (size_t x = block[2]; x < block[3]; x++) {
            out->keys[*used] = (int32_t)(y * side_x + x);
            out->weights[(*used)++] = weight;
        }
}

vc_status vc_pooling_grid(vc_pooling *out, size_t side_y, size_t side_x, size_t prefix_tokens,
                          vc_summary_grid grid)
{
    const size_t tokens = side_y * side_x, count = grid.y * grid.x;
    int32_t used = 0;
    *out = (vc_pooling){0};
    if (grid.y == 0 && grid.x == 0)
        return VC_OK;
    if (grid.y == 0 || grid.x == 0 || grid.y > side_y || grid.x > side_x)
        return vc_fail(VC_EINVAL, "%zu x %zu tokens cannot be pooled to %zu x %zu summaries",
                       side_y, side_x, grid.y, grid.x);
    VC_TRY(open_pooling(out, count, grid.sharpness > 0.0 ? count * tokens : tokens));
    out->start[0] = 0;
    for (size_t g = 0; g < count; g++) {
        const size_t y = g / grid.x, x = g % grid.x;
        const size_t block[] = {
            first_of_block(y, side_y, grid.y), first_of_block(y + 1, side_y, grid.y),
            first_of_block(x, side_x, grid.x), first_of_block(x + 1, side_x, grid.x)};
        if (grid.sharpness > 0.0)
            add_sharpened(out, &used, block, side_y, side_x, grid.sharpness);
        else
            add_mean(out, &used, block, side_x);
        out->start[g + 1] = used;
    }
    for (size_t e = 0; e < out->entries; e++)
        out->keys[e] += (int32_t)prefix_tokens;
    return VC_OK;
}
