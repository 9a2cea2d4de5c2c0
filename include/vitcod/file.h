/* Files as a whole: read one into memory, or write one aside and rename it when it is complete, so
 * that a reader never meets half a file and a failure leaves nothing behind. */
#ifndef VITCOD_FILE_H
#define VITCOD_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "vitcod/status.h"

/* A file mapped read-only. */
typedef struct vc_mapped_file {
    const unsigned char *data;
    size_t bytes;
} vc_mapped_file;

vc_status vc_file_map(vc_mapped_file *out, const char *path);
void vc_file_unmap(vc_mapped_file *file);

/* A file being written. Errors of the stream are found at commit at the latest. */
typedef struct vc_file_writer {
    FILE *stream;
    char *path;
    char *aside; /* what is written until the rename */
    int direct;  /* 1: the path is a device or pipe, written to as it is */
} vc_file_writer;

vc_status vc_file_write_begin(vc_file_writer *out, const char *path);
/* Flushes, closes and renames; or removes what was written and fails. */
vc_status vc_file_write_commit(vc_file_writer *writer);
/* Removes what was written. */
void vc_file_write_abort(vc_file_writer *writer);

/* Whether a file can be written there. Long work must not fail at its end for a path that could have
 * been tried at its start. */
vc_status vc_file_try(const char *path);

/* Creates a directory and its parents; existing ones are fine. */
vc_status vc_directory_make(const char *path);

#endif
