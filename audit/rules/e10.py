"""E10: Code that nothing can unwind through, or two of Rust's unwinders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.model import Confidence, Evidence, Location, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.facts.binary.elf import Elf
    from audit.model import Finding
    from audit.subject import Subject

_PAGE = """\
A panic or a C++ exception that meets a function without unwind tables ends the process, even where its callers would
catch it, and backtraces end there. Reported are objects with code and no `.eh_frame` at all that call functions
of others; not those that call only functions of libc that come back without an exception, and linked files only where nothing
in them has tables. `rust_eh_personality` that two libraries define for others comes of two copies of Rust's standard library
in one link or process: which of them unwinds is a matter of order.

**What to do.** Compile C with `-fexceptions` or `-fasynchronous-unwind-tables`, write `.cfi_startproc` in assembler.
Link one Rust `staticlib` that holds what both had, or hide the symbols of a `cdylib`.

**Source.** The Rust Reference, "Panic"; rust-lang/rust#44322.
"""

_PERSONALITY = "rust_eh_personality"
# Functions of libc that call nobody back and throw nothing, as objects without tables mostly call them.
_QUIET = frozenset(
    """
    abort abs calloc close exit fclose fflush fopen fprintf fputc fputs fread free fseek ftell fwrite getenv
    isalpha isdigit isspace lseek malloc memchr memcmp memcpy memmove memset open perror printf putchar puts read
    realloc snprintf sprintf sqrt strcat strchr strcmp strcpy strdup strlen strncmp strncpy strrchr strstr strtol strtoul
    time tolower toupper vfprintf vsnprintf write _exit
    """.split()
)


def _check(rule: Rule, subject: Subject) -> Iterator[Finding]:
    for elf in subject.elfs:
        name = elf.path.rsplit("/", 1)[-1]
        if not _has_code(elf) or any(each.name.startswith(".eh_frame") for each in elf.sections):
            continue
        calls = sorted(each for each in _called(elf) if each not in _QUIET and not each.startswith("__"))
        if calls:
            some = " ".join(calls[:3]) + (f" and {len(calls) - 3} more" if len(calls) > 3 else "")
            seen = Evidence("elf", f"no .eh_frame; calls {some}", Location(elf.path))
            yield rule.finding(f"{name} has no unwind tables, and calls {some}", f"{name}:tables", seen)
    yield from _twice(rule, subject)


def _has_code(elf: Elf) -> bool:
    return any("x" in each.flags and each.bytes for each in elf.sections)


def _called(elf: Elf) -> set[str]:
    if not elf.is_linked:
        return set(elf.called)
    if any(each.kind == "PT_GNU_EH_FRAME" for each in elf.segments):
        return set()
    return {each.name for each in elf.imports if each.kind in ("func", "notype") and each.binding == "global"}


def _twice(rule: Rule, subject: Subject) -> Iterator[Finding]:
    units: set[str] = set()
    for elf in subject.elfs:
        table = elf.exports if elf.is_linked else elf.symbols if elf.defines([_PERSONALITY]) else []
        if any(each.name == _PERSONALITY and each.is_defined and each.binding != "local" for each in table):
            units.add(elf.path if elf.is_linked else elf.path.split("(")[0])
    if len(units) > 1:
        names = " and ".join(sorted(each.rsplit("/", 1)[-1] for each in units))
        seen = (Evidence("elf", f"defines {_PERSONALITY}", Location(place)) for place in sorted(units))
        yield rule.finding(f"{names} each hold a Rust standard library for others to link", f"{names}:rust", *seen)


RULE = Rule(
    id="E10",
    title="Code that nothing can unwind through, or two of Rust's unwinders",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    cwe=248,
    page=_PAGE,
    check=_check,
)
