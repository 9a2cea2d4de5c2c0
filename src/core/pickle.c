#include <stdlib.h>
#include <string.h>

#include "pickle_impl.h"

static vc_status proto(vc__machine *m)
{
    uint64_t version;
    VC_TRY(vc__pickle_take_uint(m, &version, 1));
    if (m->opcode_at != 0 || version < 2 || version > 5)
        return vc__pickle_fail(m, "pickle protocol %llu, wanted 2 to 5 and that once",
                               (unsigned long long)version);
    return VC_OK;
}

static vc_status frame(vc__machine *m)
{
    uint64_t length;
    VC_TRY(vc__pickle_take_uint(m, &length, 8));
    if (length > m->count - m->at)
        return vc__pickle_fail(m, "a frame of %llu bytes where %zu are left: truncated?",
                               (unsigned long long)length, m->count - m->at);
    return VC_OK;
}

static vc_status stop(vc__machine *m)
{
    if (m->mark_count != 0 || m->depth != 1)
        return vc__pickle_fail(m, "ends with %zu values, wanted one", m->depth);
    if (m->at != m->count && !m->followed)
        return vc__pickle_fail(m, "ends with %zu bytes left over", m->count - m->at);
    m->stopped = 1;
    return VC_OK;
}

/* Writers of pickles number memo entries in order (Python 2 from 1 on), so an index beyond the next
 * one is refused, and the memo never has more room than entries. */
static vc_status put_at(vc__machine *m, uint64_t index)
{
    vc__value *value;
    VC_TRY(vc__pickle_top(m, &value));
    if (index == 1 && m->memo_count == 0) {
        VC_TRY(vc__pickle_grow(m, &m->memo, &m->memo_room, 0));
        m->memo[m->memo_count++] = NULL;
    }
    if (index > m->memo_count)
        return vc__pickle_fail(m, "memo entry %llu is set where %zu comes next",
                               (unsigned long long)index, m->memo_count);
    if (index == VC__PICKLE_MAX_VALUES)
        return vc__pickle_fail(m, "more than %d memo entries", VC__PICKLE_MAX_VALUES);
    if (index == m->memo_count) {
        VC_TRY(vc__pickle_grow(m, &m->memo, &m->memo_room, m->memo_count));
        m->memo_count++;
    }
    m->memo[index] = value;
    return VC_OK;
}

static vc_status put1(vc__machine *m)
{
    uint64_t index;
    VC_TRY(vc__pickle_take_uint(m, &index, 1));
    return put_at(m, index);
}

static vc_status put4(vc__machine *m)
{
    uint64_t index;
    VC_TRY(vc__pickle_take_uint(m, &index, 4));
    return put_at(m, index);
}

static vc_status memoize(vc__machine *m)
{
    return put_at(m, m->memo_count);
}

static vc_status get_at(vc__machine *m, size_t width)
{
    uint64_t index;
    VC_TRY(vc__pickle_take_uint(m, &index, width));
    if (index >= m->memo_count || !m->memo[index])
        return vc__pickle_fail(m, "memo entry %llu is wanted where %zu are",
                               (unsigned long long)index, m->memo_count);
    return vc__pickle_push(m, m->memo[index]);
}

static vc_status get1(vc__machine *m)
{
    return get_at(m, 1);
}

static vc_status get4(vc__machine *m)
{
    return get_at(m, 4);
}

/* The opcodes of protocols 2 to 5, including those kept from 0 and 1. One without a function is
 * known but not supported, and is refused by name. */
static const struct {
    const char *name;
    vc_status (*run)(vc__machine *m);
} opcodes[256] = {
    [0x80] = {"PROTO", proto},
    [0x95] = {"FRAME", frame},
    ['.'] = {"STOP", stop},
    ['('] = {"MARK", vc__pickle_mark},
    ['0'] = {"POP", vc__pickle_drop},
    ['1'] = {"POP_MARK", vc__pickle_drop_to_mark},
    ['q'] = {"BINPUT", put1},
    ['r'] = {"LONG_BINPUT", put4},
    [0x94] = {"MEMOIZE", memoize},
    ['h'] = {"BINGET", get1},
    ['j'] = {"LONG_BINGET", get4},
    ['N'] = {"NONE", vc__pickle_none},
    [0x88] = {"NEWTRUE", vc__pickle_true},
    [0x89] = {"NEWFALSE", vc__pickle_false},
    ['K'] = {"BININT1", vc__pickle_int1},
    ['M'] = {"BININT2", vc__pickle_int2},
    ['J'] = {"BININT", vc__pickle_int4},
    [0x8a] = {"LONG1", vc__pickle_long1},
    [0x8b] = {"LONG4", vc__pickle_long4},
    ['G'] = {"BINFLOAT", vc__pickle_float},
    [0x8c] = {"SHORT_BINUNICODE", vc__pickle_text1},
    ['X'] = {"BINUNICODE", vc__pickle_text4},
    [0x8d] = {"BINUNICODE8", vc__pickle_text8},
    ['U'] = {"SHORT_BINSTRING", vc__pickle_string1},
    ['T'] = {"BINSTRING", vc__pickle_string4},
    ['C'] = {"SHORT_BINBYTES", vc__pickle_bytes1},
    ['B'] = {"BINBYTES", vc__pickle_bytes4},
    [0x8e] = {"BINBYTES8", vc__pickle_bytes8},
    [')'] = {"EMPTY_TUPLE", vc__pickle_empty_tuple},
    [0x85] = {"TUPLE1", vc__pickle_tuple1},
    [0x86] = {"TUPLE2", vc__pickle_tuple2},
    [0x87] = {"TUPLE3", vc__pickle_tuple3},
    ['t'] = {"TUPLE", vc__pickle_tuple_from_mark},
    [']'] = {"EMPTY_LIST", vc__pickle_empty_list},
    ['a'] = {"APPEND", vc__pickle_append},
    ['e'] = {"APPENDS", vc__pickle_appends},
    ['}'] = {"EMPTY_DICT", vc__pickle_empty_dict},
    ['s'] = {"SETITEM", vc__pickle_setitem},
    ['u'] = {"SETITEMS", vc__pickle_setitems},
    [0x8f] = {"EMPTY_SET", vc__pickle_empty_list}, /* read as a list: no tensor is in a set */
    [0x90] = {"ADDITEMS", vc__pickle_appends},
    ['c'] = {"GLOBAL", vc__pickle_global},
    [0x93] = {"STACK_GLOBAL", vc__pickle_stack_global},
    ['R'] = {"REDUCE", vc__pickle_reduce},
    [0x81] = {"NEWOBJ", vc__pickle_newobj},
    ['b'] = {"BUILD", vc__pickle_build},
    ['Q'] = {"BINPERSID", vc__pickle_persid},
    ['i'] = {"INST", NULL},
    ['o'] = {"OBJ", NULL},
    [0x92] = {"NEWOBJ_EX", NULL},
    [0x82] = {"EXT1", NULL},
    [0x83] = {"EXT2", NULL},
    [0x84] = {"EXT4", NULL},
    ['P'] = {"PERSID", NULL},
    ['I'] = {"INT", NULL},
    ['L'] = {"LONG", NULL},
    ['F'] = {"FLOAT", NULL},
    ['S'] = {"STRING", NULL},
    ['V'] = {"UNICODE", NULL},
    ['l'] = {"LIST", NULL},
    ['d'] = {"DICT", NULL},
    ['p'] = {"PUT", NULL},
    ['g'] = {"GET", NULL},
    ['2'] = {"DUP", NULL},
    [0x91] = {"FROZENSET", vc__pickle_tuple_from_mark},
    [0x96] = {"BYTEARRAY8", vc__pickle_bytes8},
    [0x97] = {"NEXT_BUFFER", NULL},
    [0x98] = {"READONLY_BUFFER", NULL},
};

static vc_status run_opcodes(vc__machine *m)
{
    if (m->count == 0 || m->bytes[0] != 0x80)
        return vc__pickle_fail(m, "no pickle of protocol 2 to 5 begins here");
    VC_TRY(vc__pickle_grow(m, &m->stack, &m->stack_room, 0));
    while (!m->stopped) {
        m->opcode_at = m->at;
        if (m->at == m->count)
            return vc__pickle_fail(m, "no STOP: truncated?");
        unsigned char opcode = m->bytes[m->at++];
        if (!opcodes[opcode].name)
            return vc__pickle_fail(m, "unknown opcode 0x%02x", opcode);
        if (!opcodes[opcode].run)
            return vc__pickle_fail(m, "opcode %s, which no state dict needs", opcodes[opcode].name);
        VC_TRY(opcodes[opcode].run(m));
    }
    return VC_OK;
}

/* The list goes with the pool, as all else does. */
static vc_status keep_storages(vc__pickle *out, const vc__machine *m)
{
    out->storage_count = m->storage_count;
    out->storages = vc__pool_take(m->pool, (m->storage_count + 1) * sizeof(vc__value *));
    if (!out->storages)
        return vc__pickle_no_memory(m);
    if (m->storage_count > 0)
        memcpy(out->storages, m->storages, m->storage_count * sizeof(vc__value *));
    return VC_OK;
}

vc_status vc__pickle_read(vc__pickle *out, vc__pool *pool, const char *path,
                          const unsigned char *bytes, size_t count, int followed)
{
    return vc__pickle_read_up_to(out, pool, path, bytes, count, VC__PICKLE_MAX_BYTES, followed);
}

vc_status vc__pickle_read_up_to(vc__pickle *out, vc__pool *pool, const char *path,
                                const unsigned char *bytes, size_t count, size_t most, int followed)
{
    *out = (vc__pickle){0};
    if (count > most && !followed)
        return vc_fail(VC_EFORMAT, "%s: a pickle of %zu bytes, wanted at most %zu", path, count,
                       most);
    if (count > most)
        count = most;
    vc__machine m = {
        .path = path, .bytes = bytes, .count = count, .pool = pool, .followed = followed};
    vc_status status = run_opcodes(&m);
    if (status == VC_OK)
        status = keep_storages(out, &m);
    if (status == VC_OK) {
        out->top = m.stack[0];
        out->bytes = m.at;
    }
    free(m.stack);
    free(m.memo);
    free(m.storages);
    return status;
}
