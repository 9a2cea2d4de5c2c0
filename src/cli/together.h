/* A verb whose work several processes share (mpirun, srun; vitcod/comm.h). */
#ifndef VC_CLI_TOGETHER_H
#define VC_CLI_TOGETHER_H

#include "cli.h"
#include "open_data.h"

/* Ends a command that vc_comm_open began, as cli_end does: the first process tells the result. What
 * goes wrong in one of them ends all, as the others would wait for it. */
int cli_end_together(const cli_command *command, const cli_common *common, vc_status status,
                     const void *result, void (*print_text)(const void *result));

/* VC_EINVAL if there are several processes, where each would do all of the work: "WHAT in one
 * process, not in 2". */
vc_status cli_check_alone(const char *what);

/* Tells which process failed, unless the first one says the same at this moment, and ends all. */
void cli_end_others(void);

/* Gives the first process the broken images of all, in their order. All of them call this. */
vc_status cli_share_broken(cli_images *images);

#endif
