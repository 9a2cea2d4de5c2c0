/* Runs a step: the program is started again as a child, which ends when its parent does; what it
 * prints is its result. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recipe_impl.h"
#include "vitcod/clock.h"

/* Runs between fork and exec, where only async-signal-safe functions may be called. */
static void become(const char *program, char **argv, int out, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(out, STDOUT_FILENO) < 0)
        _exit(1);
    execvp(program, argv);
    _exit(127);
}

/* Makes argv of the words: the name of the program in front, NULL at the end. The caller frees
 * it. */
static char **arguments_of(const json_t *words, int resume)
{
    size_t i;
    json_t *word;
    char **argv = calloc(json_array_size(words) + 3, sizeof *argv);
    if (!argv)
        return NULL;
    argv[0] = (char *)"vitcod";
    json_array_foreach ((json_t *)words, i, word)
        argv[i + 1] = (char *)json_string_value(word);
    if (resume)
        argv[json_array_size(words) + 1] = (char *)"--resume";
    return argv;
}

/* Reads what the child prints, as one JSON object; NULL if it is something else. */
static json_t *read_result(int in)
{
    json_error_t error;
    char *text = NULL;
    size_t room = 0;
    FILE *stream = fdopen(in, "r");
    if (!stream) {
        close(in);
        return NULL;
    }
    const ssize_t bytes = getdelim(&text, &room, '\0', stream); /* all of it */
    json_t *result = bytes > 0 ? vc_json_parse(text, (size_t)bytes, 0, &error) : NULL;
    free(text);
    fclose(stream);
    return result;
}

static vc_status judge_end(int status, const json_t *result, const char *name, const char *program)
{
    if (WIFSIGNALED(status))
        return vc_fail(VC_EIO, "step %s was ended by signal %d (%s)", name, WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) == 127)
        return vc_fail(VC_EIO, "step %s: %s cannot be started", name, program);
    if (WEXITSTATUS(status) != 0)
        return vc_fail(VC_EIO, "step %s ended with status %d, wanted 0", name, WEXITSTATUS(status));
    if (!json_is_object(result))
        return vc_fail(VC_EFORMAT, "step %s printed no JSON object", name);
    return VC_OK;
}

static vc_status start_and_read(json_t **out, const vc_recipe_step *s, const char *program,
                                int resume)
{
    int ends[2], status = 0;
    char **argv = arguments_of(s->words, resume);
    if (!argv)
        return vc_fail(VC_ENOMEM, "out of memory");
    if (pipe(ends) != 0) {
        free(argv);
        return vc_fail(VC_EIO, "step %s: no pipe: %s", s->name, strerror(errno));
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    const pid_t self = getpid(), child = fork();
    if (child == 0)
        become(program, argv, ends[1], self);
    const int reason = errno;
    free(argv);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return vc_fail(VC_EIO, "step %s: no process: %s", s->name, strerror(reason));
    }
    *out = read_result(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    const vc_status verdict = judge_end(status, *out, s->name, program);
    if (verdict != VC_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return verdict;
}

static int is_there(const char *folder, const char *name)
{
    char path[VC_RECIPE_PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static int can_go_on(const vc_recipe_step *s, const char *folder)
{
    for (size_t i = 0; i < sizeof s->unfinished / sizeof *s->unfinished; i++)
        if (s->unfinished[i] && is_there(folder, s->unfinished[i]))
            return 1;
    return 0;
}

vc_status vc__recipe_run_step(json_t **out, int *ran, const vc_recipe_step *s,
                              const vc_recipe_options *o)
{
    char path[VC_RECIPE_PATH];
    snprintf(path, sizeof path, "%s/%s", o->folder, s->result);
    *ran = !is_there(o->folder, s->result);
    if (!*ran)
        return vc_json_read(out, path);
    const double start = vc_clock_seconds();
    VC_TRY(start_and_read(out, s, o->program, can_go_on(s, o->folder)));
    vc_json_set(out, "step_seconds", json_real(vc_clock_seconds() - start));
    const vc_status status =
        *out ? vc_json_write(path, *out) : vc_fail(VC_ENOMEM, "%s: out of memory", path);
    if (status != VC_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}
