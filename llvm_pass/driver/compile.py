"""One source through three stages: clang, the pass, clang.

Invariant: an object appears under the user's name only when the pass succeeded on
the whole module; after any failure there is none, as with clang itself. Code
generation sees the user's flags at both stages, in their order.

Source: ARCHITECTURE.md, "The line model edits post-optimisation IR".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from llvm_pass.driver import log, run
from llvm_pass.driver import options as known
from llvm_pass.driver.clang import Clang
from llvm_pass.driver.command_line import CommandLine, Item, Mode
from llvm_pass.driver.dependencies import dependency_options
from llvm_pass.driver.errors import DriverError
from llvm_pass.policy import Policy

if TYPE_CHECKING:
    from llvm_pass.remarks import Remark

HEADERS = Path(__file__).parent / "include"
TARGET = re.compile(r"x86_64-([^-]+-)?linux")


@dataclass
class Compiler:
    """What all sources of one command share."""

    clang: Clang
    line: CommandLine
    runner: run.Runner
    cxx: bool
    scratch: Path
    policy: Policy = field(default_factory=Policy)
    linked: list[log.Entry] = field(default_factory=list)  # to be logged when the linker is done

    def compile(self, source: Item, output: str, final: Mode, into: str | None = None) -> int:
        """Makes `output` (object, assembly, bitcode or IR text) of one source.

        into: what the output is linked into at once, for the log.
        Returns clang's exit status. Raises: DriverError when we are the ones who refuse.
        """
        refuse_unsupported(self.line)
        if Path(output).exists() and Path(source.name).exists() and Path(output).samefile(source.name):
            raise DriverError(f"{source.name}: the output would replace the source")
        bitcode = self.scratch / (Path(source.name).stem + ".bc")
        try:
            status = self._first_stage(source, bitcode, output)
            if status == 0:
                status = self._rewrite_and_finish(source, bitcode, output, final, into)
        except BaseException:
            _forget(output)
            raise
        if status != 0:
            _forget(output)
        return status

    def _first_stage(self, source: Item, bitcode: Path, output: str) -> int:
        command = [*self.clang.driver(self.cxx), *first_stage_options(self.line)]
        command += dependency_options(self.line, source)
        for origin in self.policy.files:  # make builds anew when it changes
            command += ["-Xclang", f"-fdepfile-entry={origin}"]
        command += coverage_options(self.line, output)
        command += known.FIRST_STAGE_IDIOMS
        if source.language == "c++":
            command += ["-isystem", str(HEADERS)]
        if instrumented_late(self.line):
            command += known.FIRST_STAGE_UNTOUCHED
        command += ["-c", "-emit-llvm", "-o", str(bitcode)]
        if source.language_forced:
            command += ["-x", str(source.language)]
        command += [source.name] if source.name == "-" or not source.name.startswith("-") else ["--", source.name]
        self.runner.start(command)
        import llvm_pass.pipeline  # noqa: F401  (loads LLVM while clang works)

        return self.runner.wait()

    def _rewrite_and_finish(self, source: Item, bitcode: Path, output: str, final: Mode, into: str | None) -> int:
        from llvm_pass import pipeline
        from llvm_pass.errors import AlreadyRewritten, GaleedError

        entry = log.Entry(source.name, into or output, True, "", source.language)
        data = bitcode.read_bytes()
        self.runner.say(f"rewrite {source.name}")
        text = ""
        try:
            passes = all_passes(self.policy)
            late = instrumented_late(self.line)
            shown = self.line.save_temps or self.line.emit_llvm
            result = pipeline.rewrite(data, pipeline.Options(passes, policy=self.policy, inline=not late, text=shown))
        except GaleedError as error:
            if not isinstance(error, AlreadyRewritten) or source.language != "ir":
                raise DriverError(f"{source.name}: {error}") from error
            entry.reason = "came rewritten already"
        else:
            data, text = result.bitcode, result.text
            entry.stats = dict(result.stats)
            missed = [remark for remark in result.remarks if remark.kind == "Missed"]
            entry.missed = len(missed)
            entry.uncallable = [remark.function for remark in missed if remark.name == "Variadic"]
            entry.forms = [_in_words(remark) for remark in missed if remark.name != "Variadic"]
        notes = [note for prefix, note in NOTES if self.line.has_prefix(prefix)]
        entry.reason = "; ".join(filter(None, [entry.reason, *notes]))
        if self.line.save_temps:
            stem = Path(source.name).stem if source.name != "-" else "stdin"
            Path(f"{stem}.galeed-0.bc").write_bytes(bitcode.read_bytes())
            Path(f"{stem}.galeed-1.bc").write_bytes(data)
            Path(f"{stem}.galeed-1.ll").write_text(text)
        status = self._finish(data, text, bitcode, output, final)
        if status == 0 and into:
            self.linked.append(entry)
        elif status == 0:
            log.write(entry)
        return status

    def _finish(self, data: bytes, text: str, bitcode: Path, output: str, final: Mode) -> int:
        if self.line.emit_llvm and final is Mode.OBJECT:
            run.write_atomic(output, data)
            return 0
        if self.line.emit_llvm and text:
            run.write_atomic(output, text.encode())
            return 0
        rewritten = bitcode.with_suffix(".rewritten.bc")
        rewritten.write_bytes(data)
        command = [*self.clang.driver(self.cxx), *second_stage_options(self.line)]
        command += [*known.SECOND_STAGE_QUIET, "-x", "ir", str(rewritten)]
        command += ["-S" if final is Mode.ASSEMBLY else "-c"]
        if not instrumented_late(self.line):  # optimised at the first stage: only code is left to make
            command += ["-Xclang", "-disable-llvm-passes"]
        command += ["-emit-llvm"] if self.line.emit_llvm else []
        # clang itself writes beside the output and renames, and cleans up on signals.
        return self.runner.run([*command, "-o", output])


def _in_words(remark: "Remark") -> str:
    line = f", line {remark.place.line}" if remark.place else ""
    return f"{remark.function}{line}: {remark.reason}"


NOTES = (
    (known.LTO, "compiled without link-time optimisation: it would see the code before its checks"),
    (known.SPLIT_DWARF, "debug information kept in the object"),
)


def all_passes(policy: Policy) -> tuple[str, ...]:
    """The passes that a policy wants. Raises: DriverError unless they are all and no others; PolicyError."""
    from llvm_pass import pipeline

    wanted = pipeline.DEFAULT_PASSES
    names = tuple(each.name for each in pipeline.chosen(pipeline.passes_of(policy)))
    if missing := [name for name in wanted if name not in names]:
        raise DriverError(f"{policy.where('passes')}: the compilers need every pass; missing: {', '.join(missing)}")
    if names != wanted:
        raise DriverError(f"{policy.where('passes')}: the compilers run these passes only: {', '.join(wanted)}")
    return names


def refuse_unsupported(line: CommandLine) -> None:
    """Raises: DriverError for flags under which the rewritten code could not be right."""
    for item in line.items:
        if item.is_input:
            continue
        target = item.words[1] if item.name in ("-target", "--target") and item.words[1:] else None
        if item.name.startswith("--target="):
            target = item.name.removeprefix("--target=")
        if target is not None and not TARGET.match(target):
            raise DriverError(f"target {target}: only x86-64 Linux is supported")
        if item.name in ("-m32", "-mx32", "-m16"):
            raise DriverError(f"{item.name}: only 64-bit code is supported")
    for sanitizer in sanitizers(line):
        if sanitizer in known.SHADOW_SANITIZERS:
            raise DriverError(
                f"-fsanitize={sanitizer}: its instrumentation cannot work on pseudo-pointers; "
                "use it in a build without galeed"
            )


def sanitizers(line: CommandLine) -> list[str]:
    """Those that the command asks for, whether or not it takes them back later."""
    asked = [item.name for item in line.items if not item.is_input and item.name.startswith("-fsanitize=")]
    return [name for words in asked for name in words.removeprefix("-fsanitize=").split(",")]


def instrumented_late(line: CommandLine) -> bool:
    """Does the second stage do all instrumentation, since some of it must see checked addresses?"""
    return not set(sanitizers(line)).isdisjoint(known.LATE_SANITIZERS)


def first_stage_options(line: CommandLine) -> list[str]:
    """The user's flags for source to bitcode."""
    linking = line.mode is Mode.LINK
    words: list[str] = []
    for item in _options(line):
        if linking and (item.name.startswith(("-l", "-Wl,", "-L")) or item.name in ("-Xlinker", "-z", "-T", "-u")):
            continue
        words += item.words
    if linking:  # what only the linker uses is no mistake of the user's here
        words.append("-Wno-unused-command-line-argument")
    return words


def second_stage_options(line: CommandLine) -> list[str]:
    """The user's flags for bitcode to object: all but what was already used up."""
    words: list[str] = []
    late = instrumented_late(line)
    for item in _options(line):
        name = item.name
        said_once = name in known.PREPROCESS_SEPARATE | known.FIRST_STAGE_WORDS
        said_once |= name.startswith((*known.PREPROCESS_JOINED, *known.FIRST_STAGE_ONLY))
        said_once |= name.startswith(known.INSTRUMENTATION) and not late
        # Warnings were given at the first stage, but for those that only code generation gives.
        said_once |= name.startswith("-W") and not name.startswith(known.CODE_WARNINGS) and name != "-Werror"
        if not said_once:
            words += item.words
    return words


def coverage_options(line: CommandLine, output: str) -> list[str]:
    """gcov's two files beside the object, where its tools look, not beside our bitcode."""
    if not line.has("--coverage", "-coverage", "-ftest-coverage", "-fprofile-arcs"):
        return []
    stem = Path(output).absolute().with_suffix("")
    return ["-Xclang", f"-coverage-notes-file={stem}.gcno", "-Xclang", f"-coverage-data-file={stem}.gcda"]


def without_lto(items: Iterable[Item]) -> list[Item]:
    """The items, inputs too, less what asks for link-time optimisation."""
    return [item for item in items if item.is_input or not item.name.startswith(known.LTO)]


def _options(line: CommandLine) -> list[Item]:
    """Options that may matter to a stage: not inputs, outputs, modes."""
    dropped = ("-o", "--output", "-x", "--language", "-c", "-S", "--compile", "--assemble", "-emit-llvm", "--")
    kept = []
    for item in without_lto(line.items):
        joined = len(item.words) == 1 and item.name.startswith(("-x", "--output=", "--language="))
        output = item.name.startswith("-o") and not item.name.startswith(("-objc", "-object", "-omptargets"))
        if item.is_input or item.name in dropped or joined or output or item.name in known.SPLIT_DWARF:
            continue
        kept.append(item)
    return kept


def _forget(output: str) -> None:
    """A failed compilation leaves no object behind that a build could take for good."""
    if run.is_ordinary(output):
        Path(output).unlink(missing_ok=True)
