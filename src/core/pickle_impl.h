/* A reader for Python pickles that builds plain values and executes nothing. It knows the opcodes
 * and names that torch.save writes for state dicts and what is stored beside them. Values are
 * shared by reference, and neither the reader nor its callers walk deeper than one level, so
 * nesting, loops and repetition through the memo are harmless: memory is linear in the size of the
 * pickle. */
#ifndef VC_PICKLE_IMPL_H
#define VC_PICKLE_IMPL_H

#include <stdint.h>

#include "pool_impl.h"
#include "vitcod/tensor.h"

enum {
    VC__PICKLE_MAX_BYTES = 64 << 20,
    VC__PICKLE_MAX_VALUES = 8 << 20, /* of values, and of memo entries */
    VC__PICKLE_MAX_STACK = 1 << 20,
    VC__PICKLE_MAX_MARKS = 1000, /* depth of nested tuples, lists and dicts */
    VC__PICKLE_MAX_LONG = 1024   /* bytes of one integer */
};

#define VC__VALUE_KIND_MAP(X)                                                                      \
    X(NONE, "None")                                                                                \
    X(BOOL, "a bool")                                                                              \
    X(INTEGER, "an integer")                                                                       \
    X(LONG, "an integer of more than 64 bits")                                                     \
    X(REAL, "a float")                                                                             \
    X(TEXT, "a string")                                                                            \
    X(CHARACTERS, "a string with zeros")                                                           \
    X(BYTES, "bytes")                                                                              \
    X(TUPLE, "a tuple")                                                                            \
    X(LIST, "a list")                                                                              \
    X(DICT, "a dict")                                                                              \
    X(GLOBAL, "the name of a class or function")                                                   \
    X(STORAGE, "a storage")                                                                        \
    X(TENSOR, "a tensor")                                                                          \
    X(ARRAY, "a numpy array")                                                                      \
    X(ARRAY_TYPE, "a numpy dtype")                                                                 \
    X(OBJECT, "an object")

typedef enum vc__value_kind {
#define VC__VALUE_KIND_ENUM(name, text) VC__##name,
    VC__VALUE_KIND_MAP(VC__VALUE_KIND_ENUM)
#undef VC__VALUE_KIND_ENUM
} vc__value_kind;

/* Indices into the items of a storage and of a tensor. The kinds of these items have been
 * checked. */
enum { VC__STORAGE_TYPE = 1, VC__STORAGE_KEY = 2, VC__STORAGE_COUNT = 4, VC__STORAGE_ITEMS = 5 };
/* Indices into the items of an array, of which it has these or none; kinds are not checked. */
enum { VC__ARRAY_SHAPE = 1, VC__ARRAY_DTYPE, VC__ARRAY_FORTRAN, VC__ARRAY_BYTES, VC__ARRAY_ITEMS };
enum { VC__TENSOR_STORAGE, VC__TENSOR_OFFSET, VC__TENSOR_SHAPE, VC__TENSOR_STRIDES };

typedef struct vc__value vc__value;
typedef struct vc__global vc__global;

struct vc__value {
    vc__value_kind kind;
    size_t count; /* items, or bytes of a text */
    union {
        int64_t integer; /* also BOOL */
        /* UTF-8 without zero bytes, ended by one; of CHARACTERS, `count` bytes of UTF-8; of BYTES,
         * these; of ARRAY_TYPE, its name */
        const char *text;
        const vc__global *global;
        struct {
            vc__value **items; /* of a dict: key, value, key, value */
            size_t room;
        };
    };
};

typedef struct vc__machine vc__machine;

struct vc__global {
    const char *module, *name;
    /* What the opcode REDUCE calls to make a value of it; NULL: it cannot be called. */
    vc_status (*call)(vc__machine *m, vc__value **out, vc__value *args);
    int is_storage;
    vc_dtype dtype;    /* of a storage; VC_DTYPE_COUNT: not a vc_dtype */
    size_t item_bytes; /* of a storage's value */
};

/* The state of reading a pickle. It is shared by pickle_machine.c (stack and input),
 * pickle_scalars.c (numbers and texts), pickle_containers.c, pickle_globals.c (names and calls) and
 * pickle.c (memo and the list of opcodes). */
struct vc__machine {
    const char *path;
    const unsigned char *bytes;
    size_t count, at, opcode_at;
    vc__pool *pool;
    size_t values, encoded;                /* encoded: bytes made of strings */
    vc__value **stack, **memo, **storages; /* storages: all that were named */
    size_t depth, stack_room, memo_count, memo_room, storage_count, storage_room;
    size_t marks[VC__PICKLE_MAX_MARKS], mark_count;
    int stopped, followed;
};

/* What a pickle holds; it lives as long as the pool. */
typedef struct vc__pickle {
    vc__value *top;
    vc__value **storages; /* all that it names, in its order; one may be named again and again */
    size_t storage_count;
    size_t bytes; /* that it takes up */
} vc__pickle;

/* Reads a pickle. `followed`: other bytes may come behind it. The caller closes the pool even on
 * failure. Bytes of the pickle must outlive the pool. */
vc_status vc__pickle_read(vc__pickle *out, vc__pool *pool, const char *path,
                          const unsigned char *bytes, size_t count, int followed);
/* The same for pickles of at most `most` bytes. */
vc_status vc__pickle_read_up_to(vc__pickle *out, vc__pool *pool, const char *path,
                                const unsigned char *bytes, size_t count, size_t most,
                                int followed);

const char *vc__kind_name(vc__value_kind kind);
/* The value that a dict has for a key (the latest one, as in Python), or NULL; also
 * an attribute of an object. */
vc__value *vc__dict_find(const vc__value *dict, const char *key);

/* Fails with VC_EFORMAT; the message names the file and the opcode's position. */
vc_status vc__pickle_fail(const vc__machine *m, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
vc_status vc__pickle_no_memory(const vc__machine *m);
vc_status vc__pickle_new(vc__machine *m, vc__value **out, vc__value_kind kind);
/* Makes room for one more pointer in the stack or the memo. */
vc_status vc__pickle_grow(const vc__machine *m, vc__value ***list, size_t *room, size_t count);
vc_status vc__pickle_push(vc__machine *m, vc__value *value);
vc_status vc__pickle_pop(vc__machine *m, vc__value **out);
vc_status vc__pickle_top(const vc__machine *m, vc__value **out); /* without taking it off */
/* The index of the first value above the latest mark. */
size_t vc__pickle_floor(const vc__machine *m);
/* Takes the next bytes of the pickle. */
vc_status vc__pickle_take(vc__machine *m, const unsigned char **out, size_t count);
vc_status vc__pickle_take_uint(vc__machine *m, uint64_t *out, size_t bytes); /* little endian */

/* Opcodes of pickle_scalars.c. */
vc_status vc__pickle_none(vc__machine *m);
vc_status vc__pickle_true(vc__machine *m);
vc_status vc__pickle_false(vc__machine *m);
vc_status vc__pickle_int1(vc__machine *m);
vc_status vc__pickle_int2(vc__machine *m);
vc_status vc__pickle_int4(vc__machine *m);
vc_status vc__pickle_long1(vc__machine *m);
vc_status vc__pickle_long4(vc__machine *m);
vc_status vc__pickle_float(vc__machine *m);
vc_status vc__pickle_text1(vc__machine *m);
vc_status vc__pickle_text4(vc__machine *m);
vc_status vc__pickle_text8(vc__machine *m);
vc_status vc__pickle_bytes1(vc__machine *m);
vc_status vc__pickle_bytes4(vc__machine *m);
vc_status vc__pickle_bytes8(vc__machine *m);
vc_status vc__pickle_string1(vc__machine *m);
vc_status vc__pickle_string4(vc__machine *m);

/* Opcodes of pickle_containers.c. */
vc_status vc__pickle_mark(vc__machine *m);
vc_status vc__pickle_drop(vc__machine *m);
vc_status vc__pickle_drop_to_mark(vc__machine *m);
vc_status vc__pickle_empty_dict(vc__machine *m);
vc_status vc__pickle_empty_list(vc__machine *m);
vc_status vc__pickle_empty_tuple(vc__machine *m);
vc_status vc__pickle_tuple1(vc__machine *m);
vc_status vc__pickle_tuple2(vc__machine *m);
vc_status vc__pickle_tuple3(vc__machine *m);
vc_status vc__pickle_tuple_from_mark(vc__machine *m);
vc_status vc__pickle_append(vc__machine *m);
vc_status vc__pickle_appends(vc__machine *m);
vc_status vc__pickle_setitem(vc__machine *m);
vc_status vc__pickle_setitems(vc__machine *m);

/* Opcodes of pickle_globals.c. */
vc_status vc__pickle_global(vc__machine *m);
vc_status vc__pickle_stack_global(vc__machine *m);
vc_status vc__pickle_reduce(vc__machine *m);
vc_status vc__pickle_newobj(vc__machine *m);
vc_status vc__pickle_build(vc__machine *m);
vc_status vc__pickle_persid(vc__machine *m);

#endif
