"""One input of galeed-opt from reading to writing, and what is to be said of it.

It runs in the command itself, or in a process of its own beside others (batch.py), so
what it is told and what it answers can be pickled.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field

from llvm_pass.analysis.boundary import Boundary
from llvm_pass.errors import GaleedError
from llvm_pass.opt import boundary, files
from llvm_pass.opt.explain import Explanation
from llvm_pass.opt.report import passed, printable, say
from llvm_pass.passes.base import Context
from llvm_pass.pipeline import Options, Result, rewrite
from llvm_pass.policy import Policy
from llvm_pass.remarks import Remark


@dataclass(slots=True)
class Outcome:
    """Of one input: why it was refused, or what was done. said: for stdout."""

    input: str
    refused: str = ""
    lines: int = 0
    stats: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    said: str = ""
    printed: str = ""  # for stderr: what a print<> pass found
    module: bytes = b""  # for stdout, behind everything else that is said


@dataclass(frozen=True, slots=True)
class Work:
    """What is done with each (input, output). An output None is not written."""

    passes: tuple[str, ...]
    policy: Policy
    text: bool = False
    verify_each: bool = False
    print_changed: bool = False
    dry_run: bool = False
    explain: str | None = None
    passed: bool = False  # collect Passed remarks
    json: bool = False  # what passes print

    def __call__(self, task: tuple[str, str | None]) -> Outcome:
        """Never raises for what is wrong with one input or output."""
        source, output = task
        outcome = Outcome(source)
        try:
            self._do(source, output, outcome)
        except GaleedError as error:
            outcome.refused = str(error)
        except BrokenPipeError:
            raise
        except (OSError, MemoryError, ValueError) as error:  # ValueError: a name that no file can have
            reason = getattr(error, "strerror", None) or str(error) or "out of memory"
            outcome.refused = f"{getattr(error, 'filename', None) or source}: {reason}"
        return outcome

    def _do(self, source: str, output: str | None, outcome: Outcome) -> None:
        data = files.read(source)
        where = "stdin" if source == "-" else source
        explanation = Explanation(self.explain) if self.explain is not None else None

        def observe(context: Context) -> None:
            if context.boundaries is not None:
                outcome.printed += self._printed(where, context.boundaries)
            if self.passed:
                outcome.remarks += passed(context)
            if explanation is not None:
                explanation.observe(context)

        def changed(name: str, text: str) -> None:
            if not say(f"; *** IR after {name} ***\n{text}"):
                raise GaleedError("what --print-changed says cannot be written to stderr")

        printers = "print<boundary>" in self.passes
        watched = observe if self.passed or explanation is not None or printers else None
        options = Options(
            self.passes,
            round_trip=self.verify_each,
            changed=changed if self.print_changed else None,
            policy=self.policy,
            observe=watched,
            text=self.text or explanation is not None,
        )
        try:
            result = rewrite(data, options)
        except GaleedError as error:
            raise GaleedError(f"{where}: {error}") from error
        outcome.lines, outcome.stats, outcome.seconds = result.lines, result.stats, result.seconds
        outcome.remarks += result.remarks
        if explanation is not None:
            text = explanation.text(result.text)
            if text is None:
                raise GaleedError(f"{where}: {explanation.missing()}")
            outcome.said = text
        elif self.dry_run:
            outcome.said = self._would(where, output, result)
        elif output is not None:
            data = result.text.encode() if self.text else result.bitcode
            if output == "-":
                outcome.module = data
            else:
                files.write(output, data)

    def _printed(self, where: str, found: list[Boundary]) -> str:
        if self.json:
            return json.dumps(boundary.document(where, found)) + "\n"
        return boundary.text(found)

    def _would(self, where: str, output: str | None, result: Result) -> str:
        nbytes = len(result.text.encode() if self.text else result.bitcode)
        target = {None: "", "-": " to stdout"}.get(output, f" to {output}")
        said = [f"{where}: would write {nbytes} bytes{target}"]
        said += [f"{count:8} {what}" for what, count in sorted(result.stats.items())]
        said += [f"  {remark.kind}: {printable(remark.text())}" for remark in result.remarks if remark.kind == "Missed"]
        return "\n".join(said) + "\n"


def pattern(text: str | None) -> re.Pattern[str] | None:
    """A regular expression from the command line. Raises GaleedError."""
    if text is None:
        return None
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise GaleedError(f"'{text[:60]}' is no regular expression: {error}") from error
