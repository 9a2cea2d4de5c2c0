/* Pruning averaged attention maps to fixed masks. */
#ifndef VITCOD_PRUNE_H
#define VITCOD_PRUNE_H

#include "vitcod/maps.h"
#include "vitcod/mask.h"

typedef struct vc_prune_options {
    const char *rule; /* "info", "threshold", "ratio", "std" or "random" */
    double info; /* the rule's strength: the info cut theta_p, or the threshold; negative: unset */
    double sparsity;      /* or the wanted share of pruned entries, 0..1; negative: unset */
    int keep_class_token; /* row 0 and column 0 are never pruned (DeiT; not LeViT) */
    /* Before each round of a bisection, at most of `rounds`; NULL: nobody asks. */
    void (*on_round)(void *context, size_t done, size_t rounds);
    void *context;
} vc_prune_options;

vc_prune_options vc_prune_options_default(void); /* info, both unset, class token kept */

int vc_prune_is_rule(const char *name);

typedef struct vc_prune_report {
    double info;     /* the cut used */
    double sparsity; /* share of pruned entries reached */
} vc_prune_report;

/* Rule `info` (ViTCoD, HPCA 2023, section IV; its published code): per row, scores are added in
 * descending order until the sum reaches the cut; with n added, the n + 1 highest are kept. A cut
 * above 1 keeps all. Rule `threshold` (Sanger, MICRO 2021): a score above the threshold is kept, and the highest
 * of each row; scores need not be shares. Rules `ratio` (the highest share 1 - strength of each row), `std` (what is not below the row's mean and
 * strength times its deviation) and `random` are those of ViTCoD's code; each row keeps at least one. With a wanted sparsity the strength is found by bisection. VC_EINVAL for an unknown
 * rule, both or neither of cut and sparsity, values that are negative or not finite, a sparsity out of
 * reach. `path` names the maps in messages. */
vc_status vc_prune(vc_mask *out, vc_prune_report *report, const vc_maps *maps,
                   const vc_prune_options *options, const char *path);

/* The same for `count` groups of layers. `cuts` (NULL: options->info for all) holds a cut per group; a
 * wanted sparsity is that of all groups together, reached with one cut for all. */
vc_status vc_prune_groups(vc_mask *out, vc_prune_report *report, const vc_maps *maps,
                          const double *cuts, size_t count, const vc_prune_options *options,
                          const char *path);

#endif
