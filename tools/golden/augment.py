"""Writes tests/data/golden/augment_*.npy: a small picture, a list of (operation, value,
interpolation), and what Pillow makes of the picture, in RGB and in grey, one after the other.
Operations are numbered as in VC_IMAGE_OP_MAP (include/vitcod/augment.h), interpolations as in
vc_interpolation. Needs numpy and Pillow (9.5 wrote what is committed).

usage: python3 tools/golden/augment.py
"""

import pathlib

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

OUT = pathlib.Path(__file__).parents[2] / "tests" / "data" / "golden"
WIDTH, HEIGHT = 21, 17
FILL = (124, 116, 104)
INTERPOLATIONS = (Image.BICUBIC, Image.BILINEAR)
CASES = {
    "AutoContrast": (0,),
    "Equalize": (0,),
    "Invert": (0,),
    "Rotate": (27, -27, 30, 12.3, 90, 0),
    "Posterize": (1, 4, 8),
    "Solarize": (0, 26, 256),
    "SolarizeAdd": (0, 99),
    "Color": (0.1, 1, 1.81),
    "Contrast": (0.19, 1.81),
    "Brightness": (0.19, 1.81),
    "Sharpness": (0.1, 0.19, 1.81, 1.9),
    "ShearX": (0.27, -0.113),
    "ShearY": (0.27, -0.113),
    "TranslateXRel": (0.405, -0.217),
    "TranslateYRel": (0.405, -0.217),
}
NAMES = list(CASES)
MOVING = ("Rotate", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel")


def solarize_add(image, added):
    table = [min(255, v + int(added)) if v < 128 else v for v in range(256)]
    return image.point(table * len(image.getbands()))


def affine(image, coefficients, resample, fill):
    return image.transform(
        image.size, Image.AFFINE, coefficients, resample=resample, fillcolor=fill
    )


def apply(image, name, value, resample):
    """What timm's operation does with Pillow."""
    fill = FILL if image.mode == "RGB" else FILL[0]
    width, height = image.size
    return {
        "AutoContrast": lambda: ImageOps.autocontrast(image),
        "Equalize": lambda: ImageOps.equalize(image),
        "Invert": lambda: ImageOps.invert(image),
        "Rotate": lambda: image.rotate(value, resample=resample, fillcolor=fill),
        "Posterize": lambda: ImageOps.posterize(image, int(value)),
        "Solarize": lambda: ImageOps.solarize(image, int(value)),
        "SolarizeAdd": lambda: solarize_add(image, value),
        "Color": lambda: ImageEnhance.Color(image).enhance(value),
        "Contrast": lambda: ImageEnhance.Contrast(image).enhance(value),
        "Brightness": lambda: ImageEnhance.Brightness(image).enhance(value),
        "Sharpness": lambda: ImageEnhance.Sharpness(image).enhance(value),
        "ShearX": lambda: affine(image, (1, value, 0, 0, 1, 0), resample, fill),
        "ShearY": lambda: affine(image, (1, 0, 0, value, 1, 0), resample, fill),
        "TranslateXRel": lambda: affine(image, (1, 0, value * width, 0, 1, 0), resample, fill),
        "TranslateYRel": lambda: affine(image, (1, 0, 0, 0, 1, value * height), resample, fill),
    }[name]()


def make_picture():
    """Smooth and rough parts, and neither black nor white, so that every operation changes it."""
    y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:3]
    rough = (x * x * 7 + y * 13 + c * 29 + x * y * 3) % (120 + 20 * c)
    return (40 + 10 * c + np.where(x < 12, rough, 6 * y + 2 * x)).astype(np.uint8)


def main():
    pixels, cases, made = make_picture(), [], []
    for number, name in enumerate(NAMES):
        for value in CASES[name]:
            for kind, resample in enumerate(
                INTERPOLATIONS if name in MOVING else INTERPOLATIONS[:1]
            ):
                cases.append((number, value, kind))
                for mode in ("RGB", "L"):
                    made.append(
                        np.asarray(
                            apply(Image.fromarray(pixels).convert(mode), name, value, resample)
                        ).ravel()
                    )
    np.save(OUT / "augment_picture.npy", pixels)
    np.save(OUT / "augment_cases.npy", np.array(cases, float))
    np.save(OUT / "augment_made.npy", np.concatenate(made))


if __name__ == "__main__":
    main()
