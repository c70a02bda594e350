"""Members of a Unix archive (ar), GNU and BSD names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC, THIN = b"!<arch>\n", b"!<thin>\n"
_HEADER_BYTES = 60
_TABLES = ("/", "//", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED")


def members(path: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of each object. Raises AuditError where the archive is cut off or thin."""
    if data.startswith(THIN):
        raise AuditError(f"{path}: is a thin archive: give the objects that it names, or the linked program")
    at, names = len(MAGIC), b""
    while at < len(data):
        header = data[at : at + _HEADER_BYTES]
        if len(header) < _HEADER_BYTES or header[58:60] != b"`\n" or not header[48:58].strip().isdigit():
            raise AuditError(f"{path}: is a damaged archive (at byte {at})")
        size = int(header[48:58])
        body = data[at + _HEADER_BYTES : at + _HEADER_BYTES + size]
        if len(body) < size:
            raise AuditError(f"{path}: is cut off (the member at byte {at} ends behind the file)")
        at += _HEADER_BYTES + size + size % 2
        name = header[:16].decode(errors="replace").rstrip()
        if name == "//":
            names = body
        if name in _TABLES:
            continue
        if name.startswith("#1/") and name[3:].isdigit():
            length = int(name[3:])
            name, body = body[:length].rstrip(b"\0").decode(errors="replace"), body[length:]
        elif name.startswith("/") and name[1:].isdigit():
            start = int(name[1:])
            name = names[start : max(names.find(b"/\n", start), start)].decode(errors="replace")
        if name not in _TABLES:
            yield name.removesuffix("/"), body
