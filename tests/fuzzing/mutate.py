"""Changes to a module's text that LLVM may well accept: what compilers make, bent a little."""

from __future__ import annotations

import random
import re

from tests.fuzzing.grammar import LINKAGES, ODD, TAILS
from tests.fuzzing.oracle import printed

# Put in front of, or in place of, a word of a line.
WORDS = (
    "volatile", "atomic", "inbounds", "nuw", "nsw", "nusw", "exact", "disjoint", "nneg", "samesign", "fast", "nnan contract",
    "tail", "musttail", "notail", "fastcc", "cc 10", "noundef", "nonnull", "align 4096", "captures(none)", "byval({ i32, ptr })",
    "sret(i64)", "inalloca(i32)", "swiftself", "nest", "elementtype(i32)", "range(i32 1, 4)", "dereferenceable(8)", "inreg", "zeroext",
    "syncscope(\"a, ptr %b\")", "seq_cst", "acquire", "unordered", "ptr addrspace(1)", "<2 x ptr>", "weak", "cleanup", "poison",
    "undef", "null", "zeroinitializer", "inteldialect", "unwind", "alignstack", "#0", "[ \"deopt\"(i32 1) ]", "!dbg !1", ", align 1",
    "hidden", "comdat", "dso_local", "local_unnamed_addr", "sanitize_address", "blockaddress(@main, %1)", "preallocated(i32)",
)  # fmt: skip
_NAME = re.compile(r'[%@](?:[\w.$-]+|"[^"]*")')


def mutated(text: str, draw: random.Random) -> str:
    """The text with one to four changes."""
    lines = text.split("\n")
    for _ in range(draw.randint(1, 4)):
        draw.choice((_word, _word, _rename, _line, _head, _string))(lines, draw)
    return "\n".join(lines)


def _some(lines: list[str], draw: random.Random, start: str) -> int | None:
    for _ in range(20):
        at = draw.randrange(len(lines))
        if lines[at].startswith(start):
            return at
    return None


def _word(lines: list[str], draw: random.Random) -> None:
    """A word goes, comes or changes."""
    at = _some(lines, draw, "  ")
    if at is None:
        return
    words = lines[at].split(" ")
    where = draw.randrange(2, len(words) + 1)
    action = draw.choice("idr")
    if action == "i":
        words.insert(where, draw.choice(WORDS))
    elif where < len(words):
        words[where : where + 1] = [] if action == "d" else [draw.choice(WORDS)]
    lines[at] = " ".join(words)


def _rename(lines: list[str], draw: random.Random) -> None:
    """A name becomes an odd one, wherever it stands; a local one in its whole function."""
    at = _some(lines, draw, "  ")
    names = _NAME.findall(lines[at]) if at is not None else []
    if at is None or not names:
        return
    name = draw.choice(names)
    if name[1:].isdigit():
        return
    new = printed(name[0], "".join(draw.choice(ODD) for _ in range(draw.randint(1, 4))).encode())
    start, end = 0, len(lines)
    if name[0] == "%":
        start = max(number for number in range(at) if number == 0 or lines[number].startswith("define "))
        end = next((number for number in range(at, end) if lines[number] == "}"), end)
    pattern = re.compile(re.escape(name) + r"(?![\w.$-])")
    for number in range(start, end):
        lines[number] = pattern.sub(lambda _: new, lines[number])
        if name[0] == "%" and lines[number].startswith(f"{name[1:]}:"):
            lines[number] = new[1:] + lines[number][len(name) - 1 :]


def _line(lines: list[str], draw: random.Random) -> None:
    """A line goes, is said twice, or changes places with another."""
    at, other = _some(lines, draw, "  "), _some(lines, draw, "  ")
    if at is None or other is None:
        return
    action = draw.choice("dts")
    if action == "d":
        del lines[at]
    elif action == "t":
        lines.insert(at, re.sub(r"^  %\S+ = ", "  ", lines[at]))
    else:
        lines[at], lines[other] = lines[other], lines[at]


def _head(lines: list[str], draw: random.Random) -> None:
    """Another linkage, and other words behind the parameters."""
    at = _some(lines, draw, "define ")
    if at is None:
        return
    kept = re.sub(r"^define (?:internal |private |weak |linkonce_odr |dso_local |hidden )*", "", lines[at])
    changed = f"define {draw.choice(LINKAGES)}{kept}"
    where = changed.rfind(")")
    lines[at] = changed[: where + 1] + draw.choice(TAILS).split(" comdat(")[0] + changed[where + 1 :]


def _string(lines: list[str], draw: random.Random) -> None:
    """Other words inside of quotes, of the same length where that counts."""
    at = draw.randrange(len(lines))
    quoted = [match for match in re.finditer(r'(.)"([^"\\]+)"', lines[at]) if match.group(1) not in "@%$"]
    if not quoted:
        return
    match = draw.choice(quoted)
    word = draw.choice([word for word in ODD if word.isascii() and not set(word) & set('\\"\n\t\x7f')])
    text = (word * len(match.group(2)))[: len(match.group(2))]
    lines[at] = lines[at][: match.start(2)] + text + lines[at][match.end(2) :]
