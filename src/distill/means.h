/* Averaged attention of all groups of layers as maps. */
#ifndef VC_DISTILL_MEANS_H
#define VC_DISTILL_MEANS_H

#include "vitcod/attention_stats.h"
#include "vitcod/maps.h"

typedef struct vc__means {
    size_t count;
    vc_maps maps[VC_MOST_GROUPS];
    float *values[VC_MOST_GROUPS];
} vc__means;

vc_status vc__means_open(vc__means *out, const vc_attention_stats *stats, size_t groups);
void vc__means_close(vc__means *means);

#endif
