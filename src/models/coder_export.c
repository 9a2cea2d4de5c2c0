/* The encoders and decoders in a file as arrays of their own. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vitcod/file.h"
#include "vitcod/model.h"
#include "vitcod/npy.h"
#include "vitcod/weights.h"

/* Names are those of tensors: of a file from elsewhere they must not lead out of the folder. */
static vc_status export_tensor(const char *folder, const vc_named_tensor *t)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/%s.npy", folder, t->name);
    if (strchr(t->name, '/') || length >= (int)sizeof path)
        return vc_fail(VC_EINVAL, "%s: '%s' is no name of a file", folder, t->name);
    if (access(path, F_OK) == 0 && !vc_npy_is(path))
        return vc_fail(VC_EINVAL, "%s: is there and is no npy array: wanted another folder", path);
    return vc_npy_write(path, &t->tensor);
}

vc_status vc_model_export_autoencoder(const char *folder, const char *path)
{
    vc_tensor_file *file;
    size_t found = 0;
    VC_TRY(vc_weights_open(&file, path, VC_WEIGHTS_ANY));
    vc_status status = vc_directory_make(folder);
    for (size_t i = 0; status == VC_OK && i < vc_tensor_file_count(file); i++) {
        const vc_named_tensor *t = vc_tensor_file_at(file, i);
        if (!strstr(t->name, ".encoder_") && !strstr(t->name, ".decoder_"))
            continue;
        status = export_tensor(folder, t);
        found++;
    }
    vc_tensor_file_close(file);
    if (status == VC_OK && found == 0)
        return vc_fail(VC_EFORMAT, "%s: no auto-encoder is inside, wanted one to export", path);
    return status;
}
