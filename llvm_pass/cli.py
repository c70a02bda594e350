"""galeed-opt: runs the passes on one module, in the manner of LLVM's opt.

Exit 0 when the output was written, 2 with one line when it was not. The output file
appears whole or not at all. Assumes nothing of the input.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from llvm_pass.errors import GaleedError, UsageError
from llvm_pass.passes import PASSES
from llvm_pass.pipeline import DEFAULT_PASSES, Options, Result, chosen, passes_of, rewrite
from llvm_pass.policy import find


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="galeed-opt",
        description="Rewrites LLVM IR (bitcode or text) so that it works on pseudo-pointers.",
        epilog="Environment: GALEED_POLICY stands for --policy. Exit: 0 written, 2 refused (one line on stderr says why).",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("input", nargs="?", default="-", help="bitcode or text, told apart by magic; - or nothing: stdin")
    add("-o", dest="output", metavar="FILE", default="-", help="output; - or nothing: stdout")
    add("-S", dest="text", action="store_true", help="write text, not bitcode")
    add("-f", dest="force", action="store_true", help="write bitcode to a terminal too")
    add("--disable-output", action="store_true", help="write no module")
    add("--passes", metavar="A,B", help=f"passes in order (default: {','.join(DEFAULT_PASSES)}); '' for none")
    add("--policy", metavar="FILE", help="the policy (default: galeed.toml here or upward); '' for none")
    add("--print-passes", action="store_true", help="list the passes and end")
    add(
        "--verify-each",
        action="store_true",
        help="after each pass (always verified) also compare our reading with LLVM's",
    )
    add("--print-changed", action="store_true", help="print the module to stderr after each pass that changed it")
    add("--stats", action="store_true", help="counts of what was done, on stderr")
    add("--time-passes", action="store_true", help="seconds of each pass and of LLVM, on stderr")
    add("--json", action="store_true", help="--stats, --time-passes and --print-passes as JSON")
    add("--pass-remarks-output", metavar="FILE", help="remarks as YAML; Missed ones are forms left as they were")
    # LLVM's own spelling has one dash.
    for name in ("passes", "print-passes", "verify-each", "print-changed", "stats", "time-passes", "disable-output"):
        parser._option_string_actions[f"-{name}"] = parser._option_string_actions[f"--{name}"]
    return parser


def main(argv: list[str] | None = None) -> int:
    """The command. Never raises for a user's mistake."""
    options = _parser().parse_args(argv)
    try:
        if options.print_passes:
            _print_passes(options.json)
            return 0
        return _run(options)
    except GaleedError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        # Whoever read our output has had enough; keep the interpreter from saying so again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 2
    except OSError as error:
        return _refuse(f"{error.filename or 'output'}: {error.strerror}")
    except KeyboardInterrupt:
        return 130


def _refuse(reason: str) -> int:
    line = " ".join(reason.split())  # and no control characters of the input to the terminal
    print(f"galeed-opt: {''.join(c if c.isprintable() else repr(c)[1:-1] for c in line)}", file=sys.stderr)
    return 2


def _print_passes(as_json: bool) -> None:
    if as_json:
        print(json.dumps([{"name": item.name, "summary": item.summary} for item in PASSES]))
    else:
        for item in PASSES:
            print(f"{item.name:16} {item.summary}")


def _run(options: argparse.Namespace) -> int:
    to_stdout = options.output == "-" and not options.text and not options.disable_output
    if to_stdout and not options.force and sys.stdout is not None and sys.stdout.isatty():
        raise UsageError("will not write bitcode to a terminal; use -o FILE, -S for text, or -f")
    policy = find(options.policy)  # before anything is read
    names = passes_of(policy)
    if options.passes is not None:
        names = tuple(name for name in options.passes.split(",") if name)
        chosen(names)
    data = _read(options.input)

    def changed(name: str, text: str) -> None:
        print(f"; *** IR after {name} ***\n{text}", file=sys.stderr)

    try:
        shown = changed if options.print_changed else None
        result = rewrite(data, Options(names, options.verify_each, shown, policy))
    except GaleedError as error:
        where = "stdin" if options.input == "-" else options.input
        raise UsageError(f"{where}: {error}") from error
    if options.pass_remarks_output:
        _write(options.pass_remarks_output, "".join(remark.yaml() for remark in result.remarks).encode())
    if not options.disable_output:
        _write(options.output, result.text.encode() if options.text else result.bitcode)
    _report(options, result)
    return 0


def _read(name: str) -> bytes:
    if name == "-":
        if sys.stdin is None:
            raise UsageError("stdin is closed; name an input file")
        return sys.stdin.buffer.read()
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"{name}: is a directory")
    return path.read_bytes()


def _write(name: str, data: bytes) -> None:
    """A file appears whole or not at all; a device or pipe is written as it is."""
    path = Path(name)
    if not name:
        raise UsageError("the output's name is empty")
    if name == "-":
        if sys.stdout is None:
            raise UsageError("stdout is closed; use -o FILE")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    elif path.exists() and not path.is_file():
        if path.is_dir():
            raise UsageError(f"{name}: is a directory")
        path.write_bytes(data)
    else:
        try:
            whole = path.resolve()
        except RuntimeError as error:  # what Python 3.11 makes of a loop of symbolic links
            raise UsageError(f"{name}: too many symbolic links") from error
        _replace(whole, data)


def _replace(path: Path, data: bytes) -> None:
    if not path.parent.is_dir():
        raise UsageError(f"{path}: there is no directory {path.parent}")
    handle, temporary = tempfile.mkstemp(prefix=".galeed-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def _report(options: argparse.Namespace, result: Result) -> None:
    ours = sum(seconds for what, seconds in result.seconds.items() if what != "LLVM")
    if options.json and (options.stats or options.time_passes):
        report: dict[str, object] = {"lines": result.lines}
        if options.stats:
            report["stats"] = dict(result.stats)
        if options.time_passes:
            report["seconds"] = result.seconds
        print(json.dumps(report), file=sys.stderr)
        return
    if options.stats:
        for what, count in result.stats.items():
            print(f"{count:8} {what}", file=sys.stderr)
    if options.time_passes:
        for what, seconds in result.seconds.items():
            print(f"{seconds:8.4f} s {what}", file=sys.stderr)
        print(
            f"{result.lines:8} lines, {result.lines / ours if ours else 0:.0f} a second without LLVM", file=sys.stderr
        )


if __name__ == "__main__":
    sys.exit(main())
