#include "names.h"

#include <stdlib.h>
#include <string.h>

vc_status vc__names_add(vc__names *names, const char *name, size_t length)
{
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? 2 * names->capacity : 64;
        char **items = realloc(names->items, capacity * sizeof *items);
        if (!items)
            return vc_fail(VC_ENOMEM, "out of memory for %zu names", capacity);
        names->items = items;
        names->capacity = capacity;
    }
    char *copy = strndup(name, length);
    if (!copy)
        return vc_fail(VC_ENOMEM, "out of memory for names");
    names->items[names->count++] = copy;
    return VC_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void vc__names_sort(vc__names *names)
{
    size_t kept = 0;
    if (names->count > 0)
        qsort(names->items, names->count, sizeof *names->items, compare);
    for (size_t i = 0; i < names->count; i++) {
        if (kept > 0 && strcmp(names->items[i], names->items[kept - 1]) == 0)
            free(names->items[i]);
        else
            names->items[kept++] = names->items[i];
    }
    names->count = kept;
}

size_t vc__names_find(const vc__names *names, const char *name, size_t length)
{
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *item = names->items[middle];
        int order = strncmp(item, name, length);
        if (order == 0)
            order = item[length] != '\0';
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return names->count;
}

void vc__names_close(vc__names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (vc__names){0};
}
