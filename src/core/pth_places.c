#include "pth_places_impl.h"

#include <stdio.h>
#include <string.h>

/* A pickle may refer to one dict from everywhere, so the search is bounded: in depth, in the
 * entries of what may wrap a state dict, and in how far it is looked for a tensor. */
enum { MOST_NESTED = 3, MOST_WRAPPED = 256, LOOKED_AT = 4096 };

/* Names under which training loops keep weights, as they are or averaged, in the order in which
 * they are taken. */
static const struct place {
    const char *name;
    vc_weights_kind kind;
} places[] = {
    {"model_ema", VC_WEIGHTS_EMA},      {"state_dict_ema", VC_WEIGHTS_EMA},
    {"ema_state_dict", VC_WEIGHTS_EMA}, {"model_ema_state_dict", VC_WEIGHTS_EMA},
    {"ema_model", VC_WEIGHTS_EMA},      {"ema", VC_WEIGHTS_EMA},
    {"params_ema", VC_WEIGHTS_EMA},     {"ema_params", VC_WEIGHTS_EMA},
    {"ema_weights", VC_WEIGHTS_EMA},    {"net_ema", VC_WEIGHTS_EMA},
    {"averaged_model", VC_WEIGHTS_EMA}, {"swa_state_dict", VC_WEIGHTS_EMA},
    {"teacher", VC_WEIGHTS_EMA},        {"model", VC_WEIGHTS_RAW},
    {"state_dict", VC_WEIGHTS_RAW},     {"model_state_dict", VC_WEIGHTS_RAW},
    {"model_state", VC_WEIGHTS_RAW},    {"net", VC_WEIGHTS_RAW},
    {"network", VC_WEIGHTS_RAW},        {"params", VC_WEIGHTS_RAW},
    {"weights", VC_WEIGHTS_RAW},        {"student", VC_WEIGHTS_RAW},
    {"module", VC_WEIGHTS_RAW},
};
enum { PLACES = sizeof places / sizeof *places };

static int holds_tensors(const vc__value *dict)
{
    for (size_t i = 0; i + 1 < dict->count && i < 2 * LOOKED_AT; i += 2)
        if (dict->items[i + 1]->kind == VC__TENSOR)
            return 1;
    return 0;
}

static const vc__value *inside(const vc__value *dict, const char *name)
{
    return dict->count <= 2 * MOST_WRAPPED ? vc__dict_find(dict, name) : NULL;
}

/* It, or a dict inside it under one of the names, holds tensors. */
static int leads_to_tensors(const vc__value *dict, size_t nested)
{
    if (dict->kind != VC__DICT)
        return 0;
    if (holds_tensors(dict))
        return 1;
    for (size_t i = 0; nested > 0 && i < PLACES; i++) {
        const vc__value *inner = inside(dict, places[i].name);
        if (inner && leads_to_tensors(inner, nested - 1))
            return 1;
    }
    return 0;
}

typedef struct found {
    const struct place *place; /* NULL: none */
    const vc__value *dict;
} found;

/* The first place of a kind, or of any. */
static found find_place(const vc__value *dict, vc_weights_kind kind, size_t nested)
{
    for (size_t i = 0; i < PLACES; i++) {
        const vc__value *inner = inside(dict, places[i].name);
        if ((kind == VC_WEIGHTS_ANY || places[i].kind == kind) && inner &&
            leads_to_tensors(inner, nested))
            return (found){&places[i], inner};
    }
    return (found){0};
}

const char *vc_weights_kind_text(vc_weights_kind kind)
{
    return kind == VC_WEIGHTS_EMA ? "averaged weights (EMA)" : "raw weights";
}

/* What else could have been taken. */
static vc_status note_others(vc_tensor_file *file, const vc__value *dict, const struct place *taken,
                             size_t nested)
{
    char others[256] = "";
    const vc_weights_kind other = taken->kind == VC_WEIGHTS_EMA ? VC_WEIGHTS_RAW : VC_WEIGHTS_EMA;
    int both = 0;
    for (size_t i = 0; i < PLACES; i++) {
        const vc__value *inner = inside(dict, places[i].name);
        if (&places[i] == taken || !inner || !leads_to_tensors(inner, nested))
            continue;
        const size_t used = strlen(others);
        both |= places[i].kind == other;
        snprintf(others + used, sizeof others - used, "%s%s under '%s'", used ? ", " : "",
                 vc_weights_kind_text(places[i].kind), places[i].name);
    }
    if (!others[0])
        return VC_OK;
    return vc__tensor_file_note(file, "%s under '%s' taken; also there: %s%s",
                                vc_weights_kind_text(taken->kind), taken->name, others,
                                !both                     ? ""
                                : other == VC_WEIGHTS_EMA ? " (--weights ema)"
                                                          : " (--weights raw)");
}

/* No dict with tensors: the first under one of the names, for whoever says what is wrong. */
static vc_status take_without_tensors(const vc__value **out, const char *path)
{
    for (size_t i = 0; i < PLACES; i++) {
        const vc__value *inner = inside(*out, places[i].name);
        if (inner && inner->kind == VC__DICT) {
            *out = inner;
            return VC_OK;
        }
    }
    return vc_fail(VC_EFORMAT,
                   "%s: a dict without tensors, wanted a state dict or one under '%s', '%s', '%s', "
                   "'%s' or a like name",
                   path, "model", "state_dict", "model_ema", "state_dict_ema");
}

vc_status vc__pth_place(const vc__value **out, vc_tensor_file *file, const vc__value *top,
                        vc_weights_kind kind)
{
    vc_weights_kind have = VC_WEIGHTS_ANY;
    if (top->kind != VC__DICT)
        return vc_fail(VC_EFORMAT, "%s: holds %s, wanted a state dict", file->path,
                       vc__kind_name(top->kind));
    *out = top;
    for (size_t nested = MOST_NESTED; nested-- > 0;) {
        found f = find_place(*out, kind, nested);
        if (!f.place)
            f = find_place(*out, VC_WEIGHTS_ANY, nested);
        if (!f.place)
            break;
        VC_TRY(note_others(file, *out, f.place, nested));
        *out = f.dict;
        if (have != VC_WEIGHTS_EMA)
            have = f.place->kind;
    }
    file->kind = have;
    if (holds_tensors(*out))
        return VC_OK;
    return take_without_tensors(out, file->path);
}
