#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "vitcod/kernels.h"
#include "vitcod/threads.h"
#include "vitcod/version.h"

static char command_line[4096]; /* written once by main, before anything else runs */

void cli_remember(int argc, char **argv)
{
    size_t used = (size_t)snprintf(command_line, sizeof command_line, "vitcod");
    for (int i = 1; i < argc && used < sizeof command_line; i++) {
        int quoted = argv[i][0] == '\0' || strpbrk(argv[i], " '\"$\\*?") != NULL;
        const char *quote = quoted ? "'" : "";
        used += (size_t)snprintf(command_line + used, sizeof command_line - used, " %s%s%s", quote,
                                 argv[i], quote);
    }
}

int cli_fail(void)
{
    fprintf(stderr, "vitcod: %s\n", vc_last_error());
    return CLI_FAILED;
}

json_t *cli_result(const cli_command *command, const cli_common *common)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:I}", "verb", command->name, "command",
                     command_line, "version", VC_VERSION, "threads", vc_threads_count(), "isa",
                     vc_isa_name(vc_kernels_get()->isa), "seed", (json_int_t)common->seed);
}

int cli_print_json(json_t *result)
{
    char *text = json_dumps(result, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
    json_decref(result);
    int failed = !text || puts(text) < 0 || fflush(stdout) != 0;
    free(text);
    if (failed) {
        fputs("vitcod: cannot write the result to stdout\n", stderr);
        return CLI_FAILED;
    }
    return CLI_OK;
}

int cli_finish(json_t *result, vc_status status, int json, void (*print_text)(const json_t *result))
{
    if (status == VC_OK && json)
        return cli_print_json(result);
    if (status == VC_OK)
        print_text(result);
    json_decref(result);
    return status == VC_OK ? CLI_OK : cli_fail();
}
