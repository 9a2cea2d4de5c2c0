#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"
#include "vitcod/isa.h"
#include "vitcod/shell_words.h"
#include "vitcod/threads.h"
#include "vitcod/version.h"

static char command_line[1 << 16]; /* written once by main, before anything else runs */
static const char *program = "vitcod";

void cli_remember(int argc, char **argv)
{
    if (argc > 0)
        program = argv[0];
    vc_shell_add_word(command_line, sizeof command_line, "vitcod");
    for (int i = 1; i < argc; i++)
        vc_shell_add_word(command_line, sizeof command_line, argv[i]);
}

const char *cli_own_program(void)
{
    static const char self[] = "/proc/self/exe";
    return access(self, X_OK) == 0 ? self : program;
}

json_t *cli_text(const char *text)
{
    return vc_json_text(text);
}

int cli_fail(void)
{
    fprintf(stderr, "vitcod: %s\n", vc_last_error());
    return CLI_FAILED;
}

json_t *cli_result(const cli_command *command, const cli_common *common)
{
    return json_pack("{s:s, s:o, s:s, s:i, s:s, s:I}", "verb", command->name, "command",
                     cli_text(command_line), "version", VC_VERSION, "threads", vc_threads_count(),
                     "isa", vc_isa_name(vc_isa_get()), "seed", (json_int_t)common->seed);
}

int cli_print_json(json_t *result)
{
    char *text = json_dumps(result, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
    json_decref(result);
    if (!text) {
        vc_fail(VC_ENOMEM, "the result cannot be written as JSON");
        return cli_fail();
    }
    puts(text);
    free(text);
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
