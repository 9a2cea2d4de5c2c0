/* Processes that work together: over MPI, by a module that lies beside the program or in its folder
 * of libraries, else one process alone. */
#ifndef VITCOD_COMM_H
#define VITCOD_COMM_H

#include <signal.h>
#include <stddef.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Joins the processes that were started together with this one (mpirun, srun), if there are any.
 * VC_EINVAL if there are others and no module, VC_EIO where MPI does not start. */
vc_status vc_comm_open(void);
void vc_comm_close(void);

int vc_comm_rank(void); /* 0 to size - 1 */
int vc_comm_size(void);

/* Sends bytes. The buffer may be changed as soon as the function returns. */
void vc_comm_send(int to, const void *bytes, size_t count);

/* Takes the next message, from whichever process; messages of one process arrive in order. Returns
 * the sender, or -1 if there is no message and `wait` is 0. The caller frees `*bytes`. */
int vc_comm_receive(char **bytes, size_t *count, int wait);

/* Begins to add up `values` over all processes, in place. They must not be touched until
 * vc_comm_sum_end. All processes make these calls with the same counts and in the same order. */
void vc_comm_sum_begin(float *values, size_t count);
/* Waits for all sums that were begun. VC_EIO when a sum does not complete although `interrupted`
 * (NULL: none) is set, as it is when a launcher ends the run because one process is gone. After
 * that, only vc_comm_abort may be called. */
vc_status vc_comm_sum_end(const volatile sig_atomic_t *interrupted);

/* Adds up a few numbers over all processes and waits for them. */
vc_status vc_comm_sum(double *values, size_t count, const volatile sig_atomic_t *interrupted);

/* Returns when all processes have called it. */
vc_status vc_comm_wait(void);

/* Each process has an equal part of `count` values, in the order of ranks. Adds what all processes
 * have in `values` to its own part of `total`, one process after the other in the order of ranks;
 * and gives all processes the parts of all. All processes make these calls with the same counts. */
void vc_comm_add_in_order(float *total, const float *values, size_t count);
void vc_comm_complete(float *values, size_t count);

/* Ends all processes, because this one cannot go on. */
void vc_comm_abort(void);

#ifdef __cplusplus
}
#endif

#endif
