#define _GNU_SOURCE
#include <string.h>

#include "pickle_impl.h"

static int all_of(const vc__value *tuple, vc__value_kind kind)
{
    for (size_t i = 0; i < tuple->count; i++)
        if (tuple->items[i]->kind != kind)
            return 0;
    return 1;
}

static vc_status wrong_arguments(const vc__machine *m, const char *callable, const char *wanted)
{
    return vc__pickle_fail(m, "'%s' is called with other arguments than %s", callable, wanted);
}

static vc_status make_dict(vc__machine *m, vc__value **out, vc__value *args)
{
    if (args->count != 0)
        return wrong_arguments(m, "collections.OrderedDict", "()");
    return vc__pickle_new(m, out, VC__DICT);
}

/* A dict whose class is made of something that is not needed: a default, a first content. */
static vc_status make_counting_dict(vc__machine *m, vc__value **out, vc__value *args)
{
    (void)args;
    return vc__pickle_new(m, out, VC__DICT);
}

/* A set or a deque: no tensor is in one. */
static vc_status make_list(vc__machine *m, vc__value **out, vc__value *args)
{
    (void)args;
    return vc__pickle_new(m, out, VC__LIST);
}

static vc_status make_object(vc__machine *m, vc__value **out, vc__value *args)
{
    if (args->count != 0)
        return wrong_arguments(m, "argparse.Namespace", "()");
    return vc__pickle_new(m, out, VC__OBJECT);
}

/* What stands beside weights and is read over, whatever it is made of. */
static vc_status make_inert(vc__machine *m, vc__value **out, vc__value *args)
{
    (void)args;
    return vc__pickle_new(m, out, VC__OBJECT);
}

/* An array is filled by BUILD. */
static vc_status make_array(vc__machine *m, vc__value **out, vc__value *args)
{
    (void)args;
    return vc__pickle_new(m, out, VC__ARRAY);
}

static vc_status make_array_type(vc__machine *m, vc__value **out, vc__value *args)
{
    if (args->count < 1 || args->items[0]->kind != VC__TEXT)
        return make_inert(m, out, args);
    VC_TRY(vc__pickle_new(m, out, VC__ARRAY_TYPE));
    (*out)->text = args->items[0]->text;
    (*out)->count = args->items[0]->count;
    return VC_OK;
}

/* How protocol 5 writes an array: (bytes, type, shape, order). */
static vc_status make_whole_array(vc__machine *m, vc__value **out, vc__value *args)
{
    vc__value **a = args->items, **items, *fortran;
    if (args->count != 4 || a[3]->kind != VC__TEXT)
        return make_inert(m, out, args);
    VC_TRY(vc__pickle_new(m, out, VC__ARRAY));
    VC_TRY(vc__pickle_new(m, &fortran, VC__BOOL));
    fortran->integer = strcmp(a[3]->text, "C") != 0;
    if (!(items = vc__pool_take(m->pool, VC__ARRAY_ITEMS * sizeof *items)))
        return vc__pickle_no_memory(m);
    items[0] = args; /* where others have a version */
    items[VC__ARRAY_SHAPE] = a[2];
    items[VC__ARRAY_DTYPE] = a[1];
    items[VC__ARRAY_FORTRAN] = fortran;
    items[VC__ARRAY_BYTES] = a[0];
    (*out)->items = items;
    (*out)->count = VC__ARRAY_ITEMS;
    return VC_OK;
}

/* Bytes from the characters U+0000 to U+00FF of valid UTF-8; 0 where there are others. */
static int encode_latin1(unsigned char *out, size_t *count, const vc__value *characters)
{
    const unsigned char *in = (const unsigned char *)characters->text;
    *count = 0;
    for (size_t i = 0; i < characters->count; i++) {
        if (in[i] >= 0xc4)
            return 0;
        const int two = in[i] >= 0x80;
        out[(*count)++] = two ? (unsigned char)((in[i] & 3) << 6 | (in[i + 1] & 0x3f)) : in[i];
        i += (size_t)two;
    }
    return 1;
}

/* How protocol 2 writes bytes. */
static vc_status make_bytes(vc__machine *m, vc__value **out, vc__value *args)
{
    if (args->count < 1 || args->count > 2 ||
        (args->items[0]->kind != VC__TEXT && args->items[0]->kind != VC__CHARACTERS))
        return wrong_arguments(m, "_codecs.encode", "a string and an encoding");
    if (args->count != 2 || args->items[1]->kind != VC__TEXT ||
        strcmp(args->items[1]->text, "latin1") != 0)
        return make_inert(m, out, args);
    m->encoded += args->items[0]->count;
    if (m->encoded > m->count)
        return vc__pickle_fail(m, "strings are encoded again and again");
    unsigned char *bytes = vc__pool_take(m->pool, args->items[0]->count + 1);
    size_t count;
    if (!bytes)
        return vc__pickle_no_memory(m);
    if (!encode_latin1(bytes, &count, args->items[0]))
        return wrong_arguments(m, "_codecs.encode", "characters of latin1");
    VC_TRY(vc__pickle_new(m, out, VC__BYTES));
    (*out)->text = (const char *)bytes;
    (*out)->count = count;
    return VC_OK;
}

static vc_status make_device(vc__machine *m, vc__value **out, vc__value *args)
{
    if (args->count < 1 || args->count > 2 || args->items[0]->kind != VC__TEXT ||
        (args->count == 2 && args->items[1]->kind != VC__INTEGER))
        return wrong_arguments(m, "torch.device", "a string and perhaps an integer");
    return vc__pickle_new(m, out, VC__OBJECT);
}

static vc_status make_size(vc__machine *m, vc__value **out, vc__value *args)
{
    if (args->count != 1 || args->items[0]->kind != VC__TUPLE ||
        !all_of(args->items[0], VC__INTEGER))
        return wrong_arguments(m, "torch.Size", "a tuple of integers");
    *out = args->items[0];
    return VC_OK;
}

/* A tensor's value keeps the items of the argument tuple, which describe it completely. */
static vc_status make_tensor(vc__machine *m, vc__value **out, const vc__value *args)
{
    vc__value *const *a = args->items;
    if (args->count < 4 || a[VC__TENSOR_STORAGE]->kind != VC__STORAGE ||
        a[VC__TENSOR_OFFSET]->kind != VC__INTEGER || a[VC__TENSOR_SHAPE]->kind != VC__TUPLE ||
        a[VC__TENSOR_STRIDES]->kind != VC__TUPLE || !all_of(a[VC__TENSOR_SHAPE], VC__INTEGER) ||
        !all_of(a[VC__TENSOR_STRIDES], VC__INTEGER))
        return wrong_arguments(m, "torch._utils._rebuild_tensor",
                               "a storage, an offset, a shape and strides");
    if (a[VC__TENSOR_SHAPE]->count != a[VC__TENSOR_STRIDES]->count)
        return vc__pickle_fail(m, "a tensor has %zu sizes and %zu strides",
                               a[VC__TENSOR_SHAPE]->count, a[VC__TENSOR_STRIDES]->count);
    VC_TRY(vc__pickle_new(m, out, VC__TENSOR));
    (*out)->items = args->items;
    (*out)->count = args->count;
    return VC_OK;
}

static vc_status make_tensor_v1(vc__machine *m, vc__value **out, vc__value *args)
{
    if (args->count != 4)
        return wrong_arguments(m, "torch._utils._rebuild_tensor", "four");
    return make_tensor(m, out, args);
}

/* The four arguments of make_tensor, then requires_grad, backward hooks and, in newer versions,
 * metadata. */
static vc_status make_tensor_v2(vc__machine *m, vc__value **out, vc__value *args)
{
    if (args->count < 6 || args->count > 7 || args->items[4]->kind != VC__BOOL ||
        args->items[5]->kind != VC__DICT)
        return wrong_arguments(m, "torch._utils._rebuild_tensor_v2", "six or seven");
    return make_tensor(m, out, args);
}

static vc_status make_parameter(vc__machine *m, vc__value **out, vc__value *args)
{
    if (args->count != 3 || args->items[0]->kind != VC__TENSOR ||
        args->items[1]->kind != VC__BOOL || args->items[2]->kind != VC__DICT)
        return wrong_arguments(m, "torch._utils._rebuild_parameter",
                               "a tensor, requires_grad and backward hooks");
    *out = args->items[0];
    return VC_OK;
}

/* All names that a pickle may refer to. */
static const vc__global globals[] = {
#define VALUE(module, name) {module, name, NULL, 0, 0, 0},
#define CALL(module, name, function) {module, name, function, 0, 0, 0},
#define STORAGE(name, dtype, bytes) {"torch", name, NULL, 1, dtype, bytes},
#define INERT(module, name) {module, name, make_inert, 0, 0, 0},
#include "pickle_names.def"
#undef VALUE
#undef CALL
#undef STORAGE
#undef INERT
};

static int is_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return 0;
    return length > 0;
}

static int is_same(const char *known, const char *text, size_t length)
{
    return strlen(known) == length && memcmp(known, text, length) == 0;
}

static int holds_text(const vc__machine *m, const char *text)
{
    return memmem(m->bytes, m->count, text, strlen(text)) != NULL;
}

/* A pickled model has these two attributes in each of its modules. */
static int is_whole_model(const vc__machine *m)
{
    return holds_text(m, "_parameters") && holds_text(m, "_modules") && holds_text(m, "training");
}

static vc_status refuse_name(const vc__machine *m, const char *module, size_t module_length,
                             const char *name, size_t name_length)
{
    enum { SHOWN = 100 };
    const int first = (int)(module_length < SHOWN ? module_length : SHOWN);
    const int second = (int)(name_length < SHOWN ? name_length : SHOWN);
    if (is_whole_model(m))
        return vc_fail(VC_EFORMAT,
                       "%s: a whole model was pickled, with its class '%.*s.%.*s', of which "
                       "nothing is executed; wanted its weights alone: load it in Python and "
                       "torch.save(model.state_dict(), ...)",
                       m->path, first, module, second, name);
    return vc__pickle_fail(m, "the pickle wants '%.*s.%.*s', which no state dict needs", first,
                           module, second, name);
}

static vc_status push_global(vc__machine *m, const char *module, size_t module_length,
                             const char *name, size_t name_length)
{
    if (!is_plain(module, module_length) || !is_plain(name, name_length))
        return vc__pickle_fail(m, "the name of a class or function is not plain text");
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (is_same(globals[i].module, module, module_length) &&
            is_same(globals[i].name, name, name_length)) {
            vc__value *value;
            VC_TRY(vc__pickle_new(m, &value, VC__GLOBAL));
            value->global = &globals[i];
            return vc__pickle_push(m, value);
        }
    return refuse_name(m, module, module_length, name, name_length);
}

static vc_status take_line(vc__machine *m, const char **out, size_t *length)
{
    const unsigned char *begin = m->bytes + m->at;
    const unsigned char *end = memchr(begin, '\n', m->count - m->at);
    *out = (const char *)begin;
    *length = end ? (size_t)(end - begin) : 0;
    if (!end)
        return vc__pickle_fail(m, "a name without an end: truncated?");
    m->at += *length + 1;
    return VC_OK;
}

vc_status vc__pickle_global(vc__machine *m)
{
    const char *module, *name;
    size_t module_length, name_length;
    VC_TRY(take_line(m, &module, &module_length));
    VC_TRY(take_line(m, &name, &name_length));
    return push_global(m, module, module_length, name, name_length);
}

vc_status vc__pickle_stack_global(vc__machine *m)
{
    vc__value *module, *name;
    VC_TRY(vc__pickle_pop(m, &name));
    VC_TRY(vc__pickle_pop(m, &module));
    if (module->kind != VC__TEXT || name->kind != VC__TEXT)
        return vc__pickle_fail(m, "a name made of %s and %s, wanted two strings",
                               vc__kind_name(module->kind), vc__kind_name(name->kind));
    return push_global(m, module->text, module->count, name->text, name->count);
}

static vc_status pop_call(vc__machine *m, vc__value **callable, vc__value **args)
{
    VC_TRY(vc__pickle_pop(m, args));
    VC_TRY(vc__pickle_pop(m, callable));
    if ((*callable)->kind != VC__GLOBAL)
        return vc__pickle_fail(m, "a call of %s, wanted a function",
                               vc__kind_name((*callable)->kind));
    if (!(*callable)->global->call)
        return vc__pickle_fail(m, "a call of '%s.%s', which is no function",
                               (*callable)->global->module, (*callable)->global->name);
    if ((*args)->kind != VC__TUPLE)
        return vc__pickle_fail(m, "a call with %s, wanted a tuple", vc__kind_name((*args)->kind));
    return VC_OK;
}

vc_status vc__pickle_reduce(vc__machine *m)
{
    vc__value *callable, *args, *made;
    VC_TRY(pop_call(m, &callable, &args));
    VC_TRY(callable->global->call(m, &made, args));
    return vc__pickle_push(m, made);
}

vc_status vc__pickle_newobj(vc__machine *m)
{
    vc__value *class, *args, *made;
    VC_TRY(pop_call(m, &class, &args));
    if (class->global->call != make_object && class->global->call != make_inert &&
        class->global->call != make_counting_dict)
        return vc__pickle_fail(m, "a new '%s.%s', wanted argparse.Namespace", class->global->module,
                               class->global->name);
    VC_TRY(class->global->call(m, &made, args));
    return vc__pickle_push(m, made);
}

/* The attributes of a state dict (_metadata) are dropped: nothing needs them. Those of an object
 * can be looked up as in a dict. What an array is made of stays together. */
vc_status vc__pickle_build(vc__machine *m)
{
    vc__value *state, *object;
    VC_TRY(vc__pickle_pop(m, &state));
    VC_TRY(vc__pickle_pop(m, &object));
    if (object->kind == VC__ARRAY && state->kind == VC__TUPLE && state->count == VC__ARRAY_ITEMS) {
        object->items = state->items;
        object->count = state->count;
    }
    if (object->kind == VC__ARRAY || object->kind == VC__ARRAY_TYPE)
        return vc__pickle_push(m, object);
    if (object->kind != VC__DICT && object->kind != VC__OBJECT)
        return vc__pickle_fail(m, "attributes for %s, wanted a dict or an argparse.Namespace",
                               vc__kind_name(object->kind));
    if (object->kind == VC__DICT && state->kind != VC__DICT)
        return vc__pickle_fail(m, "attributes from %s, wanted a dict", vc__kind_name(state->kind));
    if (object->kind == VC__OBJECT && state->kind == VC__DICT) {
        object->items = state->items;
        object->count = state->count;
    }
    return vc__pickle_push(m, object);
}

/* Keeps a storage in the list of all. */
static vc_status add_storage(vc__machine *m, vc__value *storage)
{
    VC_TRY(vc__pickle_grow(m, &m->storages, &m->storage_room, m->storage_count));
    m->storages[m->storage_count++] = storage;
    return VC_OK;
}

/* Makes a storage of the tuple ('storage', type, key, location, count); before PyTorch 1.6 a sixth
 * item says what it is a view of, None. */
vc_status vc__pickle_persid(vc__machine *m)
{
    vc__value *id, *storage;
    VC_TRY(vc__pickle_pop(m, &id));
    vc__value *const *a = id->items;
    if (id->kind == VC__TUPLE && id->count > 0 && a[0]->kind == VC__TEXT &&
        strcmp(a[0]->text, "module") == 0)
        return vc_fail(VC_EFORMAT,
                       "%s: a whole model was pickled, of which nothing is executed; wanted its "
                       "weights alone: load it in Python and torch.save(model.state_dict(), ...)",
                       m->path);
    const int old = id->kind == VC__TUPLE && id->count == VC__STORAGE_ITEMS + 1 &&
                    a[VC__STORAGE_ITEMS]->kind == VC__NONE;
    if (id->kind != VC__TUPLE || (id->count != VC__STORAGE_ITEMS && !old) ||
        a[0]->kind != VC__TEXT || strcmp(a[0]->text, "storage") != 0 ||
        a[VC__STORAGE_TYPE]->kind != VC__GLOBAL || !a[VC__STORAGE_TYPE]->global->is_storage ||
        a[VC__STORAGE_KEY]->kind != VC__TEXT || a[3]->kind != VC__TEXT ||
        a[VC__STORAGE_COUNT]->kind != VC__INTEGER)
        return vc__pickle_fail(m, "something is stored outside the pickle that is not "
                                  "('storage', type, key, location, count)");
    VC_TRY(vc__pickle_new(m, &storage, VC__STORAGE));
    storage->items = id->items;
    storage->count = id->count;
    VC_TRY(add_storage(m, storage));
    return vc__pickle_push(m, storage);
}
