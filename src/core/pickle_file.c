#include "vitcod/pickle_file.h"

#include <stdlib.h>
#include <string.h>

#include "pickle_impl.h"
#include "vitcod/file.h"

struct vc_pickle_file {
    char *path;
    vc_mapped_file mapped;
    vc__pool pool;
    vc__value *top;
};

static vc_status read_pickle(vc_pickle_file *f)
{
    vc__pickle pickle;
    VC_TRY(vc_file_map(&f->mapped, f->path));
    VC_TRY(vc__pickle_read_up_to(&pickle, &f->pool, f->path, f->mapped.data, f->mapped.bytes,
                                 VC_PICKLE_FILE_MOST, 0));
    f->top = pickle.top;
    if (f->top->kind != VC__DICT)
        return vc_fail(VC_EFORMAT, "%s: holds %s, wanted a dict", f->path,
                       vc__kind_name(f->top->kind));
    return VC_OK;
}

vc_status vc_pickle_file_open(vc_pickle_file **out, const char *path)
{
    vc_pickle_file *f = calloc(1, sizeof *f);
    *out = NULL;
    if (!f || !(f->path = strdup(path))) {
        free(f);
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    const vc_status status = read_pickle(f);
    if (status == VC_OK)
        *out = f;
    else
        vc_pickle_file_close(f);
    return status;
}

void vc_pickle_file_close(vc_pickle_file *f)
{
    if (!f)
        return;
    vc__pool_close(&f->pool);
    vc_file_unmap(&f->mapped);
    free(f->path);
    free(f);
}

/* The latest value of a key, which is a text, or bytes as Python 3 keeps a text of Python 2. */
static const vc__value *find(const vc_pickle_file *f, const char *key)
{
    const size_t length = strlen(key);
    for (size_t i = f->top->count; i >= 2; i -= 2) {
        const vc__value *at = f->top->items[i - 2];
        if ((at->kind == VC__TEXT || at->kind == VC__BYTES) && at->count == length &&
            memcmp(at->text, key, length) == 0)
            return f->top->items[i - 1];
    }
    return NULL;
}

static int is_shape(const vc__value *shape)
{
    return shape->kind == VC__TUPLE && shape->count == 2 && shape->items[0]->kind == VC__INTEGER &&
           shape->items[1]->kind == VC__INTEGER && shape->items[0]->integer >= 0 &&
           shape->items[1]->integer > 0;
}

static int is_bytes_type(const vc__value *type)
{
    return type->kind == VC__ARRAY_TYPE &&
           (strcmp(type->text, "u1") == 0 || strcmp(type->text, "|u1") == 0);
}

vc_status vc_pickle_file_bytes(const uint8_t **out, size_t *rows, size_t *columns,
                               const vc_pickle_file *f, const char *key)
{
    const vc__value *array = find(f, key);
    if (!array || array->kind != VC__ARRAY || array->count != VC__ARRAY_ITEMS)
        return vc_fail(VC_EFORMAT, "%s: has %s under '%s', wanted a numpy array", f->path,
                       array ? vc__kind_name(array->kind) : "nothing", key);
    vc__value *const *a = array->items;
    const vc__value *content = a[VC__ARRAY_BYTES];
    if (!is_bytes_type(a[VC__ARRAY_DTYPE]) || !is_shape(a[VC__ARRAY_SHAPE]) ||
        a[VC__ARRAY_FORTRAN]->kind != VC__BOOL || a[VC__ARRAY_FORTRAN]->integer ||
        (content->kind != VC__BYTES && content->kind != VC__TEXT))
        return vc_fail(VC_EFORMAT, "%s: '%s' is no array of uint8 with two sizes, rows in order",
                       f->path, key);
    *rows = (size_t)a[VC__ARRAY_SHAPE]->items[0]->integer;
    *columns = (size_t)a[VC__ARRAY_SHAPE]->items[1]->integer;
    if (*rows > content->count / *columns || *rows * *columns != content->count)
        return vc_fail(VC_EFORMAT, "%s: '%s' has %zu bytes, wanted %zu x %zu", f->path, key,
                       content->count, *rows, *columns);
    *out = (const uint8_t *)content->text;
    return VC_OK;
}

size_t vc_pickle_file_count(const vc_pickle_file *f, const char *key)
{
    const vc__value *list = find(f, key);
    return list && list->kind == VC__LIST ? list->count : 0;
}

/* An item of a list, of a kind. */
static vc_status item(const vc__value **out, const vc_pickle_file *f, const char *key, size_t index,
                      vc__value_kind kind)
{
    const vc__value *list = find(f, key);
    if (!list || list->kind != VC__LIST || index >= list->count)
        return vc_fail(VC_EFORMAT, "%s: has no item %zu in a list '%s'", f->path, index, key);
    *out = list->items[index];
    if ((*out)->kind != kind)
        return vc_fail(VC_EFORMAT, "%s: item %zu of '%s' is %s, wanted %s", f->path, index, key,
                       vc__kind_name((*out)->kind), vc__kind_name(kind));
    return VC_OK;
}

vc_status vc_pickle_file_integer(int64_t *out, const vc_pickle_file *f, const char *key,
                                 size_t index)
{
    const vc__value *value = NULL;
    VC_TRY(item(&value, f, key, index, VC__INTEGER));
    *out = value->integer;
    return VC_OK;
}

vc_status vc_pickle_file_text(const char **out, const vc_pickle_file *f, const char *key,
                              size_t index)
{
    const vc__value *value = NULL;
    VC_TRY(item(&value, f, key, index, VC__TEXT));
    *out = value->text;
    return VC_OK;
}
