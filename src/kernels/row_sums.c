#include "row_sums.h"

#include <string.h>

#include "vitcod/kernels.h"
#include "vitcod/ops.h"

enum { MOST_PARTS = 64, LEAST_ROWS = 16, AT_ONCE = 2048, COLUMNS = 256 };

vc__row_sums vc__row_sums_open(float *room, size_t rows, size_t columns)
{
    const size_t fit = columns > 0 ? VC__SUMS_ROOM / columns : 1;
    size_t parts = rows / LEAST_ROWS < MOST_PARTS ? rows / LEAST_ROWS : MOST_PARTS;
    parts = parts < fit ? parts : fit;
    if (parts < 2)
        return (vc__row_sums){1, rows, columns, NULL};
    memset(room, 0, parts * columns * sizeof *room);
    return (vc__row_sums){parts, rows, columns, room};
}

float *vc__row_sums_of(const vc__row_sums *s, size_t part, size_t first, float *out)
{
    return s->sums ? s->sums + part * s->columns + first : out;
}

size_t vc__row_sums_start(const vc__row_sums *s, size_t part)
{
    return s->rows * part / s->parts;
}

void vc__row_sums_add(float *out, const vc__row_sums *s, size_t first, size_t count)
{
    if (s->sums)
        vc_kernels_get()->sum_rows(out, s->sums + first, s->parts, s->columns, count);
}

size_t vc__rows_at_once(size_t columns)
{
    return columns < AT_ONCE ? AT_ONCE / (columns > 0 ? columns : 1) : 1;
}

/* Few rows of many columns are added up by columns, straight into out. */
static void sum_few(float *out, const float *x, size_t rows, size_t columns)
{
    const vc_kernels *kernels = vc_kernels_get();
#pragma omp parallel for schedule(static)
    for (size_t c = 0; c < columns; c += COLUMNS)
        kernels->sum_rows(out + c, x + c, rows, columns,
                          columns - c < COLUMNS ? columns - c : COLUMNS);
}

void vc_column_sum(float *out, const float *x, size_t rows, size_t columns)
{
    const vc_kernels *kernels = vc_kernels_get();
    const size_t step = vc__rows_at_once(columns);
    if (columns / COLUMNS >= rows / LEAST_ROWS) {
        sum_few(out, x, rows, columns);
        return;
    }
    float room[VC__SUMS_ROOM];
    const vc__row_sums s = vc__row_sums_open(room, rows, columns);
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < s.parts; p++) {
        const size_t end = vc__row_sums_start(&s, p + 1);
        float *own = vc__row_sums_of(&s, p, 0, out);
        for (size_t r = vc__row_sums_start(&s, p); r < end; r += step)
            kernels->sum_rows(own, x + r * columns, end - r < step ? end - r : step, columns,
                              columns);
    }
    vc__row_sums_add(out, &s, 0, columns);
}
