"""Median and quartiles of rounds, ratios to ours, and the table of a case."""

import statistics

from cases import NAMES


def spread(values):
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    )
    return {"median": middle, "quartile_low": low, "quartile_high": high}


def summarise(case, found):
    """Adds medians, ratios per round and the verdict to a case's engines."""
    ours = found["ours"]["rounds_ms"]
    for name, engine in found.items():
        engine["ms"] = spread(engine["rounds_ms"])
        if name != "ours":
            engine["ratio"] = spread([peer / own for peer, own in zip(engine["rounds_ms"], ours)])
    peers = [name for name in found if name != "ours"]
    best = min(peers, key=lambda name: found[name]["ms"]["median"], default=None)
    against = best if case.against == "best" else case.against
    verdict = {"goal": case.goal, "best_peer": best, "against": against, "reached": None}
    if against in found:
        verdict["reached"] = found[against]["ratio"]["median"] >= case.goal
    return verdict


def show(s, digits):
    return (
        f"{s['median']:.{digits}f} ({s['quartile_low']:.{digits}f}-{s['quartile_high']:.{digits}f})"
    )


HEADER = [
    (
        "| case | engine | ms (quartiles) | peer / ours (quartiles) | goal | as fp32 | logits'"
        " error | setting |"
    ),
    "|---|---|---|---|---|---|---|---|",
]


def rows(case, found, verdict):
    lines = []
    for name, engine in found.items():
        ratio = show(engine["ratio"], 2) if "ratio" in engine else ""
        goal = ""
        if name == verdict["against"]:
            goal = f"{verdict['goal']:.2f} {'reached' if verdict['reached'] else 'missed'}"
        check = engine["check"]
        cells = [
            case.name if name == "ours" else "",
            NAMES[name],
            show(engine["ms"], 2),
            ratio,
            goal,
            f"{check['top1_same']}/{check['images']}",
            f"{check['error']:.1e}",
            engine["setting"],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
