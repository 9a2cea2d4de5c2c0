"""What is compared: models, shapes, number formats, threads, and the ratio to be reached."""

from dataclasses import dataclass

NAMES = {
    "ours": "vitcod",
    "ort": "ONNX Runtime",
    "torch": "PyTorch",
    "torch-mask": "PyTorch, same mask",
    "openvino": "OpenVINO",
}

# ONNX Runtime has no bf16 on CPUs, PyTorch's int8 kernels are not for transformers.
PEERS = {
    "fp32": ("ort", "torch", "openvino"),
    "bf16": ("torch", "openvino"),
    "int8": ("ort", "openvino"),
}


@dataclass(frozen=True)
class Case:
    model: str  # tiny or base
    dtype: str
    sparse: bool  # ours runs under a mask that keeps 10 %, PyTorch with and without, others dense
    size: int
    threads: int
    goal: float  # milliseconds of the goal's peer over ours
    against: str = "best"  # whose ratio the goal is about: the fastest peer, or this one

    @property
    def name(self):
        return " ".join(
            [
                self.model,
                self.dtype,
                "90% sparse" if self.sparse else "dense",
                str(self.size),
                f"{self.threads}t",
            ]
        )

    @property
    def peers(self):
        masked = ("torch-mask",) if self.sparse and "torch" in PEERS[self.dtype] else ()
        return PEERS[self.dtype] + masked


CASES = [
    Case("tiny", "fp32", False, 224, 1, 13.1 / 10.5),
    Case("tiny", "fp32", False, 224, 2, 7.7 / 5.6),
    Case("tiny", "fp32", True, 224, 1, 13.1 / 9.1),
    Case("tiny", "fp32", True, 224, 2, 7.7 / 4.9),
    Case("base", "fp32", False, 224, 1, 165 / 140),
    Case("base", "fp32", False, 224, 2, 85 / 72),
    Case("tiny", "bf16", False, 224, 1, 16.7 / 6.0, "torch"),
    Case("tiny", "bf16", False, 224, 2, 10.0 / 3.3, "torch"),
    Case("tiny", "int8", False, 224, 1, 7.1 / 4.2),
    Case("tiny", "int8", False, 224, 2, 4.2 / 2.4),
    Case("tiny", "int8", True, 224, 1, 7.1 / 3.0),
    Case("tiny", "int8", True, 224, 2, 4.2 / 1.8),
    Case("base", "int8", False, 224, 1, 58.8 / 37),
    Case("base", "int8", False, 224, 2, 30.1 / 20),
    Case("tiny", "fp32", True, 512, 2, 59.9 / 27),
    Case("tiny", "fp32", True, 1024, 2, 542 / 150),
]
