/* How a product is cut for threads: by its shape alone, so that no sum depends on their number. */
#ifndef VC_GEMM_CUT_H
#define VC_GEMM_CUT_H

#include "vitcod/gemm.h"

enum { VC__CUT_PIECES = 16, VC__CUT_FLOATS = 1 << 20 };

/* Parts of C's rows, of its columns, and of the sums over k, VC__CUT_PIECES at most. Where k has
 * parts, each gives a C of its own, VC__CUT_FLOATS together at most; vc__add_parts adds them up. */
typedef struct vc__cut {
    size_t m, n, k;
} vc__cut;

vc__cut vc__cut_of(const vc_gemm_shape *shape);
size_t vc__cut_pieces(const vc__cut *cut);

/* One of the pieces: where it starts in C's rows, C's columns and k, how much it has of each, and
 * which part of k it belongs to. */
typedef struct vc__piece {
    size_t m, n, k;
    size_t rows, columns, deep;
    size_t part;
} vc__piece;

vc__piece vc__piece_of(const vc__cut *cut, const vc_gemm_shape *shape, size_t index);

/* The first value of a piece in A and in B, as they are stored. */
size_t vc__piece_in_a(const vc__piece *piece, const vc_gemm_shape *shape);
size_t vc__piece_in_b(const vc__piece *piece, const vc_gemm_shape *shape);

/* Sets what a piece is added to in C, if it is of the first part of k; start NULL: nothing. */
void vc__start_piece(float *c, const vc_gemm_start *start, const vc_gemm_shape *shape,
                     const vc__piece *piece);

/* c (m, n) with ldc = beta * c + the sum of `count` parts, each (m, n) without gaps. */
void vc__add_parts(float *c, const float *parts, const vc_gemm_shape *shape, size_t count,
                   float beta);

/* Room for the parts, NULL if k has none; kernels cannot fail, so without memory the program
 * ends. */
float *vc__parts_open(const vc__cut *cut, const vc_gemm_shape *shape);

#endif
