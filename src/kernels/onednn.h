/* Makes oneDNN 2.6 and 3.x look alike. */
#ifndef VC_ONEDNN_H
#define VC_ONEDNN_H

#include <dnnl.h>
#include <stddef.h>
#include <stdint.h>

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
