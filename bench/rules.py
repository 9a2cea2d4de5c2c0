#!/usr/bin/env python3
"""Pruning rules by what they leave of the accuracy: Fashion-MNIST, the demo model, the same
finetuning for all.

    bench/rules.py VITCOD RESULTS.jsonl [--seeds 3] [--first-seed 0] [--limit 3000] [--test-limit 0]
                   [--rules NAME ..] [--sparsities X ..] [--threads N]

Writes a line per run to RESULTS.jsonl and goes on where it stopped; prints a Markdown table of
top-1, mean and standard deviation over the seeds. Several may run at once, each with its own seeds
and file; the lines of all, in one file, make the table. Labels are used: finetuning is `vitcod
train` from the dense model, one epoch over the first LIMIT images, learning rate 1e-3, without
augmentation. Rule `dense` prunes nothing, whatever the sparsity: what the same finetuning makes of
the dense model.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist")
MODEL = os.path.join(ROOT, "models", "fashion-vit.safetensors")
SPARSITIES = [0.6, 0.7, 0.8, 0.9, 0.95]
# name in the table: rule of `prune`, whether it sees scores weighed by values, residual
PRUNE_RULES = {
    "info": ("info", False, False),
    "ratio": ("ratio", False, False),
    "random": ("random", False, False),
    "threshold": ("threshold", False, False),
    "budget": ("threshold", True, False),
    "budget, residual mean": ("threshold", True, True),
}
SUMMARIES = "measured, summaries auto"  # the plan is `calibrate`'s, which does not learn
DENSE = "dense"
RULES = [*PRUNE_RULES, SUMMARIES, DENSE]


def vitcod(*arguments):
    done = subprocess.run(
        [OPTIONS.vitcod, *arguments, "--json"], check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout)


def average_attention(folder):
    for scores, more in (("scores.npy", []), ("beyond.npy", ["--beyond-mean"])):
        vitcod(
            *["attention", MODEL, "--data", DATA, "--limit", "5000"],
            *["-o", os.path.join(folder, "attention.npy")],
            *["--scores", os.path.join(folder, scores), *more],
        )


def make_plan_with_summaries(folder, plan, sparsity):
    vitcod(
        *["calibrate", MODEL, "--data", DATA, "--limit", "1000", "--epochs", "0"],
        *["--rule", "measured", "--summary", "auto", "--sparsity", str(sparsity)],
        *["--plan-output", plan, "-o", os.path.join(folder, "not-learnt.safetensors")],
    )


def make_plan(folder, name, sparsity):
    plan = os.path.join(folder, f"{name}-{sparsity}.safetensors")
    if os.path.exists(plan):
        return plan
    if name == SUMMARIES:
        make_plan_with_summaries(folder, plan, sparsity)
        return plan
    rule, weighed, residual = PRUNE_RULES[name]
    mask, maps = os.path.join(folder, "mask.npy"), os.path.join(folder, "attention.npy")
    scores = "beyond.npy" if residual else "scores.npy"
    if not os.path.exists(maps):
        average_attention(folder)
    vitcod(
        "prune",
        os.path.join(folder, scores) if weighed else maps,
        "--rule",
        rule,
        "--sparsity",
        str(sparsity),
        "-o",
        mask,
    )
    vitcod("polarize", mask, "-o", plan, *(["--residual", maps] if residual else []))
    return plan


def run(folder, plan, coder, seed):
    out = os.path.join(folder, "sparse.safetensors")
    threads = ["--threads", str(OPTIONS.threads)] if OPTIONS.threads else []
    vitcod(
        *["train", "--init", MODEL, "--data", DATA, "-o", out, "--no-test", "--seed", str(seed)],
        *["--epochs", "1", "--limit", str(OPTIONS.limit), "--warmup-epochs", "0.05"],
        *["--lr", "1e-3", "--weight-decay", "0", "--shift", "0", "--no-flip", *threads],
        *(["--plan", plan] if plan else []),
        *(["--autoencoder", coder] if coder else []),
    )
    return vitcod("eval", out, "--data", DATA, "--limit", str(OPTIONS.test_limit), *threads)["top1"]


def key(result):
    return (
        result["rule"],
        result["sparsity"],
        result["autoencoder"],
        result["seed"],
        result["limit"],
        result["test_limit"],
    )


def cases():
    """Seed, sparsity, rule, with an auto-encoder; the dense model once."""
    for seed in range(OPTIONS.first_seed, OPTIONS.seeds):
        for sparsity in reversed(OPTIONS.sparsities):
            for name in OPTIONS.rules:
                for with_coder in (False, True):
                    if name != DENSE:
                        yield seed, sparsity, name, with_coder
                    elif sparsity == OPTIONS.sparsities[0]:
                        yield seed, 0.0, name, with_coder


def measure(done, results):
    with tempfile.TemporaryDirectory() as folder:
        coder = os.path.join(folder, "coder.safetensors")
        vitcod("autoencoder", MODEL, "--data", DATA, "--limit", "1000", "-o", coder)
        for seed, sparsity, name, with_coder in cases():
            result = {
                "rule": name,
                "sparsity": sparsity,
                "autoencoder": with_coder,
                "seed": seed,
                "limit": OPTIONS.limit,
                "test_limit": OPTIONS.test_limit,
            }
            if key(result) in done:
                continue
            plan = make_plan(folder, name, sparsity) if name != DENSE else None
            result["top1"] = run(folder, plan, coder if with_coder else None, seed)
            results.write(json.dumps(result) + "\n")
            results.flush()
            done[key(result)] = result


def cell(done, name, sparsity, coder):
    values = [
        r["top1"]
        for r in done.values()
        if (r["rule"], r["autoencoder"]) == (name, coder)
        and r["sparsity"] == (0.0 if name == DENSE else sparsity)
        and r["limit"] == OPTIONS.limit
        and r["test_limit"] == OPTIONS.test_limit
    ]
    if not values:
        return "-"
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.2f} ± {spread:.2f}"


def table(done):
    head = [f"{100 * s:.0f} %" for s in OPTIONS.sparsities]
    print("| rule | auto-encoder | " + " | ".join(head) + " |")
    print("|---|---|" + "---|" * len(head))
    for name in OPTIONS.rules:
        for coder in (False, True):
            cells = [cell(done, name, s, coder) for s in OPTIONS.sparsities]
            print(f"| {name} | {'Q and K' if coder else 'none'} | " + " | ".join(cells) + " |")


def main():
    done = {}
    if os.path.exists(OPTIONS.results):
        with open(OPTIONS.results, encoding="utf-8") as lines:
            for line in lines:
                result = json.loads(line)
                done[key(result)] = result
    with open(OPTIONS.results, "a", encoding="utf-8") as results:
        measure(done, results)
    table(done)


parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("vitcod")
parser.add_argument("results")
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--first-seed", type=int, default=0)
parser.add_argument("--limit", type=int, default=3000)
parser.add_argument("--test-limit", type=int, default=0)
parser.add_argument("--rules", nargs="+", default=RULES, choices=RULES, metavar="NAME")
parser.add_argument("--sparsities", nargs="+", type=float, default=SPARSITIES, metavar="X")
parser.add_argument("--threads", type=int, default=0)
OPTIONS = parser.parse_args()
main()
