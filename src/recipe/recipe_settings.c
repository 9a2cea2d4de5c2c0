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

/* Adds a setting unless it is unset. */
static void add_setting(json_t **all, const setting *s, const vc_recipe_options *options)
{
    const void *at = (const char *)options + s->offset;
    if (s->kind == TEXT) {
        const char *text = *(const char *const *)at;
        if (text)
            vc_json_set(all, s->name, json_string(text));
        return;
    }
    if (s->kind == NUMBER) {
        const double number = *(const double *)at;
        if (!isnan(number))
            vc_json_set(all, s->name, json_real(number));
        return;
    }
    if (s->kind == FLAG) {
        if (*(const int *)at)
            vc_json_set(all, s->name, json_true());
        return;
    }
    const size_t count = *(const size_t *)at;
    if (count != VC_RECIPE_UNSET && (s->kind != SOME || count > 0))
        vc_json_set(all, s->name, json_integer((json_int_t)count));
}

vc_status vc__recipe_settings(json_t **out, const vc_recipe_options *options)
{
    *out = json_object();
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        add_setting(out, &settings[i], options);
    return *out ? VC_OK
                : vc_fail(VC_EINVAL, "out of memory for the settings, or a path is not UTF-8, "
                                     "which cannot be remembered");
}
