#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "vitcod/file.h"
#include "vitcod/isa.h"
#include "vitcod/threads.h"
#include "vitcod/version.h"

static char command_line[1 << 16]; /* written once by main, before anything else runs */
static const char *program = "vitcod";

/* Adds a piece; a line that does not fit ends in dots. */
static void append(char *line, size_t room, const char *piece)
{
    static const char dots[] = "...";
    const size_t used = strlen(line), left = room - used;
    if ((size_t)snprintf(line + used, left, "%s", piece) >= left)
        memcpy(line + room - sizeof dots, dots, sizeof dots);
}

static void append_quoted(char *line, size_t room, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:=,+@%";
    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        append(line, room, text);
        return;
    }
    append(line, room, "'");
    for (const char *at = text; *at; at++) {
        const char one[2] = {*at, '\0'};
        append(line, room, *at == '\'' ? "'\\''" : one);
    }
    append(line, room, "'");
}

void cli_add_word(char *line, size_t room, const char *text)
{
    if (line[0])
        append(line, room, " ");
    append_quoted(line, room, text);
}

void cli_remember(int argc, char **argv)
{
    if (argc > 0)
        program = argv[0];
    cli_add_word(command_line, sizeof command_line, "vitcod");
    for (int i = 1; i < argc; i++)
        cli_add_word(command_line, sizeof command_line, argv[i]);
}

const char *cli_program(void)
{
    return program;
}

json_t *cli_text(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    size_t length = strlen(text), used = 0;
    char *escaped = malloc(4 * length + 1);
    if (!escaped)
        return json_null();
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x80)
            escaped[used++] = text[i];
        else
            used += (size_t)snprintf(escaped + used, 5, "\\x%02x", (unsigned char)text[i]);
    escaped[used] = '\0';
    value = json_string(escaped);
    free(escaped);
    return value;
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

vc_status cli_try_output(const char *path)
{
    vc_file_writer writer;
    VC_TRY(vc_file_write_begin(&writer, path));
    vc_file_write_abort(&writer);
    return VC_OK;
}
