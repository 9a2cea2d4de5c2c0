"""Which goals hold on a device, by the table that bench/device.sh made.

usage: device_goals.py TABLE.md; a line for each goal and row: what was wanted, what there is, and
whether it holds; what was not measured is said."""

import sys


def read_rows(path):
    """{(model, side, batch, precision, attention, by): [ms, images/s, ms in attention]}"""
    rows = {}
    with open(path) as lines:
        for line in lines:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if line.startswith("| ") and len(cells) == 9 and cells[0] != "model":
                rows[tuple(cells[:6])] = cells[6:]
    return rows


def number(rows, key, column):
    try:
        return float(rows[key][column])
    except (KeyError, ValueError):
        return None


def say(goal, ours, theirs, wanted):
    """Theirs over ours has to be at least `wanted`."""
    if not ours or not theirs:
        missing = " and ".join(name for name, ms in (("ours", ours), ("theirs", theirs)) if not ms)
        return f"- {goal}: not measured ({missing})"
    ratio = theirs / ours
    verdict = "holds" if ratio >= wanted else "does not hold"
    return (f"- {goal}: {verdict}; {ours:g} ms beside {theirs:g}, {ratio:.2f} times as fast, "
            f"wanted {wanted:g}")


def least(times):
    known = [ms for ms in times if ms]
    return min(known) if known else None


def goals(rows):
    base = ("deit_base_patch16_224", "224", "64", "fp16", "dense")
    yield say("DeiT-Base, 64 images in fp16, within 10 % of compiled SDPA",
              number(rows, (*base, "vitcod"), 0), number(rows, (*base, "PyTorch, compiled"), 0),
              1 / 1.1)
    for side, tokens, wanted in (("224", 197, 2.0), ("512", 1025, 4.0)):
        sizes = sorted({key[:4] for key in rows if key[1] == side and key[3] == "fp16"
                        and key[0].startswith("deit") and int(key[2]) > 1})
        for size in sizes or [("deit_base_patch16_224", side, "64", "fp16")]:
            what = f"{tokens} tokens, {size[0]}, {size[2]} images"
            yield say(f"attention at 90 % beside SDPA, {what}",
                      number(rows, (*size, "90 % pruned", "vitcod"), 2),
                      number(rows, (*size, "dense", "PyTorch, sdpa"), 2), wanted)
    for model in ("tiny", "small", "base"):
        one = (f"deit_{model}_patch16_224", "224", "1", "fp16", "dense")
        theirs = least([number(rows, (*one, f"PyTorch, {way}"), 0)
                        for way in ("graphs", "compiled")])
        yield say(f"one image in fp16 below PyTorch's with CUDA graphs, DeiT-{model.title()}",
                  number(rows, (*one, "vitcod"), 0), theirs, 1.0)


if __name__ == "__main__":
    print(*goals(read_rows(sys.argv[1])), sep="\n")
