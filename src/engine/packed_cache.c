/* Packed weights in the user's cache: a safetensors file of bytes, whose metadata has the key that
 * they belong to and a checksum of key, names and sizes. */
#define _DEFAULT_SOURCE /* madvise */
#include "packed_cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vitcod/checksum.h"
#include "vitcod/file.h"
#include "vitcod/safetensors.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

enum { PATH_ROOM = 4096, LINE = 64, NAME = 160, WIDE_TEXT = 17 };

static const char values_key[] = "checksum_of_values";

typedef struct entry {
    char name[NAME];
    const void *values;
    size_t bytes;
    void *own; /* a copy, of whole lines */
} entry;

struct vc__packed_cache {
    char path[PATH_ROOM];
    char *key;
    vc_tensor_file *file; /* NULL: there is none that can be used */
    entry *given;
    size_t count;
    int is_new; /* 1: something was given that the file does not have */
};

/* ---- the file */

static size_t whole_lines(size_t bytes)
{
    return (bytes + LINE - 1) / LINE * LINE;
}

static char *wide_text(char text[WIDE_TEXT], uint64_t sum)
{
    snprintf(text, WIDE_TEXT, "%016" PRIx64, sum);
    return text;
}

static uint32_t add_to_sum(uint32_t sum, const char *name, uint64_t bytes)
{
    return vc_checksum(vc_checksum(sum, name, strlen(name) + 1), &bytes, sizeof bytes);
}

/* In the order of the file, which is that of the data. */
static uint32_t sum_of_file(const vc_tensor_file *file, const char *key)
{
    uint32_t sum = vc_checksum(0, key, strlen(key) + 1);
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        const vc_named_tensor *t = vc_tensor_file_at(file, i);
        sum = add_to_sum(sum, t->name, vc_tensor_count(&t->tensor));
    }
    return sum;
}

static int fits_values(const vc_tensor_file *file, const char *said)
{
    uint64_t sum = 0;
    char text[WIDE_TEXT];
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        const vc_tensor *t = &vc_tensor_file_at(file, i)->tensor;
        sum = vc_checksum_wide(sum, t->data, vc_tensor_count(t));
    }
    return strcmp(said, wide_text(text, sum)) == 0;
}

static const char *says(const vc_tensor_file *file, const char *key)
{
    const char *text = vc_tensor_file_metadata(file, key);
    return text ? text : "";
}

static vc_status check_file(const vc_tensor_file *file, const char *key)
{
    const char *path = vc_tensor_file_path(file);
    if (strcmp(says(file, "key"), key) != 0)
        return vc_fail(VC_EINVAL, "%s: is of another model, file, program or CPU", path);
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        const vc_tensor *t = &vc_tensor_file_at(file, i)->tensor;
        if (t->dtype != VC_U8 || (uintptr_t)t->data % LINE != 0)
            return vc_fail(VC_EFORMAT, "%s: '%s' is no packed weights", path,
                           vc_tensor_file_at(file, i)->name);
    }
    return vc_checksum_check(sum_of_file(file, key), vc_tensor_file_metadata(file, "crc32"), path);
}

/* Reads all of it. */
static vc_status check_values(const vc_tensor_file *file)
{
    if (fits_values(file, says(file, values_key)))
        return VC_OK;
    return vc_fail(VC_EFORMAT, "%s: damaged: its values have another checksum than it says",
                   vc_tensor_file_path(file));
}

/* Products read all of it, in an order that the system does not read ahead by. */
static void ask_for_pages(const vc_tensor_file *file)
{
    uintptr_t begin = UINTPTR_MAX, end = 0;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        const vc_tensor *t = &vc_tensor_file_at(file, i)->tensor;
        const uintptr_t at = (uintptr_t)t->data, last = at + vc_tensor_count(t);
        begin = at < begin ? at : begin;
        end = last > end ? last : end;
    }
    begin = begin / page * page;
    if (end > begin)
        madvise((void *)begin, end - begin, MADV_POPULATE_READ); /* a kernel without it waits */
}

static void open_file(vc__packed_cache *c, char *note)
{
    note[0] = '\0';
    if (access(c->path, F_OK) != 0)
        return;
    vc_status status = vc_safetensors_open(&c->file, c->path);
    if (status == VC_OK)
        status = check_file(c->file, c->key);
    if (status == VC_OK) {
        ask_for_pages(c->file);
        status = check_values(c->file);
    }
    if (status == VC_OK)
        return;
    snprintf(note, VC__CACHE_NOTE, "%s: it is made anew", vc_last_error());
    vc_tensor_file_close(c->file);
    c->file = NULL;
}

vc_status vc__packed_cache_open(vc__packed_cache **out, char *note, const char *name,
                                const char *key)
{
    vc__packed_cache *c = calloc(1, sizeof *c);
    *out = NULL;
    if (c)
        c->key = strdup(key);
    if (!c || !c->key) {
        free(c);
        return vc_fail(VC_ENOMEM, "out of memory for a cache");
    }
    if (!*vc_cache_path(c->path, sizeof c->path, name)) {
        vc__packed_cache_close(c);
        return vc_fail(VC_EUNSUPPORTED,
                       "no cache: wanted a folder in XDG_CACHE_HOME, or a HOME that begins with /");
    }
    open_file(c, note);
    *out = c;
    return VC_OK;
}

void vc__packed_cache_close(vc__packed_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        free(c->given[i].own);
    vc_tensor_file_close(c->file);
    free(c->given);
    free(c->key);
    free(c);
}

/* ---- values */

static entry *entry_of(vc__packed_cache *c, const char *name)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->given[i].name, name) == 0)
            return &c->given[i];
    entry *grown = realloc(c->given, (c->count + 1) * sizeof *grown);
    if (!grown)
        return NULL;
    c->given = grown;
    grown[c->count] = (entry){0};
    snprintf(grown[c->count].name, NAME, "%s", name);
    return &grown[c->count++];
}

const void *vc__packed_cache_take(vc__packed_cache *c, const char *name, size_t bytes)
{
    const vc_tensor *t = c->file ? vc_tensor_file_find(c->file, name) : NULL;
    if (!t || (bytes > 0 && vc_tensor_count(t) != whole_lines(bytes)))
        return NULL;
    entry *taken = entry_of(c, name);
    if (!taken)
        return NULL;
    taken->values = t->data;
    taken->bytes = vc_tensor_count(t);
    return t->data;
}

size_t vc__packed_cache_bytes(const vc__packed_cache *c, const char *name)
{
    const vc_tensor *t = c->file ? vc_tensor_file_find(c->file, name) : NULL;
    return t ? vc_tensor_count(t) : 0;
}

/* What does not fill its last line is copied to something that does, so that all begin at one. */
vc_status vc__packed_cache_give(vc__packed_cache *c, const char *name, const void *values,
                                size_t bytes, int copied)
{
    entry *made = entry_of(c, name);
    c->is_new = 1;
    if (made) {
        made->bytes = whole_lines(bytes);
        made->values = values;
    }
    if (made && (copied || made->bytes > bytes)) {
        free(made->own);
        made->values = made->own = calloc(1, made->bytes);
        if (made->own)
            memcpy(made->own, values, bytes);
    }
    return made && made->values ? VC_OK : vc_fail(VC_ENOMEM, "out of memory for a cache");
}

static vc_status write_tensors(const vc__packed_cache *c, vc_named_tensor *tensors)
{
    uint32_t sum = vc_checksum(0, c->key, strlen(c->key) + 1);
    uint64_t values = 0;
    char text[VC_CHECKSUM_TEXT], wide[WIDE_TEXT], folder[PATH_ROOM];
    for (size_t i = 0; i < c->count; i++) {
        const entry *e = &c->given[i];
        tensors[i] = (vc_named_tensor){e->name, {VC_U8, 1, {e->bytes}, (void *)e->values}};
        sum = add_to_sum(sum, e->name, e->bytes);
        values = vc_checksum_wide(values, e->values, e->bytes);
    }
    const vc_metadata metadata[] = {{"format", "vitcod packed weights"},
                                    {"key", c->key},
                                    {"crc32", vc_checksum_text(text, sum)},
                                    {values_key, wide_text(wide, values)}};
    snprintf(folder, sizeof folder, "%s", c->path);
    *strrchr(folder, '/') = '\0';
    VC_TRY(vc_directory_make(folder));
    return vc_safetensors_write(c->path, tensors, c->count, metadata,
                                sizeof metadata / sizeof *metadata);
}

vc_status vc__packed_cache_write(vc__packed_cache *c)
{
    if (!c->is_new)
        return VC_OK;
    vc_named_tensor *tensors = calloc(c->count + 1, sizeof *tensors);
    if (!tensors)
        return vc_fail(VC_ENOMEM, "out of memory for a cache");
    const vc_status status = write_tensors(c, tensors);
    free(tensors);
    return status;
}
