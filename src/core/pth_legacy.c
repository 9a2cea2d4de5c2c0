#include "pth_legacy_impl.h"

#include <stdlib.h>
#include <string.h>

typedef struct vc__legacy_storage {
    const char *key;
    size_t item_bytes;
    size_t offset, bytes; /* in the file; 0: not there */
} vc__legacy_storage;

/* A pickle of the number 0x1950a86a20f9469cfc6c. */
static const unsigned char magic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                      0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
enum { PROTOCOL = 1001 };

int vc__legacy_begins(const vc_mapped_file *file)
{
    return file->bytes >= 2 + sizeof magic && file->data[0] == 0x80 &&
           memcmp(file->data + 2, magic, sizeof magic) == 0;
}

typedef struct reader {
    const char *path;
    vc__pool *pool;
    const vc_mapped_file *file;
    size_t at;
} reader;

static vc_status next_pickle(vc__pickle *out, reader *r)
{
    VC_TRY(
        vc__pickle_read(out, r->pool, r->path, r->file->data + r->at, r->file->bytes - r->at, 1));
    r->at += out->bytes;
    return VC_OK;
}

static vc_status read_head(reader *r)
{
    vc__pickle number, protocol, machine;
    VC_TRY(next_pickle(&number, r));
    VC_TRY(next_pickle(&protocol, r));
    VC_TRY(next_pickle(&machine, r));
    if (protocol.top->kind != VC__INTEGER || protocol.top->integer != PROTOCOL)
        return vc_fail(VC_EFORMAT, "%s: an old PyTorch checkpoint of another protocol than %d",
                       r->path, PROTOCOL);
    const vc__value *little =
        machine.top->kind == VC__DICT ? vc__dict_find(machine.top, "little_endian") : NULL;
    if (!little || little->kind != VC__BOOL || !little->integer)
        return vc_fail(VC_EFORMAT, "%s: an old PyTorch checkpoint that is not little endian",
                       r->path);
    return VC_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const vc__legacy_storage *x = a, *y = b;
    return strcmp(x->key, y->key);
}

/* Each storage that the checkpoint names, once, with the bytes of a value. */
static vc_status list_storages(vc__legacy *out, reader *r, const vc__pickle *checkpoint)
{
    vc__legacy_storage *all = vc__pool_take(r->pool, (checkpoint->storage_count + 1) * sizeof *all);
    if (!all)
        return vc_fail(VC_ENOMEM, "%s: out of memory", r->path);
    for (size_t i = 0; i < checkpoint->storage_count; i++) {
        vc__value *const *items = checkpoint->storages[i]->items;
        all[i] = (vc__legacy_storage){items[VC__STORAGE_KEY]->text,
                                      items[VC__STORAGE_TYPE]->global->item_bytes, 0, 0};
    }
    qsort(all, checkpoint->storage_count, sizeof *all, compare_keys);
    out->storages = all;
    out->count = 0;
    for (size_t i = 0; i < checkpoint->storage_count; i++) {
        vc__legacy_storage *last = out->count > 0 ? &all[out->count - 1] : NULL;
        if (!last || compare_keys(last, &all[i]) != 0)
            all[out->count++] = all[i];
        else if (last->item_bytes != all[i].item_bytes)
            return vc_fail(VC_EFORMAT, "%s: storage '%.100s' holds values of %zu and of %zu bytes",
                           r->path, last->key, last->item_bytes, all[i].item_bytes);
    }
    return VC_OK;
}

static vc__legacy_storage *find(const vc__legacy *l, const char *key)
{
    const vc__legacy_storage wanted = {.key = key};
    return bsearch(&wanted, l->storages, l->count, sizeof wanted, compare_keys);
}

/* The next storage: a count of values, then they. */
static vc_status place_storage(vc__legacy *out, reader *r, const vc__value *key)
{
    enum { COUNT = 8 };
    if (key->kind != VC__TEXT)
        return vc_fail(VC_EFORMAT, "%s: the key of a storage is %s, wanted a string", r->path,
                       vc__kind_name(key->kind));
    vc__legacy_storage *s = find(out, key->text);
    if (!s || s->offset)
        return vc_fail(VC_EFORMAT, "%s: storage '%.100s' %s", r->path, key->text,
                       s ? "is there twice" : "belongs to no tensor");
    const size_t left = r->file->bytes - r->at;
    uint64_t count = 0;
    for (size_t i = 0; i < COUNT && left >= COUNT; i++)
        count |= (uint64_t)r->file->data[r->at + i] << (8 * i);
    if (left < COUNT || count > (left - COUNT) / s->item_bytes)
        return vc_fail(VC_EFORMAT,
                       "%s: storage '%.100s' claims %llu values of %zu bytes where %zu bytes are "
                       "left: truncated?",
                       r->path, key->text, (unsigned long long)count, s->item_bytes, left);
    s->offset = r->at + COUNT;
    s->bytes = (size_t)count * s->item_bytes;
    r->at = s->offset + s->bytes;
    return VC_OK;
}

vc_status vc__legacy_open(vc__legacy *out, vc__pickle *checkpoint, vc__pool *pool, const char *path,
                          const vc_mapped_file *file)
{
    reader r = {path, pool, file, 0};
    vc__pickle keys;
    *out = (vc__legacy){.file = file};
    VC_TRY(read_head(&r));
    VC_TRY(next_pickle(checkpoint, &r));
    VC_TRY(next_pickle(&keys, &r));
    if (keys.top->kind != VC__LIST)
        return vc_fail(VC_EFORMAT, "%s: the keys of its storages are %s, wanted a list", path,
                       vc__kind_name(keys.top->kind));
    VC_TRY(list_storages(out, &r, checkpoint));
    for (size_t i = 0; i < keys.top->count; i++)
        VC_TRY(place_storage(out, &r, keys.top->items[i]));
    if (r.at != file->bytes)
        return vc_fail(VC_EFORMAT, "%s: %zu bytes behind the last storage", path,
                       file->bytes - r.at);
    return VC_OK;
}

static vc_status find_storage(int *found, size_t *index, size_t *bytes, const vc__stores *stores,
                              const char *key)
{
    const vc__legacy *l = stores->context;
    const vc__legacy_storage *s = find(l, key);
    *found = s && s->offset;
    if (*found) {
        *index = (size_t)(s - l->storages);
        *bytes = s->bytes;
    }
    return VC_OK;
}

static vc_status read_storage(void *out, size_t bytes, const vc__stores *stores, size_t index)
{
    const vc__legacy *l = stores->context;
    memcpy(out, l->file->data + l->storages[index].offset, bytes);
    return VC_OK;
}

vc__stores vc__legacy_stores(const vc__legacy *legacy, const char *path)
{
    return (vc__stores){path,   legacy->file->bytes, legacy->count,
                        legacy, find_storage,        read_storage};
}
