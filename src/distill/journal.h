/* What a run needs besides a checkpoint to continue: its settings and its log. */
#ifndef VC_JOURNAL_H
#define VC_JOURNAL_H

#include "vitcod/distill.h"

/* Opens the journal {"settings", "epochs", "before", "log"} at `path`. With `resume` the file is
 * read, and different settings are VC_EINVAL, with their names. */
vc_status vc__journal_open(json_t **out, const char *path, const json_t *settings, int resume);

/* Puts an epoch into the log, in place of that epoch or a later one, and writes the file. */
vc_status vc__journal_add(json_t *journal, const char *path, const vc_distill_epoch *epoch);

/* The log as a result has it. VC_EFORMAT for an entry that is none. */
vc_status vc__journal_read(vc_distilled *out, const json_t *journal, const char *path);

#endif
