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


ARCHS = {  # timm's names
    "tiny": "deit_tiny_patch16_224",
    "small": "deit_small_patch16_224",
    "base": "deit_base_patch16_224",
    "levit-128": "levit_128",
    "levit-256": "levit_256",
}


@dataclass(frozen=True)
class Case:
    model: str  # of ARCHS
    dtype: str
    sparse: bool  # ours runs under a mask that keeps 10 %, PyTorch with and without, others dense
    size: int
    threads: int
    goal: float = None  # milliseconds of the fastest peer over ours; None: none was set
    batch: int = 1

    @property
    def name(self):
        return " ".join(
            [
                self.model,
                self.dtype,
                "90% sparse" if self.sparse else "dense",
                str(self.size),
                f"batch {self.batch}",
                f"{self.threads}t",
            ]
        )

    @property
    def arch(self):
        return ARCHS[self.model]

    @property
    def tokens(self):
        """Of a DeiT."""
        return (self.size // 16) ** 2 + 1

    @property
    def peers(self):
        """PyTorch, of which compiling takes minutes a case, at one image on two threads."""
        names = PEERS[self.dtype]
        if self.threads < 2 or self.batch > 1:
            return tuple(name for name in names if name != "torch")
        return names + (("torch-mask",) if self.sparse and "torch" in names else ())


CASES = [
    Case("tiny", "fp32", False, 224, 1, 1.2),
    Case("tiny", "fp32", False, 224, 2, 1.5),
    Case("tiny", "fp32", True, 224, 1, 1.45),
    Case("tiny", "fp32", True, 224, 2, 1.8),
    Case("tiny", "bf16", False, 224, 1),
    Case("tiny", "bf16", False, 224, 2),
    Case("tiny", "bf16", True, 224, 1, 1.6),
    Case("tiny", "bf16", True, 224, 2, 2.0),
    Case("tiny", "int8", False, 224, 1),
    Case("tiny", "int8", False, 224, 2),
    Case("tiny", "int8", True, 224, 1, 2.0),
    Case("tiny", "int8", True, 224, 2, 2.5),
    Case("tiny", "fp32", True, 224, 2, batch=8),
    Case("tiny", "int8", True, 224, 2, batch=8),
    Case("small", "fp32", True, 224, 2),
    Case("small", "bf16", True, 224, 2),
    Case("base", "fp32", False, 224, 1),
    Case("base", "fp32", False, 224, 2),
    Case("base", "int8", False, 224, 1, 1.25),
    Case("base", "int8", False, 224, 2, 1.5),
    Case("tiny", "fp32", True, 384, 2),
    Case("tiny", "fp32", True, 512, 2, 2.6),
    Case("tiny", "fp32", True, 1024, 2, 5.0),
    Case("levit-128", "fp32", False, 224, 1, 1.5),
    Case("levit-128", "fp32", False, 224, 2, 1.5),
    Case("levit-128", "fp32", False, 224, 2, batch=8),
    Case("levit-256", "fp32", False, 224, 1),
    Case("levit-256", "fp32", False, 224, 2),
    Case("levit-256", "fp32", False, 224, 2, batch=8),
]
