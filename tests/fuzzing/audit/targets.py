"""What the audit does with bytes that somebody chose: one function each. What is refused is refused by AuditError, ReportError or
a note; anything else that comes out is a finding, and so is what does not end.

Each target: bytes in, nothing out. Their seeds are made here of this repository's own files, and odd inputs that once were found
lie in seeds/.
"""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from audit import baseline, config
from audit import suppress as suppressions
from audit.errors import AuditError
from audit.facts.binary import archive, elf, layouts, units
from audit.facts.llvm import ir
from audit.facts.rust import source
from audit.inputs import load
from audit.report import data as as_data
from audit.report import github, html, sarif, text
from audit.rules import RULES
from audit.run import findings
from audit.subject import Subject
from llvm_pass.driver.clang import find_clang
from mpk.report import ReportError, in_words, locate
from mpk.report import read as read_violations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from audit.facts.rust.source import RustFile

HERE = Path(__file__).parent
_ROOT = HERE.parents[2]
_C = """\
struct pair { int left; long right; };
typedef struct { struct pair in; char name[8]; } holder;
extern int puts(const char *);
extern void free(void *);
static long sum(const struct pair *one) { return one->left + one->right; }
long entry(holder *here, char *text) { puts(text); free(text); return sum(&here->in); }
"""


def _judge(subject: Subject, which: str) -> None:
    """Rules and every report."""
    found = findings(subject, [rule for rule in RULES if rule.id.startswith(which)])
    ids = [rule.id for rule in RULES]
    found = suppressions.applied(found, subject, [], ids, ids)
    for render in (text.render, as_data.render):
        render(found, 0, subject.notes)
    github.render(found, subject.notes)
    sarif.render(found, RULES, subject.notes, "0")
    html.render(found, 0, subject.drawn(), subject.notes, "0")


def of_elf(data: bytes) -> None:
    """An ELF file, as the command reads it: with its scan for gadgets."""
    with tempfile.NamedTemporaryFile() as file, suppress(AuditError):
        file.write(elf.MAGIC + data[len(elf.MAGIC) :])
        file.flush()
        _judge(load([file.name], [], _silent), "E")


def of_dwarf(data: bytes) -> None:
    """Debug information alone."""
    with suppress(AuditError):
        layouts.read("it", data, layouts.Layouts())
    with suppress(AuditError):
        units.read("it", data, [(0, 1 << 63)])


def of_archive(data: bytes) -> None:
    """An archive, and what its members are."""
    subject = Subject()
    with suppress(AuditError):
        for name, body in archive.members("it", archive.MAGIC + data[len(archive.MAGIC) :]):
            with suppress(AuditError):
                subject.elfs.append(elf.read(name, body))
    _judge(subject, "E")


def of_ir(data: bytes) -> None:
    """Text or bitcode, through LLVM; then the rules over what it takes."""
    with suppress(AuditError):
        plain, simple = ir.read("it", data)
        _judge(Subject(plain=[plain], simple=[simple]), "I")


def of_rust(data: bytes) -> None:
    """Rust source, most of which does not parse."""
    file: RustFile = source.RustFile("it.rs", data)
    _ = file.unparsed_line
    _judge(Subject(sources=[file]), "S")


def of_baseline(data: bytes) -> None:
    """A baseline: no key, no type is taken for granted."""
    with tempfile.NamedTemporaryFile() as file, suppress(AuditError):
        file.write(data)
        file.flush()
        known = baseline.read(Path(file.name))
        sarif.render(baseline.marked([], known, [rule.id for rule in RULES]), RULES, [], "0")


def of_config(data: bytes) -> None:
    """A configuration."""
    with tempfile.NamedTemporaryFile(suffix=".toml") as file, suppress(AuditError):
        file.write(data)
        file.flush()
        config.find(Path(file.name))


def of_violations(data: bytes) -> None:
    """What GALEED_REPORT collected, and how it is told."""
    with suppress(ReportError):
        for told in read_violations(data.decode(errors="replace"), "it"):
            in_words(told, *locate(told))


def _silent(line: str) -> None:
    """No progress."""


TARGETS: dict[str, Callable[[bytes], None]] = {
    "elf": of_elf, "dwarf": of_dwarf, "archive": of_archive, "text": of_ir, "bitcode": of_ir, "rust": of_rust,
    "baseline": of_baseline, "config": of_config, "violations": of_violations,
}  # fmt: skip


def kept(name: str) -> list[Path]:
    """Inputs that were found odd once."""
    return sorted((HERE / "seeds" / name).glob("*"))


def seeds(name: str) -> Iterator[bytes]:
    """Where fuzzing begins: small inputs that are right, and those that are kept."""
    yield from (path.read_bytes() for path in kept(name))
    if name in ("elf", "dwarf", "archive", "text", "bitcode"):
        yield from _compiled(name)
    elif name == "rust":
        yield from (path.read_bytes() for path in sorted((_ROOT / "tests" / "audit").glob("S*/*.rs")))
    elif name == "baseline":
        row = '"rule": "S05", "severity": "high", "confidence": "high", "message": "m", "key": "k", "artifact": "a.rs"'
        yield f'{{"version": 1, "findings": [{{{row}}}]}}'.encode()
    elif name == "config":
        yield b'fail-on = "high"\nrules = ["S*"]\nbaseline = "b"\n[[allow]]\nrules = ["S09"]\npaths = ["v/*"]\nreason = "r"\n'
    elif name == "violations":
        yield (
            b'{"violation": "spatial", "access": "read", "bytes": 4, "module": "/bin/true", "module_offset": "0x10", "lease": {"index": 1, '
            b'"bound": 8}, "offset": 9, "allocated_at": {"thread": 1, "frames": [{"module": "/x", "module_offset": "0x1"}]}, "thread": 7}\n'
        )


def _compiled(name: str) -> Iterator[bytes]:
    clang = find_clang().driver(False)
    kinds = {
        "text": [["-S", "-emit-llvm", "-g"]], "bitcode": [["-c", "-emit-llvm"]], "archive": [["-c"]],
        "elf": [["-c"], ["-shared", "-fPIC", "-s"]], "dwarf": [["-c", f"-gdwarf-{version}"] for version in (3, 4, 5)],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        made, one = Path(folder) / "f.c", Path(folder) / "f.out"
        made.write_text(_C, encoding="utf-8")
        for words in kinds[name]:
            subprocess.run([*clang, "-O1", *words, "-o", one, made], check=True)
            if name == "archive":
                subprocess.run(["ar", "rcs", f"{folder}/f.a", one], check=True)
                one = Path(folder) / "f.a"
            yield one.read_bytes()
