"""Median and quartiles of rounds, ratios to ours, and the table of a case."""

import math
import statistics

from cases import NAMES

# Operators whose time is that of products of matrices; the rest is around them.
PRODUCTS = {"patch_embed", "stem", "qkv", "q", "kv", "attention", "projection", "fc1", "fc2"}
PRODUCTS |= {"head"}


def spread(values):
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    )
    return {"median": middle, "quartile_low": low, "quartile_high": high}


def p99(passes):
    """What 99 of 100 passes do not exceed, of all rounds."""
    times = sorted(ms for turn in passes for ms in turn)
    return times[math.ceil(0.99 * len(times)) - 1]


def outside_products(said):
    """Share of the operators' time, with that of threads waiting for each other."""
    times = {True: said["waiting_ms"], False: 0.0}
    for op in said["operators"]:
        times[op["name"] not in PRODUCTS] += op["ms"]
    return times[True] / (times[True] + times[False])


def summarise(case, found):
    """Adds medians, ratios per round and the verdict to a case's engines."""
    ours = found["ours"]["rounds_ms"]
    for name, engine in found.items():
        engine["ms"] = spread(engine["rounds_ms"]) | {"p99": p99(engine["passes_ms"])}
        if name != "ours":
            engine["ratio"] = spread([peer / own for peer, own in zip(engine["rounds_ms"], ours)])
    found["ours"]["outside_products"] = outside_products(found["ours"]["said"])
    peers = [name for name in found if name != "ours"]
    best = min(peers, key=lambda name: found[name]["ms"]["median"], default=None)
    verdict = {"goal": case.goal, "best_peer": best, "reached": None}
    if best and case.goal:
        verdict["reached"] = found[best]["ratio"]["median"] >= case.goal
    return verdict


def show(s, digits):
    return (
        f"{s['median']:.{digits}f} ({s['quartile_low']:.{digits}f}-{s['quartile_high']:.{digits}f})"
    )


HEADER = [
    (
        "| case | engine | ms (quartiles) | p99 | peer / ours (quartiles) | goal | as fp32 |"
        " logits' error | setting |"
    ),
    "|---|---|---|---|---|---|---|---|---|",
]


def rows(case, entry):
    lines, found, verdict = [], entry["engines"], entry["verdict"]
    for name, engine in found.items():
        ratio = show(engine["ratio"], 2) if "ratio" in engine else ""
        goal = ""
        if name == verdict["best_peer"] and case.goal:
            goal = f"{verdict['goal']:.2f} {'reached' if verdict['reached'] else 'missed'}"
        check = engine["check"]
        cells = [
            case.name if name == "ours" else "",
            NAMES[name],
            show(engine["ms"], 2),
            f"{engine['ms']['p99']:.1f}",
            ratio,
            goal,
            f"{check['top1_same']}/{check['images']}",
            f"{check['error']:.1e}",
            engine["setting"],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
