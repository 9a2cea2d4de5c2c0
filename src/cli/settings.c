/* What options were set to. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static int is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return 1;
    return 0;
}

/* One text as a text, several as a list; NULL: none. */
static json_t *value_of_texts(const cli_texts *texts)
{
    if (texts->count == 1)
        return json_string(texts->items[0]);
    json_t *list = json_array();
    for (size_t i = 0; i < texts->count; i++)
        vc_json_append(&list, json_string(texts->items[i]));
    return list;
}

/* A square's side is a number, as it is on the command line. */
static json_t *value_of_extent(vc_extent e)
{
    char text[VC_EXTENT_TEXT];
    return vc_extent_is_square(e) ? json_integer((json_int_t)e.height)
                                  : json_string(vc_extent_text(text, e));
}

/* NULL: not set. */
static json_t *value_of(const cli_option *option, int *failed)
{
    json_t *value = NULL;
    switch (option->kind) {
    case CLI_FLAG:
    case CLI_OFF:
        value = json_boolean(*(const int *)option->target);
        break;
    case CLI_COUNT:
        if (*(const size_t *)option->target == CLI_UNSET)
            return NULL;
        value = json_integer((json_int_t) * (const size_t *)option->target);
        break;
    case CLI_NUMBER:
        if (isnan(*(const double *)option->target))
            return NULL;
        value = json_real(*(const double *)option->target);
        break;
    case CLI_EXTENT:
        value = value_of_extent(*(const vc_extent *)option->target);
        break;
    case CLI_TEXT:
    case CLI_WRITTEN:
    case CLI_STREAM:
        if (!*(const char *const *)option->target)
            return NULL;
        value = json_string(*(const char *const *)option->target);
        break;
    case CLI_TEXTS:
        if (((const cli_texts *)option->target)->count == 0)
            return NULL;
        value = value_of_texts(option->target);
        break;
    }
    *failed |= value == NULL;
    return value;
}

json_t *cli_settings(const cli_option *options, size_t count, const char *const *besides)
{
    json_t *all = json_object();
    int failed = 0;
    for (size_t i = 0; all && i < count; i++) {
        char name[64];
        json_t *value = is_among(options[i].name, besides) ? NULL : value_of(&options[i], &failed);
        snprintf(name, sizeof name, "--%s", options[i].name);
        if (value)
            vc_json_set(&all, name, value);
    }
    if (!failed)
        return all;
    json_decref(all);
    return NULL;
}
