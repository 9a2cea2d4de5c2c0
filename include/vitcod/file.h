/* Whole files: mapping one into memory, and writing one that gets its name when it is complete and
 * on the disk, so that no reader ever sees half a file, a failure or a kill leaves nothing behind,
 * and after a loss of power there is the old file or the new one. */
#ifndef VITCOD_FILE_H
#define VITCOD_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A file mapped read-only. */
typedef struct vc_mapped_file {
    const unsigned char *data;
    size_t bytes;
} vc_mapped_file;

/* VC_EIO unless it is a regular file, or a link to one: opening a pipe could wait for ever. */
vc_status vc_file_check_regular(const char *path);

vc_status vc_file_map(vc_mapped_file *out, const char *path);
void vc_file_unmap(vc_mapped_file *file);

/* The path of the mapped file that has this address, or NULL. May be called in a handler of SIGBUS:
 * a file that somebody makes shorter is one when it is read further. */
const char *vc_file_mapped_at(const void *address);
/* VC_EIO if somebody else has written into a file while this process had it mapped: once, or as
 * long as it is mapped. To be asked when results are there, before they are told. */
vc_status vc_file_check_unchanged(void);

/* A file being written. Errors of the stream are reported by the commit, if not before. */
typedef struct vc_file_writer {
    FILE *stream;
    char *path;  /* where the file will lie; of a symbolic link, its target */
    char *aside; /* a temporary name beside it; NULL while it has none */
    int direct;  /* 1: the path is a device or pipe, written to as it is */
} vc_file_writer;

/* Removes what killed writers have left beside the path. A file that is replaced keeps its
 * permissions. The path `-` is standard output. A pipe that
 * nobody reads is VC_EIO. */
vc_status vc_file_write_begin(vc_file_writer *out, const char *path);
/* Flushes to the disk, closes and names it. If any of that fails, what was written is removed. */
vc_status vc_file_write_commit(vc_file_writer *writer);
/* Removes what was written. */
void vc_file_write_abort(vc_file_writer *writer);

/* A name beside a path that nobody can guess, for a file that will not stay: what is left under it
 * is removed when the path is written. The caller frees *out. */
vc_status vc_file_name_aside(char **out, const char *path);

/* Checks that a file can be written there. To be called before long work, which must not fail at
 * its end because of the path. */
vc_status vc_file_try(const char *path);

/* Held by one process at a time, as a file PATH.lock, which goes with it; what a killed process has
 * left holds nobody up. File systems without locks have none. */
typedef struct vc_file_lock {
    char *path; /* NULL: nothing is held */
    int fd;
} vc_file_lock;

/* VC_EIO while another process holds it. NULL, and what is no regular file, is nobody's. */
vc_status vc_file_lock_open(vc_file_lock *out, const char *path);
void vc_file_lock_close(vc_file_lock *lock);

/* Whether a path is there and no regular file: nothing belongs beside a device. */
int vc_file_is_special(const char *path);

/* Where the user's cache has this file: vitcod/NAME in $XDG_CACHE_HOME or ~/.cache. Empty where
 * there is neither, or the path is longer than `room`. Returns `out`. */
char *vc_cache_path(char *out, size_t room, const char *name);

/* What lies there. */
enum { VC_CACHED_NAME = 256 };
typedef struct vc_cached_file {
    char name[VC_CACHED_NAME];
    uint64_t bytes;
} vc_cached_file;

typedef struct vc_cached_files {
    vc_cached_file *files; /* (count) in the order of their names */
    size_t count;
} vc_cached_files;

/* Without a cache there are none. The caller closes it. */
vc_status vc_cached_files_open(vc_cached_files *out);
void vc_cached_files_close(vc_cached_files *files);
/* Removes them; who has them mapped keeps them. */
vc_status vc_cached_files_remove(const vc_cached_files *files);

/* Creates a directory and its parents. It is no error if they exist. */
vc_status vc_directory_make(const char *path);

#ifdef __cplusplus
}
#endif

#endif
