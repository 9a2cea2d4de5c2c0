/* Makes oneDNN 2.6 and 3.x look alike. */
#ifndef VC_ONEDNN_H
#define VC_ONEDNN_H

#include <dnnl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "vitcod/hash.h"

/* oneDNN 3 made descriptors opaque. These few functions are all that differs from 2.x. */
#if DNNL_VERSION_MAJOR >= 3

typedef dnnl_memory_desc_t desc;
typedef const_dnnl_memory_desc_t desc_view;

static inline desc_view view(const desc *d)
{
    return *d;
}

static inline int desc_plain(desc *out, dnnl_data_type_t type, int64_t rows, int64_t columns,
                             int64_t row_stride, int64_t column_stride)
{
    const dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    return dnnl_memory_desc_create_with_strides(out, 2, dims, type, strides) == dnnl_success;
}

static inline int desc_any(desc *out, dnnl_data_type_t type, int64_t rows, int64_t columns)
{
    const dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_create_with_tag(out, 2, dims, type, dnnl_format_tag_any) ==
           dnnl_success;
}

static inline int desc_copy(desc *out, desc_view from)
{
    return dnnl_memory_desc_clone(out, from) == dnnl_success;
}

static inline void desc_close(desc *d)
{
    if (*d)
        dnnl_memory_desc_destroy(*d);
    *d = NULL;
}

static inline int append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_f32) == dnnl_success;
}

static inline int matmul_create(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const desc *a,
                                const desc *b, const desc *bias, const desc *c,
                                dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(out, engine, *a, *b, bias ? *bias : NULL, *c, attr) ==
           dnnl_success;
}

/* What tells two layouts apart. Sums that some keep behind the values are told by the size. */
static inline uint64_t desc_hash(const desc *d)
{
    int ndims = 0, blocks = 0;
    dnnl_dims_t dims = {0};
    const dnnl_dims_t *found;
    dnnl_data_type_t type = dnnl_data_type_undef;
    size_t bytes = dnnl_memory_desc_get_size(*d);
    uint64_t hash = vc_hash(VC_HASH_START, &bytes, sizeof bytes);
    dnnl_memory_desc_query(*d, dnnl_query_ndims_s32, &ndims);
    dnnl_memory_desc_query(*d, dnnl_query_data_type, &type);
    dnnl_memory_desc_query(*d, dnnl_query_inner_nblks_s32, &blocks);
    hash = vc_hash(vc_hash(hash, &type, sizeof type), &blocks, sizeof blocks);
    static const dnnl_query_t by_dimension[] = {dnnl_query_dims, dnnl_query_padded_dims,
                                                dnnl_query_strides};
    for (size_t i = 0; i < sizeof by_dimension / sizeof *by_dimension; i++)
        if (dnnl_memory_desc_query(*d, by_dimension[i], &found) == dnnl_success) {
            memcpy(dims, *found, (size_t)ndims * sizeof *dims);
            hash = vc_hash(hash, dims, (size_t)ndims * sizeof *dims);
        }
    static const dnnl_query_t by_block[] = {dnnl_query_inner_blks, dnnl_query_inner_idxs};
    for (size_t i = 0; i < sizeof by_block / sizeof *by_block; i++)
        if (dnnl_memory_desc_query(*d, by_block[i], &found) == dnnl_success)
            hash = vc_hash(hash, *found, (size_t)blocks * sizeof **found);
    return hash;
}

#else

typedef dnnl_memory_desc_t desc;
typedef const dnnl_memory_desc_t *desc_view;

static inline desc_view view(const desc *d)
{
    return d;
}

static inline int desc_plain(desc *out, dnnl_data_type_t type, int64_t rows, int64_t columns,
                             int64_t row_stride, int64_t column_stride)
{
    const dnnl_dims_t dims = {rows, columns}, strides = {row_stride, column_stride};
    return dnnl_memory_desc_init_by_strides(out, 2, dims, type, strides) == dnnl_success;
}

static inline int desc_any(desc *out, dnnl_data_type_t type, int64_t rows, int64_t columns)
{
    const dnnl_dims_t dims = {rows, columns};
    return dnnl_memory_desc_init_by_tag(out, 2, dims, type, dnnl_format_tag_any) == dnnl_success;
}

static inline int desc_copy(desc *out, desc_view from)
{
    *out = *from;
    return 1;
}

static inline void desc_close(desc *d)
{
    (void)d;
}

/* What tells two layouts apart. */
static inline uint64_t desc_hash(const desc *d)
{
    const dnnl_blocking_desc_t *b = &d->format_desc.blocking;
    const size_t ndims = (size_t)d->ndims, blocks = (size_t)b->inner_nblks;
    uint64_t hash = vc_hash(VC_HASH_START, d->dims, ndims * sizeof *d->dims);
    hash = vc_hash(hash, d->padded_dims, ndims * sizeof *d->padded_dims);
    hash = vc_hash(hash, &d->data_type, sizeof d->data_type);
    hash = vc_hash(hash, &d->extra.flags, sizeof d->extra.flags);
    hash = vc_hash(hash, &d->extra.compensation_mask, sizeof d->extra.compensation_mask);
    hash = vc_hash(hash, b->strides, ndims * sizeof *b->strides);
    hash = vc_hash(hash, b->inner_blks, blocks * sizeof *b->inner_blks);
    return vc_hash(hash, b->inner_idxs, blocks * sizeof *b->inner_idxs);
}

static inline int append_sum(dnnl_post_ops_t ops)
{
    return dnnl_post_ops_append_sum(ops, 1.0f) == dnnl_success;
}

static inline int matmul_create(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const desc *a,
                                const desc *b, const desc *bias, const desc *c,
                                dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t op;
    return dnnl_matmul_desc_init(&op, a, b, bias, c) == dnnl_success &&
           dnnl_primitive_desc_create(out, &op, attr, engine, NULL) == dnnl_success;
}

#endif

#endif
