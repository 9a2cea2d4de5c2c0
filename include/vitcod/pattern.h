/* A layer of a plan, compiled for computing. Inference, training, the profiler and the simulator
 * all read this form (ViTCoD, HPCA 2023, section IV-B: split and conquer).
 *
 * The keys of a head are in two parts. Those of the panel meet every query, so they are computed as
 * one dense product; bits tell which of its entries are kept. The kept entries of all other keys
 * are listed query by query. A head without any restriction is a panel of all keys. */
#ifndef VITCOD_PATTERN_H
#define VITCOD_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_PANEL = 16 /* keys that share a word of bits and are adjacent in packed panels */ };

/* Which keys are in the panel. */
typedef enum vc_pattern_split {
    VC_PATTERN_BY_PLAN, /* the plan's global tokens */
    VC_PATTERN_BY_COST, /* those that make the head cheapest, by vc_split_costs */
    VC_PATTERN_WHOLE,   /* all of them, in their own order */
    VC_PATTERN_SPLIT_COUNT
} vc_pattern_split;

const char *vc_pattern_split_name(vc_pattern_split split); /* "plan", "cost", "whole" */

/* The costs of the parts, in any unit of time. */
typedef struct vc_split_costs {
    double panel_entry; /* of an entry of the panel, kept or not */
    double row_entry;   /* of an entry outside the panel */
    double row;         /* of a query that has entries outside the panel */
} vc_split_costs;

typedef struct vc_pattern_options {
    vc_pattern_split split;
    vc_split_costs costs; /* for VC_PATTERN_BY_COST */
    /* 1: queries and keys are numbered by their positions in the order of the plan, as the
     * simulated chip sees them, and the columns are provided as well. 0: they keep their own
     * numbers. */
    int plan_order;
} vc_pattern_options;

typedef struct vc_pattern_head {
    size_t panel_count;        /* keys in the panel, summaries last */
    const int32_t *panel_keys; /* (panel_count); NULL: all keys in order, and no rows */
    /* (Tk + G) the position of a key in the panel; -1: none; NULL: its number. */
    const int32_t *panel_place;
    const uint16_t *panel_kept;  /* (Tq, vc_panel_blocks) bit i: key i is kept; NULL: all */
    const int32_t *row_start;    /* (Tq + 1) starts of the rows; NULL: there are none */
    const int32_t *row_keys;     /* (row_start[Tq]) keys of the rows */
    size_t kept;                 /* kept entries, summaries that are seen included */
    size_t values_start;         /* where its values start, see vc_pattern */
    const float *kept_share;     /* (Tq), see vc_plan_layer; NULL: no residual */
    const int32_t *column_start; /* plan_order: (Tk + 1) columns; NULL: all is kept */
    const int32_t *column_rows;
    /* plan_order: (row_start[Tq]) the positions of the rows' entries in column_rows. */
    const int32_t *row_entry;
    const int32_t *query_order, *key_order; /* plan_order: of the plan; NULL: the original order */
} vc_pattern_head;

/* A compiled layer. Scores, probabilities and biases have one value for each entry that is
 * computed: head by head the panel (Tq, panel_count), then the entries of the rows. For heads
 * without restriction that is (H, Tq, Tk).
 *
 * The summaries of a plan's layer are keys as well, numbered from `keys` on. They stand last in
 * every panel, and are kept for the queries that see them. */
typedef struct vc_pattern {
    size_t heads, queries, keys;
    size_t values;             /* number of values of one image */
    const vc_pooling *pooling; /* the layer's; NULL: no summaries */
    const float *summary_bias; /* (H, Tq, G), the layer's */
    vc_pattern_head *head;
    void *memory;
} vc_pattern;

/* Compiles a layer. The pattern points to the shares and summaries of `layer` and, with plan_order,
 * to its orders and columns; the layer must outlive it. */
vc_status vc_pattern_open(vc_pattern *out, const vc_plan_layer *layer,
                          const vc_pattern_options *options);
/* A pattern without any restriction. */
vc_status vc_pattern_open_whole(vc_pattern *out, size_t heads, size_t queries, size_t keys);
void vc_pattern_close(vc_pattern *pattern);

/* The number of summaries, G. */
static inline size_t vc_pattern_summaries(const vc_pattern *pattern)
{
    return pattern->pooling ? pattern->pooling->count : 0;
}

/* Number of words of bits per query, and of blocks of a packed panel. */
static inline size_t vc_panel_blocks(size_t panel_count)
{
    return (panel_count + VC_PANEL - 1) / VC_PANEL;
}

static inline int vc_panel_keeps(const vc_pattern_head *head, size_t query, size_t place)
{
    const size_t word = query * vc_panel_blocks(head->panel_count) + place / VC_PANEL;
    return !head->panel_kept || (head->panel_kept[word] >> place % VC_PANEL & 1);
}

/* Number of entries outside the panel, of a query and of all queries. */
static inline size_t vc_row_count(const vc_pattern_head *head, size_t query)
{
    return head->row_start ? (size_t)(head->row_start[query + 1] - head->row_start[query]) : 0;
}
static inline size_t vc_rows_count(const vc_pattern_head *head, size_t queries)
{
    return head->row_start ? (size_t)head->row_start[queries] : 0;
}

/* Arranges dense (H, Tq, Tk) values in the order of the pattern; NULL: zeros. Summaries get 0.
 * vc_pattern_spread does the reverse: entries that are not computed become 0, and summaries are
 * left out. */
void vc_pattern_arrange(float *out, const float *dense, const vc_pattern *pattern);
void vc_pattern_spread(float *dense, const float *values, const vc_pattern *pattern);

/* The number of kept entries in all panels and in all rows. */
void vc_pattern_count(size_t *panel, size_t *rows, const vc_pattern *pattern);

#ifdef __cplusplus
}
#endif

#endif
