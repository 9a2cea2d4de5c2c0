"""A plot of times over tokens (SVG), both axes logarithmic."""

import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 480, 70, 190, 30, 50


def ticks(low, high):
    """1, 2, 5 times powers of ten."""
    return [
        step * 10.0**power
        for power in range(-3, 6)
        for step in (1, 2, 5)
        if low <= step * 10.0**power <= high
    ]


def plot(points, series):
    values = [p[key] for p in points for key, *_ in series if key in p]
    low, high = min(values) * 0.8, max(values) * 1.25
    first, last = points[0]["tokens"], points[-1]["tokens"]

    def x(tokens):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(tokens / first) / math.log(last / first)

    def y(ms):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * math.log(ms / low) / math.log(high / low)

    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            f' width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">'
        ),
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for ms in ticks(low, high):
        out.append(
            f'<path d="M{LEFT} {y(ms):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
            f'<text x="{LEFT - 6}" y="{y(ms) + 4:.1f}" text-anchor="end">{ms:g}</text>'
        )
    for p in points:
        out.append(
            f'<path d="M{x(p["tokens"]):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#eee"/><text'
            f' x="{x(p["tokens"]):.1f}" y="{HEIGHT - BOTTOM + 18}"'
            f' text-anchor="middle">{p["tokens"]}</text>'
        )
    # A line may end early, where something ran out of memory; labels keep their distance.
    ends = {key: [p[key] for p in points if key in p][-1:] for key, *_ in series}
    there = [s for s in series if ends[s[0]]]
    at = HEIGHT
    for key, label, colour, dash in sorted(there, key=lambda s: ends[s[0]]):
        line = " ".join(f'{x(p["tokens"]):.1f},{y(p[key]):.1f}' for p in points if key in p)
        at = min(at - 16, y(ends[key][0]) + 4)
        out.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"'
            f' stroke-dasharray="{dash}"/><text x="{WIDTH - RIGHT + 8}" y="{at:.1f}"'
            f' fill="{colour}">{label}</text>'
        )
    out.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}"'
        f' text-anchor="middle">tokens</text><text x="{LEFT - 6}" y="{TOP - 12}"'
        ' text-anchor="end">ms</text></svg>'
    )
    return "\n".join(out) + "\n"
