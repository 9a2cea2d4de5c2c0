/* Averaged attention maps and their files. Pruning turns them into masks. */
#ifndef VITCOD_MAPS_H
#define VITCOD_MAPS_H

#include "vitcod/group_files.h"
#include "vitcod/npy.h"
#include "vitcod/tensor_file.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_maps {
    size_t layers, heads, queries, keys;
    const float *values; /* (L, H, Tq, Tk) */
} vc_maps;

/* The maps of a model, one array per group of layers (see group_files.h). */
typedef struct vc_map_set {
    vc_group_files files;
    vc_npy npys[VC_MOST_GROUPS];
    vc_maps maps[VC_MOST_GROUPS]; /* (files.count) */
    float *converted[VC_MOST_GROUPS];
    vc_tensor_file *file; /* that all maps lie in, or NULL */
    int rounded;          /* 1: of float64, and some values are not the same in float32 */
} vc_map_set;

/* Maps with what is averaged beside them lie in one safetensors file with this 'format' in the
 * metadata: `attention.<group>`, the groups numbered, and their names in 'groups'
 * (statistics.h). */
#define VC_MAPS_FORMAT "vitcod-attention"
int vc_maps_in(const vc_tensor_file *file); /* 1 for such a file */
int vc_maps_are_in(const char *path);       /* likewise */

/* An npy file, a folder with `attention_score_<group>.npy` for every group, or a file of
 * VC_MAPS_FORMAT. VC_EFORMAT when one is not of floats (L, H, Tq, Tk); float16 and float64 are
 * converted. */
vc_status vc_map_set_read(vc_map_set *out, const char *path);
void vc_map_set_close(vc_map_set *set);

#ifdef __cplusplus
}
#endif

#endif
