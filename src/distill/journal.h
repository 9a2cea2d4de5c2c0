/* What a run needs besides a checkpoint to continue: its settings and its log. */
#ifndef VC_JOURNAL_H
#define VC_JOURNAL_H

#include "vitcod/json.h"

/* Opens the journal {"settings", "epochs", "before", "log"} at `path`. With `resume` the file is
 * read, and different settings are VC_EINVAL, with their names. */
vc_status vc__journal_open(json_t **out, const char *path, const json_t *settings, int resume);

/* Adds the entry of an epoch to the log, replaces any of that epoch or a later one, and writes the
 * file. */
vc_status vc__journal_add(json_t *journal, const char *path, size_t stage, size_t epoch,
                          json_t *entry);

#endif
