#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "vitcod/isa.h"
#include "vitcod/version.h"

static void print_commands(FILE *out)
{
    fputs("usage: vitcod COMMAND [ARGUMENTS]\n\n"
          "Vision Transformers with fixed sparse attention, after ViTCoD (HPCA 2023).\n\n",
          out);
    for (const cli_command *const *c = cli_commands; *c; c++)
        fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
    fputs("\n`vitcod COMMAND --help` explains a command.\n", out);
}

static int run(int argc, char **argv)
{
    cli_remember(argc, argv);
    if (argc < 2) {
        print_commands(stderr);
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_commands(stdout);
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("vitcod " VC_VERSION);
        return CLI_OK;
    }
    if (vc_isa_check() != VC_OK)
        return cli_fail();
    for (const cli_command *const *c = cli_commands; *c; c++)
        if (strcmp((*c)->name, argv[1]) == 0)
            return (*c)->run(*c, argc - 1, argv + 1);
    fprintf(stderr, "vitcod: unknown command '%s'\n", argv[1]);
    print_commands(stderr);
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    int status = run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("vitcod: cannot write to stdout\n", stderr);
        return CLI_FAILED;
    }
    return status;
}
