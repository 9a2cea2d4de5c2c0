/* An end from outside that leaves time to write. */
#ifndef VC_INTERRUPT_H
#define VC_INTERRUPT_H

#include <signal.h>

/* From here on SIGTERM, SIGINT and SIGHUP set the flag that is returned; the second one ends the
 * program. Those that are ignored, as nohup has it, stay so. */
const volatile sig_atomic_t *cli_catch_signals(void);

#endif
