"""Writes tests/data/golden/covered.npy: what timm's evaluation makes of a picture for models whose
images are higher than wide, or wider than high. Needs timm and torchvision (timm 1.0.31 with Pillow
13.0 wrote what is committed).

usage: python3 tools/golden/covered.py
"""

import numpy as np
from images import OUT, make_picture
from timm.data.transforms_factory import transforms_imagenet_eval

# width and height of the picture, height and width that are seen, crop_pct, interpolation;
# tests/data/test_resize.c has the same list
CASES = [
    (37, 29, (14, 20), 0.875, "bicubic"),
    (29, 37, (14, 20), 0.875, "bilinear"),
    (37, 29, (20, 14), 0.9, "bicubic"),
    (9, 7, (30, 12), 1.0, "bicubic"),
    (7, 9, (12, 30), 0.95, "bicubic"),
    (64, 48, (24, 32), 1.0, "bicubic"),
    (61, 50, (25, 31), 0.7, "bilinear"),
    (200, 133, (16, 24), 1.0, "bicubic"),
    (1, 1, (3, 8), 1.0, "bicubic"),
    (45, 60, (16, 4), 0.5, "bicubic"),
]


def main():
    seen = []
    for width, height, size, crop_pct, interpolation in CASES:
        look = transforms_imagenet_eval(
            size, crop_pct=crop_pct, interpolation=interpolation, use_prefetcher=True
        )
        picture = look(make_picture(width, height))  # (channels, height, width)
        seen.append(picture.permute(1, 2, 0).numpy().ravel())
    np.save(OUT / "covered.npy", np.concatenate(seen))


if __name__ == "__main__":
    main()
