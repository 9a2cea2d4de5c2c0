#include "cifar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vitcod/file.h"
#include "vitcod/pickle_file.h"

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, MOST_PATH = 4096 };

typedef struct format {
    size_t classes;
    size_t label_bytes; /* the last one is used; 0: pickles of Python */
    const char *folder; /* that the archive unpacks to */
    const char *names;
    const char *train[6], *test[2];   /* ended by NULL */
    const char *labels, *label_names; /* keys in a pickle */
} format;

static const format formats[] = {
    {10,
     1,
     "cifar-10-batches-bin",
     "batches.meta.txt",
     {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
      "data_batch_5.bin"},
     {"test_batch.bin"},
     NULL,
     NULL},
    {100, 2, "cifar-100-binary", "fine_label_names.txt", {"train.bin"}, {"test.bin"}, NULL, NULL},
    {10,
     0,
     "cifar-10-batches-py",
     "batches.meta",
     {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"},
     {"test_batch"},
     "labels",
     "label_names"},
    {100, 0, "cifar-100-python", "meta", {"train"}, {"test"}, "fine_labels", "fine_label_names"},
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

/* 1 for one of the format's files of images. Class folders may have the names of pickles, and so
 * may any file; but a pickle begins with its protocol. */
static int is_batch(const format *f, const char *directory, const char *name)
{
    char path[MOST_PATH + 64];
    struct stat info;
    if (f->label_bytes > 0)
        return is_file(directory, name);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return 0;
    FILE *file = fopen(path, "rbe");
    const int first = file ? fgetc(file) : EOF;
    if (file)
        fclose(file);
    return first == 0x80;
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
            (!is_batch(f, p.directory, f->train[0]) && !is_batch(f, p.directory, f->test[0])))
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

/* Images and labels of a pickle, which has them as arrays of bytes and lists of numbers. */
static vc_status add_pickled(vc_dataset *out, const vc_pickle_file *file, const format *f,
                             const char *path)
{
    const uint8_t *pixels;
    size_t count, values;
    VC_TRY(vc_pickle_file_bytes(&pixels, &count, &values, file, "data"));
    const size_t labels = vc_pickle_file_count(file, f->labels);
    if (values != PIXELS || labels != count)
        return vc_fail(VC_EFORMAT, "%s: %zu images of %zu values and %zu '%s', wanted %d each",
                       path, count, values, labels, f->labels, PIXELS);
    VC_TRY(make_room(out, count, path));
    for (size_t i = 0; i < count; i++) {
        int64_t label;
        VC_TRY(vc_pickle_file_integer(&label, file, f->labels, i));
        if (label < 0 || label >= (int64_t)f->classes)
            return vc_fail(VC_EFORMAT, "%s: image %zu has label %lld, wanted less than %zu", path,
                           i, (long long)label, f->classes);
        out->labels[out->count + i] = (int32_t)label;
    }
    memcpy(out->images + out->count * PIXELS, pixels, count * PIXELS);
    out->count += count;
    return VC_OK;
}

static vc_status add_pickle(vc_dataset *out, const format *f, const char *path)
{
    vc_pickle_file *file;
    VC_TRY(vc_pickle_file_open(&file, path));
    const vc_status status = add_pickled(out, file, f, path);
    vc_pickle_file_close(file);
    return status;
}

static vc_status add_file(vc_dataset *out, const found_format *p, const char *name)
{
    char path[MOST_PATH + 64];
    vc_mapped_file file;
    snprintf(path, sizeof path, "%s/%s", p->directory, name);
    if (p->format->label_bytes == 0)
        return add_pickle(out, p->format, path);
    VC_TRY(vc_file_map(&file, path));
    vc_status status = add_records(out, &file, p->format, path);
    vc_file_unmap(&file);
    return status;
}

vc_status vc__cifar_read(vc_dataset *out, const char *directory, const char *split)
{
    found_format p;
    const size_t found = find_formats(&p, directory);
    if (found > 1)
        return vc_fail(
            VC_EFORMAT,
            "%s: holds more than one of CIFAR-10 and CIFAR-100, or of their forms, wanted "
            "one",
            directory);
    if (found == 0) /* not any more: it may change while it is looked at */
        return vc_fail(VC_EABSENT, "%s: holds neither CIFAR-10 nor CIFAR-100", directory);
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

static vc_status read_pickled_names(vc__class_list *out, const format *f, const char *path)
{
    vc_pickle_file *file;
    VC_TRY(vc_pickle_file_open(&file, path));
    vc_status status = VC_OK;
    for (size_t i = 0; i < vc_pickle_file_count(file, f->label_names) && status == VC_OK; i++) {
        const char *name;
        status = vc_pickle_file_text(&name, file, f->label_names, i);
        if (status == VC_OK)
            status = vc__names_add(&out->names, name, strlen(name));
        if (status == VC_OK)
            status = vc__names_add(&out->folders, name, strlen(name));
    }
    vc_pickle_file_close(file);
    return status;
}

vc_status vc__cifar_names(vc__class_list *out, char path[4096], const char *directory)
{
    found_format p;
    if (find_formats(&p, directory) == 0 || !is_file(p.directory, p.format->names) ||
        snprintf(path, MOST_PATH, "%s/%s", p.directory, p.format->names) >= MOST_PATH)
        return VC_OK;
    return p.format->label_bytes > 0 ? vc__class_list_read(out, path)
                                     : read_pickled_names(out, p.format, path);
}
