/* Run folders: the results that verbs left in a folder, as a report reads them. */
#ifndef VITCOD_RUN_FOLDER_H
#define VITCOD_RUN_FOLDER_H

#include <stdbool.h>

#include "vitcod/report.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_run_folder vc_run_folder;

/* Opens a folder: every *.json that a verb printed, profiles of trtexec and traces of PyTorch
 * (measured.h), which become results of a verb "measured", every *.jsonl, and the maps, masks and
 * plan beside them. `path` may also be one such file. A note says what cannot be shown, another
 * which files are no results. VC_EINVAL if there is no result at all. */
vc_status vc_run_folder_open(vc_run_folder **out, const char *path);
void vc_run_folder_close(vc_run_folder *folder);

/* Makes a run of a report for each folder; folders must stay open while the runs are used. A run is
 * named by the last component of its path, or by the whole path if two would have the same name. */
void vc_run_folder_runs(vc_report_run *runs, vc_run_folder *const *folders, size_t count);

/* A page (vc_report_write) of the runs at `paths` (count). The first runs are called by the titles
 * (title_count), the others by their own names. `command`: what writes it. */
typedef struct vc_run_paths {
    const char *const *paths, *const *titles;
    size_t count, title_count, measured_batch; /* measured_batch: as in vc_report */
} vc_run_paths;

vc_status vc_run_folders_page(const char *page, const vc_run_paths *runs, const char *command,
                              size_t *figures);

/* The results of a run by the names of their files without ".json", and sentences about what is not
 * understood or not shown, or NULL. The caller releases both, also after an error. */
vc_status vc_run_folder_gather(json_t **run, json_t **notes, const char *path);
/* Where the table of a run is kept: RUN/result.json. *write is false where RUN is no folder, or has
 * a result.json of another verb. */
vc_status vc_run_folder_table(char *table, size_t room, bool *write, const char *path);

#ifdef __cplusplus
}
#endif

#endif
