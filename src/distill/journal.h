/* What a run needs besides a checkpoint to go on: its settings, and how it went so far. */
#ifndef VC_JOURNAL_H
#define VC_JOURNAL_H

#include "vitcod/json.h"

/* {"settings", "epochs", "before", "log"} at `path`; with `resume` the file is read, and settings that differ are
 * VC_EINVAL, naming them. */
vc_status vc__journal_open(json_t **out, const char *path, const json_t *settings, int resume);

/* Puts an epoch's entry into the log, in place of any of that epoch or a later one, and writes the file. */
vc_status vc__journal_add(json_t *journal, const char *path, size_t stage, size_t epoch,
                          json_t *entry);

#endif
