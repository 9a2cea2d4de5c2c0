/* K, and with bfloat16 V, of the panels' keys, laid out as the kernels read them. */
#include <string.h>

#include "vitcod/kernels.h"
#include "vitcod/packed_attention.h"

/* The position of a token in a head's panel; SIZE_MAX if it is not there. */
static size_t place_of(const vc_pattern_head *head, size_t token)
{
    if (!head->panel_place)
        return token;
    return head->panel_place[token] < 0 ? SIZE_MAX : (size_t)head->panel_place[token];
}

/* Packs a whole block at once, so that whole cache lines are written. */
static void pack_block(float *panel, const float *k, size_t stride, size_t head_dim)
{
    for (size_t d = 0; d < head_dim; d++)
        for (size_t i = 0; i < VC_PANEL; i++)
            panel[d * VC_PANEL + i] = k[i * stride + d];
}

static void pack_fp32(float *panel, const vc_pattern_head *head, const float *k, size_t stride,
                      size_t head_dim, size_t first, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t at = place_of(head, first + i);
        if (at == SIZE_MAX)
            continue;
        if (!head->panel_place && at % VC_PANEL == 0 && count - i >= VC_PANEL) {
            pack_block(panel + at * head_dim, k + i * stride, stride, head_dim);
            i += VC_PANEL - 1;
            continue;
        }
        float *to = panel + at / VC_PANEL * VC_PANEL * head_dim + at % VC_PANEL;
        for (size_t d = 0; d < head_dim; d++)
            to[d * VC_PANEL] = k[i * stride + d];
    }
}

/* Two values of a key are written at a time. */
static void pack_key(uint16_t *to, const uint16_t *k, size_t head_dim)
{
    for (size_t d = 0; d < head_dim; d += 2)
        memcpy(to + d * VC_PANEL, k + d, 2 * sizeof *to);
}

static void pack_bf16(uint16_t *panel, const vc_pattern_head *head,
                      const vc_packed_attention *layer, const float *k, const float *v,
                      size_t stride, size_t first, size_t count)
{
    enum { CHUNK = 64 }; /* values converted at a time */
    const vc_kernels *kernels = vc_kernels_get();
    const size_t d = layer->head_dim, dv = layer->value_dim,
                 wide = vc_panel_blocks(head->panel_count) * VC_PANEL;
    uint16_t half[2][CHUNK];
    for (size_t i = 0; i < count; i++) {
        const size_t at = place_of(head, first + i);
        if (at == SIZE_MAX)
            continue;
        uint16_t *to_k = panel + at / VC_PANEL * VC_PANEL * d + at % VC_PANEL * 2;
        uint16_t *to_v = panel + wide * d + at / 2 * 2 * dv;
        for (size_t c = 0; c < d; c += CHUNK) {
            const size_t n = d - c < CHUNK ? d - c : CHUNK;
            kernels->to_bf16(half[0], k + i * stride + c, n);
            pack_key(to_k + c * VC_PANEL, half[0], n);
        }
        /* The values of two adjacent keys are written together, with the first of them. */
        const int paired = !head->panel_place && (at % 2 ? i > 0 : i + 1 < count);
        if (paired && at % 2)
            continue;
        for (size_t c = 0; c < dv; c += CHUNK) {
            const size_t n = dv - c < CHUNK ? dv - c : CHUNK;
            kernels->to_bf16(half[0], v + i * stride + c, n);
            if (paired)
                kernels->to_bf16(half[1], v + (i + 1) * stride + c, n);
            for (size_t e = 0; paired && e < n; e++) {
                to_v[(c + e) * 2] = half[0][e];
                to_v[(c + e) * 2 + 1] = half[1][e];
            }
            for (size_t e = 0; !paired && e < n; e++)
                to_v[(c + e) * 2 + at % 2] = half[0][e];
        }
    }
}

/* K and V of tokens, head by head, for what is computed key by key: neighbours share pages. */
static void copy_keys(float *panel, const vc_row_groups *groups, const vc_packed_attention *layer,
                      const float *k, const float *v, size_t stride, size_t first, size_t count)
{
    const size_t d = layer->head_dim, dv = layer->value_dim;
    for (size_t i = 0; i < count; i++) {
        memcpy(panel + groups->k_at + (first + i) * d, k + i * stride, d * sizeof *k);
        memcpy(panel + groups->v_at + (first + i) * dv, v + i * stride, dv * sizeof *v);
    }
}

void vc_attention_pack(float *panels, const vc_packed_attention *layer, const float *k,
                       const float *v, size_t stride, size_t first, size_t count)
{
    for (size_t h = 0; h < layer->heads; h++) {
        const vc_pattern_head *head = &layer->pattern.head[h];
        float *panel = panels + layer->head[h].panel_start;
        const float *from = k + h * layer->head_dim, *values = v + h * layer->value_dim;
        if (layer->head[h].groups && first < layer->keys)
            copy_keys(panel, layer->head[h].groups, layer, from, values, stride, first, count);
        if (layer->bf16)
            pack_bf16((void *)panel, head, layer, from, values, stride, first, count);
        else
            pack_fp32(panel, head, from, stride, layer->head_dim, first, count);
    }
}
