/* Which files a model is of, and what is remembered of their values. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "model_impl.h"
#include "vitcod/checksum.h"
#include "vitcod/file.h"
#include "vitcod/hash.h"

enum { FILE_TEXT = 256, ROOM = 1024, SETTLED_NS = 50000000 };

/* A file that was written this moment may be written again without another time. */
static int is_settled(const struct stat *s)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const double age =
        (double)(now.tv_sec - s->st_ctim.tv_sec) * 1e9 + (double)(now.tv_nsec - s->st_ctim.tv_nsec);
    return age >= SETTLED_NS;
}

static int tell_file(char text[FILE_TEXT], const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0 || !S_ISREG(s.st_mode) || !is_settled(&s))
        return 0;
    snprintf(text, FILE_TEXT, "%llx:%llx, %lld bytes of %lld.%09ld, %lld.%09ld",
             (unsigned long long)s.st_dev, (unsigned long long)s.st_ino, (long long)s.st_size,
             (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec, (long long)s.st_ctim.tv_sec,
             s.st_ctim.tv_nsec);
    return 1;
}

static uint64_t hash_path(uint64_t hash, const char *path)
{
    char whole[PATH_MAX];
    const char *text = realpath(path, whole) ? whole : path;
    return vc_hash(hash, text, strlen(text) + 1);
}

/* The sizes that were read from the file, told by options, or by what lies beside it. */
static uint64_t hash_sizes(uint64_t hash, const vc_model_config *config)
{
    const vc_model_input in = vc_model_input_of(config);
    const uint64_t all[] = {
        vc_model_family_number(config), in.width, in.height, in.channels, in.classes, in.outputs,
        vc_model_layers(config)};
    hash = vc_hash(vc_hash(hash, all, sizeof all), in.mean, sizeof in.mean);
    hash = vc_hash(hash, in.std, sizeof in.std);
    for (size_t i = 0; i < vc_model_layers(config); i++) {
        const vc_attention_layer l = vc_model_layer(config, i);
        const uint64_t layer[] = {l.heads, l.head_dim, l.value_dim,     l.queries,
                                  l.keys,  l.width,    l.compressed[0], l.compressed[1]};
        hash = vc_hash(hash, layer, sizeof layer);
    }
    return hash;
}

void vc__origin_free(vc_model_origin *origin)
{
    if (origin)
        free(origin->text);
    free(origin);
}

vc_model_origin *vc__origin_of(const vc_model *model, const char *path,
                               const vc_model_options *options)
{
    char file[FILE_TEXT], coder[FILE_TEXT] = "";
    for (size_t i = 0; i < 2; i++) /* an index stays as it is when a file that it names does not */
        if (model->files[i] && vc_tensor_file_is_index(model->files[i]))
            return NULL;
    if (!tell_file(file, path) || (options->autoencoder && !tell_file(coder, options->autoencoder)))
        return NULL;
    vc_model_origin *made = calloc(1, sizeof *made);
    if (made)
        made->text = malloc(ROOM);
    if (!made || !made->text) {
        vc__origin_free(made);
        return NULL;
    }
    const int chosen = (int)options->weights;
    made->name = hash_path(VC_HASH_START, path);
    if (options->autoencoder)
        made->name = hash_path(made->name, options->autoencoder);
    made->name = vc_hash(hash_sizes(made->name, &model->config), &chosen, sizeof chosen);
    /* by what is said of images, here or in a config.json beside, positions are another grid's */
    const char *said = vc_tensor_file_metadata(model->files[0], "image_size");
    if (said)
        made->name = vc_hash(made->name, said, strlen(said) + 1);
    if (options->features)
        made->name = vc_hash(made->name, options->features, strlen(options->features));
    snprintf(made->text, ROOM, "%016llx: %s%s%s", (unsigned long long)made->name, file,
             *coder ? "; " : "", coder);
    return made;
}

/* ---- what is remembered */

static void name_memory(char path[PATH_MAX], const vc_model_origin *origin)
{
    char name[64];
    snprintf(name, sizeof name, "values-%016llx.json", (unsigned long long)origin->name);
    vc_cache_path(path, PATH_MAX, name);
}

static int says(const json_t *all, const char *key, const char *wanted)
{
    const char *text = json_string_value(json_object_get(all, key));
    return text && strcmp(text, wanted) == 0;
}

void vc__origin_recall(vc_model_origin *origin)
{
    char path[PATH_MAX];
    json_t *all = NULL;
    name_memory(path, origin);
    if (!*path || vc_json_read(&all, path) != VC_OK)
        return;
    const char *hash = json_string_value(json_object_get(all, "model_hash"));
    if (vc_json_check_seal(all, path) == VC_OK && says(all, "origin", origin->text) && hash)
        origin->hash = strtoull(hash, NULL, 16);
    json_decref(all);
}

/* Without a place for it nothing is remembered, which costs time and nothing else. */
void vc__origin_remember(const vc_model_origin *origin, uint64_t hash)
{
    char path[PATH_MAX], folder[PATH_MAX], text[17];
    name_memory(path, origin);
    if (!*path)
        return;
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    json_t *all = json_object();
    vc_json_set(&all, "origin", json_string(origin->text));
    vc_json_set(&all, "model_hash", json_string(text));
    if (all && vc_directory_make(folder) == VC_OK)
        (void)vc_json_write_sealed(path, all);
    json_decref(all);
}
