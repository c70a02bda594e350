"""Reads a C compiler's command line into items that can be put together again.

Invariant: joining the words of all items gives the command line back (response
files opened, `--galeed-*` options taken out), in order, so nothing that we do not
know gets lost on its way to clang.
"""

import os
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from llvm_pass.driver import options as known
from llvm_pass.driver.errors import DriverError

RESPONSE_DEPTH = 16  # nested response files; clang refuses loops as well


class Mode(Enum):
    """What the command makes."""

    OTHER = "nothing that could be rewritten"
    OBJECT = "-c"
    ASSEMBLY = "-S"
    LINK = "link"


@dataclass(frozen=True)
class Item:
    """One option with its value, or one input."""

    words: tuple[str, ...]
    is_input: bool = False
    language: str | None = None  # inputs only; None: for the linker
    language_forced: bool = False  # said by -x, not by the file's name

    @property
    def name(self) -> str:
        """The first word: the option's name, or the input."""
        return self.words[0]


@dataclass
class CommandLine:
    """One command, understood."""

    items: list[Item] = field(default_factory=list)
    mode: Mode = Mode.LINK
    output: str | None = None
    emit_llvm: bool = False
    verbose: bool = False
    save_temps: bool = False
    policy: str | None = None  # a file; "": none
    entries: str | None = None  # in place of the policy's, with commas

    @property
    def words(self) -> list[str]:
        """Everything that is clang's."""
        return [word for item in self.items for word in item.words]

    @property
    def inputs(self) -> list[Item]:
        """Sources and what the linker gets, in order."""
        return [item for item in self.items if item.is_input]

    def has(self, *names: str) -> bool:
        """Is one of these words an option of the command?"""
        return any(not item.is_input and item.name in names for item in self.items)

    def has_prefix(self, prefixes: tuple[str, ...]) -> bool:
        """Does an option start like this?"""
        return any(not item.is_input and item.name.startswith(prefixes) for item in self.items)


def parse(argv: list[str]) -> CommandLine:
    """Understands a command line (without the program's name).

    Raises: DriverError for an unknown `--galeed-*` option.
    """
    line = CommandLine()
    words = expand_response_files(argv)
    language: str | None = None
    other = compile_only = assemble = False
    position = 0
    options_ended = False
    while position < len(words):
        word = words[position]
        position += 1
        if options_ended or not word.startswith("-") or word == "-":
            line.items.append(_input(word, language))
            continue
        if word == "--":
            options_ended = True
            line.items.append(Item((word,)))
            continue
        if word.startswith("--galeed-"):
            _own_option(line, word)
            continue
        value: str | None = None
        if position < len(words) and (word in known.SEPARATE or word.startswith(known.SEPARATE_JOINED)):
            value = words[position]
            position += 1
        item = Item((word,) if value is None else (word, value))
        line.items.append(item)
        joined = _joined(word, value)
        if joined is not None:
            option, text = joined
            if option == "-o":
                line.output = text
            else:
                language = None if text == "none" else text
        elif word in ("-c", "--compile"):
            compile_only = True
        elif word in ("-S", "--assemble"):
            assemble = True
        elif word == "-emit-llvm":
            line.emit_llvm = True
        elif word in known.PASS_THROUGH or word.startswith(known.PASS_THROUGH_JOINED):
            other = True
    if other or not line.inputs:
        line.mode = Mode.OTHER
    elif assemble:
        line.mode = Mode.ASSEMBLY
    elif compile_only:
        line.mode = Mode.OBJECT
    elif line.emit_llvm:
        line.mode = Mode.OTHER  # clang's own words: -emit-llvm cannot be used when linking
    return line


def _joined(word: str, value: str | None) -> tuple[str, str] | None:
    """("-o" or "-x", its value) when the option is one of these two, in any spelling."""
    if word in ("-o", "--output", "-x", "--language"):
        return (word[0:2] if word[1] != "-" else "-" + ("o" if word == "--output" else "x")), value or ""
    for prefix, option in (("--output=", "-o"), ("--language=", "-x"), ("-x", "-x")):
        if word.startswith(prefix):
            return option, word.removeprefix(prefix)
    if word.startswith("-o") and not word.startswith(("-objc", "-object", "-omptargets")):
        return "-o", word[2:]
    return None


def _input(word: str, language: str | None) -> Item:
    if language is not None:
        return Item((word,), True, language, True)
    return Item((word,), True, known.LANGUAGES.get(Path(word).suffix))


def _own_option(line: CommandLine, word: str) -> None:
    if word == "--galeed-verbose":
        line.verbose = True
    elif word == "--galeed-save-temps":
        line.save_temps = True
    elif word.startswith("--galeed-policy="):
        line.policy = word.removeprefix("--galeed-policy=")
    elif word.startswith("--galeed-entries="):
        line.entries = word.removeprefix("--galeed-entries=")
    else:
        raise DriverError(
            f"{word}: unknown option; there are --galeed-policy=FILE, --galeed-entries=NAMES, --galeed-verbose and "
            "--galeed-save-temps"
        )


def expand_response_files(argv: list[str], depth: int = 0) -> list[str]:
    """Puts the words of each `@file` in its place; a missing file stays a word, as in clang."""
    words: list[str] = []
    for word in argv:
        if not word.startswith("@") or not Path(word[1:]).is_file():
            words.append(word)
        elif depth == RESPONSE_DEPTH:
            raise DriverError(f"{word}: response files nested deeper than {RESPONSE_DEPTH}")
        else:
            text = os.fsdecode(Path(word[1:]).read_bytes())
            words += expand_response_files(split_words(text), depth + 1)
    return words


def split_words(text: str) -> list[str]:
    """Splits as GNU tools split a response file: quotes of both kinds, backslash anywhere."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    characters = iter(text)
    for character in characters:
        if character == "\\":
            word = [] if word is None else word
            word.append(next(characters, ""))
        elif quote:
            if character == quote:
                quote = ""
            elif word is not None:
                word.append(character)
        elif character in "'\"":
            quote = character
            word = [] if word is None else word
        elif character.isspace():
            if word is not None:
                words.append("".join(word))
            word = None
        else:
            word = [] if word is None else word
            word.append(character)
    if word is not None:
        words.append("".join(word))
    return words
