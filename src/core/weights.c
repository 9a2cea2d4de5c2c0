#include "vitcod/weights.h"

#include "pth_archive_impl.h"
#include "vitcod/file.h"
#include "vitcod/pth.h"
#include "vitcod/safetensors.h"

vc_status vc_weights_open(vc_tensor_file **out, const char *path)
{
    vc_mapped_file file;
    *out = NULL;
    VC_TRY(vc_file_map(&file, path));
    int pth = vc__pth_begins(&file);
    vc_file_unmap(&file);
    return pth ? vc_pth_open(out, path) : vc_safetensors_open(out, path);
}
