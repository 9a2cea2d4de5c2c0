#include "vitcod/threads.h"

#include <omp.h>

vc_status vc_threads_set(int count)
{
    if (count < 0 || count > 1024)
        return vc_fail(VC_EINVAL, "%d threads, wanted 0 (OpenMP's default) to 1024", count);
    if (count > 0)
        omp_set_num_threads(count);
    return VC_OK;
}

int vc_threads_count(void)
{
    return omp_get_max_threads();
}
