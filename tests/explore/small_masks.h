/* Masks of DeiT-Tiny in a temporary folder: the class token's column, and a band. */
#ifndef VC_SMALL_MASKS_H
#define VC_SMALL_MASKS_H

#include <sys/stat.h>

#include "testing.h"
#include "vitcod/mask.h"

/* FOLDER/deit_tiny_patch16_224/0.95.npy; returns the folder. */
static inline const char *write_small_masks(void)
{
    enum { LAYERS = 12, HEADS = 3, TOKENS = 197, BAND = 4 };
    static char folder[256];
    char path[512];
    vc_mask mask;
    snprintf(folder, sizeof folder, "%s", temporary("masks"));
    mkdir(folder, 0777);
    snprintf(path, sizeof path, "%s/deit_tiny_patch16_224", folder);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/deit_tiny_patch16_224/0.95.npy", folder);
    assert_ok(vc_mask_open(&mask, LAYERS, HEADS, TOKENS, TOKENS));
    for (size_t i = 0; i < (size_t)LAYERS * HEADS * TOKENS * TOKENS; i++) {
        const size_t key = i % TOKENS, query = i / TOKENS % TOKENS;
        mask.pruned[i] = key > 0 && (key < query || key > query + BAND);
    }
    assert_ok(vc_mask_write(path, &mask));
    vc_mask_close(&mask);
    return folder;
}

#endif
