"""Files that are made once and kept: checkpoints, exports, masks, images, reference logits."""

import hashlib
import os
import sys

import numpy as np

import engines
import safetensors_file

AGREEMENT_IMAGES = 20
SPARSITY = 0.9  # of the attention, in sparse cases
TINY = {"cls_token": [1, 1, 192], "pos_embed": [1, 197, 192], "head.weight": [1000, 192]}


def check_tiny(path):
    header, _ = safetensors_file.read_header(path)
    for name, shape in TINY.items():
        found = header.get(name, {}).get("shape", "missing")
        if found != shape:
            raise ValueError(
                f"{path}: '{name}' is {found}, wanted {shape}: DeiT-Tiny for ImageNet-1k"
            )


class WorkFolder:
    def __init__(self, folder, vitcod, tiny, data, threads):
        check_tiny(tiny)
        with open(tiny, "rb") as file:
            digest = hashlib.sha256(file.read() + os.path.abspath(data).encode()).hexdigest()
        self.folder = os.path.join(folder, digest[:8])  # another model or other images: other files
        os.makedirs(self.folder, exist_ok=True)
        self.vitcod, self.tiny, self.data, self.threads = vitcod, tiny, data, threads

    def path(self, name):
        return os.path.join(self.folder, name)

    def made(self, name, make):
        """The path of a file; make(path) makes it under another name first: half a file is never
        found.
        """
        path = self.path(name)
        if not os.path.exists(path):
            print(f"making {path}", file=sys.stderr)
            make(path + ".part")
            os.rename(path + ".part", path)
        return path

    def prepared(self, name, what, *arguments):
        program = os.path.join(engines.HERE, "prepare.py")
        return self.made(
            name,
            lambda path: engines.run(
                [sys.executable, program, what, path] + [str(a) for a in arguments],
                self.threads,
                engines.PATIENT,
            ),
        )

    def checkpoint(self, case):
        if case.model == "tiny":
            return self.tiny
        return self.prepared(f"{case.model}.safetensors", "random", case.arch)

    def onnx(self, case, kind):
        name = f"{case.model}-{case.size}-{case.batch}-{kind}.onnx"
        if kind in ("plain", "fused"):
            return self.prepared(
                name, kind, case.arch, self.checkpoint(case), case.size, case.batch
            )
        plain = self.onnx(case, "plain")
        return self.prepared(name, kind, plain, *([] if kind == "dynamic" else [self.data]))

    def mask(self, case):
        if not case.sparse:
            return None
        return self.made(
            f"{case.model}-{case.size}-mask.npy", lambda path: self.make_mask(path, case)
        )

    def make_mask(self, path, case):
        maps, large = self.path("maps.npy"), case.size > 512
        size = ["--image-size", str(case.size)] if case.size != 224 else []
        engines.run(
            [
                self.vitcod,
                "attention",
                self.checkpoint(case),
                "--data",
                self.data,
                "--limit",
                "2" if large else "20",
                "--batch",
                "1" if large else "4",
                "-o",
                maps,
            ]
            + size,
            self.threads,
            engines.PATIENT,
        )
        engines.run(
            [self.vitcod, "prune", maps, "--sparsity", str(SPARSITY), "-o", path],
            self.threads,
            engines.PATIENT,
        )
        os.remove(maps)

    def inputs(self, case):
        """Random ones for the comparison of float32 logits, real ones for that of classes."""
        if case.dtype != "fp32":
            return self.prepared(
                f"images-{case.size}.npy", "images", self.data, AGREEMENT_IMAGES, case.size
            )
        return self.made(f"random-{case.size}.npy", lambda path: write_random(path, case.size))

    def reference(self, case, mask):
        inputs = self.inputs(case)
        kind = "sparse" if mask else "dense"
        name = f"{case.model}-{os.path.basename(inputs)[:-4]}-{kind}-logits.npy"
        of = (case.arch, self.checkpoint(case), inputs)
        return np.load(self.prepared(name, "logits", *of, *([mask] if mask else [])))


def write_random(path, size):
    with open(path, "wb") as file:
        np.save(file, np.random.default_rng(0).standard_normal((2, 3, size, size), np.float32))
