/* How many threads OpenMP uses. No result may depend on the number. */
#ifndef VITCOD_THREADS_H
#define VITCOD_THREADS_H

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sets the number of threads. 0 leaves the choice to OpenMP: OMP_NUM_THREADS if it is set, else one
 * thread per CPU that this process may use. VC_EINVAL above 1024. */
vc_status vc_threads_set(int count);
int vc_threads_count(void);

#ifdef __cplusplus
}
#endif

#endif
