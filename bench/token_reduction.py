#!/usr/bin/env python3
"""Writes docs/token-reduction.md: what pruning tokens (as SpAtten) and merging them (as ToMe) do to
DeiT-Tiny at the same MACs, and how SpAtten's chip compares where pruning is as right as that.

usage: token_reduction.py VITCOD DATA WORK OUT.md

DATA is a folder with deit_tiny_patch16_224.safetensors, imagenet-samples/, imagenet-val20/ and
imagenet_synsets.txt. Results are kept in WORK, and what is there is not measured again.
"""

import json
import math
import os
import re
import subprocess
import sys

SHARES = [0.95, 0.8, 0.6]  # of MACs
RULES = ["prune", "merge"]
LEVELS = [97, 95, 93, 90, 85]  # percent of images that keep their class
SPARSITY = 0.9
ARCH = "deit_tiny_patch16_224"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Bench:
    def __init__(self, vitcod, data, work):
        self.vitcod, self.work = vitcod, work
        self.model = os.path.join(data, ARCH + ".safetensors")
        self.samples = ["--data", os.path.join(data, "imagenet-samples")]
        self.validation = ["--data", os.path.join(data, "imagenet-val20")]
        self.validation += ["--classes", os.path.join(data, "imagenet_synsets.txt")]
        os.makedirs(work, exist_ok=True)

    def run(self, *words):
        command = [self.vitcod, *map(str, words), "--json"]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    def kept(self, name, *words):
        """The result of a command, from WORK if it is there."""
        path = os.path.join(self.work, name + ".json")
        if not os.path.exists(path):
            result = self.run(*words)
            with open(path + ".part", "w") as file:
                json.dump(result, file)
            os.rename(path + ".part", path)
        with open(path) as file:
            return json.load(file)

    def keep_for(self, rule, share):
        """The share of tokens in the last layer that leaves this share of the MACs."""
        low, high = 1.0 / 11.5, 1.0
        if rule == "prune":
            low = 1e-3
        for _ in range(12):
            middle = (low + high) / 2.0
            at = self.run(
                "eval", self.model, *self.samples, "--limit", 1, "--tokens", rule, "--keep", middle
            )
            low, high = (low, middle) if at["tokens"]["macs_share"] > share else (middle, high)
        return round((low + high) / 2.0, 4)

    def whole(self, name, *how):
        return [
            self.kept(name + "-samples", "eval", self.model, *self.samples, *how),
            self.kept(name + "-val20", "eval", self.model, *self.validation, *how),
        ]

    def reduced(self, rule, share):
        name = "%s-%g" % (rule, share)
        path = os.path.join(self.work, name + "-samples.json")
        if os.path.exists(path):
            with open(path) as file:
                keep = json.load(file)["tokens"]["keep"]
        else:
            keep = self.keep_for(rule, share)
        return self.whole(name, "--tokens", rule, "--keep", keep)

    def mask(self):
        folder = os.path.join(self.work, "masks", ARCH)
        path = os.path.join(folder, "%g.npy" % SPARSITY)
        if not os.path.exists(path):
            os.makedirs(folder, exist_ok=True)
            maps = os.path.join(self.work, "maps.npy")
            self.run("attention", self.model, *self.samples, "-o", maps)
            self.run("prune", maps, "--sparsity", SPARSITY, "-o", path)
        return path

    def spatten(self, scores_share):
        """SpAtten's time over that of prune + reorder at 90 %, with as many scores left."""
        rows = self.run(
            "compare",
            "--arch",
            ARCH,
            "--masks",
            os.path.join(self.work, "masks"),
            "--sparsity",
            SPARSITY,
            "--attention-only",
            "--chip",
            "prune-reorder,spatten",
            "--token-keep",
            math.sqrt(scores_share),
        )["rows"]
        times = {r["chip"]: r["attention"]["time_us"] for r in rows}
        return times["spatten"] / times["prune + reorder"]


# ---- intervals of 95 %


def wilson(percent, count):
    """Half the width of Wilson's interval for a share, in points."""
    p, z = percent / 100.0, 1.96
    return 100.0 * z / (1 + z * z / count) * math.sqrt(p * (1 - p) / count + z * z / (4 * count**2))


def paired(result, dense):
    """Top-1 minus the dense model's and half its interval, in points, image by image: each class
    has one image, so that a class's top-1 says whether that was right."""
    right = {c["class"]: c["top1"] / 100.0 for c in dense["classes"]}
    assert all(c["images"] == 1 for c in dense["classes"] + result["classes"])
    changes = [c["top1"] / 100.0 - right[c["class"]] for c in result["classes"]]
    mean = sum(changes) / len(changes)
    variance = sum((c - mean) ** 2 for c in changes) / (len(changes) - 1)
    return 100.0 * mean, 100.0 * 1.96 * math.sqrt(variance / len(changes))


# ---- the tables


def right_of(results):
    samples, validation = results
    right = validation["top1"] * validation["images"] / 100.0
    return "%.1f | %.0f of %d" % (samples["top1"], right, validation["images"])


def difference(results, dense):
    return "%+.1f +- %.1f" % paired(results[0], dense[0])


def reduction_rows(found, dense):
    lines = []
    for share in SHARES:
        for rule in RULES:
            results = found[rule, share]
            tokens, images = results[0]["tokens"], results[0]["images"]
            same = tokens["same_class_percent"]
            lines.append(
                "| %.1f %% | %s | %.3f | %d | %.1f %% | %s | %s | %.1f +- %.1f | %.3f |"
                % (
                    100.0 * tokens["macs_share"],
                    rule,
                    tokens["keep"],
                    tokens["layer_tokens"][-1],
                    100.0 * tokens["scores_share"],
                    right_of(results),
                    difference(results, dense),
                    same,
                    wilson(same, images),
                    tokens["divergence"],
                )
            )
    return "\n".join(lines)


def at_level(found, rule, level, key):
    """A share where so many percent of the images keep their class, between what was measured."""
    points = [(100.0, 1.0)]
    for share in SHARES:
        tokens = found[rule, share][0]["tokens"]
        points.append((tokens["same_class_percent"], tokens[key]))
    for (high, above), (low, below) in zip(points, points[1:]):
        if low <= level <= high and low < high:
            return below + (above - below) * (level - low) / (high - low)
    return None


def level_rows(bench, found):
    def percent(share):
        return "-" if share is None else "%.0f %%" % (100.0 * share)

    lines = []
    for level in LEVELS:
        scores = at_level(found, "prune", level, "scores_share")
        lines.append(
            "| %d %% | %s | %s | %s | %s | %s |"
            % (
                level,
                percent(at_level(found, "merge", level, "macs_share")),
                percent(at_level(found, "prune", level, "macs_share")),
                percent(scores),
                percent(scores and math.sqrt(scores)),
                "-" if scores is None else "%.2f" % bench.spatten(scores),
            )
        )
    return "\n".join(lines)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__.strip())
    bench, out = Bench(*sys.argv[1:4]), sys.argv[4]
    dense, mask = bench.whole("dense"), bench.whole("mask", "--mask", bench.mask())
    found = {(rule, share): bench.reduced(rule, share) for share in SHARES for rule in RULES}
    sizes = bench.run("info", bench.model)
    attention = sizes["attention_macs"] / sizes["macs"]
    values = {
        "reduction": reduction_rows(found, dense),
        "levels": level_rows(bench, found),
        "dense": right_of(dense),
        "mask": "%.1f" % mask[0]["top1"],
        "mask_difference": difference(mask, dense),
        "mask_macs": "%.1f" % (100.0 * (1.0 - SPARSITY * attention)),
        "attention": "%.0f" % (100.0 * attention),
        "images": "%d" % dense[0]["images"],
        "interval": "%.1f" % wilson(dense[0]["top1"], dense[0]["images"]),
    }
    with open(os.path.join(ROOT, "bench/token_reduction.in.md")) as file:
        text = re.sub(r"\{\{(\w+)\}\}", lambda m: values[m.group(1)], file.read())
    with open(out, "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
