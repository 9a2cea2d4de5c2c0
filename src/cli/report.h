/* What `report` finds in a run folder. */
#ifndef VC_CLI_REPORT_H
#define VC_CLI_REPORT_H

#include "vitcod/maps.h"
#include "vitcod/mask.h"
#include "vitcod/plan.h"
#include "vitcod/report.h"

enum { REPORT_PATH = 4096 };

typedef struct report_maps {
    vc_map_set attention;
    vc_mask_set masks;
    vc_plan plan;
    uint8_t **pruned; /* (layers) of the plan */
    vc_report_layer *layers;
    size_t count;
} report_maps;

typedef struct report_folder {
    const char *path;
    char *name;                     /* its last part */
    json_t *results, *logs, *notes; /* by file name */
    json_t *gathered;               /* what tables of runs hold, whose files may be gone */
    report_maps maps;
} report_folder;

/* Every *.json that a verb wrote, every *.jsonl, and the maps, masks and plan beside them; `path` may also be one such
 * file. VC_EINVAL when there is no result at all. */
vc_status report_open_folder(report_folder *out, const char *path);
void report_close_folder(report_folder *folder);

/* The maps: those that the results name, the plan by its hash; else the first files of their kind. What does not fit is a note. */
vc_status report_open_maps(report_maps *out, const report_folder *folder);
void report_close_maps(report_maps *maps);

void report_note(json_t *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
