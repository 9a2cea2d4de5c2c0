/* A layer of a plan, compiled to be computed with. Inference, training, the profiler and the
 * simulator all read this one form (ViTCoD, HPCA 2023, section IV-B: split and conquer).
 *
 * The keys of a head fall into two parts. Those of the panel meet every query, so they are computed
 * as one dense product; bits say which of its entries count. What is kept of the other keys is
 * listed query by query. A head that nothing restricts is a panel of all keys. */
#ifndef VITCOD_PATTERN_H
#define VITCOD_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/plan.h"

enum { VC_PANEL = 16 /* keys that share a word of bits, and lie side by side in packed panels */ };

/* Which keys stand in the panel. */
typedef enum vc_pattern_split {
    VC_PATTERN_BY_PLAN, /* the plan's global tokens */
    VC_PATTERN_BY_COST, /* those that make the head cheapest, by vc_split_costs */
    VC_PATTERN_WHOLE,   /* all of them, in their own order */
    VC_PATTERN_SPLIT_COUNT
} vc_pattern_split;

const char *vc_pattern_split_name(vc_pattern_split split); /* "plan", "cost", "whole" */

/* What the parts cost, in any unit of time. */
typedef struct vc_split_costs {
    double panel_entry; /* a query and a key of the panel, kept or not */
    double row_entry;   /* an entry outside the panel */
    double row;         /* a query that has such entries at all */
} vc_split_costs;

typedef struct vc_pattern_options {
    vc_pattern_split split;
    vc_split_costs costs; /* VC_PATTERN_BY_COST */
    /* Queries and keys are numbered by their positions in the plan's order, as the simulated chip
     * sees them, and the columns are there too. Without it they keep their own numbers. */
    int plan_order;
    /* Columns behind the keys, numbered from `keys` on, which are no tokens: they are of every
     * panel, every query sees them, and extra_bias (H, Tq, extra), or NULL, is added to their
     * scores. */
    size_t extra;
    const float *extra_bias;
} vc_pattern_options;

typedef struct vc_pattern_head {
    size_t panel_count;        /* keys in the panel, extra columns last */
    const int32_t *panel_keys; /* (panel_count) which; NULL: all, in order, and no rows */
    const int32_t
        *panel_place; /* (Tk + extra) where a key stands, -1: not there; NULL: at its number */
    const uint16_t *panel_kept; /* (Tq, vc_panel_blocks) bit i: key i of 16 counts; NULL: all do */
    const int32_t *row_start; /* (Tq + 1) of the entries outside the panel; NULL: there are none */
    const int32_t *row_keys;  /* (row_start[Tq]) in the order of the panel's keys */
    size_t kept;              /* entries that count, extra columns included */
    size_t values_start;      /* of this head among the layer's values, see vc_pattern */
    const float *kept_share;  /* (Tq), the plan's (vc_plan_layer); NULL: no residual */
    const int32_t *column_start; /* plan_order: (Tk + 1) the plan's columns; NULL: all is kept */
    const int32_t *column_rows;
    const int32_t
        *row_entry; /* plan_order: (row_start[Tq]) where the rows' entries stand in column_rows */
    const int32_t *query_order, *key_order; /* plan_order: the plan's; NULL: as they are */
} vc_pattern_head;

/* One value for each entry that is computed, scores or probabilities or biases: head by head the
 * panel (Tq, panel_count), then the entries of the rows. Of whole heads that is (H, Tq, Tk). */
typedef struct vc_pattern {
    size_t heads, queries, keys, extra;
    size_t values; /* how many: floats of one image */
    vc_pattern_head *head;
    const float *extra_bias;
    void *memory;
} vc_pattern;

/* It points into the shares of `layer` and, with plan_order, into its orders and columns, which
 * then must outlive it. */
vc_status vc_pattern_open(vc_pattern *out, const vc_plan_layer *layer,
                          const vc_pattern_options *options);
/* Nothing is restricted; of the options only the extra columns matter. */
vc_status vc_pattern_open_whole(vc_pattern *out, size_t heads, size_t queries, size_t keys,
                                const vc_pattern_options *options);
void vc_pattern_close(vc_pattern *pattern);

/* Words of a query's bits, and blocks of a packed panel. */
static inline size_t vc_panel_blocks(size_t panel_count)
{
    return (panel_count + VC_PANEL - 1) / VC_PANEL;
}

static inline int vc_panel_keeps(const vc_pattern_head *head, size_t query, size_t place)
{
    const size_t word = query * vc_panel_blocks(head->panel_count) + place / VC_PANEL;
    return !head->panel_kept || (head->panel_kept[word] >> place % VC_PANEL & 1);
}

/* Entries outside the panel, of a query and of all. */
static inline size_t vc_row_count(const vc_pattern_head *head, size_t query)
{
    return head->row_start ? (size_t)(head->row_start[query + 1] - head->row_start[query]) : 0;
}
static inline size_t vc_rows_count(const vc_pattern_head *head, size_t queries)
{
    return head->row_start ? (size_t)head->row_start[queries] : 0;
}

/* Dense (H, Tq, Tk) values in the order of the layer's values, extra columns from their bias or 0;
 * and back, where what is not computed becomes 0 and extra columns are left out. */
void vc_pattern_arrange(float *out, const float *dense, const vc_pattern *pattern);
void vc_pattern_spread(float *dense, const float *values, const vc_pattern *pattern);

/* Entries of all panels and of all rows that count. */
void vc_pattern_count(size_t *panel, size_t *rows, const vc_pattern *pattern);

#endif
