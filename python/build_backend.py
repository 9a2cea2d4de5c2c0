"""Builds the wheel (PEP 517): CMake builds the library and the program, and both are put into it.

The package calls the library through ctypes, so one wheel serves every Python. Settings (`pip wheel
. --config-settings NAME=VALUE`):

build   a folder in which CMake has been configured (`make`); it is brought up to date and used as
        it is. Without it build-wheel/ is configured, without MPI.
bundle  yes: the libraries that it is linked with lie inside too (oneDNN, jansson, ..), and the
        wheel runs wherever there is a glibc as new as this one. The default without build. no: they
        are found on the system.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What every Linux has (the list of manylinux, PEP 600): never put into a wheel.
SYSTEM = re.compile(
    r"linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|util|resolv|nsl|gcc_s|stdc\+\+)\.so\b"
)
RPATH = "-Wl,--disable-new-dtags"  # looked up for what a bundled library needs, too


def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []


def _version() -> str:
    text = (ROOT / "include/vitcod/version.h").read_text()
    return re.search(r'define VC_VERSION "(.*)"', text)[1]


def _metadata() -> str:
    # The few lines of pyproject.toml that it is made of; Python reads TOML from 3.11 on.
    project = (ROOT / "pyproject.toml").read_text().split("[project]", 1)[1]

    def text(key: str) -> str:
        return re.search(rf'^{key} = "(.*)"', project, re.M)[1]

    lines = [
        "Metadata-Version: 2.1",
        f"Name: {text('name')}",
        f"Version: {_version()}",
        f"Summary: {text('description')}",
        "License: Apache-2.0",
        f"Requires-Python: {text('requires-python')}",
    ]
    needs = re.search(r"^dependencies = \[(.*)\]", project, re.M)[1]
    lines += [f"Requires-Dist: {need}" for need in re.findall(r'"(.*?)"', needs)]
    readme = (ROOT / "README.md").read_text()
    return "\n".join(lines) + "\nDescription-Content-Type: text/markdown\n\n" + readme


def _run(*command, **how) -> None:
    print("+", *command, flush=True)
    subprocess.run([str(word) for word in command], check=True, cwd=ROOT, **how)


def _build(settings: dict) -> Path:
    """The folder of the build."""
    if "build" in settings:
        return ROOT / settings["build"]
    build = ROOT / "build-wheel"
    _run(
        "cmake",
        "-G",
        "Ninja",
        "-S",
        ROOT,
        "-B",
        build,
        "-DVC_MPI=OFF",
        "-DCMAKE_INSTALL_RPATH=$ORIGIN/../lib",
        "-DCMAKE_INSTALL_LIBDIR=lib",
        f"-DCMAKE_SHARED_LINKER_FLAGS={RPATH}",
        f"-DCMAKE_EXE_LINKER_FLAGS={RPATH}",
        stdout=subprocess.DEVNULL,
    )
    return build


def _install(package: Path, build: Path) -> None:
    """The library and the program below the package."""
    _run("ninja", "-C", build, "vitcod", "vitcod_shared", stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as prefix:
        for part in ("vitcod", "vitcod_shared"):
            _run(
                "cmake",
                "--install",
                build,
                "--prefix",
                prefix,
                "--strip",
                "--component",
                part,
                stdout=subprocess.DEVNULL,
            )
        (package / "bin").mkdir()
        (package / "lib").mkdir()
        shutil.copy2(Path(prefix) / "bin/vitcod", package / "bin")
        # one file under the name that is opened: wheels hold no links
        shutil.copy2(
            next(Path(prefix).rglob("libvitcod.so")).resolve(), package / "lib/libvitcod.so"
        )


def _check_layout(package: Path) -> None:
    """Whether the structs of library.py are those of the headers: a struct that is too small would
    be written beyond its end."""
    code = "from vitcod import library; print(library.layout())"
    text = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"},
    ).stdout
    compiler = [os.environ.get("CC", "cc"), "-x", "c", "-fsyntax-only", f"-I{ROOT / 'include'}"]
    checked = subprocess.run([*compiler, "-"], input=text, capture_output=True)
    if checked.returncode != 0:
        told = checked.stderr.decode()
        raise SystemExit(f"{told}python/vitcod/library.py does not have the structs of include/")


def _bundle(package: Path) -> None:
    """Copies what the binaries are linked with, and what that is linked with."""
    found: dict[str, str] = {}
    for binary in (package / "bin/vitcod", package / "lib/libvitcod.so"):
        listed = subprocess.run(["ldd", binary], check=True, capture_output=True, text=True).stdout
        for name, path in re.findall(r"^\s*(\S+) => (\S+)", listed, re.M):
            if path == "not":
                raise SystemExit(f"{binary}: {name} is not found")
            if not SYSTEM.match(name):
                found[name] = path
    notices = package / "licenses"
    notices.mkdir()
    for name, path in sorted(found.items()):
        shutil.copy2(os.path.realpath(path), package / "lib" / name)
        _notice(notices, path)


def _notice(notices: Path, path: str) -> None:
    """The license of a library, where Debian keeps it."""
    real = os.path.realpath(path)
    package = ""
    for name in (real, real.removeprefix("/usr")):  # as dpkg called it before /usr was merged
        owner = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True)
        package = package or owner.stdout.split(":", 1)[0].strip()
    text = Path(f"/usr/share/doc/{package}/copyright")
    if not package or not text.exists():
        raise SystemExit(f"{path}: no license is found for it; wanted bundle=no")
    shutil.copy2(text, notices / f"{package}.txt")


def _tag(bundled: bool) -> str:
    machine = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if bundled and machine.startswith("linux_"):
        libc = platform.libc_ver()[1].replace(".", "_")
        machine = machine.replace("linux_", f"manylinux_{libc}_", 1)
    return f"py3-none-{machine}"


def _write_wheel(folder: Path, out: Path) -> None:
    """Zips a folder, with the record of its files. The same folder gives the same bytes."""
    records = []
    info = next(folder.glob("*.dist-info"))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as wheel:

        def add(name: str, data: bytes, mode: int) -> None:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)

        for path in sorted(folder.rglob("*")):
            if path.is_dir() or "__pycache__" in path.parts:
                continue
            data = path.read_bytes()
            name = path.relative_to(folder).as_posix()
            add(name, data, 0o755 if os.access(path, os.X_OK) else 0o644)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            records.append(f"{name},sha256={digest},{len(data)}")
        record = f"{info.name}/RECORD"
        add(record, ("\n".join([*records, f"{record},,"]) + "\n").encode(), 0o644)


def _settings(given) -> tuple[dict, bool]:
    """The settings, and whether the wheel is a bundle."""
    settings = dict(given or {})
    unknown = set(settings) - {"build", "bundle"}
    if unknown:
        raise SystemExit(f"unknown settings {', '.join(sorted(unknown))}; wanted build and bundle")
    bundle = settings.get("bundle", "no" if "build" in settings else "yes")
    if bundle not in ("yes", "no"):
        raise SystemExit(f"bundle is '{bundle}'; wanted yes or no")
    if bundle == "yes" and "build" in settings:
        raise SystemExit("bundle=yes and a build of your own, which does not look for them inside")
    return settings, bundle == "yes"


def _write_info(info: Path, tag: str) -> None:
    info.mkdir()
    (info / "METADATA").write_text(_metadata())
    (info / "WHEEL").write_text(
        f"Wheel-Version: 1.0\nGenerator: vitcod\nRoot-Is-Purelib: false\nTag: {tag}\n"
    )
    (info / "entry_points.txt").write_text("[console_scripts]\nvitcod = vitcod.__main__:main\n")
    shutil.copy2(ROOT / "LICENSE", info / "LICENSE")


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name = f"vitcod-{_version()}.dist-info"
    _write_info(Path(metadata_directory) / name, _tag(_settings(config_settings)[1]))
    return name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    settings, bundled = _settings(config_settings)
    build, tag, name = _build(settings), _tag(bundled), f"vitcod-{_version()}"
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        package = folder / "vitcod"
        shutil.copytree(
            ROOT / "python/vitcod", package, ignore=shutil.ignore_patterns("__pycache__")
        )
        _install(package, build)
        if bundled:
            _bundle(package)
        _run(sys.executable, ROOT / "python/generate.py", package / "bin/vitcod", package)
        _check_layout(package)
        _write_info(folder / f"{name}.dist-info", tag)
        _write_wheel(folder, Path(wheel_directory) / f"{name}-{tag}.whl")
    return f"{name}-{tag}.whl"


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without who made it and when, so that the same sources give the same bytes."""
    info.mtime = int(os.environ.get("SOURCE_DATE_EPOCH", 315532800))  # else 1980
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o755 if info.mode & 0o100 else 0o644
    return info


def build_sdist(sdist_directory, config_settings=None):
    name = f"vitcod-{_version()}"
    listed = subprocess.run(
        ["git", "ls-files"], check=True, cwd=ROOT, capture_output=True, text=True
    )
    packed = gzip.GzipFile(Path(sdist_directory) / f"{name}.tar.gz", "wb", mtime=0)
    with packed, tarfile.open(fileobj=packed, mode="w") as out:
        for file in listed.stdout.splitlines():
            out.add(ROOT / file, f"{name}/{file}", filter=_plain)
        with tempfile.NamedTemporaryFile("w") as metadata:
            metadata.write(_metadata())
            metadata.flush()
            out.add(metadata.name, f"{name}/PKG-INFO", filter=_plain)
    return f"{name}.tar.gz"
