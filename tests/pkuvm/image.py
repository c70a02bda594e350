"""Kernel and initramfs of the test machine, from Debian's own packages.

Invariant: nothing is installed. Packages are downloaded by apt (which checks
their signatures), the few files needed are taken out of them into
build/pkuvm/PACKAGE, and `Image.load` accepts a directory only when its stamp
says that it was finished from today's inputs.

Trusts Debian's archive and the local apt configuration; no attacker is assumed.
Sources: initramfs format [Linux Documentation/driver-api/early-userspace].
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import lzma
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
GUEST = HERE / "guest"
BUILD = HERE.parent.parent / "build" / "pkuvm"

# In order of preference; the first that apt knows is taken.
KERNEL_PACKAGES = ("linux-image-6.12-amd64", "linux-image-amd64")
# What the guest needs beyond a bare kernel; what each of these depends on is
# read from the modules. Debian's cloud kernel has no 9p.
MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")


class PkuvmError(Exception):
    """One line for the user: what is missing and what to do about it."""


def say(message: str) -> None:
    os.write(2, f"pkuvm: {message}\n".encode())


def run_tool(arguments: list[str], cwd: Path | None = None) -> str:
    """Runs a tool to its end and returns its output. Raises PkuvmError."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            arguments,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise PkuvmError(f"{arguments[0]} is missing: this needs Debian or a relative") from error
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        why = lines[-1] if lines else f"exit {done.returncode}"
        raise PkuvmError(f"{' '.join(arguments)}: {why}")
    return done.stdout


# ---- initramfs -------------------------------------------------------------


def cpio(entries: dict[str, tuple[int, bytes]]) -> bytes:
    """A "newc" archive of name -> (mode with file type, contents)."""
    out = bytearray()
    for number, (name, (mode, data)) in enumerate([*entries.items(), ("TRAILER!!!", (0, b""))]):
        path = name.encode() + b"\0"
        fields = (number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + path
        out += b"\0" * (-len(out) % 4) + data
        out += b"\0" * (-len(out) % 4)
    return bytes(out)


FILE, PROGRAM, DIRECTORY, LINK = 0o100644, 0o100755, 0o040755, 0o120777


# ---- packages --------------------------------------------------------------


def concrete_kernel(package: str) -> str | None:
    """The versioned package that a meta-package stands for; None: apt has none."""
    try:
        depends = run_tool(["apt-cache", "depends", "--important", package])
    except PkuvmError:
        return None
    for line in depends.splitlines():
        kind, _, name = line.strip().partition(": ")
        if kind == "Depends" and name.startswith("linux-image-"):
            return name
    return package if depends.strip() else None


def choose_kernel(wanted: str | None) -> tuple[str, str]:
    """(package as named, concrete package). Refreshes apt's lists once if it must."""
    names = (wanted,) if wanted else KERNEL_PACKAGES
    for attempt in range(2):
        for name in names:
            concrete = concrete_kernel(name)
            if concrete is not None:
                return name, concrete
        if attempt == 0 and os.geteuid() == 0:
            say("apt knows no such kernel yet: apt-get update")
            run_tool(["apt-get", "update"])
    hint = "" if os.geteuid() == 0 else "; run `apt-get update` as root, then this again"
    raise PkuvmError(f"apt offers none of {', '.join(names)}{hint}")


def download(package: str, into: Path) -> Path:
    """The package's .deb, in a directory of its own below `into`."""
    place = into / package
    place.mkdir()
    try:
        run_tool(["apt-get", "download", package], cwd=place)
    except PkuvmError:
        if os.geteuid() != 0:
            raise
        # A list older than the archive names versions that are gone.
        run_tool(["apt-get", "update"])
        run_tool(["apt-get", "download", package], cwd=place)
    found = list(place.glob("*.deb"))
    if len(found) != 1:
        raise PkuvmError(f"apt-get download {package} left {len(found)} files, not one")
    return found[0]


XZ_MAGIC = b"\xfd7zXZ\0"
WANTED_FILES = ("./boot/vmlinuz-", "./lib/modules/", "./usr/lib/modules/", "./bin/busybox")


def package_files(deb: Path) -> Iterator[tuple[str, bytes]]:
    """The regular files of a .deb, as (path without leading ./, contents)."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as tar:
        assert tar.stdout is not None
        with tarfile.open(fileobj=tar.stdout, mode="r|") as archive:
            for member in archive:
                wanted = member.name.startswith(WANTED_FILES)
                handle = archive.extractfile(member) if wanted and member.isfile() else None
                if handle is not None:
                    yield member.name.removeprefix("./"), handle.read()
        tar.stdout.read()
    if tar.returncode != 0:
        raise PkuvmError(f"dpkg-deb cannot read {deb.name}")


def ensure_qemu() -> str:
    """Path of qemu-system-x86_64, installed when we may."""
    found = shutil.which("qemu-system-x86_64")
    if found:
        return found
    if os.geteuid() != 0:
        raise PkuvmError("qemu-system-x86_64 is missing: apt-get install qemu-system-x86, as root")
    say("installing qemu-system-x86")
    run_tool(["apt-get", "update"])
    run_tool(["apt-get", "install", "-y", "--no-install-recommends", "qemu-system-x86"])
    found = shutil.which("qemu-system-x86_64")
    if not found:
        raise PkuvmError("qemu-system-x86 is installed, yet qemu-system-x86_64 is not on PATH")
    return found


# ---- the image -------------------------------------------------------------


@dataclass(frozen=True)
class Image:
    """A finished directory: kernel, initramfs, and the kernel's release."""

    kernel: Path
    initramfs: Path
    release: str

    @staticmethod
    def load(directory: Path) -> Image | None:
        """None unless the directory was finished from today's inputs."""
        try:
            stamp = json.loads((directory / "stamp.json").read_text())
        except (OSError, ValueError):
            return None
        if not isinstance(stamp, dict) or stamp.get("inputs") != inputs_digest():
            return None
        image = Image(directory / "vmlinuz", directory / "initramfs.cpio", str(stamp.get("release")))
        return image if image.kernel.is_file() and image.initramfs.is_file() else None


def inputs_digest() -> str:
    digest = hashlib.sha256()
    for path in (Path(__file__), GUEST / "init", GUEST / "job"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@contextmanager
def build_lock() -> Iterator[None]:
    """One setup at a time; a second one waits and then finds the work done."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def directory_of(wanted: str | None) -> Path:
    """Raises PkuvmError for what cannot be a kernel package's name."""
    if wanted is not None and not re.fullmatch(r"linux-image-[a-z0-9.+-]+", wanted):
        raise PkuvmError(f"{wanted!r} names no kernel package; linux-image-amd64 would")
    return BUILD / (wanted or "default")


def replace_file(path: Path, data: bytes) -> None:
    """Whole or not at all: another run may be reading the old one."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.replace(path)


def ensure_image(wanted: str | None) -> Image:
    """The image of a kernel package (None: the preferred one), made if need be."""
    directory = directory_of(wanted)
    image = Image.load(directory)
    if image is not None:
        return image
    with build_lock():
        image = Image.load(directory)
        if image is None:
            make_image(wanted, directory)
            image = Image.load(directory)
    if image is None:
        raise PkuvmError(f"{directory} is unusable although it was just made")
    return image


def make_image(wanted: str | None, directory: Path) -> None:
    name, package = choose_kernel(wanted)
    say(f"fetching {package} and busybox-static (once; nothing is installed)")
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        place = Path(scratch)
        vmlinuz, release, modules = take_kernel(download(package, place), name)
        busybox = next(
            (data for path, data in package_files(download("busybox-static", place))
             if path == "bin/busybox"),
            None,
        )  # fmt: skip
    if busybox is None:
        raise PkuvmError("busybox-static holds no bin/busybox")
    entries: dict[str, tuple[int, bytes]] = {
        "dev": (DIRECTORY, b""),
        "bin": (DIRECTORY, b""),
        "bin/busybox": (PROGRAM, busybox),
        "bin/sh": (LINK, b"busybox"),
        "init": (PROGRAM, (GUEST / "init").read_bytes()),
        "pkuvm": (DIRECTORY, b""),
        "pkuvm/job": (FILE, (GUEST / "job").read_bytes()),
        "pkuvm/modules": (FILE, "".join(f"{m}\n" for m in modules).encode()),
    }
    for module, data in modules.items():
        entries[f"pkuvm/{module}"] = (FILE, data)
    directory.mkdir(exist_ok=True)
    (directory / "stamp.json").unlink(missing_ok=True)
    replace_file(directory / "vmlinuz", vmlinuz)
    replace_file(directory / "initramfs.cpio", cpio(entries))
    stamp = {"inputs": inputs_digest(), "package": package, "release": release}
    replace_file(directory / "stamp.json", json.dumps(stamp).encode() + b"\n")
    say(f"ready: Linux {release} in {directory}")


def take_kernel(deb: Path, name: str) -> tuple[bytes, str, dict[str, bytes]]:
    """(bzImage, release, module files in loading order) out of a kernel package."""
    vmlinuz, release = b"", ""
    built_in: set[str] = set()
    packed: dict[str, bytes] = {}
    for path, data in package_files(deb):
        base = Path(path).name
        if path.startswith("boot/vmlinuz-"):
            vmlinuz, release = data, base.removeprefix("vmlinuz-")
        elif base == "modules.builtin":
            built_in = {module_name(line) for line in data.decode().splitlines()}
        elif ".ko" in base:
            packed[module_name(path)] = data
    if not vmlinuz:
        raise PkuvmError(f"{name} holds no kernel: choose another package")
    ordered: dict[str, bytes] = {}

    def need(module: str) -> None:
        if module in built_in or f"{module}.ko" in ordered:
            return
        if module not in packed:
            raise PkuvmError(f"{name} has no module {module}: choose another package")
        data = packed[module]
        # Here, because only a few of the thousands are ever wanted.
        plain = lzma.decompress(data) if data.startswith(XZ_MAGIC) else data
        for other in depends(plain):
            need(other)
        ordered[f"{module}.ko"] = plain

    for module in MODULES:
        need(module)
    return vmlinuz, release, ordered


def module_name(path: str) -> str:
    return Path(path).name.partition(".ko")[0].replace("-", "_")


def depends(module: bytes) -> list[str]:
    """What a module's .modinfo says that it needs."""
    start = module.find(b"\0depends=")
    if start < 0:
        return []
    text = module[start + len(b"\0depends=") : module.index(b"\0", start + 1)].decode()
    return [name.replace("-", "_") for name in text.split(",") if name]
