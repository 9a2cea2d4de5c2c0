#include "together.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vitcod/comm.h"

vc_status cli_check_alone(const char *what)
{
    if (vc_comm_size() == 1)
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s in one process, not in %d", what, vc_comm_size());
}

void cli_end_others(void)
{
    if (vc_comm_size() == 1)
        return;
    if (vc_comm_rank() > 0) {
        sleep(2); /* what fails in all of them is said once, by the first */
        fprintf(stderr, "vitcod: process %d: %s\n", vc_comm_rank(), vc_last_error());
    }
    vc_comm_abort();
}

int cli_end_together(const cli_command *command, const cli_common *common, vc_status done,
                     const void *result, void (*print_text)(const void *result))
{
    int status = CLI_OK;
    if (vc_comm_rank() == 0)
        status = cli_end(command, common, done, result, print_text);
    if (done != VC_OK)
        cli_end_others();
    vc_comm_close();
    return status;
}

/* A message holds the index and the name of each image, the name with its ending zero. */
static vc_status send_broken(const cli_images *images)
{
    size_t bytes = 0, at = 0;
    for (size_t i = 0; i < images->broken_count; i++)
        bytes += sizeof *images->indices + strlen(images->broken[i]) + 1;
    char *message = malloc(bytes + 1);
    if (!message)
        return vc_fail(VC_ENOMEM, "out of memory for the names of broken images");
    for (size_t i = 0; i < images->broken_count; i++) {
        const size_t name = strlen(images->broken[i]) + 1;
        memcpy(message + at, &images->indices[i], sizeof *images->indices);
        memcpy(message + at + sizeof *images->indices, images->broken[i], name);
        at += sizeof *images->indices + name;
    }
    vc_comm_send(0, message, bytes);
    free(message);
    return VC_OK;
}

static void take_broken(cli_images *images, const char *message, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        size_t index;
        memcpy(&index, message + at, sizeof index);
        const char *name = message + at + sizeof index;
        cli_add_broken(images, index, name);
        at += sizeof index + strlen(name) + 1;
    }
}

vc_status cli_share_broken(cli_images *images)
{
    if (vc_comm_rank() > 0)
        return send_broken(images);
    for (int other = 1; other < vc_comm_size(); other++) {
        char *message;
        size_t bytes;
        vc_comm_receive(&message, &bytes, 1);
        take_broken(images, message, bytes);
        free(message);
    }
    return VC_OK;
}
