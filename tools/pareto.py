#!/usr/bin/env python3
"""Draws results of `vitcod sweep` as SVG: latency over area, a line for each number of MACs per PE
line, the Pareto front, and the point of least area x latency. A name that ends in .png is drawn
through cairosvg (PyPI).

usage: pareto.py RESULTS.jsonl OUT.svg|OUT.png [TITLE]
"""

import html
import json
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 470, 70, 60, 20, 60
COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"]  # Okabe and Ito


def read(path):
    with open(path) as file:
        lines = [json.loads(line) for line in file][1:]
    best = {}  # of points that differ in other axes the fastest
    for line in lines:
        if "error" in line:
            continue
        key = line["values"]["macs_per_line"], line["values"]["lines"]
        if key not in best or line["time_us"] < best[key]["time_us"]:
            best[key] = line
    return best


def front_of(points):
    return [
        p
        for p in points
        if not any(
            q["time_us"] <= p["time_us"]
            and q["area_mm2"] <= p["area_mm2"]
            and q is not p
            and (q["time_us"], q["area_mm2"]) != (p["time_us"], p["area_mm2"])
            for q in points
        )
    ]


def ticks(low, high):
    return [m * 10.0**e for e in range(-3, 6) for m in (1, 2, 5) if low <= m * 10.0**e <= high]


class Axis:
    def __init__(self, values, start, end):
        self.low, self.high = math.log(min(values) / 1.15), math.log(max(values) * 1.15)
        self.start, self.end = start, end

    def at(self, value):
        return self.start + (math.log(value) - self.low) / (self.high - self.low) * (
            self.end - self.start
        )

    def ticks(self):
        return ticks(math.exp(self.low), math.exp(self.high))


def draw(best, title):
    points = list(best.values())
    x = Axis([p["area_mm2"] for p in points], LEFT, WIDTH - RIGHT)
    y = Axis([p["time_us"] for p in points], HEIGHT - BOTTOM, TOP)
    out = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif"'
        ' font-size="11" role="img" aria-label="%s">'
        % (WIDTH, HEIGHT, html.escape(title, quote=True)),
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<text x="%d" y="20" font-size="14">%s</text>' % (LEFT, html.escape(title)),
    ]
    for t in x.ticks():
        out.append(
            '<path d="M%.1f %d V%d" stroke="#dddddd"/><text x="%.1f" y="%d"'
            ' text-anchor="middle">%g</text>'
            % (x.at(t), TOP, HEIGHT - BOTTOM, x.at(t), HEIGHT - BOTTOM + 16, t)
        )
    for t in y.ticks():
        out.append(
            '<path d="M%d %.1f H%d" stroke="#dddddd"/><text x="%d" y="%.1f"'
            ' text-anchor="end">%g</text>'
            % (LEFT, y.at(t), WIDTH - RIGHT, LEFT - 6, y.at(t) + 4, t)
        )
    out.append(
        '<text x="%d" y="%d" text-anchor="middle">area, mm2 (both axes logarithmic)</text>'
        % ((LEFT + WIDTH - RIGHT) // 2, HEIGHT - BOTTOM + 36)
    )
    out.append(
        '<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">latency, us</text>'
        % ((TOP + HEIGHT - BOTTOM) // 2)
    )
    front = front_of(points)
    for i, macs in enumerate(sorted({key[0] for key in best})):
        colour = COLOURS[i % len(COLOURS)]
        series = [best[key] for key in sorted(best) if key[0] == macs]
        out.append(
            '<path d="M%s" fill="none" stroke="%s"/>'
            % (
                " L".join("%.1f %.1f" % (x.at(p["area_mm2"]), y.at(p["time_us"])) for p in series),
                colour,
            )
        )
        out.append(
            '<circle cx="%d" cy="38" r="4" fill="%s"/><text x="%d" y="42">%g MACs per line</text>'
            % (LEFT + 6 + 130 * i, colour, LEFT + 14 + 130 * i, macs)
        )
        for p in series:
            on_front = p in front
            out.append(
                '<circle cx="%.1f" cy="%.1f" r="%g" fill="%s" stroke="%s"><title>%d lines: %.2f us,'
                ' %.2f mm2, %.1f uJ</title></circle>'
                % (
                    x.at(p["area_mm2"]),
                    y.at(p["time_us"]),
                    4.5 if on_front else 2.5,
                    colour if on_front else "#ffffff",
                    colour,
                    p["values"]["lines"],
                    p["time_us"],
                    p["area_mm2"],
                    p["energy_uj"],
                )
            )
            if on_front:
                out.append(
                    '<text x="%.1f" y="%.1f" font-size="9">%d</text>'
                    % (x.at(p["area_mm2"]) + 6, y.at(p["time_us"]) - 4, p["values"]["lines"])
                )
    least = min(points, key=lambda p: p["time_us"] * p["area_mm2"])
    out.append(
        '<circle cx="%.1f" cy="%.1f" r="9" fill="none" stroke="#000000"/>'
        % (x.at(least["area_mm2"]), y.at(least["time_us"]))
    )
    out.append(
        '<text x="%d" y="%d" text-anchor="end">filled: Pareto front, with its number of lines;'
        ' ring: least area x latency, %d lines of %d MACs</text>'
        % (WIDTH - RIGHT, HEIGHT - 6, least["values"]["lines"], least["values"]["macs_per_line"])
    )
    return "\n".join(out + ["</svg>", ""])


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    svg = draw(read(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else "Latency over area")
    if sys.argv[2].endswith(".png"):
        import cairosvg

        cairosvg.svg2png(bytestring=svg.encode(), write_to=sys.argv[2], output_width=1520)
        return
    with open(sys.argv[2], "w") as file:
        file.write(svg)


if __name__ == "__main__":
    main()
