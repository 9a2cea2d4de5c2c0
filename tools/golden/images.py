"""Writes tests/data/golden: small JPEG and PNG files of every kind, what Pillow decodes them to,
and what Pillow makes of a picture that is resized and cropped. Needs numpy and Pillow (9.4 wrote
what is committed, 13.0 gives the same).

usage: python3 tools/golden/images.py
"""

import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

OUT = pathlib.Path(__file__).parents[2] / "tests" / "data" / "golden"
WIDTH, HEIGHT = 19, 13
# (x start, y start, x step, y step) of the seven passes
ADAM7 = [
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
]
# width, height, resize, crop; tests/data/test_resize.c has the same list
GEOMETRIES = [
    (37, 29, 16, 14),
    (29, 37, 16, 14),
    (9, 7, 32, 28),
    (7, 9, 32, 28),
    (1, 1, 8, 8),
    (1, 300, 8, 7),
    (300, 1, 8, 7),
    (64, 64, 64, 55),
    (61, 50, 50, 50),
    (40, 33, 33, 30),
    (5, 120, 24, 21),
    (211, 190, 9, 5),
]
# width, height, box, resized size; so has it
BOXES = [
    (37, 29, (3, 2, 20, 25), (16, 14)),
    (37, 29, (0, 0, 37, 29), (14, 14)),
    (9, 7, (2, 1, 5, 5), (24, 24)),
    (64, 50, (63, 49, 1, 1), (6, 4)),
    (64, 50, (10, 10, 16, 16), (16, 16)),
    (61, 300, (1, 9, 60, 280), (12, 12)),
]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_rows(values, bits):
    """Rows of samples (H, W, C), each with a filter byte."""
    out = b""
    for row in values:
        if bits == 16:
            out += b"\0" + row.astype(">u2").tobytes()
        elif bits == 8:
            out += b"\0" + row.astype(np.uint8).tobytes()
        else:
            digits = "".join(format(v, f"0{bits}b") for v in row.ravel())
            digits += "0" * (-len(digits) % 8)
            out += b"\0" + bytes(int(digits[i : i + 8], 2) for i in range(0, len(digits), 8))
    return out


def png(values, bits, kind, extra=b"", interlaced=False):
    """A PNG of the samples (H, W, C); `kind` is its colour type."""
    height, width = values.shape[:2]
    if interlaced:
        passes = [values[y::dy, x::dx] for x, y, dx, dy in ADAM7]
        rows = b"".join(pack_rows(p, bits) for p in passes if p.size)
    else:
        rows = pack_rows(values, bits)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(interlaced))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def png_cases(random):
    def samples(bits, channels):
        return random.integers(0, 1 << bits, (HEIGHT, WIDTH, channels))

    palette = chunk(b"PLTE", random.integers(0, 256, 3 * 256, dtype=np.uint8).tobytes())
    clear = chunk(b"tRNS", bytes(range(0, 200, 3)))
    gamma = chunk(b"gAMA", struct.pack(">I", 100000))
    for bits in (1, 2, 4, 8, 16):
        yield f"grey{bits}.png", png(samples(bits, 1), bits, 0)
    yield "grey8_interlaced.png", png(samples(8, 1), 8, 0, interlaced=True)
    yield "grey8_transparent.png", png(samples(8, 1), 8, 0, chunk(b"tRNS", struct.pack(">H", 7)))
    yield "grey_alpha8.png", png(samples(8, 2), 8, 4)
    yield "grey_alpha16.png", png(samples(16, 2), 16, 4)
    for bits in (1, 2, 4, 8):
        few = palette if bits == 8 else chunk(b"PLTE", palette[8 : 8 + 3 * (1 << bits)])
        yield f"palette{bits}.png", png(samples(bits, 1), bits, 3, few)
    yield "palette8_transparent.png", png(samples(8, 1), 8, 3, palette + clear)
    yield "palette4_interlaced.png", png(samples(4, 1), 4, 3, chunk(b"PLTE", palette[8:56]), True)
    yield "rgb8.png", png(samples(8, 3), 8, 2, gamma)
    yield "rgb8_interlaced.png", png(samples(8, 3), 8, 2, interlaced=True)
    yield "rgb8_transparent.png", png(
        samples(8, 3), 8, 2, chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))
    )
    yield "rgb16.png", png(samples(16, 3), 16, 2)
    yield "rgba8.png", png(samples(8, 4), 8, 6)
    yield "rgba16.png", png(samples(16, 4), 16, 6)


def jpeg(picture, **options):
    out = io.BytesIO()
    picture.save(out, "JPEG", **options)
    return out.getvalue()


def segment(data, marker):
    """Where a segment starts and ends."""
    at = data.index(bytes([0xFF, marker]))
    return at, at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def adobe(transform):
    return b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes([transform])


def jpeg_cases(random):
    coarse = Image.fromarray(random.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    picture = coarse.resize((WIDTH, HEIGHT), Image.BICUBIC)
    ink = Image.fromarray(
        np.dstack([np.asarray(picture), np.asarray(picture)[:, :, 1] // 2]), "CMYK"
    )
    yield "baseline420.jpg", jpeg(picture, quality=85)
    yield "baseline422.jpg", jpeg(picture, quality=85, subsampling=1)
    yield "baseline444.jpg", jpeg(picture, quality=85, subsampling=0)
    yield "progressive.jpg", jpeg(picture, quality=85, progressive=True)
    yield "grey.jpg", jpeg(picture.convert("L"), quality=85)
    yield "grey_progressive.jpg", jpeg(picture.convert("L"), quality=85, progressive=True)
    turned = Image.Exif()
    turned[0x0112] = 6
    yield "turned.jpg", jpeg(picture, quality=85, exif=turned)
    cmyk = jpeg(ink, quality=85)
    yield "cmyk.jpg", cmyk
    at, end = segment(cmyk, 0xEE)
    yield "ycck.jpg", cmyk[:at] + adobe(2) + cmyk[end:]
    yield "cmyk_unmarked.jpg", cmyk[:at] + cmyk[end:]
    plain = jpeg(picture, quality=85, subsampling=0)
    at, end = segment(plain, 0xE0)
    yield "adobe_rgb.jpg", plain[:at] + adobe(0) + plain[end:]


def decoded(data):
    image = Image.open(io.BytesIO(data))
    return np.asarray(image.convert("RGB")), np.asarray(image.convert("L"))


def make_picture(width, height):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray(((x * x * 7 + y * 13 + c * 29 + x * y) % 256).astype(np.uint8))


def resized():
    for width, height, resize, crop in GEOMETRIES:
        picture = make_picture(width, height)
        shorter = min(width, height)
        across, down = resize * width // shorter, resize * height // shorter
        left, top = round((across - crop) / 2.0), round((down - crop) / 2.0)
        for mode in ("RGB", "L"):
            image = picture.convert(mode).resize((across, down), Image.BICUBIC)
            yield np.asarray(image.crop((left, top, left + crop, top + crop))).ravel()


def boxes():
    for width, height, (left, top, across, down), size in BOXES:
        for mode in ("RGB", "L"):
            part = (
                make_picture(width, height)
                .convert(mode)
                .crop((left, top, left + across, top + down))
            )
            yield np.asarray(part.resize(size, Image.BICUBIC)).ravel()


def main():
    random = np.random.default_rng(7)
    OUT.mkdir(parents=True, exist_ok=True)
    colours, greys = [], []
    for name, data in sorted([*png_cases(random), *jpeg_cases(random)]):
        (OUT / name).write_bytes(data)
        colour, grey = decoded(data)
        colours.append(colour)
        greys.append(grey)
        print(name)
    np.save(OUT / "decoded_rgb.npy", np.stack(colours))
    np.save(OUT / "decoded_grey.npy", np.stack(greys))
    np.save(OUT / "resized.npy", np.concatenate(list(resized())))
    np.save(OUT / "boxes.npy", np.concatenate(list(boxes())))


if __name__ == "__main__":
    main()
