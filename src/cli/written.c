#include "written.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vitcod/file.h"

int cli_is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* ---- which file a path is */

typedef struct identity {
    char folder[PATH_MAX], name[PATH_MAX]; /* of a file that is not there yet */
    struct stat info;
    int there;
} identity;

static identity identity_of(const char *path)
{
    identity out = {.there = stat(path, &out.info) == 0};
    if (out.there || strlen(path) >= sizeof out.name)
        return out;
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    snprintf(out.name, sizeof out.name, "%s", slash ? slash + 1 : path);
    if (!realpath(parent, out.folder))
        out.name[0] = '\0'; /* a file that cannot be written either */
    return out;
}

/* Devices and pipes are nobody's: /dev/null may be written twice. */
static int is_same_file(const char *a, const char *b)
{
    const identity x = identity_of(a), y = identity_of(b);
    if (cli_is_stream(a) || cli_is_stream(b))
        return cli_is_stream(a) && cli_is_stream(b);
    if (x.there && y.there)
        return x.info.st_dev == y.info.st_dev && x.info.st_ino == y.info.st_ino &&
               S_ISREG(x.info.st_mode);
    return !x.there && !y.there && x.name[0] && strcmp(x.folder, y.folder) == 0 &&
           strcmp(x.name, y.name) == 0;
}

/* ---- what options name files */

static int is_written(const cli_option *option)
{
    return option->kind == CLI_WRITTEN || option->kind == CLI_STREAM;
}

/* Help calls the value of an option by what it is. */
static int is_read(const cli_option *option)
{
    static const char *const words[] = {"FILE", "PATH", "DIR", "MODEL", "IMAGES", "MAPS"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!is_written(option) && option->value && strstr(option->value, words[i]))
            return option->kind == CLI_TEXT || option->kind == CLI_TEXTS;
    return 0;
}

static const char **texts_of(const cli_option *option, size_t *count)
{
    if (option->kind == CLI_TEXTS) {
        *count = ((cli_texts *)option->target)->count;
        return ((cli_texts *)option->target)->items;
    }
    *count = *(const char **)option->target != NULL;
    return option->target;
}

static const char *path_written(const cli_option *option)
{
    return is_written(option) ? *(const char **)option->target : NULL;
}

/* ---- what is replaced */

static int is_group_of(const char *name, const char *prefix)
{
    const size_t length = strlen(name);
    return strncmp(name, prefix, strlen(prefix)) == 0 && length > 4 &&
           strcmp(name + length - 4, ".npy") == 0;
}

/* The file that would be replaced although it is something else; empty: none. */
static void find_other(char other[PATH_MAX], const char *path, const cli_form *form)
{
    struct stat info;
    other[0] = '\0';
    if (cli_is_stream(path) || stat(path, &info) != 0)
        return;
    if (S_ISREG(info.st_mode) && info.st_size > 0 && !cli_form_is(form, path))
        snprintf(other, PATH_MAX, "%s", path);
    DIR *folder = S_ISDIR(info.st_mode) && form->prefix ? opendir(path) : NULL;
    const struct dirent *entry;
    while (folder && !other[0] && (entry = readdir(folder)) != NULL) {
        char file[PATH_MAX];
        const int length = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (length < PATH_MAX && is_group_of(entry->d_name, form->prefix))
            find_other(other, file, form);
    }
    if (folder)
        closedir(folder);
}

static int check_replaced(const cli_option *option, const char *path)
{
    char other[PATH_MAX];
    if (!option->form)
        return CLI_CONTINUE;
    find_other(other, path, option->form);
    if (!other[0])
        return CLI_CONTINUE;
    vc_fail(VC_EINVAL,
            "%s: is there and is not %s, which --%s would replace it by: wanted another name, or "
            "--force",
            other, option->form->name, option->name);
    return cli_fail();
}

/* ---- all of them */

static int check_inputs(const cli_command *command, const cli_option *written, const char *path,
                        const cli_option *options, size_t count, const cli_arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++)
        if (!cli_is_stream(path) && is_same_file(path, arguments->positional[i]))
            return cli_usage(command,
                             "--%s is '%s', the same file as the argument '%s', which it would "
                             "overwrite",
                             written->name, path, arguments->positional[i]);
    for (size_t i = 0; i < count; i++) {
        size_t texts = 0;
        const char **items = is_read(&options[i]) ? texts_of(&options[i], &texts) : NULL;
        for (size_t k = 0; k < texts; k++)
            if (!cli_is_stream(path) && is_same_file(path, items[k]))
                return cli_usage(command,
                                 "--%s is '%s', the same file as --%s '%s', which it would "
                                 "overwrite",
                                 written->name, path, options[i].name, items[k]);
    }
    return CLI_CONTINUE;
}

static int check_outputs(const cli_command *command, const cli_option *written, const char *path,
                         const cli_option *rest, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *other = path_written(&rest[i]);
        if (other && is_same_file(path, other))
            return cli_usage(command, "--%s is '%s', the same file as --%s '%s'", written->name,
                             path, rest[i].name, other);
    }
    return CLI_CONTINUE;
}

int cli_check_written(const cli_command *command, const cli_option *options, size_t count,
                      const cli_arguments *arguments, cli_common *common)
{
    for (size_t i = 0; i < count; i++) {
        const char *path = path_written(&options[i]);
        if (!path)
            continue;
        if (cli_is_stream(path) && options[i].kind != CLI_STREAM)
            return cli_usage(command, "--%s is '-', wanted the name of a file", options[i].name);
        if (cli_is_stream(path) && (common->json || common->csv))
            return cli_usage(command, "--%s is '-', and %s wants standard output as well",
                             options[i].name, common->json ? "--json" : "--csv");
        common->streams |= cli_is_stream(path);
        int status = check_inputs(command, &options[i], path, options, count, arguments);
        if (status == CLI_CONTINUE)
            status = check_outputs(command, &options[i], path, options + i + 1, count - i - 1);
        if (status == CLI_CONTINUE && !common->force)
            status = check_replaced(&options[i], path);
        if (status != CLI_CONTINUE)
            return status;
    }
    return CLI_CONTINUE;
}

/* ---- standard input */

/* A file is named as it is; what comes through a pipe is kept in one that has no name, since it may
 * be read more than once, and in any order. */
static const char *keep_stdin(void)
{
    static char path[32]; /* used until the program ends, as the file is */
    static char buffer[1 << 16];
    struct stat info;
    int from = STDIN_FILENO;
    if (fstat(STDIN_FILENO, &info) != 0 || !S_ISREG(info.st_mode)) {
        FILE *kept = tmpfile();
        size_t bytes;
        while (kept && (bytes = fread(buffer, 1, sizeof buffer, stdin)) > 0)
            if (fwrite(buffer, 1, bytes, kept) != bytes)
                break;
        if (!kept || ferror(stdin) || fflush(kept) != 0 || ferror(kept)) {
            vc_fail(VC_EIO, "standard input cannot be read and kept in a file");
            return NULL;
        }
        from = fileno(kept);
    }
    snprintf(path, sizeof path, "/dev/fd/%d", from);
    return path;
}

static int take(const cli_command *command, const char **item, const char **kept)
{
    if (!cli_is_stream(*item))
        return CLI_CONTINUE;
    if (*kept)
        return cli_usage(command, "standard input ('-') is wanted twice");
    *kept = *item = keep_stdin();
    return *kept ? CLI_CONTINUE : cli_fail();
}

int cli_take_stdin(const cli_command *command, const cli_option *options, size_t count,
                   cli_arguments *arguments)
{
    const char *kept = NULL;
    int status = CLI_CONTINUE;
    for (size_t i = 0; i < arguments->count && status == CLI_CONTINUE; i++)
        status = take(command, &arguments->positional[i], &kept);
    for (size_t i = 0; i < count; i++) {
        size_t texts = 0;
        const char **items = is_read(&options[i]) ? texts_of(&options[i], &texts) : NULL;
        for (size_t k = 0; k < texts && status == CLI_CONTINUE; k++)
            status = take(command, &items[k], &kept);
    }
    return status;
}
