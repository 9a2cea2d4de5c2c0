#!/usr/bin/env python3
"""Makes one of the files that the comparison needs.

usage: prepare.py random CHECKPOINT ARCH             random weights
       prepare.py plain ONNX ARCH CHECKPOINT SIZE BATCH   the model as timm has it
       prepare.py fused ONNX ARCH CHECKPOINT SIZE BATCH   with ONNX Runtime's fused operators
       prepare.py qdq|qoperator ONNX PLAIN FOLDER    int8, calibrated on images
       prepare.py dynamic ONNX PLAIN                 int8, activations' ranges taken at run time
       prepare.py images NPY FOLDER COUNT SIZE       normalised images
       prepare.py logits NPY ARCH CHECKPOINT IMAGES [MASK]  PyTorch's, in float32
"""

import itertools
import os
import sys
from functools import partial

import numpy as np

CALIBRATION_IMAGES = 32


def make_random(output, arch):
    import deit

    deit.write_random(output, arch)


def export(output, model, size, batch):
    import torch

    torch.onnx.export(
        model,
        torch.randn(batch, 3, size, size),
        output,
        opset_version=17,
        input_names=["images"],
        output_names=["logits"],
        dynamo=False,  # in the form that ONNX Runtime's fusions know
    )


def make_plain(output, arch, checkpoint, size, batch):
    import deit

    export(output, deit.open_model(arch, checkpoint, int(size)), int(size), int(batch))


def make_fused(output, arch, checkpoint, size, batch):
    from onnxruntime.transformers.optimizer import optimize_model

    import deit

    model = deit.split_attention(deit.open_model(arch, checkpoint, int(size)))
    export(output + ".split", model, int(size), int(batch))
    fused = optimize_model(
        output + ".split",
        model_type="vit",
        num_heads=model.blocks[0].attn.heads,
        hidden_size=model.embed_dim,
        opt_level=0,
    )
    print(f"fused: {fused.get_fused_operator_statistics()}", file=sys.stderr)
    fused.save_model_to_file(output)
    os.remove(output + ".split")


def make_static(quant_format, output, plain, folder):
    """Weights per output channel; products of two activations (Q K^T, its softmax times V) stay
    float.
    """
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    import images

    shaped = output + ".shaped"
    quant_pre_process(plain, shaped, skip_optimization=True)
    graph = onnx.load(shaped).graph
    batch = graph.input[0].type.tensor_type.shape.dim[0].dim_value

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.paths = iter(images.pick(images.find(folder), CALIBRATION_IMAGES, 0.5))

        def get_next(self):
            several = [images.load(path, 224) for path in itertools.islice(self.paths, batch)]
            return {"images": np.stack(several)} if len(several) == batch else None

    constant = {tensor.name for tensor in graph.initializer}
    products = [
        node.name
        for node in graph.node
        if node.op_type == "MatMul" and not constant & set(node.input)
    ]
    quantize_static(
        shaped,
        output,
        Reader(),
        quant_format=QuantFormat[quant_format],
        per_channel=True,
        op_types_to_quantize=["MatMul", "Gemm", "Conv"],
        nodes_to_exclude=products,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    os.remove(shaped)


def make_dynamic(output, plain):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(plain, output, per_channel=True, weight_type=QuantType.QInt8)


def make_images(output, folder, count, size):
    import images

    paths = images.pick(images.find(folder), int(count), 0.0)
    write_npy(output, np.stack([images.load(path, int(size)) for path in paths]))


def make_logits(output, arch, checkpoint, inputs, mask=None):
    import torch

    import deit

    x = torch.from_numpy(np.load(inputs))
    model = deit.open_model(arch, checkpoint, x.shape[2])
    if mask:
        pruned = np.load(mask, mmap_mode="r")
        for block, layer in zip(deit.split_attention(model).blocks, pruned, strict=True):
            block.attn.pruned = torch.from_numpy(np.array(layer, bool))
    with torch.inference_mode():
        write_npy(output, torch.cat([model(x[i : i + 1]) for i in range(len(x))]).numpy())


def write_npy(output, array):
    with open(output, "wb") as file:  # np.save would append .npy to a name without it
        np.save(file, array)


MAKERS = {
    "qdq": partial(make_static, "QDQ"),
    "qoperator": partial(make_static, "QOperator"),
    "random": make_random,
    "plain": make_plain,
    "fused": make_fused,
    "dynamic": make_dynamic,
    "images": make_images,
    "logits": make_logits,
}

if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in MAKERS:
        sys.exit(__doc__)
    os.dup2(2, 1)
    try:
        MAKERS[sys.argv[1]](*sys.argv[2:])
    except ValueError as error:
        sys.exit(f"prepare.py {sys.argv[1]}: {error}")
