#include "vitcod/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vitcod/printable.h"

static _Thread_local char last_error[8192]; /* paths are up to 4,096 bytes long */

const char *vc_status_name(vc_status status)
{
    switch (status) {
#define VC_STATUS_NAME(name, text)                                                                 \
    case VC_##name:                                                                                \
        return #name;
        VC_STATUS_MAP(VC_STATUS_NAME)
#undef VC_STATUS_NAME
    }
    return "unknown";
}

const char *vc_status_text(vc_status status)
{
    switch (status) {
#define VC_STATUS_TEXT(name, text)                                                                 \
    case VC_##name:                                                                                \
        return text;
        VC_STATUS_MAP(VC_STATUS_TEXT)
#undef VC_STATUS_TEXT
    }
    return "unknown status";
}

vc_status vc_fail(vc_status status, const char *format, ...)
{
    /* A message may quote the previous one, so it is built in a buffer of its own first. */
    char message[sizeof last_error];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    /* Names of files and tensors come from outside: their control characters must not reach a
     * terminal. */
    vc_printable start = {0};
    vc_printable_make(&start, message, strlen(message), "");
    snprintf(last_error, sizeof last_error, "%s", message);
    return status;
}

const char *vc_last_error(void)
{
    return last_error;
}
