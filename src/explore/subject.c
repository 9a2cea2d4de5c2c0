/* Models, plans and maps by what people call them. */
#include "vitcod/subject.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vitcod/polarize.h"

enum { MOST_PATH = 4096 };

__attribute__((format(printf, 3, 4))) static int is_there(char *out, const char *folder,
                                                          const char *format, ...)
{
    char tail[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(tail, sizeof tail, format, arguments);
    va_end(arguments);
    if ((size_t)snprintf(out, MOST_PATH, "%s/%s", folder, tail) >= MOST_PATH)
        return 0;
    /* What is there and cannot be read is told by who reads it. */
    return access(out, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* deit_tiny of deit_tiny_patch16_224 */
static void family_of(char out[64], const char *arch)
{
    const char *end = strstr(arch, "_patch");
    snprintf(out, 64, "%.*s", end ? (int)(end - arch) : 63, arch);
}

static vc_status find_mask(char out[MOST_PATH], const char *folder, const char *arch,
                           double sparsity)
{
    char family[64], share[32];
    family_of(family, arch);
    snprintf(share, sizeof share, "%g", sparsity);
    if (is_there(out, folder, "%s/%s.npy", arch, share) ||
        is_there(out, folder, "%s/%s", arch, share) ||
        is_there(out, folder, "%s_lowrank_%s/info_%s.npy", family, share, share) ||
        is_there(out, folder, "%s_lowrank/masks/%s", family, share))
        return VC_OK;
    return vc_fail(VC_EINVAL,
                   "%s: no mask of %s at %s, wanted %s/%s.npy, %s/%s (a folder), "
                   "%s_lowrank_%s/info_%s.npy or %s_lowrank/masks/%s",
                   folder, arch, share, arch, share, arch, share, family, share, share, family,
                   share);
}

vc_status vc_subject_model(vc_model_config *config, vc_plan *plan, int *is_file, const char *name,
                           const char *path)
{
    const vc_model_options how = {.in_place = 1};
    vc_model *model;
    *plan = (vc_plan){0};
    const vc_status preset = vc_model_preset(config, name);
    *is_file = preset != VC_OK && path && access(path, F_OK) == 0;
    if (!*is_file)
        return preset;
    VC_TRY(vc_model_open(&model, path, &how));
    *config = model->config;
    const vc_plan *inside = vc_model_plan(model);
    const vc_status status = inside ? vc_plan_copy(plan, inside) : VC_OK;
    vc_model_close(model);
    return status;
}

int vc_subject_is_file(const char *name)
{
    vc_model_config ignored;
    return access(name, F_OK) == 0 && vc_model_preset(&ignored, name) != VC_OK;
}

vc_status vc_subject_mask(vc_plan *out, const char *path, size_t threshold)
{
    vc_mask_set set;
    *out = (vc_plan){0};
    VC_TRY(vc_mask_set_read(&set, path));
    const vc_status status = vc_polarize_groups(out, set.masks, set.count, threshold, path);
    vc_mask_set_close(&set);
    return status;
}

int vc_subject_has_mask(const char *folder, const char *arch, double sparsity)
{
    char path[MOST_PATH];
    return find_mask(path, folder, arch, sparsity) == VC_OK;
}

vc_status vc_subject_plan(vc_plan *out, const vc_model_config *model, const char *folder,
                          const char *arch, double sparsity, size_t threshold)
{
    char path[MOST_PATH];
    *out = (vc_plan){0};
    VC_TRY(find_mask(path, folder, arch, sparsity));
    vc_status status = vc_subject_mask(out, path, threshold);
    if (status == VC_OK)
        status = vc_model_check_plan(model, out, path);
    if (status != VC_OK)
        vc_plan_close(out);
    return status;
}

void vc_subject_stem(char out[256], const char *model)
{
    static const char ending[] = ".safetensors";
    const char *slash = strrchr(model, '/'), *name = slash ? slash + 1 : model;
    size_t length = strlen(name);
    if (length > sizeof ending - 1 && strcmp(name + length - (sizeof ending - 1), ending) == 0)
        length -= sizeof ending - 1;
    snprintf(out, 256, "%.*s", (int)length, name);
}

int vc_subject_maps(char *out, size_t room, const char *folder, const char *arch)
{
    static const char *const endings[] = {".npy", ""};
    for (size_t i = 0; i < 2; i++)
        if ((size_t)snprintf(out, room, "%s/%s%s", folder, arch, endings[i]) < room &&
            access(out, F_OK) == 0)
            return 1;
    return 0;
}
