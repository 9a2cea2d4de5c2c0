"""PyTorch with timm's model: as it is, and traced, frozen and optimised for inference."""

import torch

import deit

VERSION = torch.__version__


def candidates(job):
    torch.set_num_threads(job["threads"])
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[job["dtype"]]
    model = deit.open_model(job["checkpoint"], job["size"]).to(dtype)
    example = torch.randn(1, 3, job["size"], job["size"]).to(dtype)

    def traced():
        with torch.no_grad():
            return torch.jit.trace(model, example)

    return {
        "eager": lambda: caller(model, dtype),
        "frozen": lambda: caller(torch.jit.freeze(traced()), dtype),
        "optimised": lambda: caller(torch.jit.optimize_for_inference(traced()), dtype),
    }


def caller(model, dtype):
    with open("/proc/self/maps", encoding="utf-8") as maps:
        if "openblas" not in maps.read():
            raise ValueError(
                "PyTorch runs without OpenBLAS, wanted libopenblas0-openmp as libblas.so.3"
            )

    @torch.inference_mode()
    def run(images):
        return model(torch.from_numpy(images).to(dtype)).float().numpy()

    return run
