#include "idx_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TRAIN, TEST, SPLITS, MOST_SETS = 32, NAME = 256 };

/* The files of a data set: "emnist-letters-train-images-idx3-ubyte.gz" is of the group
 * "emnist-letters-", of the split "train". */
typedef struct set {
    char directory[VC__IDX_PATH], group[NAME];
    char images[SPLITS][NAME], labels[SPLITS][NAME]; /* empty: there is none */
} set;

typedef struct finder {
    set *sets;
    size_t count;
    int too_many;
} finder;

/* What a name says. */
typedef struct parsed {
    size_t group; /* its length */
    int split, is_labels;
} parsed;

/* Takes an ending off a length. */
static int ends_in(const char *name, size_t *length, const char *ending)
{
    const size_t count = strlen(ending);
    if (*length < count || memcmp(name + *length - count, ending, count) != 0)
        return 0;
    *length -= count;
    return 1;
}

static int parse(parsed *out, const char *name)
{
    size_t length = strlen(name);
    if (length >= NAME)
        return 0;
    ends_in(name, &length, ".gz");
    out->is_labels = ends_in(name, &length, "-labels-idx1-ubyte") ||
                     ends_in(name, &length, "-labels.idx1-ubyte");
    if (!out->is_labels && !ends_in(name, &length, "-images-idx3-ubyte") &&
        !ends_in(name, &length, "-images.idx3-ubyte"))
        return 0;
    out->split = ends_in(name, &length, "train") ? TRAIN : TEST;
    if (out->split == TEST && !ends_in(name, &length, "t10k") && !ends_in(name, &length, "test"))
        return 0;
    out->group = length;
    return length == 0 || name[length - 1] == '-';
}

/* The set of a group; NULL when there are too many. */
static set *set_of(finder *f, const char *directory, const char *name, size_t length)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->sets[i].directory, directory) == 0 && strlen(f->sets[i].group) == length &&
            memcmp(f->sets[i].group, name, length) == 0)
            return &f->sets[i];
    if (f->count == MOST_SETS) {
        f->too_many = 1;
        return NULL;
    }
    set *new = &f->sets[f->count++];
    *new = (set){0};
    snprintf(new->directory, sizeof new->directory, "%s", directory);
    memcpy(new->group, name, length);
    return new;
}

/* Of several files with the same content, the first by name counts: the plain one before the
 * packed. */
static void keep(finder *f, const char *directory, const char *name)
{
    parsed p;
    if (!parse(&p, name))
        return;
    set *s = set_of(f, directory, name, p.group);
    if (!s)
        return;
    char *place = p.is_labels ? s->labels[p.split] : s->images[p.split];
    if (!place[0] || strcmp(name, place) < 0)
        snprintf(place, NAME, "%s", name);
}

/* Looks through a folder, and with `depth` through what lies below it: `raw`, and the same of each
 * of its folders. */
static void look_through(finder *f, const char *directory, int depth)
{
    char below[VC__IDX_PATH];
    struct dirent *entry;
    DIR *open = opendir(directory);
    while (open && (entry = readdir(open))) {
        const int is_raw = strcmp(entry->d_name, "raw") == 0;
        if (entry->d_type != DT_DIR)
            keep(f, directory, entry->d_name);
        if (entry->d_type == DT_REG || entry->d_name[0] == '.' || depth == 0)
            continue;
        const int length = snprintf(below, sizeof below, "%s/%s%s", directory, entry->d_name,
                                    is_raw ? "" : "/raw");
        if (length < (int)sizeof below && (is_raw || depth > 1))
            look_through(f, below, 0);
    }
    if (open)
        closedir(open);
}

/* Finds the sets of a folder, or the one that a file belongs to. */
static vc_status find_sets(finder *f, const char *path)
{
    struct stat info;
    char directory[VC__IDX_PATH];
    parsed p;
    *f = (finder){.sets = malloc(MOST_SETS * sizeof *f->sets)};
    if (!f->sets)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    if (stat(path, &info) != 0 || strlen(path) >= sizeof directory)
        return VC_OK;
    if (S_ISDIR(info.st_mode)) {
        look_through(f, path, 2);
        return VC_OK;
    }
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (!S_ISREG(info.st_mode) || !parse(&p, name) || p.is_labels)
        return VC_OK;
    snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    look_through(f, directory, 0);
    for (size_t i = 0; i < f->count; i++)
        if (strlen(f->sets[i].group) == p.group && memcmp(f->sets[i].group, name, p.group) == 0) {
            f->sets[0] = f->sets[i];
            f->count = 1;
            f->too_many = 0;
        }
    return VC_OK;
}

int vc__idx_is_here(const char *path)
{
    finder f;
    int found = 0;
    if (find_sets(&f, path) == VC_OK)
        for (size_t i = 0; i < f.count; i++)
            found |= f.sets[i].images[TRAIN][0] || f.sets[i].images[TEST][0];
    free(f.sets);
    return found;
}

static vc_status choose(const set **out, const finder *f, const char *path, int split)
{
    *out = NULL;
    for (size_t i = 0; i < f->count; i++) {
        const set *s = &f->sets[i];
        if (!s->images[split][0])
            continue;
        if (*out || f->too_many)
            return vc_fail(VC_EFORMAT,
                           "%s: holds several data sets: wanted the file of the images of one, as "
                           "%s/%s",
                           path, s->directory, s->images[split]);
        *out = s;
    }
    if (!*out)
        return vc_fail(VC_EABSENT, "%s: holds no %s-images-idx3-ubyte, by whatever name", path,
                       split == TRAIN ? "train" : "t10k");
    return VC_OK;
}

static vc_status join(char out[VC__IDX_PATH], const char *directory, const char *name)
{
    if (snprintf(out, VC__IDX_PATH, "%s/%s", directory, name) >= VC__IDX_PATH)
        return vc_fail(VC_EINVAL, "%s: is longer than %d bytes", directory, VC__IDX_PATH);
    return VC_OK;
}

vc_status vc__idx_find(vc__idx_files *out, const char *path, const char *split)
{
    const int which = strcmp(split, "train") == 0 ? TRAIN : TEST;
    const set *s = NULL;
    finder f;
    vc_status status = find_sets(&f, path);
    if (status == VC_OK)
        status = choose(&s, &f, path, which);
    if (status == VC_OK && !s->labels[which][0])
        status =
            vc_fail(VC_EFORMAT, "%s/%s: no labels lie beside it, wanted %s%s-labels-idx1-ubyte",
                    s->directory, s->images[which], s->group, which == TRAIN ? "train" : "t10k");
    if (status == VC_OK)
        status = join(out->images, s->directory, s->images[which]);
    if (status == VC_OK)
        status = join(out->labels, s->directory, s->labels[which]);
    out->other_labels[0] = '\0';
    if (status == VC_OK && s->labels[SPLITS - 1 - which][0])
        status = join(out->other_labels, s->directory, s->labels[SPLITS - 1 - which]);
    free(f.sets);
    return status;
}
