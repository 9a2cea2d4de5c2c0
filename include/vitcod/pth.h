/* Checkpoints that PyTorch's torch.save writes: a zip archive (since PyTorch 1.6) of one pickle and the
 * tensors' storages. Nothing in the pickle is executed: a small reader builds plain values and refuses
 * by name whatever a state dict has no need of. */
#ifndef VITCOD_PTH_H
#define VITCOD_PTH_H

#include "vitcod/tensor_file.h"

/* The tensors of the state dict in its order, contiguous. The state dict is the checkpoint itself or
 * what it has under 'model', 'state_dict', 'model_state_dict' or 'model_ema', the first of these that is
 * there; what stands beside it (optimizer, epoch, args) is passed over, as
 * far as it is made of tensors, plain values and argparse's namespaces: an object of any other kind is
 * refused there as well. 'module.' is taken off when
 * all names begin so. Views are laid out anew, at most four times the bytes of the storages.
 *
 * VC_EFORMAT when archive, pickle and storages disagree, when the pickle asks for anything but tensors
 * and plain values, for tensors of a dtype that vc_dtype lacks, and for the formats before 1.6. */
vc_status vc_pth_open(vc_tensor_file **out, const char *path);

#endif
