/* What the files around attention hold: averaged maps, masks and plans. */
#ifndef VITCOD_ATTENTION_INFO_H
#define VITCOD_ATTENTION_INFO_H

#include <stdio.h>

#include "vitcod/plan_summary.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A layer. Counts that its file does not have are VC_NO_COUNT, numbers NAN. */
typedef struct vc_attention_info_layer {
    char group[32];
    size_t heads, queries, keys;
    double sparsity;                      /* masks and plans */
    uint64_t least_globals, most_globals; /* plans, of a head */
    uint64_t summaries;                   /* plans that have any */
    uint64_t empty_rows;                  /* masks */
    uint64_t tied_rows;                   /* maps */
    double least_score, most_score;       /* maps */
    double least_row_sum, most_row_sum;   /* maps */
} vc_attention_info_layer;

typedef struct vc_attention_info {
    const char *file;  /* as it was called; must stay as long as this */
    const char *kind;  /* "plan", "mask" or "averaged attention" */
    const char *dtype; /* of arrays; NULL: a plan's own file */
    bool is_plan, is_mask;
    vc_attention_info_layer *layers;
    size_t layer_count;
    double sparsity; /* NAN of maps; with the scores of summaries */
    uint64_t kept, empty_rows;
    char plan_hash[VC_PLAN_HASH_TEXT]; /* of a mask as a plan; empty if rows are */
    vc_plan_summary plan;
} vc_attention_info;

extern const vc_record vc_attention_info_record;

/* Whether a path is for vc_attention_info_open rather than a model's: a plan's own file, npy (its
 * first bytes or its name say so), npz by its name, or a folder. */
int vc_attention_info_is(const char *path);

/* Reads a plan, ViTCoD's reodered_ mask, a mask or averaged attention; a folder or an archive of
 * several arrays holds masks or maps of groups of layers. An array of floats is a mask when it
 * holds nothing but 0 and 1, or 0 and -inf. VC_EFORMAT for an array of another rank, and for scores
 * below 0 or not finite; VC_EINVAL for a folder that holds both masks and maps. */
vc_status vc_attention_info_open(vc_attention_info *out, const char *path);
void vc_attention_info_close(vc_attention_info *info);

void vc_attention_info_print(FILE *out, const vc_attention_info *info);

#ifdef __cplusplus
}
#endif

#endif
