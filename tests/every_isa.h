/* Runs a program's tests once on each instruction set, as if VC_ISA had been set: the choice
 * is made once per process, so each has one of its own. Where VC_ISA is set, on that one alone. */
#ifndef VC_TEST_EVERY_ISA_H
#define VC_TEST_EVERY_ISA_H

#include <sys/wait.h>

#include "testing.h"
#include "vitcod/isa.h"

static inline void cpu_lacks_it(void **state)
{
    (void)state;
    print_message("skipped: this CPU does not have %s\n", getenv("VC_ISA"));
    skip();
}

/* The number of instruction sets on which a test failed. To be called before anything else. */
static inline int on_every_isa(int (*run_group)(void))
{
    const struct CMUnitTest lacking[] = {cmocka_unit_test(cpu_lacks_it)};
    const char *given = getenv("VC_ISA");
    int failed = 0, tried = 0;
    for (int isa = 0; isa < VC_ISA_COUNT; isa++) {
        int status = 0;
        if (given && *given && strcmp(given, vc_isa_name((vc_isa)isa)) != 0)
            continue;
        tried = 1;
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) {
            setenv("VC_ISA", vc_isa_name((vc_isa)isa), 1);
            print_message("# VC_ISA=%s\n", vc_isa_name((vc_isa)isa));
            exit(vc_isa_check() == VC_OK ? run_group()
                                         : cmocka_run_group_tests(lacking, NULL, NULL));
        }
        failed += child < 0 || waitpid(child, &status, 0) != child || status != 0;
    }
    return failed + !tried;
}

#endif
