#include "vitcod/npz_object.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "npy_impl.h"
#include "pickle_impl.h"
#include "vitcod/memory_limit.h"

struct vc_npz_object {
    char *path;
    vc_mapped_file mapped;
    unsigned char *inflated;
    vc__pool pool;
    vc__value *top;
};

/* Where the pickle begins: behind the header of an npy file whose values are objects. */
static vc_status find_pickle(size_t *begin, const unsigned char *bytes, size_t length,
                             const char *path)
{
    const size_t head = length > 12 && bytes[6] > 1 ? 12 : 10;
    size_t count = length > 12 ? (size_t)bytes[8] | (size_t)bytes[9] << 8 : 0;
    if (head == 12)
        count |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (length < 12 || count > length - head)
        return vc_fail(VC_EFORMAT, "%s: the array's header is truncated", path);
    char *header = strndup((const char *)bytes + head, count);
    const int objects = header && strstr(header, "'|O'") != NULL;
    free(header);
    if (!objects)
        return vc_fail(VC_EFORMAT, "%s: an array of numbers, wanted a pickled object", path);
    *begin = head + count;
    return VC_OK;
}

/* An array of one object is that object. */
static vc__value *only_one(vc__value *value)
{
    if (value->kind != VC__ARRAY || value->count != VC__ARRAY_ITEMS)
        return value;
    const vc__value *content = value->items[VC__ARRAY_BYTES];
    return content->kind == VC__LIST && content->count == 1 ? content->items[0] : value;
}

static vc_status read_object(vc_npz_object *o, const char *member)
{
    vc__pickle pickle;
    size_t length, begin = 0;
    char name[512];
    snprintf(name, sizeof name, "%s: %s", o->path, member);
    VC_TRY(vc_file_map(&o->mapped, o->path));
    if (!vc__npz_is(&o->mapped))
        return vc_fail(VC_EFORMAT, "%s: no npz archive", o->path);
    VC_TRY(vc__npz_read(&o->inflated, &length, &o->mapped, o->path, member));
    VC_TRY(find_pickle(&begin, o->inflated, length, name));
    VC_TRY(vc__pickle_read_up_to(&pickle, &o->pool, name, o->inflated + begin, length - begin,
                                 (size_t)4 << 30, 0));
    o->top = only_one(pickle.top);
    return VC_OK;
}

vc_status vc_npz_object_open(vc_npz_object **out, const char *path, const char *member)
{
    vc_npz_object *o = calloc(1, sizeof *o);
    *out = NULL;
    if (!o || !(o->path = strdup(path))) {
        free(o);
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    const vc_status status = read_object(o, member);
    if (status == VC_OK)
        *out = o;
    else
        vc_npz_object_close(o);
    return status;
}

void vc_npz_object_close(vc_npz_object *o)
{
    if (!o)
        return;
    vc__pool_close(&o->pool);
    vc_file_unmap(&o->mapped);
    free(o->inflated);
    free(o->path);
    free(o);
}

const vc_npz_value *vc_npz_object_top(const vc_npz_object *o)
{
    return o->top;
}

/* What has the items; NULL: it has none. */
static const vc__value *holder(const vc__value *v)
{
    if (v && v->kind == VC__ARRAY && v->count == VC__ARRAY_ITEMS)
        v = v->items[VC__ARRAY_BYTES];
    return v && (v->kind == VC__LIST || v->kind == VC__TUPLE || v->kind == VC__DICT) ? v : NULL;
}

size_t vc_npz_count(const vc_npz_value *value)
{
    const vc__value *v = holder(value);
    return !v ? 0 : v->kind == VC__DICT ? v->count / 2 : v->count;
}

const vc_npz_value *vc_npz_item(const vc_npz_value *value, size_t index)
{
    const vc__value *v = holder(value);
    return v->kind == VC__DICT ? v->items[2 * index + 1] : v->items[index];
}

const char *vc_npz_key(const vc_npz_value *value, size_t index)
{
    const vc__value *v = holder(value);
    if (!v || v->kind != VC__DICT || v->items[2 * index]->kind != VC__TEXT)
        return NULL;
    return v->items[2 * index]->text;
}

const vc_npz_value *vc_npz_find(const vc_npz_value *value, const char *key)
{
    return value && value->kind == VC__DICT ? vc__dict_find(value, key) : NULL;
}

int vc_npz_integer(int64_t *out, const vc_npz_value *value)
{
    if (!value || value->kind != VC__INTEGER)
        return 0;
    *out = value->integer;
    return 1;
}

/* 4 or 8 bytes per value; 0: it is no such array. */
static size_t width_of(const vc__value *v)
{
    if (!v || v->kind != VC__ARRAY || v->count != VC__ARRAY_ITEMS)
        return 0;
    const vc__value *type = v->items[VC__ARRAY_DTYPE], *shape = v->items[VC__ARRAY_SHAPE],
                    *content = v->items[VC__ARRAY_BYTES], *fortran = v->items[VC__ARRAY_FORTRAN];
    if (type->kind != VC__ARRAY_TYPE || shape->kind != VC__TUPLE || shape->count == 0 ||
        shape->count > VC_NPZ_RANK || fortran->kind != VC__BOOL || fortran->integer ||
        (content->kind != VC__BYTES && content->kind != VC__TEXT))
        return 0;
    const char *name = type->text + (type->text[0] == '<' || type->text[0] == '=');
    return strcmp(name, "f4") == 0 ? 4 : strcmp(name, "f8") == 0 ? 8 : 0;
}

static vc_status read_shape(vc_npz_array *out, size_t *count, const vc__value *v, size_t width,
                            const char *what)
{
    const vc__value *shape = v->items[VC__ARRAY_SHAPE];
    const size_t bytes = v->items[VC__ARRAY_BYTES]->count;
    *count = 1;
    out->rank = shape->count;
    for (size_t i = 0; i < out->rank; i++) {
        const vc__value *size = shape->items[i];
        if (size->kind != VC__INTEGER || size->integer < 1 ||
            (uint64_t)size->integer > bytes / width / *count)
            return vc_fail(VC_EFORMAT, "%s: an array whose sizes do not fit its %zu bytes", what,
                           bytes);
        out->shape[i] = (size_t)size->integer;
        *count *= out->shape[i];
    }
    return *count * width == bytes ? VC_OK
                                   : vc_fail(VC_EFORMAT, "%s: an array of %zu values in %zu bytes",
                                             what, *count, bytes);
}

vc_status vc_npz_floats(vc_npz_array *out, const vc_npz_value *v, const char *what)
{
    const size_t width = width_of(v);
    size_t count;
    *out = (vc_npz_array){0};
    if (width == 0)
        return vc_fail(VC_EFORMAT, "%s: %s, wanted an array of floats, rows in order", what,
                       v ? vc__kind_name(v->kind) : "nothing");
    VC_TRY(read_shape(out, &count, v, width, what));
    out->data = vc_memory_take(count, sizeof *out->data, what);
    if (!out->data)
        return VC_ENOMEM;
    const char *from = v->items[VC__ARRAY_BYTES]->text;
    for (size_t i = 0; i < count; i++, from += width) {
        double value;
        if (width == 4)
            memcpy(&out->data[i], from, width);
        else
            memcpy(&value, from, width), out->data[i] = (float)value;
        if (!isfinite(out->data[i])) {
            free(out->data);
            out->data = NULL;
            return vc_fail(VC_EINVAL, "%s: value %zu is not finite", what, i);
        }
    }
    return VC_OK;
}
