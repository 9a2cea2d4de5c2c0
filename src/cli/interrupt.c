#include "interrupt.h"

#include <stddef.h>

static volatile sig_atomic_t caught;

static void catch (int signal)
{
    (void)signal;
    caught = 1;
}

const volatile sig_atomic_t *cli_catch_signals(void)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    /* oneDNN's kernels for AVX-512 keep values below the stack pointer, where the frame of a signal
     * would overwrite them. */
    static char memory[1 << 17];
    const stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    struct sigaction action = {.sa_handler = catch,
                               .sa_flags = (int)(SA_RESETHAND | SA_RESTART | SA_ONSTACK)},
                     was;
    sigaltstack(&stack, NULL);
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    return &caught;
}
