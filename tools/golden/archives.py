"""Writes small archives of images to tests/data/golden: zip, and tar packed by bzip2 and xz, in one
stream and in two.

usage: python3 tools/golden/archives.py
"""

import bz2
import io
import lzma
import pathlib
import tarfile
import zipfile

OUT = pathlib.Path(__file__).parents[2] / "tests" / "data" / "golden"
# in an enclosing folder, as people pack them
FILES = {
    "photos/cat/1.png": "palette1.png",
    "photos/cat/2.gif": "bare.gif",
    "photos/dog/3.png": "grey8.png",
}


def tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, source in FILES.items():
            data = (OUT / source).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def entry(name, mode=0o100644, method=zipfile.ZIP_DEFLATED):
    info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = mode << 16
    info.compress_type = method
    return info


def write_zip(name, files):
    with zipfile.ZipFile(OUT / name, "w") as archive:
        for info, data in files:
            archive.writestr(info, data)


def main():
    plain = tar()
    half = 1000  # within what counts
    for suffix, pack in (("bz2", bz2.compress), ("xz", lzma.compress)):
        (OUT / f"photos.tar.{suffix}").write_bytes(pack(plain))
        two = pack(plain[:half]) + pack(plain[half:])
        (OUT / f"photos_two.tar.{suffix}").write_bytes(two)
    files = [(entry(name), (OUT / source).read_bytes()) for name, source in FILES.items()]
    files[1][0].compress_type = zipfile.ZIP_STORED
    # what macOS puts beside
    extra = [
        (entry("photos/", 0o40755, zipfile.ZIP_STORED), b""),
        (entry("photos/.DS_Store"), b"x"),
        (entry("__MACOSX/", 0o40755, zipfile.ZIP_STORED), b""),
        (entry("__MACOSX/photos/cat/._1.png"), b"x"),
    ]
    write_zip("photos.zip", extra + files)
    write_zip("climbing.zip", [(entry("../1.png"), b"x")])
    write_zip("linked.zip", [(entry("cat/1.png", 0o120777), b"elsewhere.png")])


if __name__ == "__main__":
    main()
