/* What a run needs besides a checkpoint to continue: its settings and its log. */
#ifndef VC_JOURNAL_H
#define VC_JOURNAL_H

#include "vitcod/distill.h"

/* Opens the journal {"settings", "epochs", "before", "log"} at `path`. With `resume` the file is
 * read, and different settings are VC_EINVAL, with their names. */
vc_status vc__journal_open(json_t **out, const char *path, const json_t *settings, int resume);

/* Adds how the student was judged before learning and the number of epochs, and writes the file. */
vc_status vc__journal_begin(json_t *journal, const char *path, const vc_judgement *before,
                            size_t epochs);

/* An entry that says nothing but how the student was judged; it points into `judged`. */
vc_distill_epoch vc__epoch_of(const vc_judgement *judged);

/* How the student was judged, by an entry. VC_EFORMAT for one that is none. */
vc_status vc__journal_judgement(vc_judgement *out, const json_t *entry, const char *path);

/* Puts an epoch into the log, in place of that epoch or a later one, and writes the file. */
vc_status vc__journal_add(json_t *journal, const char *path, const vc_distill_epoch *epoch);

/* The log as a result has it. VC_EFORMAT for an entry that is none. */
vc_status vc__journal_read(vc_distilled *out, const json_t *journal, const char *path);

#endif
