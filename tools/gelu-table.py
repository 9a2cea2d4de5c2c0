#!/usr/bin/env python3
"""Prints src/kernels/gelu_table.h: Phi(a) - 1/2 on [0, SPAN) as cubics, one per interval.

usage: tools/gelu-table.py > src/kernels/gelu_table.h (needs numpy)
"""

from math import erf, sqrt

import numpy as np

INTERVALS, SPAN, DEGREE = 32, 5.25, 3


def coefficients(index):
    """Of t in [-1/2, 1/2), interpolated at Chebyshev's points."""
    t = 0.5 * np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
    a = (index + 0.5 + t) * SPAN / INTERVALS
    return np.linalg.solve(np.vander(t, increasing=True), [0.5 * erf(x / sqrt(2.0)) for x in a])


def main():
    table = np.array([coefficients(i) for i in range(INTERVALS)]).T
    print(
        "/* Made by tools/gelu-table.py: Phi(a) - 1/2 for a in [0, GELU_SPAN), which is cut into"
        " intervals of\n * equal width. Row d holds the coefficient of t^d for each interval; t in"
        " [-1/2, 1/2) is the\n * distance from the middle of the interval, in units of its"
        " width. */"
    )
    print(
        f"#define GELU_SPAN {SPAN}f\nenum {{ GELU_INTERVALS = {INTERVALS}, GELU_DEGREE = {DEGREE}"
        " };\n"
    )
    print(
        "/* clang-format off */\nstatic const float gelu_table[GELU_DEGREE + 1][GELU_INTERVALS] = {"
    )
    for row in table:
        print(
            "    {"
            + ",\n     ".join(
                ", ".join(f"{value:.9e}f" for value in row[i : i + 4])
                for i in range(0, INTERVALS, 4)
            )
            + "},"
        )
    print("};\n/* clang-format on */")


if __name__ == "__main__":
    main()
