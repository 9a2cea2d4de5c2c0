/* Checkpoints written by PyTorch's torch.save since version 1.6: a zip archive of one pickle and
 * the tensors' storages. Nothing in the pickle is executed: a small reader builds plain values, and
 * refuses by name whatever a state dict does not need. */
#ifndef VITCOD_PTH_H
#define VITCOD_PTH_H

#include "vitcod/tensor_file.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the tensors of a checkpoint's state dict, in its order, each contiguous.
 *
 * The state dict is what the checkpoint has under 'model', 'state_dict', 'model_state_dict' or
 * 'model_ema', whichever comes first in this list, or else the checkpoint itself. What stands
 * beside it (optimizer, epoch, args) is skipped, but must also consist of tensors, plain values and
 * argparse namespaces. If all names begin with 'module.', that prefix is removed. Views are copied
 * out, up to four times the bytes of the storages.
 *
 * VC_EFORMAT when archive, pickle and storages disagree, when the pickle asks for anything but
 * tensors and plain values, for tensors of a dtype that vc_dtype lacks, and for the formats before
 * 1.6. */
vc_status vc_pth_open(vc_tensor_file **out, const char *path);

#ifdef __cplusplus
}
#endif

#endif
