/* Processes that work together: MPI where the program was built with it, else one process alone. */
#ifndef VITCOD_COMM_H
#define VITCOD_COMM_H

#include <signal.h>
#include <stddef.h>

#include "vitcod/status.h"

/* Joins the processes that were started with this one (mpirun, srun); alone without. VC_EINVAL where there are others
 * and the program cannot reach them. */
vc_status vc_comm_open(void);
void vc_comm_close(void);

int vc_comm_rank(void); /* 0 to size - 1 */
int vc_comm_size(void);

/* Sends bytes; returns when they may be changed. */
void vc_comm_send(int to, const void *bytes, size_t count);

/* The next message of any process, in order of each: its sender, or -1 where none is there and `wait` is 0. `*bytes` is
 * the caller's to free. */
int vc_comm_receive(char **bytes, size_t *count, int wait);

/* Begins to add up `values` over all processes, in place; they may not be touched until vc_comm_sum_end. All processes
 * call with the same counts in the same order. */
void vc_comm_sum_begin(float *values, size_t count);
/* Waits for all sums that were begun. VC_EIO when they do not come although the flag (NULL: none) is set, as a launcher does
 * when one process is gone; then nothing but vc_comm_abort may follow. */
vc_status vc_comm_sum_end(const volatile sig_atomic_t *interrupted);

/* The same at once, for a few numbers. */
vc_status vc_comm_sum(double *values, size_t count, const volatile sig_atomic_t *interrupted);

/* Ends all processes, because this one cannot go on. */
void vc_comm_abort(void);

#endif
