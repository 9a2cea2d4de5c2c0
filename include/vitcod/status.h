/* Status codes, and the one sentence of explanation that goes with a failure.
 *
 * Three kinds of failure are kept apart. A bug in the library is an assert. What the world does
 * (files, memory, input) is a vc_status with a message, kept per thread. Wrong usage of the program
 * is the command line's business. */
#ifndef VITCOD_STATUS_H
#define VITCOD_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define VC_STATUS_MAP(X)                                                                           \
    X(OK, "no error")                                                                              \
    X(ENOMEM, "out of memory")                                                                     \
    X(EIO, "the operating system refused a file operation")                                        \
    X(EFORMAT, "a file or input is not in the expected format")                                    \
    X(EINVAL, "a value is outside its allowed range, or two inputs do not fit together")           \
    X(EUNSUPPORTED, "this machine or build lacks what was asked for")                              \
    X(EINTR, "the work was stopped from outside")                                                  \
    X(EABSENT, "what was looked for is not there")

typedef enum vc_status {
#define VC_STATUS_ENUM(name, text) VC_##name,
    VC_STATUS_MAP(VC_STATUS_ENUM)
#undef VC_STATUS_ENUM
} vc_status;

/* The name of a code without its prefix, e.g. "EFORMAT". */
const char *vc_status_name(vc_status status);

/* What a code means in general. */
const char *vc_status_text(vc_status status);

/* Stores a message for this thread and returns `status`, so that a function can end with `return
 * vc_fail(VC_EFORMAT, "%s: ...", path);`. The message has neither a prefix nor a newline. */
vc_status vc_fail(vc_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The message of this thread's latest vc_fail, or "" if there was none. It is valid until the next
 * vc_fail. */
const char *vc_last_error(void);

/* Makes the calling function return when `call` fails. For places where nothing has to be released
 * first. */
#define VC_TRY(call)                                                                               \
    do {                                                                                           \
        vc_status vc_try_status_ = (call);                                                         \
        if (vc_try_status_ != VC_OK)                                                               \
            return vc_try_status_;                                                                 \
    } while (0)

#ifdef __cplusplus
}
#endif

#endif
