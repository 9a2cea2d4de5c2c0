/* What is found in a run folder: run_folder.c reads results and logs, run_maps.c maps and plans. */
#ifndef VC_RUN_FOLDER_IMPL_H
#define VC_RUN_FOLDER_IMPL_H

#include "vitcod/maps.h"
#include "vitcod/mask.h"
#include "vitcod/plan.h"
#include "vitcod/run_folder.h"

enum { VC__RUN_PATH = 4096 };

typedef struct vc__run_maps {
    vc_map_set attention;
    vc_mask_set masks;
    vc_plan plan;
    uint8_t **pruned; /* (layers) of the plan */
    vc_report_layer *layers;
    size_t count;
} vc__run_maps;

struct vc_run_folder {
    char *path, *name;              /* name: its last part */
    json_t *results, *logs, *notes; /* by file name */
    json_t *gathered;               /* what tables of runs hold, whose files may be gone */
    json_t *others;                 /* {file name: whether it is still unaccounted for} */
    vc__run_maps maps;
};

/* The maps and masks that the results name, and the plan by its hash; else the first files of their
 * kind. What does not fit is a note. */
vc_status vc__run_maps_open(vc__run_maps *out, vc_run_folder *folder);
void vc__run_maps_close(vc__run_maps *maps);

/* The file or folder at a path is shown. */
void vc__run_account(vc_run_folder *folder, const char *path);

void vc__run_note(json_t **notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
