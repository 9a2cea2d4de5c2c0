/* What the files of records share: how a member is found and told from one that is absent. */
#ifndef VC_RECORD_IMPL_H
#define VC_RECORD_IMPL_H

#include "vitcod/record.h"

typedef struct vc__items {
    unsigned char *first;
    size_t count;
} vc__items;

/* The items of a list, a named list or an array by words. */
vc__items vc__record_items(const vc_field *field, const void *data);

/* Whether a row is to be written. */
bool vc__record_present(const vc_field *field, const void *data);

/* One value by kind and size of the row; `at` is where it lies. */
uint64_t vc__record_count(const vc_field *field, const void *at);
int64_t vc__record_integer(const vc_field *field, const void *at);
double vc__record_number(const vc_field *field, const void *at);
const char *vc__record_text(const vc_field *field, const void *at);
bool vc__record_is_zero(const vc_field *field, const void *at); /* of a count or number */

/* A record of one value without a name: it stands for the struct from row `first` on. */
bool vc__record_is_bare(const vc_record *record, size_t first);

#endif
