/* GELU's backward pass with what follows it, while the cache has the values: the gradient of the
 * bias in front of it, and rounding. Rows are cut into parts by the shape alone, each with sums of
 * its own, which are added up in order: no sum depends on the number of threads. A part has whole
 * rows: some columns of all its rows, which lie pages apart, take twice as long. */
#include <string.h>

#include "vitcod/kernels.h"
#include "vitcod/ops.h"

enum { BLOCK = 4096, ROOM = 1 << 16, MOST_PARTS = 64, LEAST_ROWS = 16 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Values of one row, of which there are no more than BLOCK. */
static void backward(uint16_t *half, float *dx, float *sums, const float *dy, const float *x,
                     size_t count)
{
    const vc_kernels *kernels = vc_kernels_get();
    float made[BLOCK], *to = half ? made : dx;
    kernels->gelu_backward(to, dy, x, count);
    for (size_t c = 0; sums && c < count; c++)
        sums[c] += to[c];
    if (half)
        kernels->to_bf16(half, to, count);
}

void vc_gelu_backward_in(vc_half *half, float *dx, float *db, const float *dy, const float *x,
                         size_t rows, size_t columns)
{
    const size_t fit = least(ROOM / (columns + !columns), MOST_PARTS);
    const size_t parts = least(rows / LEAST_ROWS, fit) > 1 ? least(rows / LEAST_ROWS, fit) : 1;
    uint16_t *operand = half ? vc_half_room(half, VC_HALF_A, rows * columns) : NULL;
    float room[ROOM], *sums = !db ? NULL : parts > 1 ? room : db;
    if (parts > 1)
        memset(room, 0, parts * columns * sizeof *room);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < parts; p++)
        for (size_t r = rows * p / parts; r < rows * (p + 1) / parts; r++)
            for (size_t c = 0; c < columns; c += BLOCK) {
                const size_t at = r * columns + c;
                backward(half ? operand + at : NULL, half ? NULL : dx + at,
                         sums ? sums + p * columns + c : NULL, dy + at, x + at,
                         least(columns - c, BLOCK));
            }
    for (size_t p = 0; sums == room && p < parts; p++)
        for (size_t c = 0; c < columns; c++)
            db[c] += room[p * columns + c];
}
