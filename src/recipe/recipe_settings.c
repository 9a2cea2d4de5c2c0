#include <math.h>
#include <stddef.h>

#include "recipe_impl.h"

typedef enum kind { TEXT, NUMBER, COUNT, SOME, FLAG } kind;

typedef struct setting {
    const char *name;
    kind kind;
    size_t offset; /* in vc_recipe_options */
} setting;

#define SETTING(name, kind, member)                                                                \
    {                                                                                              \
        name, kind, offsetof(vc_recipe_options, member)                                            \
    }

static const setting settings[] = {
    SETTING("--data", TEXT, data),
    SETTING("--test", TEXT, test),
    SETTING("--classes", TEXT, classes),
    SETTING("--exif", TEXT, exif),
    SETTING("--sparsity", NUMBER, sparsity),
    SETTING("--rule", TEXT, rule),
    SETTING("--residual", TEXT, residual),
    SETTING("--summary", TEXT, summaries),
    SETTING("--autoencoder", TEXT, autoencoder),
    SETTING("--compressed", COUNT, compressed),
    SETTING("--threshold", TEXT, threshold),
    SETTING("--for", TEXT, target),
    SETTING("--finetune", TEXT, finetune),
    SETTING("--epochs", COUNT, epochs),
    SETTING("--minutes", NUMBER, minutes),
    SETTING("--patience", COUNT, patience),
    SETTING("--gradual", TEXT, gradual),
    SETTING("--batch", COUNT, batch),
    SETTING("--lr", NUMBER, learning_rate),
    SETTING("--limit", COUNT, limit),
    SETTING("--sample", SOME, sample),
    SETTING("--hold-back", NUMBER, hold_back),
    SETTING("--convert-channels", FLAG, convert),
    SETTING("--chip", TEXT, chip),
    SETTING("--heads", COUNT, heads),
    SETTING("MODEL", TEXT, model),
    SETTING("--seed", COUNT, seed),
};

/* Adds a setting unless it is unset. Returns 0 if a text is not UTF-8. */
static int add_setting(json_t *all, const setting *s, const vc_recipe_options *options)
{
    const void *at = (const char *)options + s->offset;
    if (s->kind == TEXT) {
        const char *text = *(const char *const *)at;
        return !text || json_object_set_new(all, s->name, json_string(text)) == 0;
    }
    if (s->kind == NUMBER) {
        const double number = *(const double *)at;
        return isnan(number) || json_object_set_new(all, s->name, json_real(number)) == 0;
    }
    if (s->kind == FLAG)
        return !*(const int *)at || json_object_set_new(all, s->name, json_true()) == 0;
    const size_t count = *(const size_t *)at;
    return count == VC_RECIPE_UNSET || (s->kind == SOME && count == 0) ||
           json_object_set_new(all, s->name, json_integer((json_int_t)count)) == 0;
}

vc_status vc__recipe_settings(json_t **out, const vc_recipe_options *options)
{
    *out = json_object();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (!add_setting(*out, &settings[i], options)) {
            json_decref(*out);
            *out = NULL;
            return vc_fail(VC_EINVAL, "a path that is not UTF-8 cannot be remembered");
        }
    return VC_OK;
}
