"""ONNX Runtime on the CPU, all graph optimisations."""

import onnxruntime

VERSION = onnxruntime.__version__


def candidates(job):
    return {
        setting: lambda file=job["files"][setting]: open_session(file, job["threads"])
        for setting in job["files"]
    }


def open_session(file, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})[0]
