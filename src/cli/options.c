#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "help.h"
#include "vitcod/memory_limit.h"
#include "vitcod/plural.h"
#include "vitcod/threads.h"
#include "words.h"
#include "written.h"

int cli_usage(const cli_command *command, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("vitcod: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nusage: vitcod %s %s\ntry: vitcod %s --help\n", command->name,
            command->arguments, command->name);
    return CLI_USAGE;
}

static int is_named(const char *own, const char *name, size_t length)
{
    return own && strlen(own) == length && strncmp(own, name, length) == 0;
}

static const cli_option *find_option(const cli_option *options, size_t count, const char *name,
                                     size_t length)
{
    for (size_t i = 0; i < count; i++)
        if (is_named(options[i].name, name, length) || is_named(options[i].alias, name, length))
            return &options[i];
    return NULL;
}

static int store_value(const cli_command *command, const cli_option *option, const char *text)
{
    char *end = NULL;
    errno = 0;
    if (option->kind == CLI_TEXT || option->kind == CLI_WRITTEN || option->kind == CLI_STREAM) {
        *(const char **)option->target = text;
    } else if (option->kind == CLI_TEXTS) {
        cli_texts *texts = option->target;
        const size_t most = sizeof texts->items / sizeof *texts->items;
        if (texts->count == most)
            return cli_usage(command, "--%s is given more than %zu times", option->name, most);
        texts->items[texts->count++] = text;
    } else if (option->kind == CLI_COUNT) {
        unsigned long long value = strtoull(text, &end, 10);
        if (end == text || *end != '\0' || errno != 0 || strchr(text, '-'))
            return cli_usage(command, "--%s is '%s', wanted a whole number from 0", option->name,
                             text);
        *(size_t *)option->target = value;
    } else if (option->kind == CLI_EXTENT) {
        if (vc_extent_parse(option->target, text) != VC_OK)
            return cli_usage(command,
                             "--%s is '%s', wanted pixels as 224, or height and width "
                             "as 224x384",
                             option->name, text);
    } else {
        double value = strtod(text, &end);
        if (end == text || *end != '\0' || errno != 0 || !(value > -1e300 && value < 1e300))
            return cli_usage(command, "--%s is '%s', wanted a number", option->name, text);
        *(double *)option->target = value;
    }
    return CLI_CONTINUE;
}

typedef struct option_list {
    const cli_option *options;
    size_t count;
} option_list;

static const char *option_name(const void *context, size_t index)
{
    const option_list *list = context;
    return index < list->count ? list->options[index].name : index == list->count ? "help" : NULL;
}

static int unknown_option(const cli_command *command, const option_list *list, const char *argument)
{
    char word[64];
    const char *name = argument + (strncmp(argument, "--", 2) == 0 ? 2 : 1);
    snprintf(word, sizeof word, "%.*s", (int)strcspn(name, "="), name);
    const char *meant = cli_nearest(word, option_name, list);
    fprintf(stderr, "vitcod: unknown option '%s'%s%s%s\ntry: vitcod %s --help\n", argument,
            meant ? ", did you mean --" : "", meant ? meant : "", meant ? "?" : "", command->name);
    return CLI_USAGE;
}

/* How help is printed: for people, or for programs. */
typedef void printer(FILE *out, const cli_command *command, const cli_option *options, size_t count,
                     const cli_defaults *defaults);

/* One argument that starts with a dash; *index moves on when the value is the next argument. */
static int parse_option(const cli_command *command, const option_list *list, printer **help,
                        int *index, int argc, char **argv)
{
    const char *argument = argv[*index];
    if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
        *help = cli_print_help;
        return CLI_CONTINUE;
    }
    if (strcmp(argument, "--help=table") == 0) {
        *help = cli_print_table;
        return CLI_CONTINUE;
    }
    const char *name = strcmp(argument, "-o") == 0 ? "output" : argument + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const cli_option *option = NULL;
    if (strncmp(argument, "--", 2) == 0 || strcmp(argument, "-o") == 0)
        option = find_option(list->options, list->count, name, length);
    if (!option)
        return unknown_option(command, list, argument);
    if (option->kind == CLI_FLAG || option->kind == CLI_OFF) {
        if (equals)
            return cli_usage(command, "--%s takes no value", option->name);
        *(int *)option->target = option->kind == CLI_FLAG;
        return CLI_CONTINUE;
    }
    if (equals)
        return store_value(command, option, equals + 1);
    if (*index + 1 >= argc)
        return cli_usage(command, "--%s wants a value: %s", option->name, option->value);
    *index += 1;
    return store_value(command, option, argv[*index]);
}

size_t cli_add_options(cli_option list[CLI_MOST_OPTIONS], size_t used, const cli_option *more,
                       size_t count)
{
    assert(used + count <= CLI_MOST_OPTIONS);
    if (count > 0) /* `more` may be NULL: a verb without options of its own */
        memcpy(list + used, more, count * sizeof *list);
    return used + count;
}

int cli_check_batch(const cli_command *command, size_t batch)
{
    enum { MOST = 4096 };
    if (batch >= 1 && batch <= MOST)
        return CLI_CONTINUE;
    return cli_usage(command, "--batch is %zu, wanted 1 to %d", batch, MOST);
}

/* Says how many arguments there are, which, and how many were wanted. */
static int wrong_count(const cli_command *command, const cli_arguments *arguments, size_t least,
                       size_t most)
{
    char wanted[64], given[256] = "";
    if (least == most)
        snprintf(wanted, sizeof wanted, "%zu", least);
    else
        snprintf(wanted, sizeof wanted, "at %s %zu", arguments->count < least ? "least" : "most",
                 arguments->count < least ? least : most);
    for (size_t i = 0, used = 0; i < arguments->count && used < sizeof given; i++)
        used += (size_t)snprintf(given + used, sizeof given - used, "%s'%s'%s", i ? ", " : " (",
                                 arguments->positional[i], i + 1 == arguments->count ? ")" : "");
    return cli_usage(command, "%zu %s%s, wanted %s", arguments->count,
                     vc_plural(arguments->count, "argument", "arguments"), given, wanted);
}

/* Splits options from arguments; what follows `--` is no option. */
static int take_arguments(const cli_command *command, const option_list *list,
                          cli_arguments *arguments, printer **help, int argc, char **argv)
{
    int ended = 0;
    *arguments = (cli_arguments){.positional = (const char **)argv};
    for (int i = 1; i < argc; i++) {
        if (ended || argv[i][0] != '-' || argv[i][1] == '\0') {
            arguments->positional[arguments->count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            ended = 1;
        } else {
            const int status = parse_option(command, list, help, &i, argc, argv);
            if (status != CLI_CONTINUE)
                return status;
        }
    }
    return CLI_CONTINUE;
}

/* Steps that are processes of their own find it in the environment. */
static int take_memory_limit(const cli_command *command, const char *text)
{
    size_t bytes;
    if (vc_memory_parse(&bytes, text) != VC_OK)
        return cli_usage(command, "--memory-limit: %s", vc_last_error());
    vc_memory_set_limit(bytes);
    setenv("VC_MEMORY_LIMIT", text, 1);
    return CLI_CONTINUE;
}

static int check_common(const cli_command *command, const cli_common *common)
{
    if (common->json && common->csv)
        return cli_usage(command, "both --json and --csv, wanted one of them");
    if (common->seed > INT64_MAX)
        return cli_usage(command, "--seed is %zu, wanted at most 2^63 - 1", common->seed);
    if (common->threads > 1024 || vc_threads_set((int)common->threads) != VC_OK)
        return cli_usage(command, "--threads is %zu, wanted 0 (the default) to 1024",
                         common->threads);
    return common->memory ? take_memory_limit(command, common->memory) : CLI_CONTINUE;
}

static size_t has_form(const cli_option *options, size_t count)
{
    size_t forms = 0;
    for (size_t i = 0; i < count; i++)
        forms += options[i].form != NULL;
    return forms > 0;
}

int cli_parse(const cli_command *command, const cli_option *options, size_t count,
              cli_common *common, cli_arguments *arguments, size_t least, size_t most, int argc,
              char **argv)
{
    const cli_option shared[] = {
        {"json", NULL, "print one JSON object on stdout instead of text", CLI_FLAG, &common->json},
        {"csv", NULL, "print name,value,unit and a table per list instead of text", CLI_FLAG,
         &common->csv},
        {"seed", "N", "seed of everything random (default 0)", CLI_COUNT, &common->seed},
        {"threads", "N", "threads to use (default: OMP_NUM_THREADS, else all CPUs)", CLI_COUNT,
         &common->threads},
        {"memory-limit", "SIZE",
         "refuse what wants more memory, as 1.5GiB (default: what machine and limits have)",
         CLI_TEXT, &common->memory},
    };
    const cli_option force = {"force", NULL, "replace files that hold something else", CLI_FLAG,
                              &common->force};
    cli_option all[CLI_MOST_OPTIONS];
    option_list list = {all, cli_add_options(all, 0, options, count)};
    list.count = cli_add_options(all, list.count, &force, has_form(options, count));
    list.count = cli_add_options(all, list.count, shared, sizeof shared / sizeof *shared);
    const cli_defaults defaults = cli_defaults_of(all, list.count);
    printer *help = NULL;
    int status = take_arguments(command, &list, arguments, &help, argc, argv);
    if (status != CLI_CONTINUE)
        return status;
    if (help) {
        help(stdout, command, all, list.count, &defaults);
        return CLI_OK;
    }
    if (arguments->count < least || arguments->count > most)
        return wrong_count(command, arguments, least, most);
    status = check_common(command, common);
    if (status == CLI_CONTINUE)
        status = cli_check_words(command, all, list.count);
    if (status == CLI_CONTINUE)
        status = cli_check_written(command, all, list.count, arguments, common);
    return status == CLI_CONTINUE ? cli_take_stdin(command, all, list.count, arguments) : status;
}
