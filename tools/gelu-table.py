#!/usr/bin/env python3
"""Prints src/kernels/gelu_table.h: Phi(a) - 1/2, which GELU is made of, and its slope - 1/2 on
[0, SPAN) as polynomials, one per interval.

usage: tools/gelu-table.py > src/kernels/gelu_table.h (needs numpy)
"""

from math import erf, exp, pi, sqrt

import numpy as np

INTERVALS = 32


def half_cdf(a):
    return 0.5 * erf(a / sqrt(2.0))


def half_slope(a):
    return half_cdf(a) + a * exp(-0.5 * a * a) / sqrt(2.0 * pi)


# name, function, span, degree
TABLES = [("gelu", half_cdf, 5.25, 3), ("gelu_slope", half_slope, 6.0, 4)]


def coefficients(function, span, degree, index):
    """Of t in [-1/2, 1/2), interpolated at Chebyshev's points."""
    t = 0.5 * np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    a = (index + 0.5 + t) * span / INTERVALS
    return np.linalg.solve(np.vander(t, increasing=True), [function(x) for x in a])


def print_table(name, function, span, degree):
    table = np.array([coefficients(function, span, degree, i) for i in range(INTERVALS)]).T
    big = name.upper()
    print(f"#define {big}_SPAN {span}f\nenum {{ {big}_DEGREE = {degree} }};")
    print(f"static const float {name}_table[{big}_DEGREE + 1][GELU_INTERVALS] = {{")
    for row in table:
        print(
            "    {"
            + ",\n     ".join(
                ", ".join(f"{value:.9e}f" for value in row[i : i + 4])
                for i in range(0, INTERVALS, 4)
            )
            + "},"
        )
    print("};")


def main():
    print(
        "/* Made by tools/gelu-table.py: Phi(a) - 1/2 for a in [0, GELU_SPAN), and GELU's slope -"
        " 1/2 for a\n * in [0, GELU_SLOPE_SPAN), which are cut into intervals of equal width. Row d"
        " holds the coefficient\n * of t^d for each interval; t in [-1/2, 1/2) is the distance from"
        " the middle of the interval, in\n * units of its width. */"
    )
    print(f"enum {{ GELU_INTERVALS = {INTERVALS} }};\n\n/* clang-format off */")
    for table in TABLES:
        print_table(*table)
    print("/* clang-format on */")


if __name__ == "__main__":
    main()
