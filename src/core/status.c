#include "vitcod/status.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char last_error[8192]; /* a path may be half of it */

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
    /* A message may quote the previous one, so it is written aside first. */
    char message[sizeof last_error];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    for (char *at = message; *at; at++) /* names come from outside, and go to a terminal */
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?';
    snprintf(last_error, sizeof last_error, "%s", message);
    return status;
}

const char *vc_last_error(void)
{
    return last_error;
}
