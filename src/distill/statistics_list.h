/* What lies in a file of statistics, in one list for writing and reading. */
#ifndef VC_STATISTICS_LIST_H
#define VC_STATISTICS_LIST_H

#include "vitcod/extent.h"
#include "vitcod/statistics.h"
#include "vitcod/tensor_file.h"

enum { VC__STATISTICS_NAME = 64, VC__STATISTICS_COUNTS = 7 };

typedef struct vc__statistics_list {
    vc_named_tensor *tensors; /* (count) they point into the statistics */
    char (*names)[VC__STATISTICS_NAME];
    size_t count;
} vc__statistics_list;

/* All arrays that the statistics have now. */
vc_status vc__statistics_list_open(vc__statistics_list *out, const vc_statistics *statistics);
void vc__statistics_list_close(vc__statistics_list *list);

/* What the metadata tell as whole numbers. */
typedef struct vc__statistics_count {
    const char *key;
    uint64_t value;
} vc__statistics_count;
/* "14x24,7x12": the grids of tokens by group, 0 where they are none. Returns 0 where each is the
 * square that its number of keys tells, and nothing has to be said. */
enum { VC__STATISTICS_GRIDS = VC_MOST_GROUPS * VC_EXTENT_TEXT };
int vc__statistics_grids(char text[VC__STATISTICS_GRIDS], const vc_statistics *s);
/* Maps and prefix are there. */
vc_status vc__statistics_read_grids(vc_statistics *s, const vc_tensor_file *file);
void vc__statistics_counts(vc__statistics_count out[VC__STATISTICS_COUNTS],
                           const vc_statistics *statistics);
void vc__statistics_set_counts(vc_statistics *statistics,
                               const vc__statistics_count counts[VC__STATISTICS_COUNTS]);

/* Of all arrays and of texts beside them, in this order. */
uint32_t vc__statistics_checksum(const vc__statistics_list *list, const char *const *texts,
                                 size_t count);

#endif
