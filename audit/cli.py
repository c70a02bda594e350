"""galeed-audit: what is unsafe at the boundary between Rust and C.

Exit codes: 0 no finding of the severity that --fail-on names that is new and not suppressed, or a baseline was
written, 1 there are, 2 usage or environment, or something that was named could not be read or built.
The report goes to stdout, progress to stderr.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from audit import baseline, config, evidence, suppress
from audit.cache import Answer, Cache, default_folder, key
from audit.corpus import command as corpus
from audit.corpus.command import count
from audit.errors import AuditError
from audit.files import write_out
from audit.inputs import Choices, prepare, read
from audit.model import Confidence, Severity
from audit.pages import page
from audit.progress import Progress, tell
from audit.propose import propose, refuse_existing, write
from audit.report import data, github, html, sarif, text
from audit.rules import RULES
from audit.run import findings
from audit.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from audit.facts.rust.boundary import Drawn
    from audit.model import Finding
    from audit.subject import Subject

_FORMATS = ("text", "json", "sarif", "html", "github")
_SEVERITIES = [each.name.lower() for each in Severity if each is not Severity.METRIC]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="galeed-audit",
        usage="galeed-audit [OPTION...] [PATH...]\n       galeed-audit explain ID\n       galeed-audit verify BINARY"
        "\n       galeed-audit corpus UNIT... --out FOLDER",
        description="Says what is unsafe at the boundary between Rust and the C and C++ that it calls.",
        epilog="Exit code: 0 nothing as bad as --fail-on says, 1 findings, 2 usage, or what was named could not be read or built. "
        "What could not be read is said at the end. `galeed-audit explain E07` tells what a rule means, "
        "`galeed-audit verify BINARY` what is missing in a program that cargo galeed built.",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="an ELF file, an archive, LLVM IR or bitcode, a Rust source file, a folder with Rust source; a crate or "
        "workspace, or NAME==VERSION of one in cargo's local registry cache, is built for its IR",
    )
    parser.add_argument("--no-build", action="store_true", help="judge a crate by its source alone")
    parser.add_argument(
        "--features", action="append", default=[], metavar="LIST", help="of cargo, for building; may be repeated"
    )
    parser.add_argument("--pid", type=int, action="append", default=[], metavar="N", help="a running process")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="of the report (default: text)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where the report goes (default: stdout)")
    parser.add_argument(
        "--report", action="append", default=[], type=_report, metavar="FORMAT=FILE",
        help="a further report of the same audit, sarif=audit.sarif for example; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--rule", action="append", default=[], metavar="ID", help="only this rule; may be repeated, and end in * (E*)"
    )
    parser.add_argument(
        "--confidence", choices=[each.name.lower() for each in Confidence],
        help="show what is at least as sure (default: medium)",
    )  # fmt: skip
    parser.add_argument("--fail-on", choices=_SEVERITIES, help="exit with 1 from this severity on (default: low)")
    parser.add_argument(
        "--baseline", type=Path, metavar="FILE",
        help="what an earlier audit found: marked, and no reason to fail; what is new is",
    )  # fmt: skip
    parser.add_argument("--write-baseline", type=Path, metavar="FILE", help="write what is found, for --baseline")
    parser.add_argument(
        "--config", type=Path, metavar="FILE",
        help="default: galeed-audit.toml here, or [tool.galeed.audit] in pyproject.toml",
    )  # fmt: skip
    parser.add_argument(
        "--propose", type=Path, metavar="FILE", help="write the galeed.toml that the isolation needs; not over a file"
    )
    parser.add_argument("--overwrite", action="store_true", help="--propose may replace the file")
    parser.add_argument(
        "--evidence", type=Path, action="append", default=[], metavar="FILE",
        help="what GALEED_REPORT or GALEED_PROFILE of a run named: joins the findings; may be repeated",
    )  # fmt: skip
    parser.add_argument("--exit-zero", action="store_true", help="exit with 0 whatever was found")
    parser.add_argument("--list-rules", action="store_true", help="list the rules and end")
    parser.add_argument(
        "--jobs", type=count, default=0, metavar="N", help="how much at once (default: a job for each CPU)"
    )
    parser.add_argument(
        "--cache-dir", type=Path, metavar="FOLDER", help="of earlier answers (default: $XDG_CACHE_HOME/galeed/answers)"
    )
    parser.add_argument("--no-cache", action="store_true", help="take no earlier answer, and keep none")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    return parser


def _report(word: str) -> tuple[str, Path]:
    form, _, file = word.partition("=")
    if form not in _FORMATS or not file:
        raise argparse.ArgumentTypeError(f"{word!r} is not FORMAT=FILE with one of {', '.join(_FORMATS)}")
    return form, Path(file)


def _explain(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="galeed-audit explain", description="Tells what a rule means.")
    parser.add_argument("rule", metavar="ID", help="E07, for example")
    wanted = parser.parse_args(words).rule.upper()
    rule = next((each for each in RULES if each.id == wanted), None)
    if rule is None:
        raise AuditError(f"there is no rule {wanted}; there are: {' '.join(each.id for each in RULES)}")
    _write(page(rule).rstrip("\n"), None)
    return 0


def _verify(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="galeed-audit verify",
        description="Says whether what the policy promised is in a program that `cargo galeed` built: no open "
        "gadget, a gate before each foreign entry, no C that was not rewritten, galeed's allocator, RELRO and BIND_NOW.",
        epilog="Exit code: 0 all is there, 1 something is missing or cannot be seen in the file, 2 it cannot be read. "
        "It finds mistakes of a build, no forgery.",
    )
    parser.add_argument("program", type=Path, metavar="BINARY")
    parser.add_argument("--policy", metavar="FILE", help="the galeed.toml (default: the nearest one upward)")
    parser.add_argument(
        "--unrewritten", action="append", default=[], metavar="PATTERN",
        help="a C or assembler source or a shared library that is meant not to be rewritten; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--ungated", action="append", default=[], metavar="PATTERN",
        help="a function that was not rewritten and is meant to be called with Rust's rights; may be repeated",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(words)
    proof = verify(options.program, options.policy, options.unrewritten, options.ungated)
    _write(proof.as_json() if options.json else proof.render(), None)
    return int(bool(proof.missing))


def _chosen(words: Sequence[str], origin: str = "--rule") -> list[str]:
    """The ids that --rule or the configuration means. Raises AuditError for a word that means none."""
    ids = [rule.id for rule in RULES]
    chosen: set[str] = set()
    for word in words:
        upper = word.upper()
        meant = [each for each in ids if each == upper or (upper.endswith("*") and each.startswith(upper[:-1]))]
        if not meant:
            raise AuditError(f"{origin} {word} means no rule; there are: {' '.join(ids)}")
        chosen.update(meant)
    return [each for each in ids if each in chosen or not words]


def _rendered(form: str, shown: list[Finding], hidden: int, subject: Subject, drawn: Drawn | None) -> str:
    if form == "json":
        return data.render(shown, hidden, subject.notes, subject.runs)
    if form == "sarif":
        return sarif.render(shown, RULES, subject.notes, _version(), subject.runs)
    if form == "html":
        return html.render(shown, hidden, drawn or subject.drawn(), subject.notes, _version(), subject.runs)
    if form == "github":
        return github.render(shown, subject.notes, subject.runs)
    return text.render(shown, hidden, subject.notes, subject.runs)


def _version() -> str:
    from mpk import __version__

    return __version__


def _refuse_same(files: Sequence[Path | None]) -> None:
    """Raises AuditError where one file would be written twice: the last one would be all that is left."""
    named = [each.absolute() for each in files if each is not None and (each.is_file() or not each.exists())]
    for each in named:
        if named.count(each) > 1:
            raise AuditError(f"{each} is named for two things that are written; give each a file of its own")


def _write(report: str, output: Path | None) -> None:
    if output is None and sys.stdout is None:
        raise AuditError("standard output is closed; -o FILE says where the report goes")
    try:
        if output is None:
            code = sys.stdout.encoding or "utf-8"
            print(report.encode(code, "backslashreplace").decode(code), flush=True)  # names of files may be any bytes
        else:
            write_out(output, (report + "\n").encode("utf-8", "backslashreplace"))
    except BrokenPipeError:
        raise
    except OSError as error:
        if output is None:  # what is left in its buffer is not tried again when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise AuditError(f"cannot write {output or 'the report'}: {error.strerror}") from error


def _answer(options: argparse.Namespace, chosen: list[str], say: Callable[[str], None]) -> Answer:
    """From the cache, where that has it."""
    for path in options.evidence:
        if not path.exists():
            raise AuditError(f"--evidence {path}: there is no such file")
    features = tuple(each for words in options.features for each in words.split(",") if each)
    if features and options.no_build:
        raise AuditError("--features says how to build, and --no-build asks for no building: leave one of them out")
    inputs = prepare(options.paths, say, Choices(not options.no_build, features, options.jobs))
    kept = Cache(options.cache_dir or default_folder(), tell)
    # A policy is proposed from all that was read, and runs are joined to it: an answer has less.
    is_whole = options.pid or options.propose is not None or options.evidence
    wanted = None if options.no_cache or is_whole or not inputs else key(inputs, chosen)
    is_drawn = "html" in (options.format, *(form for form, _ in options.report))
    if wanted is not None and (answer := kept.find(wanted, is_drawn)):
        say("nothing has changed: the answer is from the cache")
        return answer
    subject = read(inputs, options.pid, say, options.jobs)
    evidence.load(options.evidence, subject)
    rules = [rule for rule in RULES if rule.id in chosen]
    found = evidence.joined(findings(subject, rules, say), subject, rules)
    answer = Answer(found, subject, subject.drawn() if is_drawn else None)
    if wanted is not None:
        kept.keep(wanted, answer)
    return answer


def _run(argv: Sequence[str]) -> int:
    if argv[:1] == ["explain"]:
        return _explain(argv[1:])
    if argv[:1] == ["verify"]:
        return _verify(argv[1:])
    if argv[:1] == ["corpus"]:
        return corpus.main(argv[1:])
    options = _parser().parse_args(argv)
    if options.list_rules:
        _write("\n".join(f"{rule.id}  {rule.severity.name.lower():8} {rule.title}" for rule in RULES), None)
        return 0
    _refuse_same([*(file for _, file in options.report), options.output, options.write_baseline, options.propose])
    settings = config.find(options.config)
    chosen = _chosen(options.rule or settings.rules, "--rule" if options.rule else f"{settings.origin}: rules:")
    for each in settings.allowed:
        _chosen(each.rules, f"{settings.origin}: allow:")
    known_from = options.baseline or settings.baseline
    known = baseline.read(known_from) if known_from and options.write_baseline is None else None
    if options.propose is not None:
        refuse_existing(options.propose, options.overwrite)

    with Progress(options.quiet) as progress:
        answer = _answer(options, chosen, progress.say)
    subject, found = answer.subject, answer.findings
    found = suppress.applied(found, subject, settings.allowed, [rule.id for rule in RULES], chosen)
    if options.write_baseline is not None:
        kept = [each for each in found if not each.suppressed]
        _write(baseline.written(kept), options.write_baseline)
    if known is not None:
        found = baseline.marked(found, known, chosen)
    least = Confidence[(options.confidence or settings.confidence or "medium").upper()]
    shown = [each for each in found if each.confidence >= least]
    for form, output in [*options.report, (options.format, options.output)]:
        _write(_rendered(form, shown, len(found) - len(shown), subject, answer.drawn), output)
    if options.propose is not None:
        proposal = propose(subject, found, subject.runs)
        if proposal is None:
            said = f"{options.propose} is not written: nothing foreign is called, so no policy is needed"
        else:
            write(proposal, options.propose, options.overwrite)
            said = f"{options.propose} is written: read it, then run the tests by `cargo galeed test`"
        if not options.quiet:
            tell(said)
    if options.exit_zero or options.write_baseline is not None:
        return 0
    fail_on = Severity[(options.fail_on or settings.fail_on or "low").upper()]
    if any(each.severity >= fail_on and each.counts for each in shown):
        return 1
    if fail_on <= Severity.HIGH and evidence.unmatched(subject):
        return 1
    return 2 if subject.unread else 0


@contextmanager
def _signals() -> Iterator[None]:
    """Whoever ends this process by TERM or HUP ends what runs for it too, as an interrupt does."""

    def interrupt(number: int, _frame: object) -> None:
        raise KeyboardInterrupt(number)

    main_thread = threading.current_thread() is threading.main_thread()
    ours = [
        each for each in (signal.SIGTERM, signal.SIGHUP) if main_thread and signal.getsignal(each) is signal.SIG_DFL
    ]
    for each in ours:
        signal.signal(each, interrupt)
    try:
        yield
    finally:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)


def main(argv: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    try:
        with _signals():
            return _run(list(sys.argv[1:] if argv is None else argv))
    except AuditError as error:
        tell(str(error))
        return 2
    except KeyboardInterrupt as error:
        tell("interrupted")
        return 128 + (error.args[0] if error.args else signal.SIGINT)
    except BrokenPipeError:  # who reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except Exception as error:
        if os.environ.get("GALEED_DEBUG") == "1":
            raise
        tell(f"internal error: {type(error).__name__}: {error} (GALEED_DEBUG=1 shows where)")
        return 2


if __name__ == "__main__":
    sys.exit(main())
