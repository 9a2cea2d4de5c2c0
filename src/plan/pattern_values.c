/* The values of a layer: dense, and in the order of a pattern. */
#include <string.h>

#include "vitcod/pattern.h"

void vc_pattern_arrange(float *out, const float *dense, const vc_pattern *p)
{
    memset(out, 0, p->values * sizeof *out);
    for (size_t h = 0; dense && h < p->heads; h++) {
        const vc_pattern_head *head = &p->head[h];
        const size_t tokens = head->panel_count - vc_pattern_summaries(p);
        float *panel = out + head->values_start, *own = panel + p->queries * head->panel_count;
        for (size_t i = 0; i < p->queries; i++, panel += head->panel_count) {
            const float *row = dense + (h * p->queries + i) * p->keys;
            for (size_t j = 0; j < tokens; j++)
                panel[j] = row[head->panel_keys ? (size_t)head->panel_keys[j] : j];
            for (size_t e = 0; e < vc_row_count(head, i); e++)
                *own++ = row[head->row_keys[(size_t)head->row_start[i] + e]];
        }
    }
}

void vc_pattern_spread(float *dense, const float *values, const vc_pattern *p)
{
    memset(dense, 0, p->heads * p->queries * p->keys * sizeof *dense);
    for (size_t h = 0; h < p->heads; h++) {
        const vc_pattern_head *head = &p->head[h];
        const float *panel = values + head->values_start,
                    *own = panel + p->queries * head->panel_count;
        for (size_t i = 0; i < p->queries; i++, panel += head->panel_count) {
            float *row = dense + (h * p->queries + i) * p->keys;
            for (size_t j = 0; j < head->panel_count - vc_pattern_summaries(p); j++)
                row[head->panel_keys ? (size_t)head->panel_keys[j] : j] = panel[j];
            for (size_t e = 0; e < vc_row_count(head, i); e++)
                row[head->row_keys[(size_t)head->row_start[i] + e]] = *own++;
        }
    }
}

void vc_pattern_count(size_t *panel, size_t *rows, const vc_pattern *p)
{
    *panel = *rows = 0;
    for (size_t h = 0; h < p->heads; h++) {
        const size_t outside = vc_rows_count(&p->head[h], p->queries);
        *rows += outside;
        *panel += p->head[h].kept - outside;
    }
}
