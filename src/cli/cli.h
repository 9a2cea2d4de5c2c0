/* The frame every subcommand stands in: options, help, results. */
#ifndef VC_CLI_H
#define VC_CLI_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/extent.h"
#include "vitcod/product.h"
#include "vitcod/record.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_CONTINUE = -1 };
enum { CLI_MOST_OPTIONS = 96 /* of a command, shared ones included */ };

#define CLI_UNSET SIZE_MAX /* a count that nobody gave */

/* A constant in the words of a help text. */
#define CLI_NUMERAL(constant) CLI_NUMERAL_OF(constant)
#define CLI_NUMERAL_OF(constant) #constant

/* Texts in the order in which they were given. */
typedef struct cli_texts {
    const char *items[16];
    size_t count;
} cli_texts;

typedef enum cli_kind {
    CLI_FLAG,    /* int *: set to 1 */
    CLI_OFF,     /* int *: set to 0 */
    CLI_TEXT,    /* const char ** */
    CLI_TEXTS,   /* cli_texts *: may be given several times */
    CLI_WRITTEN, /* const char **: a file that is written */
    CLI_STREAM,  /* the same, or `-` for standard output */
    CLI_COUNT,   /* size_t *: a whole number from 0 */
    CLI_NUMBER,  /* double * */
    CLI_EXTENT,  /* vc_extent *: a side, or height x width */
} cli_kind;

typedef struct cli_form cli_form; /* written.h */

typedef struct cli_option {
    const char *name;  /* without the dashes; "output" is also -o */
    const char *value; /* what help calls the value, as in words.h; NULL for flags */
    const char *help;
    cli_kind kind;
    void *target;
    const char *alias;    /* what it was called before, which is taken as well; or NULL */
    const cli_form *form; /* what may be replaced without --force; NULL: the verb sees to it */
    const char *files;    /* endings of files that it takes, with spaces between; or NULL */
    const char *(*word)(size_t index); /* words that it takes, from 0 until NULL; or NULL */
} cli_option;

typedef struct cli_arguments {
    const char **positional; /* in the place of argv, which is reordered */
    size_t count;
} cli_arguments;

typedef struct cli_command {
    const char *name, *summary;
    const char *arguments; /* "MODEL --data DIR" */
    const char *details;   /* a paragraph of help, without line breaks */
    int (*run)(const struct cli_command *command, int argc, char **argv);
    const vc_record *result; /* what --json and --csv print behind the frame that all have */
    const char *examples;    /* command lines, a line break after each but the last */
} cli_command;

/* The options that every command has. */
typedef struct cli_common {
    int json, csv, force;
    int streams; /* standard output is a file that is written */
    size_t seed, threads;
    const char *memory; /* the most that may be used, or NULL */
} cli_common;

/* Parses; CLI_CONTINUE when the command should go on, else the exit status. Sets the threads. */
int cli_parse(const cli_command *command, const cli_option *options, size_t count,
              cli_common *common, cli_arguments *arguments, size_t least, size_t most, int argc,
              char **argv);

/* Adds `count` options to a list that has `used`; returns how many there are then. */
size_t cli_add_options(cli_option list[CLI_MOST_OPTIONS], size_t used, const cli_option *more,
                       size_t count);

/* What the options were set to, by name with the dashes: all but those named in `besides` (ended
 * by NULL), texts that were not given, numbers that are NAN and counts that are CLI_UNSET. NULL
 * when a text is no UTF-8 or memory is out. */
json_t *cli_settings(const cli_option *options, size_t count, const char *const *besides);

/* Says what is wrong with the call and how it should look; returns CLI_USAGE. */
int cli_usage(const cli_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* CLI_CONTINUE for a number of images that can be worked on at once. */
int cli_check_batch(const cli_command *command, size_t batch);

/* Prints the last error; returns CLI_FAILED. */
int cli_fail(void);

/* Whether stdout is for the result alone, as JSON or CSV, and nothing is to be told before it. */
int cli_is_quiet(const cli_common *common);

/* Ends a command: the error when `status` is one, else the struct at `result` by the command's
 * record, as JSON or CSV behind the frame that all results have, or through
 * `print_text`. */
int cli_end(const cli_command *command, const cli_common *common, vc_status status,
            const void *result, void (*print_text)(const void *result));

/* What a result says of the model that ran: its hash, and the precision of its products. */
void cli_note_hash(uint64_t model_hash);
void cli_note_precision(vc_precision precision);
void cli_note_device(const char *device); /* as it was named; must remain */

/* Which of the images, in words. */
enum { CLI_CHOSEN = 128 };
void cli_note_chosen(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints the schema of what the command's --json prints. */
int cli_print_schema(const cli_command *command);

/* What every result begins with, as JSON: verb, command line, version, machine, date, seed, and the
 * model that ran. NULL: out of memory, and said so. */
json_t *cli_frame(const cli_command *command, const cli_common *common);
const char *cli_command_line(void);

/* Remembers the command line for results. */
void cli_remember(int argc, char **argv);

/* What starts this program once more: itself where /proc tells, else what it was called as. */
const char *cli_own_program(void);

#endif
