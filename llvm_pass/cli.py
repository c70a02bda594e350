"""galeed-opt: runs the passes on modules, in the manner of LLVM's opt.

Exit 0 when all outputs were written, 2 with one line for each input that was refused.
An output file appears whole or not at all. Assumes nothing of the inputs: LLVM reads
them in processes whose death costs one line.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from llvm_pass.errors import GaleedError, UsageError
from llvm_pass.opt import files
from llvm_pass.opt.batch import Batch, Died
from llvm_pass.opt.completion import script
from llvm_pass.opt.entries import absent_entries
from llvm_pass.opt.parser import parser
from llvm_pass.opt.report import counted, give_up, printable, remark_line, say, stats_json
from llvm_pass.opt.work import Outcome, Work, pattern
from llvm_pass.passes import PASSES
from llvm_pass.pipeline import chosen, passes_of
from llvm_pass.policy import Policy, find


def main(argv: list[str] | None = None) -> int:
    """The command. Never raises for a user's mistake."""
    try:
        try:
            return _command(argv)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except GaleedError as error:
        return _refuse(str(error))
    except BrokenPipeError:
        give_up(1)  # whoever read our output has had enough
        return 2
    except OSError as error:
        give_up(1)
        return _refuse(f"{error.filename or 'output'}: {error.strerror}")
    except KeyboardInterrupt:
        return 130


def _refuse(reason: str) -> int:
    say(f"galeed-opt: {printable(reason)}")
    return 2


def _command(argv: list[str] | None) -> int:
    made = parser()
    options = made.parse_args(argv)
    if options.completion:
        print(script(made, options.completion), end="")
    elif options.print_passes and options.json:
        print(json.dumps([{"name": item.name, "summary": item.summary} for item in PASSES]))
    elif options.print_passes:
        print("\n".join(f"{item.name:16} {item.summary}" for item in PASSES))
    else:
        return _run(options)
    return 0


def _run(options: argparse.Namespace) -> int:
    work = _work(options)  # all that is wrong with the command itself, before anything is read
    missed, wanted = pattern(options.pass_remarks_missed), pattern(options.pass_remarks)
    analysed = pattern(options.pass_remarks_analysis)
    to_file = pattern(options.pass_remarks_filter)
    tasks = _tasks(options)
    _refuse_meeting(options, tasks)
    outcomes, lost = [], False
    for outcome in _outcomes(work, tasks, options.jobs):
        outcomes.append(outcome)
        if outcome.refused:
            _refuse(outcome.refused)
            continue
        if outcome.printed and not say(outcome.printed.removesuffix("\n")):  # what was asked for, unlike a remark
            lost = True
        if outcome.said:
            print(outcome.said, end="", flush=True)
        for remark in outcome.remarks:
            named = {"Passed": wanted, "Missed": missed, "Analysis": analysed}[remark.kind]
            if named is not None and named.search(remark.pass_name):
                say(remark_line(remark))
    done = [outcome for outcome in outcomes if not outcome.refused]
    if options.pass_remarks_output and done and not options.dry_run:
        remarks = (remark for outcome in done for remark in outcome.remarks)
        kept = (r.yaml() for r in remarks if r.kind == "Missed" or (to_file and to_file.search(r.pass_name)))
        files.write(options.pass_remarks_output, "".join(kept).encode())
    if options.stats_json and done and not options.dry_run:
        files.write(options.stats_json, _counts(done, options.time_passes))
    for outcome in done:
        if outcome.module:
            files.write("-", outcome.module)
    lost |= bool(done) and not _report(options, done)
    if lost or len(done) < len(outcomes):
        return 2
    return 0 if options.entries is None or _all_entries_are_there(work, done) else 2


def _all_entries_are_there(work: Work, done: list[Outcome]) -> bool:
    """Says which of --entries no input has. The modules are written: they have fewer entries, not more."""
    absent = absent_entries(work.policy, [remark for outcome in done for remark in outcome.remarks])
    if absent:
        _refuse(f"--entries: {absent}")
    return not absent


def _work(options: argparse.Namespace) -> Work:
    policy = find(options.policy)
    names = passes_of(policy)
    if options.passes is not None:
        names = tuple(name for name in options.passes.split(",") if name)
        chosen(names)
    policy = _with_entries(policy, options, names)
    if options.profile is not None:
        if "profile" not in names:
            raise UsageError("--profile is for the pass of that name, which is not among the passes")
        policy = policy.with_word("profile", options.profile)
    if options.lend_calls is not None:
        if "lend-calls" not in names:
            raise UsageError("--lend-calls needs the pass of that name in --passes")
        policy = policy.with_names("lend-calls", options.lend_calls.split(","))
    return Work(
        names,
        policy,
        text=options.text,
        verify_each=options.verify_each,
        print_changed=options.print_changed,
        dry_run=options.dry_run,
        explain=options.explain,
        json=options.json,
        passed=options.pass_remarks is not None or options.pass_remarks_filter is not None,
    )


def _with_entries(policy: Policy, options: argparse.Namespace, names: tuple[str, ...]) -> Policy:
    if options.entries is None:
        return policy
    if "entry-gates" not in names:
        raise UsageError("--entries is for pass entry-gates, which is not among the passes")
    return policy.with_entries(filter(None, options.entries.split(",")), "--entries", Path())


def _tasks(options: argparse.Namespace) -> list[tuple[str, str | None]]:
    inputs = options.inputs or ["-"]
    nothing = options.disable_output or options.explain is not None
    if nothing or (options.dry_run and options.output is None):
        return [(name, None) for name in inputs]
    outputs = files.outputs(inputs, options.output, options.text)
    to_terminal = "-" in outputs and sys.stdout is not None and sys.stdout.isatty()
    if to_terminal and not options.text and not options.force and not options.dry_run:
        raise UsageError("will not write bitcode to a terminal; use -o FILE, -S for text, or -f")
    return list(zip(inputs, outputs, strict=True))


def _refuse_meeting(options: argparse.Namespace, tasks: list[tuple[str, str | None]]) -> None:
    """No report over an input, an output or another report."""
    taken = {Path(name).absolute(): name for task in tasks for name in task if name not in (None, "", "-")}
    for report in (options.pass_remarks_output, options.stats_json):
        if report in (None, "-") or (Path(report).exists() and not Path(report).is_file()):
            continue
        path = Path(report).absolute()
        if path in taken:
            raise UsageError(f"{report}: is an input or another output as well")
        taken[path] = report


def _outcomes(work: Work, tasks: list[tuple[str, str | None]], jobs: int) -> Iterator[Outcome]:
    if len(tasks) == 1:
        yield work(tasks[0])
        return
    for task, answer in zip(tasks, Batch(work, jobs).run(tasks), strict=True):
        yield Outcome(task[0], f"{task[0]}: {answer}") if isinstance(answer, Died) else answer


def _counts(done: list[Outcome], times: bool) -> bytes:
    modules = []
    for outcome in done:
        kinds = Counter(remark.kind for remark in outcome.remarks)
        module = {"input": outcome.input, "lines": outcome.lines, "stats": counted(outcome.stats)}
        module["remarks"] = counted(Counter(kinds))
        modules.append({**module, "seconds": outcome.seconds} if times else module)
    return stats_json(modules)


def _report(options: argparse.Namespace, done: list[Outcome]) -> bool:
    """Counts and times, as far as they are asked for. False: they did not get to stderr."""
    stats: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    for outcome in done:
        stats.update(outcome.stats)
        for what, spent in outcome.seconds.items():
            seconds[what] = seconds.get(what, 0.0) + spent
    lines = sum(outcome.lines for outcome in done)
    if options.json and (options.stats or options.time_passes):
        report: dict[str, object] = {"lines": lines}
        if options.stats:
            report["stats"] = dict(stats)
        if options.time_passes:
            report["seconds"] = dict(seconds)
        return say(json.dumps(report))
    said = [f"{count:8} {what}" for what, count in stats.items()] if options.stats else []
    if options.time_passes:
        said += [f"{spent:8.4f} s {what}" for what, spent in seconds.items()]
        ours = sum(spent for what, spent in seconds.items() if what != "LLVM")
        said.append(f"{lines:8} lines, {lines / ours if ours else 0:.0f} a second without LLVM")
    return all(say(line) for line in said)


if __name__ == "__main__":
    sys.exit(main())
