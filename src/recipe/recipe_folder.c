/* The run folder: its files, and which run it belongs to. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "recipe_impl.h"
#include "vitcod/checksum.h"
#include "vitcod/file.h"

/* The names of all files that a run writes. Checkpoints and unfinished files have one of these
 * names, a dot and more. */
static const char *const names[] = {"codesign.json",     "1-autoencoder.json",
                                    "2-coded.json",      "3-attention.json",
                                    "3-plan.json",       "4-prune.json",
                                    "5-polarize.json",   "6-finetune.json",
                                    "evaluation.json",   "evaluation-dense.json",
                                    "simulation.json",   "simulation-dense.json",
                                    "result.json",       "autoencoder.safetensors",
                                    "coded.safetensors", "attention.npy",
                                    "scores.npy",        "mask.npy",
                                    "plan.safetensors",  "planned.safetensors",
                                    "model.safetensors"};

static int is_ours(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t length = strlen(names[i]);
        if (strncmp(name, names[i], length) == 0 && (name[length] == '\0' || name[length] == '.'))
            return 1;
    }
    return 0;
}

static int is_any(const char *name)
{
    (void)name;
    return 1;
}

/* 1 for a file that a killed verb had not finished, or held. */
static int is_half(const char *name)
{
    const size_t length = strlen(name);
    return length > 5 &&
           (strcmp(name + length - 5, ".part") == 0 || strcmp(name + length - 5, ".lock") == 0);
}

static int is_same_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static vc_status look_at(size_t *found, const vc_recipe_options *o, const char *name,
                         int (*unwanted)(const char *name))
{
    char path[VC_RECIPE_PATH];
    if (!is_ours(name))
        return VC_OK;
    snprintf(path, sizeof path, "%s/%s", o->folder, name);
    if (is_same_file(path, o->model))
        return vc_fail(VC_EINVAL, "%s: codesign writes files of this name: wanted MODEL elsewhere",
                       path);
    *found += !is_half(name); /* which tells nothing: its verb was killed before it was done */
    if (unwanted && unwanted(name) && unlink(path) != 0)
        return vc_fail(VC_EIO, "%s: cannot remove: %s", path, strerror(errno));
    return VC_OK;
}

/* Counts the finished files of runs, and removes those that are unwanted (NULL: none). */
static vc_status look_around(size_t *found, const vc_recipe_options *o,
                             int (*unwanted)(const char *name))
{
    const struct dirent *entry;
    vc_status status = VC_OK;
    *found = 0;
    DIR *directory = opendir(o->folder);
    if (!directory)
        return vc_fail(VC_EIO, "%s: cannot open: %s", o->folder, strerror(errno));
    while (status == VC_OK && (entry = readdir(directory)) != NULL)
        status = look_at(found, o, entry->d_name, unwanted);
    closedir(directory);
    return status;
}

/* Locks the folder. The lock is held by this process and by its steps, which may outlive it for a
 * moment. On file systems without locks there is none. */
static vc_status lock_folder(int *lock, const char *folder)
{
    enum { TRIES = 50 };
    const struct timespec pause = {.tv_nsec = 20000000};
    int taken = 0;
    *lock = open(folder, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < TRIES && *lock >= 0; i++) {
        taken = flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        if (!taken)
            break;
        nanosleep(&pause, NULL);
    }
    return taken ? vc_fail(VC_EIO, "%s: another codesign works there", folder) : VC_OK;
}

static vc_status check_settings(const char *path, const json_t *settings)
{
    json_t *begun;
    VC_TRY(vc_json_read(&begun, path));
    const json_t *was = json_object_get(begun, "settings");
    vc_status status = json_is_object(was)
                           ? vc_json_check_seal(begun, path)
                           : vc_fail(VC_EFORMAT, "%s: has no settings, wanted an object", path);
    if (status == VC_OK)
        status = vc_json_check_settings(was, settings, path);
    json_decref(begun);
    return status == VC_OK ? VC_OK : vc_fail(status, "%s; --force starts over", vc_last_error());
}

static vc_status write_settings(const char *path, const vc_recipe *recipe)
{
    json_t *all = json_pack("{s:O, s:o}", "settings", recipe->settings, "commands",
                            vc_recipe_commands(recipe));
    if (!all)
        return vc_fail(VC_ENOMEM, "out of memory for the settings");
    const vc_status status = vc_json_write_sealed(path, all);
    json_decref(all);
    return status;
}

/* Removes codesign.json first: without it, nothing continues from the other files. */
static vc_status start_over(const char *path, const vc_recipe_options *o)
{
    size_t found;
    if (unlink(path) != 0 && errno != ENOENT)
        return vc_fail(VC_EIO, "%s: cannot remove: %s", path, strerror(errno));
    return look_around(&found, o, is_any);
}

static vc_status prepare_folder(const vc_recipe *recipe)
{
    const vc_recipe_options *o = &recipe->options;
    char path[VC_RECIPE_PATH];
    size_t found;
    snprintf(path, sizeof path, "%s/codesign.json", o->folder);
    VC_TRY(look_around(&found, o, NULL));
    if (o->force)
        VC_TRY(start_over(path, o));
    else if (access(path, F_OK) == 0)
        VC_TRY(check_settings(path, recipe->settings));
    else if (found > 0)
        return vc_fail(VC_EINVAL,
                       "%s: holds files of a run, and no codesign.json that tells how they were "
                       "made: wanted a new folder, or --force",
                       o->folder);
    VC_TRY(look_around(&found, o, is_half));
    if (access(path, F_OK) == 0)
        return vc_file_try(path);
    return write_settings(path, recipe);
}

vc_status vc__recipe_folder_open(int *lock, const vc_recipe *recipe)
{
    VC_TRY(vc_directory_make(recipe->options.folder));
    VC_TRY(lock_folder(lock, recipe->options.folder));
    return prepare_folder(recipe);
}
