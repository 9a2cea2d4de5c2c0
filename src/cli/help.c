#include "help.h"

#include <math.h>
#include <string.h>

#include "written.h"

enum { WIDTH = 80, OPTION_COLUMN = 28 };

/* Words from `column` on; further lines begin at `indent`. */
static void print_words(FILE *out, const char *text, size_t column, size_t indent)
{
    size_t at = column;
    for (const char *word = text; *word;) {
        const size_t length = strcspn(word, " \n");
        if (word != text && at + 1 + length > WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (word != text) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", (int)length, word);
        at += length;
        word += length + strspn(word + length, " \n");
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const cli_option *option, const char *usual)
{
    char left[96], text[600];
    const int used = snprintf(left, sizeof left, "  %s--%s%s%s",
                              strcmp(option->name, "output") == 0 ? "-o, " : "", option->name,
                              option->value ? " " : "", option->value ? option->value : "");
    const int told = !usual[0] || strstr(option->help, "default") != NULL;
    snprintf(text, sizeof text, told ? "%s" : "%s (default %s)", option->help, usual);
    if (used + 2 > OPTION_COLUMN)
        fprintf(out, "%s\n%*s", left, OPTION_COLUMN, "");
    else
        fprintf(out, "%-*s", OPTION_COLUMN, left);
    print_words(out, text, OPTION_COLUMN, OPTION_COLUMN);
}

cli_defaults cli_defaults_of(const cli_option *options, size_t count)
{
    cli_defaults all = {0};
    for (size_t i = 0; i < count; i++) {
        char *text = all.texts[i];
        const void *target = options[i].target;
        if (options[i].kind == CLI_COUNT && *(const size_t *)target > 0 &&
            *(const size_t *)target != CLI_UNSET)
            snprintf(text, sizeof all.texts[i], "%zu", *(const size_t *)target);
        if (options[i].kind == CLI_NUMBER && *(const double *)target > 0.0)
            snprintf(text, sizeof all.texts[i], "%g", *(const double *)target);
        if (options[i].kind == CLI_TEXT && *(const char *const *)target)
            snprintf(text, sizeof all.texts[i], "%s", *(const char *const *)target);
    }
    return all;
}

void cli_print_help(FILE *out, const cli_command *command, const cli_option *options, size_t count,
                    const cli_defaults *defaults)
{
    const int used = fprintf(out, "usage: vitcod %s ", command->name);
    print_words(out, command->arguments, (size_t)used, 8);
    fputc('\n', out);
    print_words(out, command->details, 0, 0);
    fputs("\nexamples:\n", out);
    for (const char *line = command->examples; *line; line += line[0] == '\n') {
        const size_t length = strcspn(line, "\n");
        fprintf(out, "  %.*s\n", (int)length, line);
        line += length;
    }
    fputs("\noptions:\n", out);
    for (size_t i = 0; i < count; i++)
        print_option(out, &options[i], defaults->texts[i]);
}

/* ---- for programs */

static void print_fields(FILE *out, const vc_record *record)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const vc_field *f = &record->fields[i];
        if (f->shape == VC_SHAPE_INLINE && f->record)
            print_fields(out, f->record);
        else if (f->name && f->name[0] && f->shape != VC_SHAPE_INLINE)
            fprintf(out, "result\t%s\t%s\t%s\n", f->name, f->unit, f->meaning);
    }
}

void cli_print_table(FILE *out, const cli_command *command, const cli_option *options, size_t count,
                     const cli_defaults *defaults)
{
    fprintf(out, "verb\t%s\t%s\narguments\t%s\ndetails\t%s\n", command->name, command->summary,
            command->arguments, command->details);
    for (size_t i = 0; i < count; i++) {
        const cli_option *o = &options[i];
        const char *ending = o->form && o->form->ending ? o->form->ending : "";
        fprintf(out, "option\t%s\t%s\t%s\t%s\t%s\t%s\t", o->name, o->value ? o->value : "",
                o->files ? o->files : ending, o->kind == CLI_TEXTS ? "repeated" : "",
                strstr(o->help, "default") ? "" : defaults->texts[i], o->help);
        for (size_t k = 0; o->word && o->word(k); k++)
            fprintf(out, "%s%s", k ? " " : "", o->word(k));
        fputc('\n', out);
    }
    print_fields(out, command->result);
    for (const char *line = command->examples; *line; line += line[0] == '\n') {
        const size_t length = strcspn(line, "\n");
        fprintf(out, "example\t%.*s\n", (int)length, line);
        line += length;
    }
}

/* ---- what was meant */

enum { MOST_LETTERS = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters are to be changed, put in, left out, or exchanged with the next. */
static size_t distance(const char *a, const char *b)
{
    const size_t rows = strlen(a), columns = strlen(b);
    size_t d[3][MOST_LETTERS + 1];
    if (rows > MOST_LETTERS || columns > MOST_LETTERS)
        return SIZE_MAX;
    for (size_t k = 0; k <= columns; k++)
        d[0][k] = k;
    for (size_t i = 1; i <= rows; i++) {
        size_t *now = d[i % 3], *last = d[(i + 2) % 3], *before = d[(i + 1) % 3];
        now[0] = i;
        for (size_t k = 1; k <= columns; k++) {
            now[k] = least(least(last[k], now[k - 1]) + 1, last[k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                now[k] = least(now[k], before[k - 2] + 1);
        }
    }
    return d[rows % 3][columns];
}

const char *cli_nearest(const char *word, const char *(*name_of)(const void *, size_t),
                        const void *context)
{
    const char *nearest = NULL;
    size_t most = strlen(word) / 3 + 1;
    for (size_t i = 0; name_of(context, i); i++) {
        const char *name = name_of(context, i);
        const int begins = strlen(word) > 2 && strncmp(name, word, strlen(word)) == 0;
        const size_t far = begins ? 1 : distance(word, name);
        if (far < most || (far == most && !nearest)) {
            most = far;
            nearest = name;
        }
    }
    return nearest;
}
