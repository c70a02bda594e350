"""galeed-opt's command line, as one argparse parser; --help and completion come from it."""

from __future__ import annotations

import argparse
import sys
from importlib import metadata
from typing import Any, NoReturn

from llvm_pass.ir.reader import Llvm
from llvm_pass.opt.completion import SHELLS
from llvm_pass.pipeline import DEFAULT_PASSES

# LLVM's own spelling has one dash.
_ONE_DASH = (
    "passes", "entries", "print-passes", "verify-each", "print-changed", "stats", "stats-json", "time-passes", "disable-output",
    "pass-remarks", "pass-remarks-missed", "pass-remarks-analysis", "pass-remarks-output", "pass-remarks-filter", "version",
)  # fmt: skip

_DESCRIPTION = """Rewrites LLVM IR (bitcode or text) so that it works on pseudo-pointers.

galeed-opt in.bc -o out.bc               one module, as LLVM's opt does it
galeed-opt *.bc -o out/ --jobs 8         several; each to out/NAME.bc
galeed-opt in.bc --explain inflate       what becomes of one function, and why
galeed-opt in.bc --dry-run               what would be written, and what would stay raw

llvm_pass/EXAMPLES.md in the sources has more, with what they print."""

_EPILOG = """Environment: GALEED_POLICY stands for --policy.
Exit status: 0 all is written; 2 an input was refused (one line on stderr each says why; the others are written);
130 interrupted."""


class Parser(argparse.ArgumentParser):
    """One line on stderr for a mistake, not the usage."""

    def error(self, message: str) -> NoReturn:
        """Ends with status 2."""
        self.exit(2, f"{self.prog}: {message} (--help lists the options)\n")

    def print_help(self, file: Any = None) -> None:
        """Raises OSError when it cannot be written, rather than say nothing."""
        out = file or sys.stdout
        if out is not None:
            out.write(self.format_help())


def parser() -> Parser:
    """The whole command line."""
    made = Parser(
        prog="galeed-opt",
        usage="galeed-opt [OPTION]... [INPUT]...",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "inputs", nargs="*", metavar="INPUT", help="bitcode or text, told apart by magic; - or nothing: stdin"
    )
    _output(made.add_argument_group("output"))
    _passes(made.add_argument_group("passes"))
    _reports(made.add_argument_group("reports"))
    about = made.add_argument_group("about")
    about.add_argument("--version", action=_Version, help="galeed's version and LLVM's")
    about.add_argument("--completion", choices=SHELLS, metavar="SHELL", help=f"a script for {', '.join(SHELLS)}")
    for name in _ONE_DASH:
        made._option_string_actions[f"-{name}"] = made._option_string_actions[f"--{name}"]
    return made


def _output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "-o",
        dest="output",
        metavar="FILE",
        help="output; - or nothing: stdout. For several inputs a directory, or a name with %%s for an input's",
    )
    add("-S", dest="text", action="store_true", help="write text, not bitcode")
    add("-f", dest="force", action="store_true", help="write bitcode to a terminal too")
    add("--disable-output", action="store_true", help="write no module")
    add("--dry-run", action="store_true", help="rewrite and verify, write no file, and say what would be written")
    add("--jobs", "-j", type=_jobs, metavar="N", default=0, help="inputs at once (default: one for each CPU)")


def _passes(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--passes", metavar="A,B", help=f"passes in order (default: {','.join(DEFAULT_PASSES)}); '' for none")
    add("--print-passes", action="store_true", help="list the passes and end")
    add("--policy", metavar="FILE", help="the policy (default: galeed.toml here or upward); '' for none")
    add(
        "--entries",
        metavar="A,B",
        help="in place of the policy's entries: names, with * and ?, or @FILE, a version script or a list",
    )
    add("--profile", metavar="WORD", help="learn, or a file that GALEED_PROFILE named: as the policy's key")
    add("--lend-calls", metavar="NAMES", help="functions that pass lend-calls gates besides the policy's; with stars")
    add("--verify-each", action="store_true", help="after each pass also compare our reading with LLVM's")
    add("--print-changed", action="store_true", help="print the module to stderr after each pass that changed it")


def _reports(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--explain", metavar="FUNCTION", help="source, IR before and after, and why; writes no module")
    add("--stats", action="store_true", help="counts of what was done, on stderr")
    add("--stats-json", metavar="FILE", help="the counts of each input and of all, as JSON")
    add("--time-passes", action="store_true", help="seconds of each pass and of LLVM, on stderr")
    add(
        "--json", action="store_true", help="--stats, --time-passes, --print-passes and what print<> passes say as JSON"
    )
    add("--pass-remarks", metavar="REGEX", help="say what was rewritten by passes whose name matches, on stderr")
    add("--pass-remarks-missed", metavar="REGEX", help="say what was left as it was, likewise")
    add("--pass-remarks-analysis", metavar="REGEX", help="say what else there is to know, likewise")
    add("--pass-remarks-output", metavar="FILE", help="remarks as YAML, as opt-viewer reads them")
    add("--pass-remarks-filter", metavar="REGEX", help="which passes' other remarks go there too ('.': all)")


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text[:9]) <= 1024:
        raise argparse.ArgumentTypeError(f"'{text[:20]}' is no number from 1 to 1024")
    return int(text)


class _Version(argparse.Action):
    def __init__(self, option_strings: list[str], dest: str, **others: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **others)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        with Llvm() as llvm:
            theirs = llvm.version
        print(f"galeed-opt {_version('galeed')}\n  LLVM version {theirs} (llvmlite {_version('llvmlite')})")
        parser.exit()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"
