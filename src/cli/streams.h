/* Standard input, output and error. */
#ifndef VC_CLI_STREAMS_H
#define VC_CLI_STREAMS_H

/* Opens those of the three descriptors that are closed, and lets no control character through
 * stdout and stderr but line feeds and tabs. -1 if that cannot be. */
int cli_open_streams(void);

#endif
