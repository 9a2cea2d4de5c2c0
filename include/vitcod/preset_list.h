/* What the presets are: sizes, and how they want images. */
#ifndef VITCOD_PRESET_LIST_H
#define VITCOD_PRESET_LIST_H

#include <stdio.h>

#include "vitcod/input_info.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_preset {
    const char *name, *architecture;
    size_t patch, tokens, parameters, classes, outputs; /* patch: of pictures alone */
    vc_input_info input;
} vc_preset;

typedef struct vc_preset_list {
    vc_preset *list;
    size_t count;
} vc_preset_list;

extern const vc_record vc_preset_record;

/* All of them, in the order of vc_model_preset_name. */
vc_status vc_preset_list_open(vc_preset_list *out);
void vc_preset_list_close(vc_preset_list *list);
/* As a table for people. */
void vc_preset_list_print(FILE *out, const vc_preset_list *list);

#ifdef __cplusplus
}
#endif

#endif
