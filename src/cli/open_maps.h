/* Attention maps: a file, or a folder of a model in groups of layers. */
#ifndef VC_OPEN_MAPS_H
#define VC_OPEN_MAPS_H

#include "vitcod/group_files.h"
#include "vitcod/npy.h"
#include "vitcod/prune.h"

typedef struct cli_maps {
    vc_group_files files;
    vc_npy npys[VC_MOST_GROUPS];
    vc_maps maps[VC_MOST_GROUPS]; /* (files.count) */
} cli_maps;

vc_status cli_open_maps(cli_maps *out, const char *path);
void cli_close_maps(cli_maps *maps);

#endif
