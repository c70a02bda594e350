"""The code of a running process: its executable mappings, and the objects they came from.

Objects are found by the files that any of their mappings name, so that text which
hardening has replaced by private copies is still told apart.

Source: [proc(5)].
"""

import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mpk.scanner.code import Piece, Run, ScanError, runs_of
from mpk.scanner.image import Image
from mpk.scanner.place import Object

_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) \S+ (\d+) *(.*)", re.DOTALL)


@dataclass(frozen=True)
class Mapping:
    """One line of /proc/PID/maps. offset: in the file, if inode is not 0."""

    start: int
    end: int
    executable: bool
    offset: int
    inode: int
    name: str


@dataclass(frozen=True)
class Process:
    """Open for scanning. mappings: the executable ones that can be read."""

    runs: list[Run]
    mappings: list[Mapping]
    objects: list[Object]
    notes: list[str]

    def owner_of(self, address: int) -> Object | None:
        for one in self.objects:
            low, high = one.image.span
            if low + one.bias <= address < high + one.bias:
                return one
        return None

    def mapping_at(self, address: int) -> Mapping:
        return next(mapping for mapping in self.mappings if address < mapping.end)


def _refusal(error: OSError) -> ScanError:
    if error.errno in (errno.ENOENT, errno.ESRCH):
        return ScanError("there is no such process")
    if error.errno in (errno.EACCES, errno.EPERM) and os.geteuid() == 0:
        return ScanError(
            "no permission to read its memory, even for root: a container without CAP_SYS_PTRACE or a security "
            "module forbids it, or it belongs to another user namespace"
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return ScanError("no permission to read its memory (its owner may, unless it is not dumpable; root may)")
    return ScanError(f"cannot read its memory: {error.strerror}")


def _mappings(pid: int) -> list[Mapping]:
    text = Path(f"/proc/{pid}/maps").read_text(errors="surrogateescape")
    found = []
    for line in text.removesuffix("\n").split("\n") if text else ():  # names may hold other ends of lines
        match = _LINE.fullmatch(line)
        if not match:
            raise ScanError(f"/proc/{pid}/maps has a line that cannot be understood")
        start, end, flags, offset, inode, name = match.groups()
        found.append(Mapping(int(start, 16), int(end, 16), flags[2] == "x", int(offset, 16), int(inode), name))
    return found


def _objects(pid: int, mappings: list[Mapping], memory: int, stack: ExitStack) -> list[Object]:
    """Each ELF file that is mapped, once. What cannot be opened any more gives no names."""
    images: dict[str, Image | None] = {}
    found: dict[tuple[str, int], Object] = {}
    for mapping in mappings:
        if mapping.name == "[vdso]":
            size = mapping.end - mapping.start
            code = Piece(mapping.start, size, memory, mapping.start).read(0, size)
            found[mapping.name, mapping.start] = Object(mapping.name, Image(io.BytesIO(code), size), mapping.start)
        if not mapping.inode:
            continue
        if mapping.name not in images:
            images[mapping.name] = _open_image(pid, mapping.name, stack)
        image = images[mapping.name]
        address = image.address_of_offset(mapping.offset) if image else None
        if image and address is not None:
            bias = mapping.start - address
            found.setdefault((mapping.name, bias), Object(mapping.name, image, bias))
    return list(found.values())


def _open_image(pid: int, name: str, stack: ExitStack) -> Image | None:
    try:
        with ExitStack() as opening:
            # The process may have put a pipe there since, which would be waited for.
            descriptor = os.open(f"/proc/{pid}/root{name}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
            file = opening.enter_context(os.fdopen(descriptor, "rb"))
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None
            image = Image(file, status.st_size)
            stack.push(opening.pop_all())  # stays open as long as the process
            return image
    except (OSError, ScanError):
        return None


@contextmanager
def opened(pid: int) -> Iterator[Process]:
    """Raises ScanError when there is no such process, or no right to read it."""
    with ExitStack() as stack:
        try:
            mappings = _mappings(pid)
            memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _refusal(error) from error
        stack.callback(os.close, memory)
        if not mappings:
            raise ScanError("it has no memory of its own (a kernel thread, or about to end)")
        code = [mapping for mapping in mappings if mapping.executable and mapping.name != "[vsyscall]"]
        notes = (
            ["[vsyscall] is left out: the kernel acts its code out"]
            if len(code) < sum(mapping.executable for mapping in mappings)
            else []
        )
        pieces = [Piece(mapping.start, mapping.end - mapping.start, memory, mapping.start) for mapping in code]
        yield Process(runs_of(pieces), code, _objects(pid, mappings, memory, stack), notes)
