"""Reads galeed.toml: a policy that is right in every key, or one error that says where.

Attacker: may own the sources that are compiled, not the policy. What is in it is still
checked whole, since a misspelt key would be a protection that somebody believes in.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from llvm_pass.errors import GaleedError
from llvm_pass.policy.exports import Exports, ListError
from llvm_pass.policy.exports import read as read_list
from llvm_pass.policy.keys import AT_START, ENTRY, KEYS, Key

_MOST_SAID = 5
_SHOWN = 60
LEARN = "learn"  # the profile that is no file
_MOST_BYTES = 1 << 20  # of a list of entries
_MOST_PARSED = 8 << 20  # bytes read again to find a line
_Problem = tuple[tuple[str, ...], str, str]  # path, what is wrong there, the word that is


class PolicyError(GaleedError):
    """The policy cannot be obeyed; names file and line."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a galeed.toml says; a policy with no file says nothing.

    origin: the file's name, for messages. given: the keys that are in it. lists: the
    files that `entries` names, by their words there (@FILE). entries_from: who says which
    the entries are. pointers_enter: a function whose address is used is an entry too.
    """

    origin: str = ""
    text: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    lists: Mapping[str, Exports] = field(default_factory=dict)
    entries_from: str = ""
    pointers_enter: bool = False

    def names(self, key: str) -> tuple[str, ...] | None:
        """A list of names; None when the key is not given."""
        value = self.given.get(key)
        return None if value is None else tuple(value)

    def with_names(self, key: str, names: Iterable[str]) -> Policy:
        """Another policy, with these names too, from an option of that name. Raises PolicyError."""
        found = [name for name in names if name]
        problems = list(_check({key: found}, KEYS, ()))
        if problems:
            raise PolicyError(f"--{key}: {problems[0][1]}")
        return Policy(self.origin, self.text, {**self.given, key: [*(self.names(key) or ()), *found]})

    def with_word(self, key: str, word: str) -> Policy:
        """Another policy, with this word, from an option of that name. Raises PolicyError."""
        problems = list(_check({key: word}, KEYS, ()))
        if problems:
            raise PolicyError(f"--{key}: {problems[0][1]}")
        return replace(self, given={**self.given, key: word})

    def word(self, key: str) -> str | None:
        """One word; None when the key is not given."""
        value = self.given.get(key)
        return None if value is None else str(value)

    @property
    def files(self) -> tuple[str, ...]:
        """All that it was read from."""
        profile = self.profile
        return (
            *([self.origin] if self.origin else ()),
            *(each.file for each in self.lists.values()),
            *([str(profile)] if profile else ()),
        )

    @property
    def profile(self) -> Path | None:
        """The profile that is used; None when there is none, or one is learnt."""
        wanted = self.word("profile")
        return None if wanted in (None, LEARN) else Path(self.origin).parent / str(wanted)

    @property
    def calls(self) -> Mapping[str, Mapping[str, Any]]:
        """Rows for functions that are not rewritten."""
        rows: Mapping[str, Mapping[str, Any]] = self.given.get("calls", {})
        return rows

    def rewriting(self) -> dict[str, Any]:
        """What of it changes the code: all but what is for the program's start."""
        kept = {key: value for key, value in self.given.items() if key not in AT_START}
        return {**kept, "lists": {name: each.text for name, each in self.lists.items()}} if self.lists else kept

    def is_entry(self, name: str, taken: bool) -> bool:
        """May the host call the function? taken: its address is used."""
        wanted = self.given.get("entries")
        if wanted is None or (taken and self.pointers_enter):
            return True
        return any(self.lists[each].has(name) if each in self.lists else fnmatchcase(name, each) for each in wanted)

    def with_entries(self, words: Iterable[str], source: str, folder: Path, pointers_enter: bool = False) -> Policy:
        """The same with other entries. source: who says so, for messages. Raises PolicyError."""
        entries = list(words)
        for word in entries:
            if not re.fullmatch(ENTRY, word):
                raise PolicyError(f"{source}: '{_shown(word)}' is no function's name, nor @FILE")
        lists = _lists(entries, folder, source)
        given = {**self.given, "entries": entries}
        return replace(self, given=given, lists=lists, entries_from=source, pointers_enter=pointers_enter)

    def allows(self, key: str, name: str) -> bool:
        """Is the name among those of the key, or the key not given? Stars match."""
        patterns = self.given.get(key)
        return patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns)

    def named(self, key: str, name: str) -> bool:
        """Is the name among those of the key? Without the key: no."""
        return key in self.given and self.allows(key, name)

    def where(self, *path: str) -> str:
        """ "galeed.toml:3" for a key; without a file it was an option."""
        return f"--{path[0]}" if not self.origin else f"{self.origin}:{line_of(self.text, path)}"

    def refuse_unserved(self, served: Iterable[str]) -> None:
        """Raises PolicyError for a key of which nothing would take notice."""
        for name in self.given:
            if name not in served:
                raise PolicyError(f"{self.where(name)}: nothing in this version serves '{name}'; take it out")


def load(data: bytes, origin: str, folder: Path = Path()) -> Policy:
    """Raises PolicyError with all that is wrong, the first few places by line. folder: where files lie."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError(f"{origin}:{line}: not UTF-8") from error
    try:
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PolicyError(f"{origin}{_place(error)}") from error
    except ValueError as error:  # a date or number that Python has no value for
        raise PolicyError(f"{origin}: {error}") from error
    problems = list(_check(given, KEYS, ()))
    if problems:
        said = [f"{origin}:{line_of(text, path, word)}: {what}" for path, what, word in problems[:_MOST_SAID]]
        more = [f"and {len(problems) - _MOST_SAID} more"] if len(problems) > _MOST_SAID else []
        raise PolicyError("; ".join([*said, *more]))
    policy = Policy(origin, text, given)
    if "entries" not in given:
        return policy
    where = policy.where("entries")
    return replace(policy, lists=_lists(given["entries"], folder, where), entries_from=where)


def _lists(words: Iterable[str], folder: Path, source: str) -> dict[str, Exports]:
    found = {}
    for word in words:
        if not word.startswith("@"):
            continue
        name = word.removeprefix("@")
        try:
            with (folder / name).open("rb") as stream:
                data = stream.read(_MOST_BYTES + 1)
            if len(data) > _MOST_BYTES:
                raise PolicyError(f"{source}: {name}: longer than {_MOST_BYTES} bytes")
            found[word] = read_list(data.decode("utf-8"), str(folder / name))
        except ListError as error:
            raise PolicyError(f"{source}: {name}:{error.line}: {error}") from error
        except OSError as error:
            raise PolicyError(f"{source}: {name}: {error.strerror}") from error
        except ValueError as error:
            raise PolicyError(f"{source}: {name}: not UTF-8") from error
    return found


def _place(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return ": nested too deeply"
    match = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|(end of document))\)", str(error), re.DOTALL)
    if match is None:
        return f": {error}"
    what, line, column, _ = match.groups()
    return f":{line}:{column}: {what}" if line else f": {what}, at the end of the file"


def _check(given: Mapping[str, Any], keys: tuple[Key, ...], above: tuple[str, ...]) -> Iterable[_Problem]:
    """In the file's order."""
    known = {key.name: key for key in keys}
    for name, value in given.items():
        path = (*above, name)
        key = known.get(name)
        if key is None:
            yield path, f"unknown key '{'.'.join(map(_shown, path))}'; {nearest(name, known)}", ""
        elif key.kind == "word":
            if not isinstance(value, str):
                yield path, f"'{name}' must be one word in quotes, like \"{key.example}\"", ""
            elif key.choices and value not in key.choices:
                yield path, f"'{name}' is '{_shown(value)}'; {nearest(value, key.choices)}", ""
            elif not key.choices and not re.fullmatch(key.pattern, value):
                yield path, f"'{name}' cannot be '{_shown(value)}'; right is, for example, \"{key.example}\"", ""
        elif key.kind == "names":
            yield from ((path, what, word) for what, word in _check_names(key, value))
        else:
            yield from _check_table(key, value, path)


def _check_names(key: Key, value: object) -> Iterable[tuple[str, str]]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        yield f"'{key.name}' must be a list of names, like [\"{key.example}\"]", ""
        return
    for each in value:
        if not re.fullmatch(key.pattern, each):
            what = f"'{_shown(each)}' in '{key.name}' is no name of that kind; right is, for example"
            yield f'{what}, "{key.example}"', each


def _check_table(key: Key, value: object, path: tuple[str, ...]) -> Iterable[_Problem]:
    if not isinstance(value, dict):
        yield path, f"'{key.name}' must be a table: [{key.name}.{key.example}]", ""
        return
    for name, row in value.items():
        if not re.fullmatch(key.pattern, name):
            yield (*path, name), f"'{_shown(name)}' is no function's name", ""
        elif not isinstance(row, dict):
            yield (*path, name), f"'{key.name}.{name}' must be a table: [{key.name}.{name}]", ""
        else:
            yield from _check(row, key.members, (*path, name))
            if ("arguments" in row) == ("refused" in row):
                yield (*path, name), f"'{key.name}.{name}' needs either 'arguments' or a reason in 'refused'", ""


def nearest(word: str, known: Iterable[str]) -> str:
    """ "did you mean 'entries'?", or all that there are."""
    from difflib import get_close_matches  # only when something is wrong: every compilation comes by here

    names = list(known)
    close = get_close_matches(word[:_SHOWN].lower().replace("_", "-"), names, 1, 0.6)
    return f"did you mean '{close[0]}'?" if close else f"there are {', '.join(names)}"


def line_of(text: str, path: tuple[str, ...], word: str = "") -> int:
    """The line, from 1, where the statement begins that first gives this key; in it, the line of a word.

    Asked of TOML's own parser, so that it holds for every way to write a key: the statement
    ends the shortest run of whole lines that parses and has the key. Very long files are
    searched for the key's name instead.
    """
    lines = text.split("\n")
    start, budget = 0, _MOST_PARSED
    for number in range(1, len(lines) + 1):
        so_far = "\n".join(lines[:number])
        budget -= len(so_far)
        if budget < 0:
            return _first(lines, path[-1], 0)
        try:
            found: Any = tomllib.loads(so_far)
        except ValueError:
            continue  # amid a statement of several lines
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if found is not None:
            return _first(lines, word, start)
        start = number
    return 1


def _first(lines: list[str], word: str, start: int) -> int:
    return next((number + 1 for number in range(start, len(lines)) if word in lines[number]), start + 1)


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
