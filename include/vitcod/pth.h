/* Checkpoints written by PyTorch's torch.save: since version 1.6 a zip archive of one pickle and
 * the tensors' storages, before it pickles and storages one after the other. Nothing in a pickle is
 * executed: a small reader builds plain values, and refuses by name whatever a state dict does not
 * need. */
#ifndef VITCOD_PTH_H
#define VITCOD_PTH_H

#include "vitcod/weights.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opens the tensors of a checkpoint's state dict, in its order, each contiguous.
 *
 * The state dict is what the checkpoint has under 'model', 'state_dict', 'model_ema' or another of
 * the names that training loops use (pth_places.c), or else the checkpoint itself. Where there are
 * raw and averaged weights, `kind` chooses, VC_WEIGHTS_ANY takes the averaged ones; where there are
 * not, it has no influence. What stands
 * beside it (optimizer, epoch, args, numpy's arrays and random states) is skipped, but must also
 * consist of tensors, plain values and the names of pickle_names.def. Views are copied out, up to
 * four times the bytes of the storages. The name of the model in 'arch' or args.model is the file's
 * metadata 'arch'.
 *
 * VC_EFORMAT when archive, pickle and storages disagree, when the pickle asks for anything but
 * tensors and plain values, for tensors of a dtype that vc_dtype lacks, for whole pickled models,
 * TorchScript, and the format before 0.1.10. */
vc_status vc_pth_open(vc_tensor_file **out, const char *path, vc_weights_kind kind);

#ifdef __cplusplus
}
#endif

#endif
