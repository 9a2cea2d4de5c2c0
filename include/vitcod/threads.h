/* Threads are OpenMP's; results must not depend on how many there are. */
#ifndef VITCOD_THREADS_H
#define VITCOD_THREADS_H

#include "vitcod/status.h"

/* 0 leaves it to OpenMP: OMP_NUM_THREADS, else one per CPU this process may use. VC_EINVAL above
 * 1024. */
vc_status vc_threads_set(int count);
int vc_threads_count(void);

#endif
