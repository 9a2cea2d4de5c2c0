#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "faults.h"
#include "help.h"
#include "streams.h"
#include "vitcod/isa.h"
#include "vitcod/memory_limit.h"
#include "vitcod/progress.h"
#include "vitcod/version.h"

static void print_commands(FILE *out)
{
    fputs("usage: vitcod COMMAND [ARGUMENTS]\n\n"
          "Vision Transformers with fixed sparse attention, after ViTCoD (HPCA 2023).\n\n",
          out);
    for (const cli_command *const *c = cli_commands; *c; c++)
        fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
    fputs("\n`vitcod help COMMAND` explains a command, `vitcod --schema COMMAND` the JSON that\n"
          "it prints.\n",
          out);
}

static const char *command_name(const void *context, size_t index)
{
    (void)context;
    return cli_commands[index] ? cli_commands[index]->name : NULL;
}

static const cli_command *find_command(const char *name)
{
    for (const cli_command *const *c = cli_commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    const char *meant = cli_nearest(name, command_name, NULL);
    fprintf(stderr, "vitcod: unknown command '%s'%s%s%s\ntry: vitcod --help\n", name,
            meant ? ", did you mean " : "", meant ? meant : "", meant ? "?" : "");
    return NULL;
}

/* `vitcod help VERB` is `vitcod VERB --help`. */
static int print_help(const char *name)
{
    char help[] = "--help", *argv[] = {"vitcod", help, NULL};
    const cli_command *command = find_command(name);
    return command ? command->run(command, 2, argv) : CLI_USAGE;
}

static int print_schema(const char *name)
{
    const cli_command *command = find_command(name);
    return command ? cli_print_schema(command) : CLI_USAGE;
}

static int run_command(int argc, char **argv)
{
    cli_remember(argc, argv);
    if (argc < 2) {
        print_commands(stderr);
        return CLI_USAGE;
    }
    if (argc == 3 && strcmp(argv[1], "help") == 0)
        return print_help(argv[2]);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_commands(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("vitcod " VC_VERSION);
        return CLI_OK;
    }
    if (argc == 3 && strcmp(argv[1], "--schema") == 0)
        return print_schema(argv[2]);
    if (vc_isa_check() != VC_OK || vc_memory_check() != VC_OK || vc_progress_check() != VC_OK)
        return cli_fail();
    const cli_command *command = find_command(argv[1]);
    return command ? command->run(command, argc - 1, argv + 1) : CLI_USAGE;
}

int main(int argc, char **argv)
{
    if (cli_open_streams() != 0)
        return CLI_FAILED;
    cli_catch_faults();
    int status = run_command(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("vitcod: cannot write to stdout\n", stderr);
        return CLI_FAILED;
    }
    return status;
}
