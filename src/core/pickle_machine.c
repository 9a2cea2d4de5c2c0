#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pickle_impl.h"

const char *vc__kind_name(vc__value_kind kind)
{
    static const char *const names[] = {
#define VC__VALUE_KIND_NAME(name, text) text,
        VC__VALUE_KIND_MAP(VC__VALUE_KIND_NAME)
#undef VC__VALUE_KIND_NAME
    };
    return names[kind];
}

vc__value *vc__dict_find(const vc__value *dict, const char *key)
{
    for (size_t i = dict->count; i >= 2; i -= 2) {
        const vc__value *at = dict->items[i - 2];
        if (at->kind == VC__TEXT && strcmp(at->text, key) == 0)
            return dict->items[i - 1];
    }
    return NULL;
}

vc_status vc__pickle_fail(const vc__machine *m, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return vc_fail(VC_EFORMAT, "%s: at byte %zu of the pickle: %s", m->path, m->opcode_at, text);
}

vc_status vc__pickle_no_memory(const vc__machine *m)
{
    return vc_fail(VC_ENOMEM, "%s: out of memory for the pickle", m->path);
}

vc_status vc__pickle_new(vc__machine *m, vc__value **out, vc__value_kind kind)
{
    if (m->values == VC__PICKLE_MAX_VALUES)
        return vc__pickle_fail(m, "more than %d values", VC__PICKLE_MAX_VALUES);
    m->values++;
    *out = vc__pool_take(m->pool, sizeof **out);
    if (!*out)
        return vc__pickle_no_memory(m);
    **out = (vc__value){.kind = kind};
    return VC_OK;
}

vc_status vc__pickle_grow(const vc__machine *m, vc__value ***list, size_t *room, size_t count)
{
    if (count < *room)
        return VC_OK;
    size_t wanted = *room ? 2 * *room : 256;
    vc__value **larger = realloc(*list, wanted * sizeof *larger);
    if (!larger)
        return vc__pickle_no_memory(m);
    *list = larger;
    *room = wanted;
    return VC_OK;
}

vc_status vc__pickle_push(vc__machine *m, vc__value *value)
{
    if (m->depth == VC__PICKLE_MAX_STACK)
        return vc__pickle_fail(m, "more than %d unfinished values", VC__PICKLE_MAX_STACK);
    VC_TRY(vc__pickle_grow(m, &m->stack, &m->stack_room, m->depth));
    m->stack[m->depth++] = value;
    return VC_OK;
}

size_t vc__pickle_floor(const vc__machine *m)
{
    return m->mark_count > 0 ? m->marks[m->mark_count - 1] : 0;
}

vc_status vc__pickle_top(const vc__machine *m, vc__value **out)
{
    if (m->depth == vc__pickle_floor(m))
        return vc__pickle_fail(m, "a value is taken where none is");
    *out = m->stack[m->depth - 1];
    return VC_OK;
}

vc_status vc__pickle_pop(vc__machine *m, vc__value **out)
{
    VC_TRY(vc__pickle_top(m, out));
    m->depth--;
    return VC_OK;
}

vc_status vc__pickle_take(vc__machine *m, const unsigned char **out, size_t count)
{
    *out = m->bytes + m->at;
    if (count > m->count - m->at)
        return vc__pickle_fail(m, "wants %zu bytes where %zu are left: truncated?", count,
                               m->count - m->at);
    m->at += count;
    return VC_OK;
}

vc_status vc__pickle_take_uint(vc__machine *m, uint64_t *out, size_t bytes)
{
    const unsigned char *at;
    VC_TRY(vc__pickle_take(m, &at, bytes));
    *out = 0;
    for (size_t i = 0; i < bytes; i++)
        *out |= (uint64_t)at[i] << (8 * i);
    return VC_OK;
}
