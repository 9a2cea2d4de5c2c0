/* Runs a program and writes the most memory that it, or a process that it waited for, had in MiB
 * into a file. usage: peak FILE PROGRAM [ARGUMENT...] */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct rusage own, others;
    int status;
    if (argc < 3)
        return 2;
    const pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &own) != child ||
        getrusage(RUSAGE_CHILDREN, &others) != 0)
        return 1;
    FILE *file = fopen(argv[1], "w");
    const long most = own.ru_maxrss > others.ru_maxrss ? own.ru_maxrss : others.ru_maxrss;
    if (!file || fprintf(file, "%ld\n", most / 1024) < 0 || fclose(file) != 0)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
