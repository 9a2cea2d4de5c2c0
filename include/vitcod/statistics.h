/* What plans are made from: attention averaged over images and, for summaries and for the rule that
 * shares the budget out to heads, what is averaged and measured beside it. `vitcod attention`
 * writes it, and `vitcod calibrate` keeps it while it measures. */
#ifndef VITCOD_STATISTICS_H
#define VITCOD_STATISTICS_H

#include "vitcod/extent.h"
#include "vitcod/head_curves.h"
#include "vitcod/maps.h"
#include "vitcod/mask.h"
#include "vitcod/summaries.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Statistics of several kinds of summaries at once. */
enum { VC_MOST_SUMMARY_KINDS = 16 };

typedef struct vc_summary_kinds {
    vc_summary_grid grids[VC_MOST_SUMMARY_KINDS]; /* (count) */
    size_t count, layers;                         /* layers: of the model, even without kinds */
    vc_summary_stats *stats; /* (count, layers); without heads where a layer has fewer tokens */
} vc_summary_kinds;

void vc_summary_kinds_close(vc_summary_kinds *kinds);
/* NULL: not looked at, or the layer has fewer tokens. */
const vc_summary_stats *vc_summary_kinds_find(const vc_summary_kinds *kinds, size_t layer,
                                              vc_summary_grid grid);
/* The pooling of a layer whose keys behind the class tokens are such a grid of tokens
 * (vc_attention_layer); `layer` is for messages. VC_EINVAL for more blocks than tokens,
 * VC_EUNSUPPORTED where they are no grid. */
vc_status vc_layer_pooling(vc_pooling *out, vc_extent tokens, size_t prefix_tokens, size_t layer,
                           vc_summary_grid grid);

typedef struct vc_seen {
    size_t images;  /* those that are not broken */
    size_t classes; /* that the model names for at least one of them */
    size_t last_class;
} vc_seen;

typedef struct vc_statistics {
    uint64_t model_hash; /* of the dense model */
    vc_seen seen;
    size_t prefix_tokens;             /* class tokens, which stand in front */
    size_t groups;                    /* of layers of one shape */
    vc_extent tokens[VC_MOST_GROUPS]; /* the grid of a group's keys behind the prefix; or 0 x 0 */
    vc_group_name names[VC_MOST_GROUPS];
    vc_maps maps[VC_MOST_GROUPS]; /* the softmax */
    /* What rule budget prunes (vc_dense_stats.scores); values NULL: not asked for. */
    vc_maps scores[VC_MOST_GROUPS];
    vc_summary_kinds kinds;
    size_t curve_images;   /* that the heads are to be measured on; 0: they are not measured */
    size_t curve_batches;  /* that they have been measured on, */
    int measured;          /* 1: which are all */
    vc_head_curves curves; /* of the kinds; without layers before they are measured */
    json_t *broken; /* images that could not be read, as [index, name, message]; NULL: none */
} vc_statistics;

void vc_statistics_close(vc_statistics *statistics);

/* Makes the curves ready for batches, by maps and kinds. */
vc_status vc_statistics_open_curves(vc_statistics *statistics);

/* ---- files
 *
 * safetensors with 'format': 'vitcod-attention' in the metadata: attention.<group> as float32 maps,
 * scores.<group> likewise, summaries.<kind>.<layer> (H, Tq, G) sums over images in float64,
 * queries.<layer> (H, D) that pool by attention, losses.<layer> (kinds, H, levels) sums in float64.
 * The metadata name model, images, groups and kinds. Whoever wants maps alone reads them with
 * vc_map_set_read; vc_maps_are_in tells such a file. */

/* `settings` are those of a run that is not done (JSON), or NULL. Of such a run the images that
 * could not be read are written as well. */
vc_status vc_statistics_write(const char *path, const vc_statistics *statistics,
                              const json_t *settings);

/* VC_EFORMAT for anything inconsistent, and for a tensor that would be ignored. With `settings`
 * those of the file must be the same (VC_EINVAL with the names of others); without, the heads must
 * have been measured to the end, if they are measured. */
vc_status vc_statistics_read(vc_statistics *out, const char *path, const json_t *settings);

#ifdef __cplusplus
}
#endif

#endif
