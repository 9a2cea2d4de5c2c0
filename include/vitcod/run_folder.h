/* Run folders: what verbs left there, as a report reads it. */
#ifndef VITCOD_RUN_FOLDER_H
#define VITCOD_RUN_FOLDER_H

#include "vitcod/report.h"

typedef struct vc_run_folder vc_run_folder;

/* Every *.json that a verb printed, every *.jsonl, and the maps, masks and plan beside them;
 * `path` may also be one such file. What cannot be shown is a note. VC_EINVAL when there is no
 * result at all. */
vc_status vc_run_folder_open(vc_run_folder **out, const char *path);
void vc_run_folder_close(vc_run_folder *folder);

/* One run of a report for each folder, which stays open as long as the runs are used. A run is
 * called by the last part of its path, or by all of it where two would be called the same. */
void vc_run_folder_runs(vc_report_run *runs, vc_run_folder *const *folders, size_t count);

/* A page (vc_report_write) of the runs at `paths` (count). `command`: what writes it. */
vc_status vc_run_folders_page(const char *page, const char *const *paths, size_t count,
                              const char *command, size_t *figures);

/* Adds to `out` the results of a pipeline's parts, by part: dense.json, prune.json,
 * polarize.json, ... VC_EINVAL when none is there. */
vc_status vc_run_folder_gather(json_t *out, const char *folder);

#endif
