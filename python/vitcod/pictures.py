"""Masks and plans as SVG, for notebooks: a row for each layer, a square for each head, a pixel for
each entry."""

from __future__ import annotations

import base64
import html
import struct
import zlib
from collections.abc import Iterable

import numpy as np

PRUNED, KEPT, GLOBAL = range(3)  # values of a picture; of GLOBAL are kept entries computed densely
COLOURS = bytes.fromhex("f2f2f2 1f5fa8 d1570d")
SIDE, GAP, MARGIN = 72, 4, 90  # in units of the SVG
MEANINGS = {PRUNED: "pruned", KEPT: "kept", GLOBAL: "kept, of a global token"}


def _png(pixels: np.ndarray) -> bytes:
    """uint8 (height, width), values of COLOURS."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # 0 at the start of a row: as it is
    rows[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"PLTE", COLOURS)
        + chunk(b"IDAT", zlib.compress(rows.tobytes(), 9))
        + chunk(b"IEND", b"")
    )


def _legend(values: Iterable[int], at: int) -> list[str]:
    parts, x = [], MARGIN
    for value in values:
        colour = COLOURS[3 * value : 3 * value + 3].hex()
        parts.append(f'<rect x="{x}" y="{at}" width="10" height="10" fill="#{colour}"/>')
        parts.append(f'<text x="{x + 14}" y="{at + 9}">{MEANINGS[value]}</text>')
        x += 30 + 7 * len(MEANINGS[value])
    return parts


def svg(layers: Iterable[tuple[str, np.ndarray]]) -> str:
    """Layers with their names: uint8 (heads, queries, keys) of the values above."""
    parts, y, width, found = [], 0, 0, {PRUNED, KEPT}
    for name, picture in layers:
        height, name = 0, html.escape(name)
        parts.append(f'<text x="0" y="{y + 14}">{name}</text>')
        for head, pixels in enumerate(picture):
            queries, keys = pixels.shape
            wide = SIDE if keys >= queries else round(SIDE * keys / queries)
            high = SIDE if queries >= keys else round(SIDE * queries / keys)
            x = MARGIN + head * (SIDE + GAP)
            data = base64.b64encode(_png(pixels)).decode()
            # Fewer pixels than entries: a mean shows thin lines, which the nearest would drop.
            how = "pixelated" if max(pixels.shape) <= SIDE else "auto"
            kept = 100 * np.count_nonzero(pixels) / pixels.size
            parts.append(
                f'<image x="{x}" y="{y}" width="{max(wide, 1)}" height="{max(high, 1)}" '
                f'preserveAspectRatio="none" style="image-rendering:{how}" '
                f'href="data:image/png;base64,{data}">'
                f"<title>{name}, head {head}: {kept:.1f} % kept</title></image>"
            )
            height, width = max(height, high), max(width, x + SIDE)
        found |= set(np.unique(picture).tolist())
        y += max(height, 16) + GAP
    parts += _legend(sorted(found), y + GAP)
    width, height = max(width, MARGIN + 340), y + GAP + 14
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="sans-serif" font-size="12" fill="currentColor">'
        + "".join(parts)
        + "</svg>"
    )


def of_masks(groups: dict[str, np.ndarray]) -> str:
    """bool (layers, heads, queries, keys), True = pruned, by group."""
    return svg(
        (f"{group or 'layer'} {number}", np.where(mask, PRUNED, KEPT).astype(np.uint8))
        for group, masks in groups.items()
        for number, mask in enumerate(masks)
    )


def of_plan(layers: Iterable) -> str:
    """PlanLayers, with tokens in the plan's order."""

    def picture(layer) -> np.ndarray:
        pixels = np.full((layer.heads, layer.queries, layer.keys), PRUNED, np.uint8)
        for head in range(layer.heads):
            start = layer.column_start[head]
            columns = np.repeat(np.arange(layer.keys), np.diff(start))
            is_global = columns < layer.global_tokens[head]
            rows = layer.rows[start[0] : start[-1]]
            pixels[head, rows, columns] = np.where(is_global, GLOBAL, KEPT)
        return pixels

    return svg((f"layer {number}", picture(layer)) for number, layer in enumerate(layers))
