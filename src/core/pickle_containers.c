#include <string.h>

#include "pickle_impl.h"

vc_status vc__pickle_mark(vc__machine *m)
{
    if (m->mark_count == VC__PICKLE_MAX_MARKS)
        return vc__pickle_fail(m, "nested more than %d deep", VC__PICKLE_MAX_MARKS);
    m->marks[m->mark_count++] = m->depth;
    return VC_OK;
}

/* Takes the values above the latest mark off the stack, and the mark with them. *items points into
 * the stack, so they are valid until the next push. */
static vc_status pop_mark(vc__machine *m, vc__value ***items, size_t *count)
{
    *items = NULL;
    *count = 0;
    if (m->mark_count == 0)
        return vc__pickle_fail(m, "the end of something that has not begun");
    size_t begin = m->marks[--m->mark_count];
    *items = m->stack + begin;
    *count = m->depth - begin;
    m->depth = begin;
    return VC_OK;
}

vc_status vc__pickle_drop(vc__machine *m)
{
    vc__value *dropped;
    return vc__pickle_pop(m, &dropped);
}

vc_status vc__pickle_drop_to_mark(vc__machine *m)
{
    vc__value **items;
    size_t count;
    return pop_mark(m, &items, &count);
}

static vc_status extend(vc__machine *m, vc__value *list, vc__value *const *items, size_t count)
{
    if (count == 0)
        return VC_OK;
    if (count > list->room - list->count) {
        size_t room = list->count + count;
        if (list->room > 0 && room < 2 * list->room)
            room = 2 * list->room;
        vc__value **larger = vc__pool_take(m->pool, room * sizeof *larger);
        if (!larger)
            return vc__pickle_no_memory(m);
        if (list->count > 0)
            memcpy(larger, list->items, list->count * sizeof *larger);
        list->items = larger;
        list->room = room;
    }
    memcpy(list->items + list->count, items, count * sizeof *items);
    list->count += count;
    return VC_OK;
}

static vc_status push_empty(vc__machine *m, vc__value_kind kind)
{
    vc__value *value;
    VC_TRY(vc__pickle_new(m, &value, kind));
    return vc__pickle_push(m, value);
}

vc_status vc__pickle_empty_dict(vc__machine *m)
{
    return push_empty(m, VC__DICT);
}

vc_status vc__pickle_empty_list(vc__machine *m)
{
    return push_empty(m, VC__LIST);
}

vc_status vc__pickle_empty_tuple(vc__machine *m)
{
    return push_empty(m, VC__TUPLE);
}

static vc_status push_tuple(vc__machine *m, vc__value *const *items, size_t count)
{
    vc__value *tuple;
    VC_TRY(vc__pickle_new(m, &tuple, VC__TUPLE));
    VC_TRY(extend(m, tuple, items, count));
    return vc__pickle_push(m, tuple);
}

static vc_status tuple_of(vc__machine *m, size_t count)
{
    if (m->depth - vc__pickle_floor(m) < count)
        return vc__pickle_fail(m, "a tuple of %zu where %zu values are", count,
                               m->depth - vc__pickle_floor(m));
    m->depth -= count;
    return push_tuple(m, m->stack + m->depth, count);
}

vc_status vc__pickle_tuple1(vc__machine *m)
{
    return tuple_of(m, 1);
}

vc_status vc__pickle_tuple2(vc__machine *m)
{
    return tuple_of(m, 2);
}

vc_status vc__pickle_tuple3(vc__machine *m)
{
    return tuple_of(m, 3);
}

vc_status vc__pickle_tuple_from_mark(vc__machine *m)
{
    vc__value **items;
    size_t count;
    VC_TRY(pop_mark(m, &items, &count));
    return push_tuple(m, items, count);
}

static vc_status extend_top(vc__machine *m, vc__value_kind kind, vc__value *const *items,
                            size_t count)
{
    vc__value *list;
    VC_TRY(vc__pickle_top(m, &list));
    if (list->kind != kind)
        return vc__pickle_fail(m, "entries for %s, wanted %s", vc__kind_name(list->kind),
                               vc__kind_name(kind));
    if (kind == VC__DICT && count % 2 != 0)
        return vc__pickle_fail(m, "a dict's last key has no value");
    return extend(m, list, items, count);
}

vc_status vc__pickle_append(vc__machine *m)
{
    vc__value *item;
    VC_TRY(vc__pickle_pop(m, &item));
    return extend_top(m, VC__LIST, &item, 1);
}

vc_status vc__pickle_appends(vc__machine *m)
{
    vc__value **items;
    size_t count;
    VC_TRY(pop_mark(m, &items, &count));
    return extend_top(m, VC__LIST, items, count);
}

vc_status vc__pickle_setitem(vc__machine *m)
{
    vc__value *pair[2];
    VC_TRY(vc__pickle_pop(m, &pair[1]));
    VC_TRY(vc__pickle_pop(m, &pair[0]));
    return extend_top(m, VC__DICT, pair, 2);
}

vc_status vc__pickle_setitems(vc__machine *m)
{
    vc__value **items;
    size_t count;
    VC_TRY(pop_mark(m, &items, &count));
    return extend_top(m, VC__DICT, items, count);
}
