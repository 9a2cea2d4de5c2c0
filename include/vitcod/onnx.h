/* Models as ONNX files, for the engines that read those (opset 17, one file).
 *
 * The graph is made from a model's block list, so every family has it. The batch is symbolic.
 * Masks, poolings and biases are constants, BatchNorm and the auto-encoder are folded into weights,
 * and rows that no classifier reads are left out as early as the engine leaves them out. Everything
 * is in float32, whatever the checkpoint was in. */
#ifndef VITCOD_ONNX_H
#define VITCOD_ONNX_H

#include "vitcod/model.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_ONNX_OPSET = 17 };
#define VC_ONNX_MOST_BYTES ((size_t)INT32_MAX) /* of a protobuf message */

typedef struct vc_onnx_options {
    const char *const *class_names; /* (classes), for the metadata; NULL: none */
    size_t most_bytes;              /* of the file; 0: VC_ONNX_MOST_BYTES */
} vc_onnx_options;

/* What was written. */
typedef struct vc_onnx_info {
    size_t opset, nodes, constants, bytes;
    size_t channels, height, width; /* of the input `images` */
    size_t outputs;                 /* of `logits` for an image */
    double sparsity;    /* share of pruned scores, as a plan's; 0 where attention is dense */
    const char *method; /* vc_plan_method */
} vc_onnx_info;
extern const vc_record vc_onnx_info_record;

/* Writes the model as it is restricted. Its input `images` is (batch, channels, height, width),
 * normalised; its output `logits`, or `outputs` of a model without classes, (batch, outputs).
 * metadata_props say what it is: model, known_as, model_hash, attention, sparsity, plan_hash,
 * weights, input, mean, std, image_size, interpolation, crop_pct, class_names (a JSON list).
 * VC_EUNSUPPORTED for an operator without a form in ONNX and for a file of more than most_bytes. */
vc_status vc_onnx_write(vc_onnx_info *info, const char *path, const vc_model *model,
                        const vc_onnx_options *options);

/* Whether a file begins as those that are written here do. */
int vc_onnx_is(const char *path);

#ifdef __cplusplus
}
#endif

#endif
