#include "journal.h"

#include <stdio.h>
#include <string.h>

/* Freed by the caller. */
static char *text_of(const json_t *value)
{
    return value ? json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) : NULL;
}

/* Appends `name (was X, is Y)` for a setting that differs. */
static void compare(char *text, size_t room, const char *name, const json_t *was, const json_t *is)
{
    if (was && is && json_equal(was, is))
        return;
    char *before = text_of(was), *now = text_of(is);
    const size_t used = strlen(text);
    snprintf(text + used, room - used, "%s%s (was %s, is %s)", used ? ", " : "", name,
             before ? before : "not set", now ? now : "not set");
    free(before);
    free(now);
}

static vc_status check_settings(const json_t *was, const json_t *is, const char *path)
{
    char differences[1024] = "";
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)was, name, value)
        compare(differences, sizeof differences, name, value, json_object_get(is, name));
    json_object_foreach ((json_t *)is, name, value)
        if (!json_object_get(was, name))
            compare(differences, sizeof differences, name, NULL, value);
    if (differences[0] == '\0')
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s: the run was begun with other settings: %s", path, differences);
}

vc_status vc__journal_open(json_t **out, const char *path, const json_t *settings, int resume)
{
    *out = NULL;
    if (!resume) {
        json_t *begun = settings ? json_deep_copy(settings) : json_object();
        *out = json_pack("{s:o, s:[]}", "settings", begun, "log");
        return *out ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
    }
    VC_TRY(vc_json_read(out, path));
    const json_t *was = json_object_get(*out, "settings");
    vc_status status = VC_OK;
    if (!json_is_object(was) || !json_is_array(json_object_get(*out, "log")) ||
        !json_is_number(json_object_get(*out, "before")) ||
        !json_is_integer(json_object_get(*out, "epochs")))
        status = vc_fail(VC_EFORMAT, "%s: is not the journal of a calibration", path);
    json_t *none = json_object();
    if (status == VC_OK)
        status = check_settings(was, settings ? settings : none, path);
    json_decref(none);
    if (status != VC_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

static int is_before(const json_t *entry, size_t stage, size_t epoch)
{
    const size_t s = (size_t)json_integer_value(json_object_get(entry, "stage")),
                 e = (size_t)json_integer_value(json_object_get(entry, "epoch"));
    return s < stage || (s == stage && e < epoch);
}

vc_status vc__journal_add(json_t *journal, const char *path, size_t stage, size_t epoch,
                          json_t *entry)
{
    json_t *log = json_object_get(journal, "log");
    size_t kept = json_array_size(log);
    while (kept > 0 && !is_before(json_array_get(log, kept - 1), stage, epoch))
        json_array_remove(log, --kept);
    if (json_array_append(log, entry) != 0)
        return vc_fail(VC_ENOMEM, "out of memory for the log");
    return vc_json_write_exact(path, journal);
}
