/* Between the files of measured times. */
#ifndef VC_MEASURED_IMPL_H
#define VC_MEASURED_IMPL_H

#include "vitcod/json.h"
#include "vitcod/measured.h"

/* Microseconds by class, of all runs, and how many there were. */
typedef struct vc__class_times {
    double us[VC_MEASURED_CLASSES];
    double runs;
} vc__class_times;

/* The text that an object has under a key; "": none. */
const char *vc__text_of(const json_t *object, const char *key);

/* A time that an object has under a key; `what` and `path` are for messages. VC_EFORMAT unless it
 * is a number from 0 to 1e18. */
vc_status vc__time_of(double *out, const json_t *object, const char *key, const char *what,
                      const char *path);

/* A list of layers: [{"count": N}, {"name": .., "averageMs": ..}, ..]. */
vc_status vc__times_of_tensorrt(vc__class_times *out, const json_t *layers, const char *path);
/* A list of events. */
vc_status vc__times_of_pytorch(vc__class_times *out, const json_t *events, const char *path);

#endif
