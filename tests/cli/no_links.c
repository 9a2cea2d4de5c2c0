/* Preloaded into the program: a file system without second names. That one was wanted is said in
 * the file that VC_LINK_TOLD names. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int link(const char *from, const char *to)
{
    const char *told = getenv("VC_LINK_TOLD");
    const int fd = told ? open(told, O_WRONLY | O_CREAT, 0666) : -1;
    (void)from, (void)to;
    if (fd >= 0)
        close(fd);
    errno = EPERM;
    return -1;
}
