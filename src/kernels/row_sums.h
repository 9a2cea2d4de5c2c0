/* Sums over rows beside other work on them, while the cache has them. Rows are cut into parts by
 * their number alone, each with sums of its own, which are added up in order: no sum depends on the
 * number of threads. */
#ifndef VC_ROW_SUMS_H
#define VC_ROW_SUMS_H

#include <stddef.h>

enum { VC__SUMS_ROOM = 1 << 16 }; /* floats, on the caller's stack */

typedef struct vc__row_sums {
    size_t parts, rows, columns;
    float *sums; /* (parts, columns), zeros at first; NULL: one part, which adds to what is asked */
} vc__row_sums;

/* room (VC__SUMS_ROOM): there are no more parts than it holds. */
vc__row_sums vc__row_sums_open(float *room, size_t rows, size_t columns);

/* Where a part adds up the columns from `first` on, which are to be added to out. */
float *vc__row_sums_of(const vc__row_sums *s, size_t part, size_t first, float *out);

/* The first row of a part; that of `parts` is the number of rows. */
size_t vc__row_sums_start(const vc__row_sums *s, size_t part);

/* out (count) += the columns from `first` on. */
void vc__row_sums_add(float *out, const vc__row_sums *s, size_t first, size_t count);

/* Rows of so many columns that fit the first level cache beside a few others like them, 1 at
 * least. */
size_t vc__rows_at_once(size_t columns);

#endif
