"""Writes small WebP, GIF, BMP and TIFF files of every kind to tests/data/golden, what Pillow
decodes them to, and what its exif_transpose makes of each orientation. Needs numpy and Pillow (13.0
wrote what is committed).

usage: python3 tools/golden/formats.py
"""

import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

OUT = pathlib.Path(__file__).parents[2] / "tests" / "data" / "golden"
WIDTH, HEIGHT = 19, 13


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


# ---- WebP


def webp_cases(picture, clear):
    turned = Image.Exif()
    turned[0x0112] = 5
    yield "lossy.webp", saved(picture, "WEBP", quality=80)
    yield "lossless.webp", saved(picture, "WEBP", lossless=True)
    yield "lossy_alpha.webp", saved(clear, "WEBP", quality=80)
    yield "lossless_alpha.webp", saved(clear, "WEBP", lossless=True, exact=True)
    frames = [picture.rotate(180)]
    yield "animated.webp", saved(picture, "WEBP", save_all=True, append_images=frames)
    yield "turned.webp", saved(picture, "WEBP", lossless=True, exif=turned)


# ---- GIF


def lzw(indices, bits):
    """The codes of the indices, all of them literal."""
    clear, width = 1 << bits, bits + 1
    codes = []
    for i, index in enumerate(indices):
        if i % (clear - 2) == 0:
            codes.append(clear)
        codes.append(int(index))
    codes.append(clear + 1)
    value = sum(code << (width * i) for i, code in enumerate(codes))
    data = value.to_bytes((width * len(codes) + 7) // 8, "little")
    blocks = [data[i : i + 255] for i in range(0, len(data), 255)]
    return bytes([bits]) + b"".join(bytes([len(b)]) + b for b in blocks) + b"\0"


def gif(indices, bits, palette, local=None, at=(0, 0), clear=None, interlaced=False):
    """A GIF of one frame on a canvas of WIDTH x HEIGHT."""
    height, width = indices.shape
    table = 0x80 | bits - 1 if palette else 0
    out = b"GIF89a" + struct.pack("<HHBBB", WIDTH, HEIGHT, table, 1, 0) + (palette or b"")
    if clear is not None:
        out += b"!\xf9\x04" + bytes([1, 0, 0, clear]) + b"\0"
    flags = 0x40 * interlaced | (0x80 | bits - 1 if local else 0)
    out += b"," + struct.pack("<HHHHB", *at, width, height, flags) + (local or b"")
    if interlaced:
        passes = ((0, 8), (4, 8), (2, 4), (1, 2))
        indices = indices[[y for start, step in passes for y in range(start, height, step)]]
    return out + lzw(indices.ravel(), bits) + b";"


def gif_cases(random, picture):
    whole = random.integers(0, 16, (HEIGHT, WIDTH))
    colours = random.integers(0, 256, 48, dtype=np.uint8).tobytes()
    others = random.integers(0, 256, 48, dtype=np.uint8).tobytes()
    yield "palette.gif", gif(whole, 4, colours)
    yield "interlaced.gif", gif(whole, 4, colours, interlaced=True)
    yield "local.gif", gif(whole, 4, colours, local=others)
    yield "part.gif", gif(whole[:5, :7], 4, colours, at=(3, 4))
    yield "part_clear.gif", gif(whole[:5, :7], 4, colours, at=(3, 4), clear=9)
    yield "beyond.gif", gif(whole, 4, colours, at=(2, 1))
    yield "bare.gif", gif(random.integers(0, 256, (HEIGHT, WIDTH)), 8, None)
    yield "animated.gif", saved(picture, "GIF", save_all=True, append_images=[picture.rotate(180)])


# ---- BMP


def bmp(rows, bits, size, palette=b"", header=40, compression=0, masks=b"", flip=False):
    """A BMP of encoded rows, bottom first."""
    width, height = size
    sizes = (
        struct.pack("<IHHHH", 12, width, height, 1, bits)
        if header == 12
        else struct.pack(
            "<IiiHHIIiiII",
            header,
            width,
            -height if flip else height,
            1,
            bits,
            compression,
            0,
            2835,
            2835,
            len(palette) // 4,
            0,
        )
    )
    info = sizes + masks
    info += b"\0" * (header - len(info))
    offset = 14 + len(info) + len(palette)
    data = info + palette + rows
    return b"BM" + struct.pack("<IHHI", 14 + len(data), 0, 0, offset) + data


def padded(rows):
    return b"".join(row + b"\0" * (-len(row) % 4) for row in rows)


def packed(values, bits):
    out = []
    for row in values:
        digits = "".join(format(v, f"0{bits}b") for v in row)
        digits += "0" * (-len(digits) % 8)
        out.append(bytes(int(digits[i : i + 8], 2) for i in range(0, len(digits), 8)))
    return out


def run_lengths(values, bits):
    """Runs of three, then the rest listed, each row ended."""
    out = b""
    for y, row in enumerate(values):
        if bits == 8:
            out += bytes([3, row[0], 0, len(row) - 3]) + bytes(row[3:].tolist())
            out += b"\0" * ((len(row) - 3) % 2)
        else:
            rest = packed([row[3:]], 4)[0]
            out += bytes([3, row[0] << 4 | row[1], 0, len(row) - 3]) + rest
            out += b"\0" * (len(rest) % 2)
        out += b"\0\0" if y + 1 < len(values) else b"\0\1"
    return out


def bmp_cases(random, picture):
    size = WIDTH, HEIGHT

    def table(count, entry=4):
        colours = random.integers(0, 256, (count, 4), dtype=np.uint8)
        colours[:, 3] = 0
        return colours[:, :entry].tobytes()

    for bits in (1, 4, 8):
        values = random.integers(0, 1 << bits, (HEIGHT, WIDTH))
        yield f"palette{bits}.bmp", bmp(padded(packed(values, bits)), bits, size, table(1 << bits))
    values = random.integers(0, 100, (HEIGHT, WIDTH))
    yield "few_colours.bmp", bmp(padded(packed(values, 8)), 8, size, table(100))
    yield "top_down.bmp", bmp(padded(packed(values, 8)), 8, size, table(100), flip=True)
    yield "run_lengths8.bmp", bmp(run_lengths(values, 8), 8, size, table(100), compression=1)
    values = random.integers(0, 16, (HEIGHT, WIDTH))
    values[:, 2] = values[:, 0]
    yield "run_lengths4.bmp", bmp(run_lengths(values, 4), 4, size, table(16), compression=2)
    yield "os2_palette.bmp", bmp(padded(packed(values, 4)), 4, size, table(16, 3), header=12)
    wide = random.integers(0, 1 << 16, (HEIGHT, WIDTH)).astype("<u2")
    rows = padded([row.tobytes() for row in wide])
    yield "rgb555.bmp", bmp(rows, 16, size)
    fields = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    yield "rgb565.bmp", bmp(rows, 16, size, header=56, compression=3, masks=fields)
    yield "rgb24.bmp", saved(picture, "BMP")
    four = random.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    rows = padded([row.tobytes() for row in four])
    yield "rgb32.bmp", bmp(rows, 32, size)
    fields = struct.pack("<IIII", 0xFF, 0xFF00, 0xFF0000, 0xFF000000)
    yield "rgba32.bmp", bmp(rows, 32, size, header=108, compression=3, masks=fields)
    yield "os2_rgb24.bmp", bmp(
        padded([row[:, :3].tobytes() for row in four]), 24, size, header=12
    )


# ---- TIFF


def tiff(values, bits, photometric, big=False, extra=(), palette=None, tile=None, planar=False):
    """A TIFF of samples (H, W, S), in one strip for each plane or deflated tiles of 16 x 16."""
    order = ">" if big else "<"
    height, width, samples = values.shape

    def encode(part):
        if bits == 16:
            return part.astype(order + "u2").tobytes()
        if bits == 8:
            return part.astype(np.uint8).tobytes()
        return b"".join(packed(part[:, :, 0], bits))

    parts = []
    for plane in [values[:, :, s : s + 1] for s in range(samples)] if planar else [values]:
        if not tile:
            parts.append(encode(plane))
            continue
        for y in range(0, height, tile):
            for x in range(0, width, tile):
                whole = np.zeros((tile, tile, plane.shape[2]), plane.dtype)
                piece = plane[y : y + tile, x : x + tile]
                whole[: piece.shape[0], : piece.shape[1]] = piece
                parts.append(zlib.compress(encode(whole)))
    data, offsets = b"", []
    for part in parts:
        offsets.append(8 + len(data))
        data += part + b"\0" * (len(part) % 2)
    sizes = [len(part) for part in parts]
    tags = [
        (256, "H", [width]),
        (257, "H", [height]),
        (258, "H", [bits] * samples),
        (259, "H", [8 if tile else 1]),
        (262, "H", [photometric]),
        (277, "H", [samples]),
        (284, "H", [2 if planar else 1]),
    ]
    tags += (
        [(322, "H", [tile]), (323, "H", [tile]), (324, "I", offsets), (325, "I", sizes)]
        if tile
        else [(273, "I", offsets), (278, "H", [height]), (279, "I", sizes)]
    )
    if palette is not None:
        tags.append((320, "H", palette))
    if extra:
        tags.append((338, "H", list(extra)))
    tags.sort()
    entries = b""
    for tag, kind, content in tags:
        value = struct.pack(order + kind * len(content), *content)
        if len(value) > 4:
            data += value
            value = struct.pack(order + "I", 8 + len(data) - len(value))
        entries += struct.pack(order + "HHI", tag, 3 if kind == "H" else 4, len(content))
        entries += value.ljust(4, b"\0")
    data += b"\0" * (len(data) % 2)
    start = (b"MM\0*" if big else b"II*\0") + struct.pack(order + "I", 8 + len(data))
    return start + data + struct.pack(order + "H", len(tags)) + entries + b"\0\0\0\0"


def tiff_cases(random, picture, clear):
    def samples(bits, channels):
        return random.integers(0, 1 << bits, (HEIGHT, WIDTH, channels))

    for bits in (1, 2, 4, 8):
        yield f"grey{bits}.tiff", tiff(samples(bits, 1), bits, 1)
        yield f"white{bits}.tiff", tiff(samples(bits, 1), bits, 0, big=True)
        palette = random.integers(0, 1 << 16, 3 << bits).tolist()
        yield f"palette{bits}.tiff", tiff(samples(bits, 1), bits, 3, palette=palette)
    yield "grey16.tiff", tiff(samples(16, 1) % 400, 16, 1)
    yield "grey16_big.tiff", tiff(samples(16, 1) % 400, 16, 1, big=True)
    yield "grey_alpha.tiff", tiff(samples(8, 2), 8, 1, extra=[2])
    yield "rgb8.tiff", tiff(samples(8, 3), 8, 2, big=True)
    yield "rgb16.tiff", tiff(samples(16, 3), 16, 2)
    yield "rgb16_big.tiff", tiff(samples(16, 3), 16, 2, big=True)
    yield "rgba8.tiff", tiff(samples(8, 4), 8, 2, extra=[2])
    yield "rgba16.tiff", tiff(samples(16, 4), 16, 2, extra=[2])
    yield "premultiplied.tiff", tiff(samples(8, 4), 8, 2, extra=[1])
    yield "planes.tiff", tiff(samples(8, 3), 8, 2, planar=True)
    yield "tiles.tiff", tiff(samples(8, 3), 8, 2, tile=16)
    yield "tiles_grey.tiff", tiff(samples(8, 1), 8, 1, tile=16)
    yield "tile_planes.tiff", tiff(samples(8, 3), 8, 2, tile=16, planar=True)
    yield "cmyk.tiff", tiff(samples(8, 4), 8, 5)
    for name in ("tiff_lzw", "packbits", "jpeg"):
        yield f"{name.removeprefix('tiff_')}.tiff", saved(picture, "TIFF", compression=name)
    yield "fax.tiff", saved(picture.convert("1"), "TIFF", compression="group4")
    for turn in range(2, 9):
        yield f"turned{turn}.tiff", saved(picture, "TIFF", tiffinfo={0x0112: turn})


def grey16_png(random):
    values = random.integers(0, 400, (HEIGHT, WIDTH)).astype(np.uint16)
    return saved(Image.fromarray(values), "PNG")


# ---- orientations of the other formats


def orientations(picture):
    """A PNG whose EXIF data say orientation 1, and where that number stands is for the test to
    find; and what becomes of it with each."""
    whole = Image.Exif()
    whole[0x0112] = 1
    data = saved(picture, "PNG", exif=whole)
    turned = []
    for turn in range(1, 9):
        whole[0x0112] = turn
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(saved(picture, "PNG", exif=whole))))
        turned.append(np.asarray(image.convert("RGB")).ravel())
    return data, np.stack(turned)


def main():
    random = np.random.default_rng(11)
    OUT.mkdir(parents=True, exist_ok=True)
    coarse = Image.fromarray(random.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    picture = coarse.resize((WIDTH, HEIGHT), Image.BICUBIC)
    alpha = random.integers(0, 256, (HEIGHT, WIDTH, 1), dtype=np.uint8)
    clear = Image.fromarray(np.dstack([np.asarray(picture), alpha]), "RGBA")
    cases = [
        *webp_cases(picture, clear),
        *gif_cases(random, picture),
        *bmp_cases(random, picture),
        *tiff_cases(random, picture, clear),
        ("grey16_low.png", grey16_png(random)),
    ]
    colours, greys = [], []
    for name, data in sorted(cases):
        (OUT / name).write_bytes(data)
        image = Image.open(io.BytesIO(data))
        colours.append(np.asarray(image.convert("RGB")).ravel())
        greys.append(np.asarray(Image.open(io.BytesIO(data)).convert("L")).ravel())
        print(f'    "{name}",')
    np.save(OUT / "formats_rgb.npy", np.concatenate(colours))
    np.save(OUT / "formats_grey.npy", np.concatenate(greys))
    data, turned = orientations(picture)
    (OUT / "orientation.png").write_bytes(data)
    np.save(OUT / "orientations.npy", turned)


if __name__ == "__main__":
    main()
