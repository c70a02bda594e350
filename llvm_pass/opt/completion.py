"""Completion scripts for shells, made from the parser: an option that it gets, they get."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass

from llvm_pass.passes import PASSES

SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True, slots=True)
class _Option:
    names: tuple[str, ...]
    help: str
    value: str | None  # None: takes none; "FILE", "A,B" ...
    choices: tuple[str, ...]


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for one of SHELLS, for the parser's program."""
    made = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    return made(parser.prog, list(_options(parser)))


def _options(parser: argparse.ArgumentParser) -> Iterator[_Option]:
    for action in parser._actions:
        if action.option_strings:
            value = None if action.nargs == 0 else (action.metavar or action.dest.upper())
            choices = tuple(map(str, action.choices or ()))
            if value == "A,B":
                choices = tuple(item.name for item in PASSES)
            text = (action.help or "").replace("%%", "%")
            yield _Option(tuple(action.option_strings), text, str(value) if value else None, choices)


def _words(options: list[_Option]) -> str:
    return " ".join(name for option in options for name in option.names)


def _bash(program: str, options: list[_Option]) -> str:
    cases = []
    for option in options:
        pattern = "|".join(option.names)
        if option.value == "A,B":  # the last one of a list with commas
            words = " ".join(option.choices)
            cases.append(
                f'    {pattern})\n      local done="${{current%"${{current##*,}}"}}"\n'
                f'      COMPREPLY=($(compgen -P "$done" -W "{words}" -- "${{current##*,}}"))\n      return ;;'
            )
        elif option.choices:
            cases.append(
                f'    {pattern}) COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$current")); return ;;'
            )
        elif option.value == "FILE":
            cases.append(f'    {pattern}) COMPREPLY=($(compgen -f -- "$current")); return ;;')
        elif option.value:
            cases.append(f"    {pattern}) COMPREPLY=(); return ;;")
    function = "_" + program.replace("-", "_")
    return "\n".join(
        [
            f'# bash completion of {program}: eval "$({program} --completion bash)"',
            f"{function}() {{",
            '  local current="${COMP_WORDS[COMP_CWORD]}"',
            '  case "${COMP_WORDS[COMP_CWORD-1]}" in',
            *cases,
            "  esac",
            '  if [[ "$current" == -* ]]; then',
            f'    COMPREPLY=($(compgen -W "{_words(options)}" -- "$current"))',
            "  else",
            '    COMPREPLY=($(compgen -f -- "$current"))',
            "  fi",
            "}",
            f"complete -o filenames -F {function} {program}",
            "",
        ]
    )


def _zsh(program: str, options: list[_Option]) -> str:
    def quoted(text: str) -> str:
        return "'" + text.replace("'", "'\\''") + "'"

    specs = []
    for option in options:
        text = option.help.replace("[", "(").replace("]", ")").replace(":", "")
        if option.value == "A,B":
            # zsh evaluates the words of an action: print<boundary> must not redirect.
            words = " ".join(f'"{choice}"' if "<" in choice else choice for choice in option.choices)
            value = f":pass:_values -s , pass {words}"
        elif option.choices:
            value = f":{option.names[0].lstrip('-')}:({' '.join(option.choices)})"
        elif option.value == "FILE":
            value = ":file:_files"
        else:
            value = f":{option.value.lower()}:" if option.value else ""
        specs += [quoted(f"{name}[{text}]{value}") for name in option.names]
    body = " \\\n".join(f"    {spec}" for spec in [*specs, "'*:input:_files'"])
    function = "_" + program.replace("-", "_")
    return (
        f"#compdef {program}\n# zsh completion: put this into a folder of $fpath as {function}\n"
        f"{function}() {{\n  _arguments \\\n{body}\n}}\n"
        f'if [ "$funcstack[1]" = {function} ]; then {function} "$@"; else compdef {function} {program}; fi\n'
    )


def _fish(program: str, options: list[_Option]) -> str:
    lines = [f"# fish completion: {program} --completion fish > ~/.config/fish/completions/{program}.fish"]
    for option in options:
        names = []
        for name in option.names:
            kind = "-l" if name.startswith("--") else "-s" if len(name) == 2 else "-o"
            names.append(f"{kind} {name.lstrip('-')}")
        value = ""
        if option.choices:
            value = f" -x -a {json.dumps(' '.join(option.choices))}"
        elif option.value:
            value = " -r" if option.value == "FILE" else " -x"
        text = option.help.replace("\\", "\\\\").replace("'", "\\'")
        lines.append(f"complete -c {program} {' '.join(names)}{value} -d '{text}'")
    return "\n".join(lines) + "\n"
