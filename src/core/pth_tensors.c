#include "pth_tensors_impl.h"
#include "vitcod/memory_limit.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_TENSORS = 1 << 20,
    /* Storages may be compressed. Weights hardly shrink, so content this many times larger than the
     * file is a decompression bomb and is refused. */
    MAX_INFLATION = 64,
    /* Transposed and expanded views are copied out; together the copies may be this many times
     * larger than the storages. */
    MAX_EXPANSION = 4
};

/* A storage, by its index in the file. */
typedef struct storage {
    int wanted;
    vc_dtype dtype;
    size_t bytes;
    unsigned char *data; /* NULL until it is read */
} storage;

/* Where a tensor's values lie in its storage. */
typedef struct view {
    size_t entry;
    size_t offset, strides[VC_MAX_RANK]; /* in values */
    size_t bytes;
    int contiguous;
} view;

typedef struct loader {
    vc_tensor_file *out;
    vc__pth_backing *backing;
    const vc__stores *stores;
    storage *storages; /* (stores->count) */
    view *views;       /* (out->count) */
    size_t storage_bytes, copy_bytes;
} loader;

void vc__pth_backing_close(void *context)
{
    vc__pth_backing *backing = context;
    for (size_t i = 0; i < backing->count; i++)
        free(backing->data[i]);
    free(backing->data);
    vc__pool_close(&backing->pool);
    free(backing);
}

static vc_status take_dtype(vc_dtype *out, const char *path, const char *name,
                            const vc__global *type)
{
    if (type->dtype == VC_DTYPE_COUNT)
        return vc_fail(VC_EFORMAT,
                       "%s: '%s' has a %s.%s, wanted F32 F64 F16 BF16 I64 I32 U8 or BOOL", path,
                       name, type->module, type->name);
    *out = type->dtype;
    return VC_OK;
}

/* A storage must have the size that it has in the file, so that no memory is allocated for what the
 * pickle merely claims. */
static vc_status take_storage(loader *l, view *v, vc_dtype *dtype, const char *name,
                              const vc__value *value)
{
    const char *path = l->out->path, *key = value->items[VC__STORAGE_KEY]->text;
    int64_t count = value->items[VC__STORAGE_COUNT]->integer;
    size_t have = 0, want;
    VC_TRY(take_dtype(dtype, path, name, value->items[VC__STORAGE_TYPE]->global));
    int found;
    VC_TRY(l->stores->find(&found, &v->entry, &have, l->stores, key));
    if (!found)
        return vc_fail(VC_EFORMAT, "%s: '%s' lies in the storage '%.100s', which is missing", path,
                       name, key);
    if (count < 0 || __builtin_mul_overflow((size_t)count, vc_dtype_bytes(*dtype), &want) ||
        want != have)
        return vc_fail(VC_EFORMAT,
                       "%s: '%s': storage '%.100s' has %zu bytes, wanted %lld values of %s", path,
                       name, key, have, (long long)count, vc_dtype_name(*dtype));
    storage *s = &l->storages[v->entry];
    if (s->wanted && s->dtype != *dtype)
        return vc_fail(VC_EFORMAT, "%s: '%s': storage '%.100s' holds both %s and %s", path, name,
                       key, vc_dtype_name(s->dtype), vc_dtype_name(*dtype));
    if (!s->wanted && (__builtin_add_overflow(l->storage_bytes, have, &l->storage_bytes) ||
                       l->storage_bytes / MAX_INFLATION > l->stores->file_bytes))
        return vc_fail(VC_EFORMAT, "%s: storages of more than %d times the file's %zu bytes", path,
                       MAX_INFLATION, l->stores->file_bytes);
    *s = (storage){.wanted = 1, .dtype = *dtype, .bytes = have};
    return VC_OK;
}

static vc_status take_shape(view *v, vc_tensor *tensor, const char *path, const char *name,
                            const vc__value *value)
{
    const vc__value *shape = value->items[VC__TENSOR_SHAPE];
    const vc__value *strides = value->items[VC__TENSOR_STRIDES];
    int64_t offset = value->items[VC__TENSOR_OFFSET]->integer;
    if (shape->count > VC_MAX_RANK)
        return vc_fail(VC_EFORMAT, "%s: '%s' has rank %zu, wanted at most %d", path, name,
                       shape->count, VC_MAX_RANK);
    if (offset < 0)
        return vc_fail(VC_EFORMAT, "%s: '%s' has offset %lld", path, name, (long long)offset);
    tensor->rank = shape->count;
    v->offset = (size_t)offset;
    for (size_t d = 0; d < tensor->rank; d++) {
        int64_t size = shape->items[d]->integer, stride = strides->items[d]->integer;
        if (size < 0 || stride < 0)
            return vc_fail(VC_EFORMAT, "%s: '%s' has size %lld and stride %lld in dimension %zu",
                           path, name, (long long)size, (long long)stride, d);
        tensor->shape[d] = (size_t)size;
        v->strides[d] = (size_t)stride;
    }
    return VC_OK;
}

/* Offset of the last value, or SIZE_MAX if it does not fit a size_t. */
static size_t last_offset(const view *v, const vc_tensor *tensor)
{
    size_t last = v->offset;
    for (size_t d = 0; d < tensor->rank; d++) {
        size_t step;
        if (__builtin_mul_overflow(tensor->shape[d] - 1, v->strides[d], &step) ||
            __builtin_add_overflow(last, step, &last))
            return SIZE_MAX;
    }
    return last;
}

static int is_contiguous(const view *v, const vc_tensor *tensor)
{
    size_t expected = 1;
    for (size_t d = tensor->rank; d-- > 0;) {
        if (tensor->shape[d] != 1 && v->strides[d] != expected)
            return 0;
        expected *= tensor->shape[d];
    }
    return 1;
}

static vc_status check_view(loader *l, view *v, const vc_tensor *tensor, const char *name)
{
    char text[VC_SHAPE_TEXT];
    const char *path = l->out->path;
    size_t values = l->storages[v->entry].bytes / vc_dtype_bytes(tensor->dtype);
    size_t count = vc_tensor_count(tensor);
    if (count == SIZE_MAX ||
        __builtin_mul_overflow(count, vc_dtype_bytes(tensor->dtype), &v->bytes))
        return vc_fail(VC_EFORMAT, "%s: '%s' has shape %s, more values than can be counted", path,
                       name, vc_shape_text(text, tensor->rank, tensor->shape));
    v->contiguous = count == 0 || is_contiguous(v, tensor);
    if (count == 0)
        v->offset = 0;
    else if (last_offset(v, tensor) >= values)
        return vc_fail(VC_EFORMAT,
                       "%s: '%s' %s at offset %zu ends behind its storage of %zu values", path,
                       name, vc_shape_text(text, tensor->rank, tensor->shape), v->offset, values);
    if (!v->contiguous && __builtin_add_overflow(l->copy_bytes, v->bytes, &l->copy_bytes))
        l->copy_bytes = SIZE_MAX;
    return VC_OK;
}

static vc_status check_name(const char *path, size_t index, const vc__value *key)
{
    if (key->kind != VC__TEXT)
        return vc_fail(VC_EFORMAT, "%s: key %zu of the state dict is %s, wanted a string", path,
                       index, vc__kind_name(key->kind));
    for (const char *c = key->text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return vc_fail(VC_EFORMAT, "%s: key %zu of the state dict holds control characters",
                           path, index);
    return VC_OK;
}

static vc_status plan_tensor(loader *l, size_t index, const vc__value *key, const vc__value *value)
{
    vc_tensor_file *out = l->out;
    VC_TRY(check_name(out->path, index, key));
    if (value->kind == VC__NONE)
        return VC_OK;
    if (value->kind != VC__TENSOR)
        return vc_fail(VC_EFORMAT, "%s: '%.100s' of the state dict is %s, wanted a tensor",
                       out->path, key->text, vc__kind_name(value->kind));
    char *name = vc__pool_take(&l->backing->pool, key->count + 1);
    if (!name)
        return vc_fail(VC_ENOMEM, "%s: out of memory", out->path);
    memcpy(name, key->text, key->count + 1);
    vc_tensor *tensor = &out->tensors[out->count].tensor;
    view *v = &l->views[out->count];
    VC_TRY(take_storage(l, v, &tensor->dtype, name, value->items[VC__TENSOR_STORAGE]));
    VC_TRY(take_shape(v, tensor, out->path, name, value));
    VC_TRY(check_view(l, v, tensor, name));
    out->tensors[out->count++].name = name;
    return VC_OK;
}

static vc_status plan(loader *l, const vc__value *dict)
{
    for (size_t i = 0; i + 1 < dict->count; i += 2)
        VC_TRY(plan_tensor(l, i / 2, dict->items[i], dict->items[i + 1]));
    if (l->out->count == 0)
        return vc_fail(VC_EFORMAT, "%s: its state dict holds no tensors", l->out->path);
    if (l->copy_bytes / MAX_EXPANSION > l->storage_bytes)
        return vc_fail(VC_EFORMAT,
                       "%s: views of %zu bytes on storages of %zu, wanted at most %d times as much",
                       l->out->path, l->copy_bytes, l->storage_bytes, MAX_EXPANSION);
    return VC_OK;
}

static vc_status new_block(unsigned char **out, loader *l, size_t bytes)
{
    enum { ALIGN = 64 };
    const vc_status allowed = vc_memory_allow(bytes);
    if (allowed != VC_OK)
        return vc_fail(allowed, "%s: %s", l->out->path, vc_last_error());
    *out = aligned_alloc(ALIGN, bytes / ALIGN * ALIGN + ALIGN);
    if (!*out)
        return vc_fail(VC_ENOMEM, "%s: out of memory for %zu bytes", l->out->path, bytes);
    l->backing->data[l->backing->count++] = *out;
    return VC_OK;
}

/* Copies the view's values out, in row-major order. */
static void lay_out(unsigned char *out, const unsigned char *values, const view *v,
                    const vc_tensor *tensor)
{
    size_t item = vc_dtype_bytes(tensor->dtype), at = v->offset, index[VC_MAX_RANK] = {0};
    for (size_t done = 0; done < v->bytes; done += item) {
        memcpy(out + done, values + at * item, item);
        for (size_t d = tensor->rank; d-- > 0;) {
            at += v->strides[d];
            if (++index[d] < tensor->shape[d])
                break;
            at -= v->strides[d] * tensor->shape[d];
            index[d] = 0;
        }
    }
}

static vc_status load_tensor(loader *l, vc_tensor *tensor, const view *v)
{
    storage *s = &l->storages[v->entry];
    if (!s->data) {
        VC_TRY(new_block(&s->data, l, s->bytes));
        VC_TRY(l->stores->read(s->data, s->bytes, l->stores, v->entry));
    }
    if (v->contiguous) {
        tensor->data = s->data + v->offset * vc_dtype_bytes(tensor->dtype);
        return VC_OK;
    }
    unsigned char *copy;
    VC_TRY(new_block(&copy, l, v->bytes));
    lay_out(copy, s->data, v, tensor);
    tensor->data = copy;
    return VC_OK;
}

static vc_status load_tensors(loader *l)
{
    l->backing->data = calloc(2 * l->out->count, sizeof *l->backing->data);
    if (!l->backing->data)
        return vc_fail(VC_ENOMEM, "%s: out of memory", l->out->path);
    for (size_t i = 0; i < l->out->count; i++)
        VC_TRY(load_tensor(l, &l->out->tensors[i].tensor, &l->views[i]));
    return VC_OK;
}

vc_status vc__pth_tensors(vc_tensor_file *out, vc__pth_backing *backing, const vc__stores *stores,
                          const vc__value *dict)
{
    size_t room = dict->count / 2;
    if (room > MAX_TENSORS)
        return vc_fail(VC_EFORMAT, "%s: %zu tensors, wanted at most %d", out->path, room,
                       MAX_TENSORS);
    VC_TRY(vc__tensor_file_reserve(out, room, 1));
    loader l = {.out = out,
                .backing = backing,
                .stores = stores,
                .storages = calloc(stores->count + 1, sizeof *l.storages),
                .views = calloc(room + 1, sizeof *l.views)};
    vc_status status = VC_OK;
    if (!l.storages || !l.views)
        status = vc_fail(VC_ENOMEM, "%s: out of memory", out->path);
    if (status == VC_OK)
        status = plan(&l, dict);
    if (status == VC_OK)
        status = load_tensors(&l);
    free(l.storages);
    free(l.views);
    return status;
}
