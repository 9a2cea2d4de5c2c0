/* Pruning averaged attention maps to fixed masks. */
#ifndef VITCOD_PRUNE_H
#define VITCOD_PRUNE_H

#include "vitcod/maps.h"
#include "vitcod/mask.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which of equal scores are kept where a rule keeps so many of a row and not all of them are among
 * those. */
typedef enum vc_prune_ties {
    VC_TIES_NUMPY, /* as the published code: where NumPy's argsort puts them, which is not stable
                      (before 1.25; later ones sort otherwise where the CPU has AVX) */
    VC_TIES_STABLE /* the later ones, as a stable sort in ascending order puts them */
} vc_prune_ties;

typedef struct vc_prune_options {
    const char *rule;     /* one of vc_prune_rules */
    double info;          /* the rule's strength, such as the cut theta_p; negative: unset */
    double sparsity;      /* instead: the wanted share of pruned entries, 0 to 1; negative: unset */
    int keep_class_token; /* row 0 and column 0 are never pruned (DeiT; not LeViT) */
    vc_prune_ties ties;
    /* Called before each round of the bisection, of which there are at most `rounds`; what is not 0
     * ends it: VC_EINTR. May be NULL. */
    int (*on_round)(void *context, size_t done, size_t rounds);
    void *context;
} vc_prune_options;

vc_prune_options vc_prune_options_default(void); /* info, unset, class token kept */

int vc_prune_is_rule(const char *name);
const char *vc_prune_rule_name(size_t index); /* from 0, the default, until NULL */
/* All of them, the default first: "info, threshold, ratio, std or random". */
enum { VC_PRUNE_RULES_TEXT = 128 };
const char *vc_prune_rules(char text[VC_PRUNE_RULES_TEXT]);

/* What the strength of a rule is: "info cut". */
const char *vc_prune_strength_name(const char *rule);

/* Whether the published code spares the class token under this rule: std and random do not. */
int vc_prune_keeps_class_token(const char *rule);

/* 0 if there is no such name; "numpy" or "stable". */
int vc_prune_ties_of(vc_prune_ties *out, const char *name);
const char *vc_prune_ties_name(vc_prune_ties ties);

/* Beside the rules of vc_prune, that of plans that are made from a model and its images: one
 * threshold for all layers and heads, on what an entry can change (distill.h). */
#define VC_PRUNE_BUDGET "budget"
int vc_prune_is_budget(const char *name);

typedef struct vc_prune_report {
    double info;       /* the cut used */
    double sparsity;   /* share of pruned entries reached */
    size_t empty_rows; /* that the rule left empty: they keep their highest score */
    size_t tied_rows;  /* in which `ties` had to say which of equal scores are kept */
} vc_prune_report;

/* Prunes maps by a rule.
 *
 * - info (ViTCoD, HPCA 2023, section IV, as in its published code): the scores of a row are added
 *   in descending order, in float64, until their sum reaches the cut; if that took n scores, the
 *   n + 1 highest are kept. A cut above 1 keeps all.
 * - threshold (Sanger, MICRO 2021): scores above the threshold are kept, and the highest of each
 *   row. Scores need not be shares.
 * - ratio: of a row's ranks 0, 1, .. in ascending order those below strength * Tk are pruned.
 * - std: kept is what is not below the row's mean plus strength times its standard deviation, all
 *   in float32.
 * - random: entries are drawn.
 *
 * The last three are those of ViTCoD's code, whose std and random know no class token. A row
 * that a rule leaves empty keeps its highest score. With a wanted
 * sparsity the strength is found by bisection. `path` names the maps in messages. VC_EINVAL: an
 * unknown rule, both or neither of strength and sparsity, values that are negative or not finite, a
 * sparsity that cannot be reached. */
vc_status vc_prune(vc_mask *out, vc_prune_report *report, const vc_maps *maps,
                   const vc_prune_options *options, const char *path);

/* The same for `count` groups of layers. `cuts` (NULL: options->info for all) holds a strength per
 * group. A wanted sparsity is that of all groups together, reached with one strength for all. */
vc_status vc_prune_groups(vc_mask *out, vc_prune_report *report, const vc_maps *maps,
                          const double *cuts, size_t count, const vc_prune_options *options,
                          const char *path);

/* The masks of a set of maps, which get the names of its groups. */
vc_status vc_prune_set(vc_mask_set *out, vc_prune_report *report, const vc_map_set *maps,
                       const double *cuts, const vc_prune_options *options, const char *path);

#ifdef __cplusplus
}
#endif

#endif
