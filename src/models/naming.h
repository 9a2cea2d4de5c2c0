/* Checkpoints under the names of other programs. */
#ifndef VC_NAMING_H
#define VC_NAMING_H

#include "vitcod/tensor_file.h"

/* Puts *file under the names that the families know, where it has those of a program in the
 * table, and says so in a note; any other file stays as it is. VC_EFORMAT for parts of one tensor
 * that do not fit each other. */
vc_status vc__name_as_known(vc_tensor_file **file);

/* What becomes of a tensor on its way to its other name. */
typedef enum vc__naming_how {
    VC__NAME_AS_IT_IS,
    VC__NAME_PART,       /* one of several that lie below each other in one tensor here */
    VC__NAME_SECOND,     /* of two numbers, chunk and block, the second counts through all chunks */
    VC__NAME_PROJECTION, /* (E, C), the weight of a head that makes an embedding: it gets a bias */
    VC__NAME_TRANSPOSED  /* the same as (C, E) */
} vc__naming_how;

/* `#` is a number, and `*` at the end is all that follows. A name without `*` may go on with one
 * more part (.weight, .bias, .running_mean), which it keeps. */
typedef struct vc__naming_row {
    const char *theirs, *ours; /* ours NULL: left out, and said */
    vc__naming_how how;
    unsigned part, parts; /* of a VC__NAME_PART: from 0; rows of one tensor follow one another */
} vc__naming_row;

enum { VC__NAMING_PREFIXES = 8 };

/* Prefixes are those of a model inside another one, whose classifier has none. */
typedef struct vc__naming {
    const char *whose;
    const char *signs[2];                      /* tensors by which a file is told */
    const char *prefixes[VC__NAMING_PREFIXES]; /* NULL after the last */
    const char *activation;                    /* that such files have; NULL: they may have any */
    const vc__naming_row *rows;
} vc__naming;

extern const vc__naming vc__namings[];
extern const size_t vc__naming_count;

#endif
