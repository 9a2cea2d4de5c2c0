#!/usr/bin/env python3
"""Steps of training, vitcod against PyTorch and timm: the same model, batch and optimiser, in
turns.

usage: training.py BENCH_MODEL OUTPUT.json [--plan PLAN] [--turns 5] [--threads 1,2] [--cases NAME]
                   [--write README.md]

BENCH_MODEL is the build's bench_model. PLAN, for DeiT-Tiny (`vitcod prune` and `vitcod polarize`),
is what the sparse rows run on; PyTorch runs dense, in the same precision (bf16 by autocast), eager
and compiled, and the faster of the two counts. In each turn all that have the same peer run one
after the other, a process each, and a turn that was disturbed is measured again (quiet.py); a row
has the median over the turns of ours / theirs, and the least and the most, and beside it the most
memory that the steps had, which is that of model, optimiser, activations and gradients. Rows that
OUTPUT.json has of the same program, plan, versions and CPUs stay, so that --cases (a part of names)
and --threads make a few anew. --write puts all of them between the markers of bench/README.md, and
says which are missing.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import textwrap
from importlib import metadata

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import document
from quiet import SHARE, Quiet
from quiet import told as quiet_text

HOW = ("eager", "compiled")
HERE = os.path.dirname(os.path.abspath(__file__))
# model, batch, dtype, and of ours: name, sparse, --memory, the ratio aimed at with two threads
GROUPS = [
    (
        ("tiny", 16, "fp32"),
        [
            ("DeiT-Tiny fp32", False, "fast", 1.7),
            ("DeiT-Tiny fp32, 90 % sparse", True, "fast", 1.9),
            ("DeiT-Tiny fp32, --memory less", False, "less", None),
            ("DeiT-Tiny fp32, --memory least", False, "least", None),
        ],
    ),
    (
        ("tiny", 16, "bf16"),
        [
            ("DeiT-Tiny bf16", False, "fast", None),
            ("DeiT-Tiny bf16, 90 % sparse", True, "fast", 2.2),
        ],
    ),
    (("small", 128, "fp32"), [("ViT 64 x 6 x 4, 50 tokens, fp32", False, "fast", 2.0)]),
    (("small", 128, "bf16"), [("ViT 64 x 6 x 4, 50 tokens, bf16", False, "fast", None)]),
    (("tiny", 2, "fp32"), [("DeiT-Tiny fp32, batch 2", False, "fast", None)]),
]
NAMES = [ours[0] for _, all_of in GROUPS for ours in all_of]
THREADS = (2, 1)
ROUNDS = {"tiny": 4, "small": 12}
BEGIN, END = "<!-- training: begin -->\n", "<!-- training: end -->\n"


def fail(message):
    sys.exit(f"training: {message}")


def run(command, threads):
    """Images per second, the median of the rounds, and the most bytes of memory."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    done = subprocess.run(command, stdout=subprocess.PIPE, env=environment, text=True)
    if done.returncode != 0:
        fail(f"'{' '.join(command)}' ended with status {done.returncode}, wanted 0")
    lines = done.stdout.split("\n")
    rate = statistics.median(float(line) for line in lines if line and line[0] != "#")
    return rate, int(next(line.split()[2] for line in lines if line.startswith("# peak_bytes")))


def row_of(ours, theirs, case, threads):
    """`ours` and each of `theirs`: rate and bytes of every turn."""
    best = max(HOW, key=lambda how: statistics.median(rate for rate, _ in theirs[how]))
    ratios = sorted(a / b for (a, _), (b, _) in zip(ours, theirs[best]))
    return {
        "case": case[0],
        "threads": threads,
        "turns": len(ours),
        "ours": statistics.median(rate for rate, _ in ours),
        "pytorch": statistics.median(rate for rate, _ in theirs[best]),
        "our_bytes": max(size for _, size in ours),
        "pytorch_bytes": max(size for _, size in theirs[best]),
        "how": best,
        "ratio": statistics.median(ratios),
        "least": ratios[0],
        "most": ratios[-1],
        "goal": case[3] if threads == max(THREADS) else None,
    }


def measure(group, cases, threads, options, quiet):
    model, batch, dtype = group
    work = [model, "train", str(batch), str(options.rounds or ROUNDS[model])]
    peer = [sys.executable, os.path.join(HERE, "torch_model.py"), *work, dtype]
    commands = {how: [*peer, how] for how in HOW}
    for name, sparse, memory, _ in cases:
        plan = options.plan if sparse else "none"
        commands[name] = [options.bench_model, *work, dtype, plan, memory]

    def turn(_, look):
        found = {}
        for name, command in commands.items():
            found[name] = run(command, threads)
            look()
        return found

    turns, _, count = quiet.rounds(options.turns, threads, turn)
    taken = {name: [found[name] for _, found in turns] for name in commands}
    theirs = {how: taken[how] for how in HOW}
    rows = [row_of(taken[case[0]], theirs, case, threads) for case in cases]
    name = f"{model} {dtype} batch {batch} {threads}t"
    return [row | {"name": name, "count": count} for row in rows]  # what their turns have in common


def text_of(r):
    return (
        f"| {r['case']} | {r['threads']} | {r['ours']:.1f} | {r['pytorch']:.1f}, {r['how']} | "
        f"{r['ratio']:.2f} ({r['least']:.2f} to {r['most']:.2f}) | {r['goal'] or ''} | "
        f"{r['our_bytes'] / 2**20:.0f} | {r['pytorch_bytes'] / 2**20:.0f} |"
    )


def cpu():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = [line.split(":", 1) for line in file if ":" in line]
    found = {name.strip(): value.strip() for name, value in lines}
    return f"{found.get('model name', 'unknown CPU')}, {os.cpu_count()} CPUs"


def digest(path):
    if not path:
        return None
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()[:16]


def setting(options):
    """What rows of one table have in common."""
    return {
        "cpu": cpu(),
        "versions": {name: metadata.version(name) for name in ("torch", "timm")},
        "program": digest(options.bench_model),
        "rounds": options.rounds,
        "quiet": SHARE,
    }


def kept(options, common):
    """The rows that the file has already, without those on another plan than this one; the plan
    that sparse rows are on, these and those to come."""
    if not os.path.exists(options.output):
        return {}, digest(options.plan)
    with open(options.output, encoding="utf-8") as file:
        before = json.load(file)
    if not isinstance(before, dict) or "results" not in before:
        fail(f"{options.output} has no results of this program, wanted such a file or none")
    differ = [k for k, v in common.items() if before.get(k) != v]
    other = options.plan and before.get("plan") not in (None, digest(options.plan))
    rows = {
        (r["case"], r["threads"]): r
        for r in before["results"]
        if not differ and not (other and "sparse" in r["case"])
    }
    if len(rows) < len(before["results"]):
        print(
            f"training: {len(before['results']) - len(rows)} of {len(before['results'])} rows of "
            f"{options.output} are left out, as they have another {', '.join(differ) or 'plan'}",
            file=sys.stderr,
        )
    return rows, digest(options.plan) or (None if differ else before.get("plan"))


def table(rows, common):
    versions = common["versions"]
    turns = sorted({r["turns"] for r in rows.values()})
    told = " and ".join(str(t) for t in turns)
    head = (
        f"{common['cpu']}; PyTorch {versions['torch']}, timm {versions['timm']}. Turns: {told}; "
        "medians, ratios from least to most; goals for two threads; MiB at the peak of a step:"
    )
    every = [(name, threads) for name in NAMES for threads in THREADS]
    gone = {name: [str(t) for t in THREADS if (name, t) not in rows] for name in NAMES}
    missing = "; ".join(f"{name} ({', '.join(counts)})" for name, counts in gone.items() if counts)
    lines = textwrap.wrap(head, 100, break_on_hyphens=False) + [
        "",
        "| case | threads | images/s | PyTorch | ratio | goal | MiB | PyTorch |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [text_of(rows[key]) for key in every if key in rows]
    notes = [quiet_text({"quiet": common["quiet"], "cases": rows.values()})]
    notes += [f"Not in this run (threads): {missing}."] if missing else []
    for text in notes:
        lines += ["", *textwrap.wrap(text, 100, break_on_hyphens=False)]
    return "\n".join(lines)


def chosen_threads(text):
    threads = [int(word) for word in text.split(",") if word.isdigit()]
    if not threads or not set(threads) <= set(THREADS) or len(threads) != len(text.split(",")):
        fail(f"--threads is '{text}', wanted 1, 2 or 1,2")
    return threads


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("bench_model")
    parser.add_argument("output")
    parser.add_argument("--plan", help="what sparse rows run on; without it they are left out")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--rounds", type=int, help="steps of a turn (4, and 12 of the small ViT)")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--cases", default="", help="a part of their names")
    parser.add_argument("--write", help="the page that gets the table")
    options = parser.parse_args()
    threads = chosen_threads(options.threads)
    chosen = [name for name in NAMES if options.cases in name]
    if not chosen:
        fail(f"no case has '{options.cases}' in its name, wanted a part of one of {NAMES}")
    for name, value in (("turns", options.turns), ("rounds", options.rounds)):
        if value is not None and value < 1:
            fail(f"--{name} is {value}, wanted 1 or more")
    common = setting(options)
    rows, plan = kept(options, common)
    quiet = Quiet(os.path.join(os.path.dirname(options.bench_model), "bench_peak"))
    for group, all_of in GROUPS:
        cases = [c for c in all_of if c[0] in chosen and (options.plan or not c[1])]
        for count in threads if cases else []:
            for row in measure(group, cases, count, options, quiet):
                rows[row["case"], count] = row
                print(text_of(row), flush=True)
            with open(options.output, "w", encoding="utf-8") as out:
                told = {**common, "plan": plan, "results": list(rows.values())}
                json.dump(told, out, indent=2)
    text = table(rows, common)
    print(f"\n{text}")
    if options.write:
        document.write_between(options.write, BEGIN, END, text + "\n")


if __name__ == "__main__":
    main()
