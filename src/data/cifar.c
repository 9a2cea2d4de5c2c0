#include "cifar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vitcod/file.h"

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, MOST_PATH = 4096 };

typedef struct format {
    size_t classes, label_bytes; /* the last label byte is used */
    const char *folder;          /* that the archive unpacks to */
    const char *names;
    const char *train[6], *test[2]; /* ended by NULL */
} format;

static const format formats[] = {
    {10,
     1,
     "cifar-10-batches-bin",
     "batches.meta.txt",
     {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
      "data_batch_5.bin"},
     {"test_batch.bin"}},
    {100, 2, "cifar-100-binary", "fine_label_names.txt", {"train.bin"}, {"test.bin"}},
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

/* A format and the directory that holds it. */
typedef struct found_format {
    const format *format;
    char directory[MOST_PATH];
} found_format;

static int is_file(const char *directory, const char *name)
{
    char path[MOST_PATH + 64];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

/* Returns how many formats are there; the first of them goes to *out. */
static size_t find_formats(found_format *out, const char *directory)
{
    size_t found = 0;
    for (size_t i = 0; i < 2 * FORMATS; i++) {
        const format *f = &formats[i / 2];
        found_format p = {.format = f};
        int length = i % 2 == 0 ? snprintf(p.directory, MOST_PATH, "%s", directory)
                                : snprintf(p.directory, MOST_PATH, "%s/%s", directory, f->folder);
        if (length >= MOST_PATH ||
            (!is_file(p.directory, f->train[0]) && !is_file(p.directory, f->test[0])))
            continue;
        if (found++ == 0)
            *out = p;
    }
    return found;
}

int vc__cifar_is_here(const char *directory)
{
    found_format p;
    return find_formats(&p, directory) > 0;
}

int vc__cifar_names(char path[MOST_PATH], const char *directory)
{
    found_format p;
    if (find_formats(&p, directory) == 0 || !is_file(p.directory, p.format->names))
        return 0;
    return snprintf(path, MOST_PATH, "%s/%s", p.directory, p.format->names) < MOST_PATH;
}

static vc_status check_size(const vc_mapped_file *file, const format *f, const char *path)
{
    size_t record = f->label_bytes + PIXELS;
    if (file->bytes % record != 0)
        return vc_fail(VC_EFORMAT, "%s: has %zu bytes, wanted a multiple of %zu", path, file->bytes,
                       record);
    return VC_OK;
}

static vc_status make_room(vc_dataset *out, size_t more, const char *path)
{
    size_t count = out->count + more;
    uint8_t *images = realloc(out->images, count * PIXELS);
    if (images)
        out->images = images;
    int32_t *labels = realloc(out->labels, count * sizeof *labels);
    if (labels)
        out->labels = labels;
    return images && labels ? VC_OK : vc_fail(VC_ENOMEM, "%s: out of memory", path);
}

static vc_status add_records(vc_dataset *out, const vc_mapped_file *file, const format *f,
                             const char *path)
{
    size_t record = f->label_bytes + PIXELS, count = file->bytes / record;
    VC_TRY(check_size(file, f, path));
    VC_TRY(make_room(out, count, path));
    for (size_t i = 0; i < count; i++) {
        const unsigned char *from = file->data + i * record;
        unsigned label = from[f->label_bytes - 1];
        if (label >= f->classes)
            return vc_fail(VC_EFORMAT, "%s: image %zu has label %u, wanted less than %zu", path, i,
                           label, f->classes);
        out->labels[out->count] = (int32_t)label;
        memcpy(out->images + out->count * PIXELS, from + f->label_bytes, PIXELS);
        out->count++;
    }
    return VC_OK;
}

static vc_status add_file(vc_dataset *out, const found_format *p, const char *name)
{
    char path[MOST_PATH + 64];
    vc_mapped_file file;
    snprintf(path, sizeof path, "%s/%s", p->directory, name);
    VC_TRY(vc_file_map(&file, path));
    vc_status status = add_records(out, &file, p->format, path);
    vc_file_unmap(&file);
    return status;
}

vc_status vc__cifar_read(vc_dataset *out, const char *directory, const char *split)
{
    found_format p;
    if (find_formats(&p, directory) > 1)
        return vc_fail(VC_EFORMAT, "%s: holds more than one of CIFAR-10 and CIFAR-100, wanted one",
                       directory);
    *out = (vc_dataset){.channels = 3, .height = SIDE, .width = SIDE, .classes = p.format->classes};
    const char *const *name = strcmp(split, "train") == 0 ? p.format->train : p.format->test;
    vc_status status = VC_OK;
    if (!is_file(p.directory, name[0]))
        return vc_fail(VC_EABSENT, "%s: holds no %s", p.directory, name[0]);
    for (; *name && status == VC_OK; name++)
        status = add_file(out, &p, *name);
    if (status == VC_OK && !(out->path = strdup(directory)))
        status = vc_fail(VC_ENOMEM, "%s: out of memory", directory);
    if (status != VC_OK)
        vc_dataset_close(out);
    return status;
}
