"""OpenVINO on the CPU: one stream, lowest latency."""

import openvino

VERSION = openvino.__version__
# file, precision, from which share of zeros on weights are kept without them (where a CPU has AMX)
SETTINGS = {
    "fp32": {"plain": ("plain", "f32", 1)},
    "bf16": {"plain": ("plain", "bf16", 1)},
    "int8": {
        "qdq, rest fp32": ("qdq", "f32", 1),
        "qdq, rest bf16": ("qdq", "bf16", 1),
        "qdq, sparse weights": ("qdq", "bf16", 0.5),
    },
}


def candidates(job):
    return {
        name: lambda file=job["files"][file], precision=precision, zeros=zeros: compile_model(
            file, precision, zeros, job["threads"]
        )
        for name, (file, precision, zeros) in SETTINGS[job["dtype"]].items()
    }


def compile_model(file, precision, zeros, threads):
    model = openvino.Core().compile_model(
        file,
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": precision,
            "CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE": zeros,
        },
    )
    request, output = model.create_infer_request(), model.output(0)
    return lambda images: request.infer({0: images}, share_inputs=True)[output].copy()
