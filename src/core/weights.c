#include "vitcod/weights.h"

#include <string.h>

#include "vitcod/file.h"
#include "vitcod/pth.h"
#include "vitcod/safetensors.h"

/* A zip archive, PyTorch's formats before it (a pickle of a number of ten bytes, a tar file): pth.h
 * has something to say to each. */
static int is_pth(const vc_mapped_file *file)
{
    enum { TAR_MAGIC_AT = 257 };
    const unsigned char *b = file->data;
    if (file->bytes >= 4 && (memcmp(b, "PK\3\4", 4) == 0 || memcmp(b, "PK\5\6", 4) == 0))
        return 1;
    if (file->bytes >= 4 && b[0] == 0x80 && b[1] <= 5 && b[2] == 0x8a && b[3] == 0x0a)
        return 1;
    return file->bytes >= TAR_MAGIC_AT + 5 && memcmp(b + TAR_MAGIC_AT, "ustar", 5) == 0;
}

vc_status vc_weights_open(vc_tensor_file **out, const char *path)
{
    vc_mapped_file file;
    *out = NULL;
    VC_TRY(vc_file_map(&file, path));
    int pth = is_pth(&file);
    vc_file_unmap(&file);
    return pth ? vc_pth_open(out, path) : vc_safetensors_open(out, path);
}
