"""OpenVINO on the CPU: one stream, lowest latency."""

import openvino

VERSION = openvino.__version__
SETTINGS = {
    "fp32": {"plain": ("plain", "f32")},
    "bf16": {"plain": ("plain", "bf16")},
    "int8": {"qdq, rest fp32": ("qdq", "f32"), "qdq, rest bf16": ("qdq", "bf16")},
}


def candidates(job):
    return {
        name: lambda file=job["files"][file], precision=precision: compile_model(
            file, precision, job["threads"]
        )
        for name, (file, precision) in SETTINGS[job["dtype"]].items()
    }


def compile_model(file, precision, threads):
    model = openvino.Core().compile_model(
        file,
        "CPU",
        {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "INFERENCE_PRECISION_HINT": precision,
        },
    )
    request, output = model.create_infer_request(), model.output(0)
    return lambda images: request.infer({0: images}, share_inputs=True)[output].copy()
