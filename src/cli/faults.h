/* What would end the program without a word ends it with a sentence. */
#ifndef VC_CLI_FAULTS_H
#define VC_CLI_FAULTS_H

/* SIGBUS of a file that became shorter, libraries without memory; SIGXFSZ is an error of write. */
void cli_catch_faults(void);

#endif
