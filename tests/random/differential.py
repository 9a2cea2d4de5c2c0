#!/usr/bin/env python3
"""Random models on random plans, computed in different ways that must agree.

usage: tests/random/differential.py BUILD SECONDS [--seed N] [--only NUMBER]

A try draws a model (of timm's DeiTs and LeViTs in small images, or a DeiT of any sizes), a rule and
a sparsity, and how attention is split. Then
- logits of every instruction set, precision and number of threads are those of the plain loops
  (VC_ISA=ref) with one thread: bit for bit for other numbers of threads, within rounding for other
  instruction sets, within the precision's for bf16 and int8;
- the simulated chip computes the plan's attention bit for bit as plain loops do.
A failure names seed and number; --seed and --only bring it back.
"""
import argparse
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from array import array

# Of the largest logit. bf16 has 8 bits; int8 rounds weights and tokens of untrained models.
ALLOWED = {"fp32": 2e-4, "bf16": 0.06, "int8": 0.25}
PRESETS = ["deit_tiny_patch16_224", "deit_small_patch16_224", "deit_tiny_distilled_patch16_224",
           "levit_128s", "levit_128", "levit_192"]


def npy(path, shape, draw):
    """Normalised images of random values."""
    count = 1
    for size in shape:
        count *= size
    text = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }" % ", ".join(map(str, shape))
    text += " " * (-(len(text) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode())
        file.write(array("f", (draw.gauss(0, 1) for _ in range(count))).tobytes())


def values(path):
    with open(path, "rb") as file:
        held = file.read()
    return array("f", held[10 + struct.unpack("<H", held[8:10])[0]:])


class Failed(Exception):
    pass


class Try:
    def __init__(self, program, place, draw):
        self.program, self.place, self.draw = program, place, draw
        self.told = []

    def run(self, words, **environment):
        done = subprocess.run([self.program] + words, cwd=self.place, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
                              env=dict(os.environ, VC_ATTENTION_COSTS="1,1.6,7",
                                       OMP_WAIT_POLICY="passive", **environment), check=False)
        self.told.append("vitcod " + " ".join(words))
        if done.returncode != 0:
            raise Failed(f"{self.told[-1]}: status {done.returncode}: "
                         f"{done.stdout.decode(errors='replace').strip()}")

    def model(self):
        """The words that name a model, and the shape of its images."""
        draw = self.draw
        if draw.random() < 0.5:
            name, side = draw.choice(PRESETS), 16 * draw.randint(2, 5)
            return ["--arch", name, "--image-size", str(side)], (3, side, side)
        heads, patch = draw.randint(1, 5), draw.choice([1, 2, 4])
        sizes = {"--patch": patch, "--heads": heads, "--width": heads * draw.choice([4, 8, 12, 20]),
                 "--depth": draw.randint(1, 4), "--hidden": draw.choice([5, 16, 33, 64])}
        side = 8
        self.data(side)
        words = ["train", "--data", "data", "--epochs", "1", "--batch", "8", "--no-test", "--seed",
                 str(draw.randrange(1000)), "-o", "model", "--force"]
        for name, size in sizes.items():
            words += [name, str(size)]
        self.run(words + (["--distilled"] if draw.random() < 0.3 else []))
        return ["model"], (1, side, side)

    def data(self, side):
        os.makedirs(os.path.join(self.place, "data"), exist_ok=True)
        with open(os.path.join(self.place, "data", "train-images-idx3-ubyte"), "wb") as file:
            file.write(struct.pack(">IIII", 0x803, 16, side, side))
            file.write(self.draw.randbytes(16 * side * side))
        with open(os.path.join(self.place, "data", "train-labels-idx1-ubyte"), "wb") as file:
            file.write(struct.pack(">II", 0x801, 16) + bytes(i % 3 for i in range(16)))

    def plan(self, model):
        self.run(["attention"] + model + ["--input", "images", "-o", "maps", "--force"])
        rule = self.draw.choice(["info", "random", "ratio"])
        for sparsity in (self.draw.uniform(0.2, 0.95), self.draw.uniform(0.02, 0.4), 0.02):
            try:
                self.run(["prune", "maps", "--rule", rule, "--sparsity", f"{sparsity:.3f}",
                          "--seed", str(self.draw.randrange(1000)), "-o", "mask", "--force"])
                break
            except Failed as error:  # few tokens: less is out of reach
                if "out of reach" not in str(error) or sparsity == 0.02:
                    raise
        self.run(["polarize", "mask", "--threshold", str(self.draw.choice([0, 1, 2, 5, 20, 1000])),
                  "-o", "plan", "--force"])
        return ["--plan", "plan"] if self.draw.random() < 0.7 else ["--mask", "mask"]

    def logits(self, words, isa, threads, dtype):
        self.run(["infer"] + words + ["--input", "images", "--dtype", dtype, "--threads",
                                      str(threads), "-o", "logits", "--force"], VC_ISA=isa)
        return values(os.path.join(self.place, "logits"))

    def compare(self, words, isas):
        wanted = self.logits(words, "ref", 1, "fp32")
        largest = max(map(abs, wanted)) or 1.0
        for isa in isas:
            dtype = self.draw.choice(list(ALLOWED)) if isa != "ref" else "fp32"
            one = self.logits(words, isa, 1, dtype)
            several = self.logits(words, isa, self.draw.randint(2, 5), dtype)
            if one.tobytes() != several.tobytes():
                raise Failed(f"{isa} {dtype}: other bits by the number of threads")
            apart = max(abs(a - b) for a, b in zip(one, wanted, strict=True)) / largest
            if not apart <= ALLOWED[dtype]:
                raise Failed(f"{isa} {dtype}: {apart:.3g} of the largest logit apart")

    def go(self, isas):
        model, shape = self.model()
        npy(os.path.join(self.place, "images"), (self.draw.randint(1, 3),) + shape, self.draw)
        plan = self.plan(model) if self.draw.random() < 0.85 else []
        split = ["--split-heads", self.draw.choice(["plan", "cost"])] if "--plan" in plan else []
        self.compare(model + plan + split, isas)
        if plan:
            name = "plan" if not os.path.isdir(os.path.join(self.place, "plan")) else None
            if name and shape[-1] <= 48:
                self.run(["simulate", name, "--head-dim", str(self.draw.choice([4, 16, 24])),
                          "--functional"])


def isas_of(program):
    """Those that this CPU has."""
    return [isa for isa in ("ref", "avx2", "avx512") if subprocess.run(
        [program, "simulate", "--list"], env=dict(os.environ, VC_ISA=isa), check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    program = os.path.join(os.path.abspath(given.build), "vitcod")
    isas, ends, number, failed = isas_of(program), time.time() + given.seconds, 0, 0
    print(f"# seed {given.seed}, {', '.join(isas)}", flush=True)
    while given.only is not None or time.time() < ends:
        number = number + 1 if given.only is None else given.only
        place = tempfile.mkdtemp(prefix="vitcod-random-")
        one = Try(program, place, random.Random(f"{given.seed} {number}"))
        try:
            one.go(isas)
        except (Failed, subprocess.TimeoutExpired) as error:
            failed += 1
            print(f"# failed: --seed {given.seed} --only {number}: {error}")
            print("".join(f"#   {line}\n" for line in one.told), end="", flush=True)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        if given.only is not None:
            break
    print(f"{number} random models, {failed} apart")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
