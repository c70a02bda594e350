"""The keys of galeed.toml, once: the reader, the schema and the documentation use this table.

Invariant: a key that is not here is an error, and so is one that nothing serves; a
policy is never half obeyed in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# A name in an object file, as C and C++ compilers make them; * and ? stand for any letters.
PATTERN = r"^[A-Za-z0-9_.$@*?]+$"
# ... or a list in a file.
ENTRY = r"^(@[^@\x00-\x1f][^\x00-\x1f]*|[A-Za-z0-9_.$*?][A-Za-z0-9_.$@*?]*)$"
# A name of a function that is called: no stars.
FUNCTION = r"^[A-Za-z0-9_.$@]+$"
# The tag of a structure, or the mangled name of a class.
STRUCTURE = r"^[A-Za-z0-9_$*?]+$"
PASS = r"^[a-z0-9<>-]+$"
# Levels and parts as GALEED_HARDEN takes them (mpk/csrc/mpk_harden.h).
LEVELS = ("none", "basic", "strict", "full")
PARTS = (
    "dump", "secretmem", "seal", "landlock", "syscalls", "signals", "rseq", "code", "stacks", "fork", "deputy",
)  # fmt: skip
_WORD = "|".join((*LEVELS, *PARTS))
HARDENING = rf"^({_WORD})\??(,({_WORD})\??)*$"
ARGUMENT = r"^(\.\.\.|-|[a-z]+\+?(\([^()]*\))?)$"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. kind "names": a list of different words; "word": one word; "table": a table of `members` each."""

    name: str
    kind: Literal["names", "word", "table"]
    pattern: str  # of each name, of the word, of the names of the tables
    example: str  # what a right word is, for messages
    summary: str
    choices: tuple[str, ...] = ()
    members: tuple[Key, ...] = ()


# These say how programs start, and change no code.
AT_START = ("hardening", "on-trap")

_CALL = (
    Key("arguments", "names", ARGUMENT, "in(#2)", "what the function does behind each argument, in their order"),
    Key("result", "word", r"^#\d{1,2}$", "#0", "the result points into the memory of this argument"),
    Key(
        "refused", "word", r"^.+$", "keeps the pointer", "why lent memory cannot go there at all; instead of arguments"
    ),
)

KEYS: tuple[Key, ...] = (
    Key(
        "entries",
        "names",
        ENTRY,
        "inflate",
        "the functions that the host may call, by name or through a pointer; with stars. @FILE: those of a linker's "
        "version script, or of a list with a name a line. A call of any other from the host ends the process. "
        "Without this key: every function that is visible or has its address taken",
    ),
    Key(
        "callbacks",
        "names",
        PATTERN,
        "inflateInit2_",
        "the C functions whose calls through pointers may lead to the host; with stars. In others such a call traps "
        "when it would lead there. Without this key: every call through a pointer",
    ),
    Key(
        "exclusive",
        "names",
        PATTERN,
        "inflate",
        "the entries during whose calls no other thread of the host and no signal handler uses what the call accesses; with "
        "stars. C then works on copies of small objects, which it reaches directly; they are copied back around callbacks "
        "and at the call's end. Without this key: none",
    ),
    Key(
        "structures",
        "names",
        STRUCTURE,
        "z_stream_s",
        "the structures and unions whose objects the host lends, by their tags (C++: also as mangled); with stars. "
        "Members of others are accessed without a test, and trap on a pseudo-pointer. What has a scalar's type is "
        "always asked. Without this key: every structure",
    ),
    Key(
        "lend-calls",
        "names",
        PATTERN,
        "BZ2_*",
        "the functions of prebuilt libraries that the host calls through gates of pass lend-calls; with stars",
    ),
    Key(
        "on-unrewritten-call",
        "word",
        r"",
        "lend",
        "what to do where a pseudo-pointer may reach a function that was not rewritten and has no row in calls (one "
        "file is all that is seen: a function of another file of the library counts as such, and lend is right for it): "
        "lend it as it is (its first use there traps), copy the memory in and out, or refuse to compile the call. "
        "Without this key: lend; for calls by pass lend-calls: copy",
        ("lend", "copy", "refuse"),
    ),
    Key(
        "profile",
        "word",
        r"^[^\x00-\x1f]+$",
        "learn",
        "learn: programs note which accesses meet lent memory, in the file that GALEED_PROFILE names. Such a file: only "
        "those accesses are asked; the others trap when they meet a pseudo-pointer, and on-trap says what then",
    ),
    Key("passes", "names", PASS, "entry-gates", "the passes, in their order, where --passes does not say"),
    Key(
        "hardening",
        "word",
        HARDENING,
        "strict,secretmem?",
        "levels and parts, as GALEED_HARDEN takes them: what `cargo galeed run`, `test` and `bench` prepare the "
        "program's start for, where the environment does not say",
    ),
    Key(
        "on-trap",
        "word",
        r"",
        "serve",
        "what becomes of an access to lent memory by code that was not rewritten, as GALEED_ON_TRAP takes it: what "
        "`cargo galeed run`, `test` and `bench` set, where the environment does not say",
        ("refuse", "serve", "serve-raw"),
    ),
    Key(
        "calls",
        "table",
        FUNCTION,
        "SHA256_Update",
        "functions that are not rewritten, and what they do with their arguments' memory; more rows for the table of "
        "the C library",
        members=_CALL,
    ),
)
