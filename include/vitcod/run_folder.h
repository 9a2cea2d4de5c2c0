/* Run folders: the results that verbs left in a folder, as a report reads them. */
#ifndef VITCOD_RUN_FOLDER_H
#define VITCOD_RUN_FOLDER_H

#include "vitcod/report.h"

typedef struct vc_run_folder vc_run_folder;

/* Opens a folder: every *.json that a verb printed, every *.jsonl, and the maps, masks and plan
 * beside them. `path` may also be one such file. A note says what cannot be shown. VC_EINVAL if
 * there is no result at all. */
vc_status vc_run_folder_open(vc_run_folder **out, const char *path);
void vc_run_folder_close(vc_run_folder *folder);

/* Makes a run of a report for each folder; folders must stay open while the runs are used. A run is
 * named by the last component of its path, or by the whole path if two would have the same name. */
void vc_run_folder_runs(vc_report_run *runs, vc_run_folder *const *folders, size_t count);

/* A page (vc_report_write) of the runs at `paths` (count). `command`: what writes it. */
vc_status vc_run_folders_page(const char *page, const char *const *paths, size_t count,
                              const char *command, size_t *figures);

/* Adds to `out` the results of a pipeline's parts, by part: dense.json, prune.json,
 * polarize.json, ... VC_EINVAL when none is there. */
vc_status vc_run_folder_gather(json_t *out, const char *folder);

#endif
