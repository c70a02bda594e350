"""Python as the host: it lends buffers and functions to a rewritten shared library.

tests/integration/python_host: host.py holds the scenarios, each run as a program; foreign.c is what they
call, compiled by galeed-cc and, as the control, by the plain compiler. pseudoptr/docs/python.md is the page.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Protocol

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from experiments.libraries.sources import crate_folders
from llvm_pass.driver.clang import find_clang
from tests import compiled
from tests.conftest import ROOT, Outcome, Run, pku_available, scaled
from tests.integration.conftest import CC, CXX

_HERE = Path(__file__).parent / "python_host"
_UNWIND = {"GALEED_ON_VIOLATION": "unwind"}
_FLAGS = ("-O2", "-g", "-Wall", "-Wextra", "-shared", "-fPIC")

pytestmark = [
    pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not in PATH"),
]


class Host(Protocol):
    """Runs one scenario of host.py."""

    def __call__(self, scenario: str, *words: str, **changes: str | None) -> Outcome: ...


@pytest.fixture(scope="session")
def built() -> Path:
    """A folder with libgaleed.so, one without an allocator (bare/), and the C and C++ in all that tests need of it."""
    clang = tuple(find_clang().command)

    def cargo(to: Path, *words: str) -> None:
        command = ["cargo", *words, "--quiet", "--release", "--locked", "--manifest-path", ROOT / "Cargo.toml"]
        to.mkdir(exist_ok=True)
        with compiled.cargo_target("plain") as target:
            compiled.build([*command], {"CARGO_TARGET_DIR": str(target)})
            shutil.copy(target / "release" / "libgaleed.so", to / "libgaleed.so")

    def make(to: Path) -> None:
        cargo(to / "bare", "rustc", "--package", "galeed", "--lib", "--crate-type", "cdylib")
        cargo(to, "build", "--package", "galeed-host")
        foreign = _HERE / "foreign.c"
        compiled.build([*CC, *_FLAGS, foreign, "-o", to / "foreign.so"])
        compiled.build([*clang, *_FLAGS, foreign, "-o", to / "plain.so"])
        compiled.build([*CC, *_FLAGS, foreign, _HERE / "stranger.S", "-o", to / "mixed.so"])
        untyped = to / "untyped.S"
        untyped.write_text(re.sub(r".*\.type.*\n", "", (_HERE / "stranger.S").read_text()))
        compiled.build([*CC, *_FLAGS, foreign, untyped, "-o", to / "untyped.so"])
        compiled.build([*CXX, *_FLAGS, _HERE / "thrower.cpp", "-o", to / "thrower.so"])

    words = [*_FLAGS, compiled.version(clang), compiled.version(("rustc",))]
    return compiled.kept("python-host", [*compiled.RUST, _HERE], words, make)


def _environment(built: Path) -> dict[str, str | None]:
    files = {"GALEED_LIBRARY": "libgaleed", "FOREIGN": "foreign", "PLAIN": "plain", "THROWER": "thrower"}
    return {"PYTHONPATH": str(ROOT), **{name: str(built / f"{stem}.so") for name, stem in files.items()}}


@pytest.fixture
def host(built: Path, run: Run) -> Host:
    def call(scenario: str, *words: str, **changes: str | None) -> Outcome:
        done = run(
            [sys.executable, "-W", "error", "-X", "faulthandler", _HERE / "host.py", scenario, *words],
            env={**_environment(built), **_UNWIND, **changes},
        )
        assert "ResourceWarning" not in done.stderr, done
        return done

    return call


def test_two_copies_share_a_table_and_a_fork(built: Path, run: Run, backend: str, tmp_path: Path) -> None:
    copies = [shutil.copy(built / "libgaleed.so", tmp_path / name) for name in ("one.so", "other.so")]
    done = run([sys.executable, _HERE / "copies.py", *copies])
    assert (done.code, done.stdout) == (0, "parent sees it, child sees it: 0\n"), done


def _prints(done: Outcome, *lines: str) -> None:
    assert (done.code, done.stdout.splitlines()) == (0, list(lines)), done


def _aborts(done: Outcome, *said: str) -> None:
    assert (done.code, done.stdout) == (-6, ""), done
    for each in said:
        assert each in done.stderr, done


@pytest.mark.parametrize("scenario", ["buffers", "read_only", "structure", "many_threads"])
def test_memory_is_lent_and_checked(host: Host, backend: str, scenario: str) -> None:
    _prints(host(scenario), "ok")


@pytest.mark.slow
def test_bounds_are_those_of_pythons_slices(host: Host, backend: str) -> None:
    _prints(host("bounds", str(scaled(200, 30))), "ok")


def test_a_lent_buffer_is_exported_until_its_lease_has_ended(host: Host, backend: str) -> None:
    ended = "LeaseEnded: this lease has ended: what it stood for is not lent any more"
    _prints(host("exported"), "locked", ended)


def test_what_cannot_be_lent_is_refused_in_a_line(host: Host, backend: str) -> None:
    pieces = "the buffer's bytes do not lie in one piece (C order): lend a copy of it"
    done = host("refused")
    assert done.code == 0, done
    lines = done.stdout.splitlines()
    assert lines[:4] == [pieces] * 4
    assert lines[4] == "the buffer (bytes) is read-only, and cannot be lent writable"
    assert [line.split(" holds Python's references")[0] for line in lines[5:8]] == [
        "the buffer (ndarray)",
        "the buffer (ndarray)",
        "the buffer (py_object_Array_2)",
    ]
    assert [line.split(" has no buffer")[0] for line in lines[8:11]] == ["str", "int", "NoneType"]
    assert lines[11:] == ["memoryview does not give its buffer: operation forbidden on released memoryview object"]


def test_arguments_that_make_no_sense_are_refused_in_a_line(host: Host, backend: str) -> None:
    _prints(
        host("misused"),
        "TypeError: length_bytes must be an integer, not str",
        "TypeError: address must be an integer, not float",
        "ValueError: length_bytes must be 0 .. 2^64 - 1, not -1",
        "ValueError: align must be 0 .. 2^64 - 1, not -8",
        "ValueError: 9 is not a valid Access",
        "ValueError: 'write' is not a valid Access",
        "TypeError: a null pointer is no function",
        "TypeError: a null pointer is no function",
    )


def test_a_pointer_that_c_keeps_ends(host: Host, backend: str) -> None:
    """With its lease; given as an address, with the memory."""
    _prints(host("kept"), "temporal", "none", "temporal", "none", "temporal")


def test_a_violation_says_what_happened(host: Host, backend: str) -> None:
    sentence = "spatial violation in put: write of 1 bytes at offset 70 of 64 lent: "
    sentence += "the access ends behind the lent memory"
    _prints(host("fields"), "SPATIAL 2 put 70 64", "1 True True", sentence)


def test_an_overflow_corrupts_undefended(built: Path, host: Host) -> None:
    """The control of the next."""
    _prints(host("overflow_plain"), "99")


@pytest.mark.parametrize("policy", [None, "abort", "unwind"])
def test_an_overflow_ends_the_process_by_default(host: Host, backend: str, policy: str | None, tmp_path: Path) -> None:
    """Also where it should unwind, and nobody attempted."""
    report = tmp_path / "report"
    done = host("overflow", GALEED_ON_VIOLATION=policy, GALEED_REPORT=str(report))
    _aborts(done, "spatial violation: foreign code in put tried to write 1 byte that it may not")
    told = json.loads(report.read_text())
    assert (told["violation"], told["offset"], told["lease"]["bound"]) == ("spatial", 64, 64)
    assert ("no galeed::catch" in done.stderr) == (policy == "unwind")


def test_policy_report_goes_on_without_the_access(host: Host, backend: str) -> None:
    done = host("overflow", GALEED_ON_VIOLATION="report")
    _prints(done, "0")
    assert "spatial violation" in done.stderr


def test_raw_addresses_reach_pythons_heap_and_not_host_memory(host: Host, backend: str) -> None:
    _prints(host("raw"), "o boundary", "42 boundary")


def test_foreign_rights_read_open_host_memory_for_reading(host: Host, backend: str) -> None:
    _prints(host("raw", GALEED_FOREIGN_RIGHTS="read"), "o none", "42 none")


def test_c_calls_python(host: Host, backend: str) -> None:
    done = host("callbacks")
    _prints(done, "temporal 7", "588 588")


def test_a_function_that_was_not_lent_runs_with_foreign_rights(host: Host, backend: str) -> None:
    done = host("callback_unlent")
    _aborts(done, "boundary violation: foreign code in each tried to write", "that would drop frames of the host's")


def test_a_violation_inside_a_callback_comes_back_there(host: Host, backend: str) -> None:
    _prints(host("nested"), "294 ['spatial', 'spatial', 'spatial']")


def test_nothing_unwinds_through_pythons_frames(host: Host, backend: str) -> None:
    _aborts(host("nested_unattempted"), "unwind was asked for, but that would drop frames of the host's, in a callback")


def test_arguments_and_results_pass_an_attempt(host: Host, backend: str) -> None:
    value = "structures, unions and long doubles by value cannot be passed by attempt"
    many = "attempt passes 12 integers and pointers and 8 floating-point numbers at most"
    done = host("attempted")
    assert done.code == 0, done
    lines = done.stdout.splitlines()
    assert lines.pop(1) == value and lines.pop(1).startswith("attempt gives back no py_object"), done
    assert (lines[0], lines[2], lines[5]) == (value, value, many), done
    assert lines[1].startswith("long(*)(") and lines[1].endswith("takes 12 arguments, and was given 13"), done
    assert lines[3].startswith("builtin_function_or_method is no function pointer"), done
    assert lines[4] == "functions with variable arguments cannot be called by attempt"


def test_threads_beside_a_gate(host: Host, backend: str) -> None:
    """On pku host memory is open to the other thread; on mprotect that waits until the gate is left."""
    _prints(host("threads"), f"{int(backend == 'pku')} 42")


def test_system_calls_beside_a_gate(host: Host, backend: str) -> None:
    _prints(host("system_call"), "1 read" if backend == "pku" else "1 EFAULT")


def test_a_forks_child_hosts_on(host: Host, backend: str) -> None:
    _prints(host("forked"), "0 7 spatial")


def test_a_cxx_exception_is_an_exception(host: Host, backend: str) -> None:
    done = host("exception")
    assert done.code == 0 and "out_of_range" in done.stdout, done
    done = host("exception_unattempted")
    assert (done.code, done.stdout) == (-6, "") and "out_of_range" in done.stderr, done


LOAD = """
import sys
from pseudoptr import Table
from pseudoptr.table import TableError
{before}
try:
    table = Table()
    print(table.load(sys.argv[1], unrewritten=sys.argv[2:]).get_kept)
except TableError as error:
    print(type(error).__name__, error)
"""


def _loads(built: Path, run: Run, *words: str | Path, before: str = "", **changes: str) -> str:
    argv = [sys.executable, "-W", "error", "-c", LOAD.format(before=before), *words]
    done = run(argv, env={**_environment(built), **changes}, cwd=ROOT)
    assert done.code == 0 and done.stdout.count("\n") == 1, done
    return done.stdout


def test_only_rewritten_libraries_are_loaded(built: Path, run: Run, tmp_path: Path) -> None:
    assert _loads(built, run, built / "foreign.so").startswith("<_FuncPtr")
    for name, said in (
        ("plain.so", "not compiled by galeed-cc, so that nothing in it is checked"),
        ("mixed.so", "stranger would run with Python's rights: not compiled by galeed-cc"),
        ("untyped.so", "stranger would run with Python's rights: not compiled by galeed-cc"),
    ):
        told = _loads(built, run, built / name)
        assert told.startswith("NotRewritten") and said in told
    assert _loads(built, run, built / "mixed.so", "stranger").startswith("<_FuncPtr")
    assert _loads(built, run, tmp_path / "none.so").startswith("LibraryMissing")
    for content in (b"", b"text" * 100, (built / "foreign.so").read_bytes()[:100]):
        (tmp_path / "text.so").write_bytes(content)
        assert _loads(built, run, tmp_path / "text.so").startswith("NotRewritten")
    order = tmp_path / "order.so"
    order.write_bytes(_out_of_order((built / "foreign.so").read_bytes()))
    told = _loads(built, run, order)
    assert told.startswith("NotRewritten") and "no shared library" in told
    half = tmp_path / "half.so"
    half.write_bytes((built / "foreign.so").read_bytes()[:9000])
    assert re.match("NotRewritten|LibraryMissing", _loads(built, run, half))


def _out_of_order(library: bytes) -> bytes:
    """Its first function lies in a section that is not there."""
    elf = ELFFile(io.BytesIO(library))
    symbols = elf.get_section_by_name(".dynsym")
    assert isinstance(symbols, SymbolTableSection)
    number = next(at for at, each in enumerate(symbols.iter_symbols()) if each["st_info"]["type"] == "STT_FUNC")
    place = symbols["sh_offset"] + number * symbols["sh_entsize"] + 6  # st_shndx
    return library[:place] + (200).to_bytes(2, "little") + library[place + 2 :]


def test_a_library_without_the_allocator_opens_no_gate(built: Path, run: Run) -> None:
    told = _loads(built, run, built / "foreign.so", GALEED_LIBRARY=str(built / "bare" / "libgaleed.so"))
    assert told.startswith("WrongLibrary") and "cargo build --package galeed-host" in told


def test_another_shared_library_is_no_runtime(built: Path, run: Run) -> None:
    told = _loads(built, run, built / "foreign.so", GALEED_LIBRARY=str(built / "plain.so"))
    assert told.startswith("LibraryMissing") and "cargo build --release --package galeed-host" in told


def test_a_bad_environment_is_named(built: Path, run: Run) -> None:
    told = _loads(built, run, built / "foreign.so", GALEED_ON_VIOLATION="ignore")
    assert told.startswith("BadEnvironment") and "GALEED_ON_VIOLATION" in told
    if not pku_available():
        assert _loads(built, run, built / "foreign.so", GALEED_BACKEND="pku").startswith("NoKeys")


def test_a_domain_of_mpk_beside_is_an_error(built: Path, run: Run, backend: str) -> None:
    """One runtime for each process: whoever comes second is told."""
    before = "import mpk; domain = mpk.Domain()"
    told = _loads(built, run, built / "foreign.so", before=before)
    assert told.startswith("AddressTaken") and "package mpk has started" in told
    code = (
        "import mpk\nfrom pseudoptr import Table\nTable()\ntry: mpk.Domain()\nexcept mpk.MpkError as e: print(type(e))"
    )
    done = run([sys.executable, "-c", code], env=_environment(built), cwd=ROOT)
    assert (done.code, done.stdout) == (0, "<class 'mpk.errors.AddressTakenError'>\n"), done


@pytest.fixture(scope="session")
def zlibs() -> Path:
    """A folder with zlib compiled by galeed-cc and by clang."""
    clang = tuple(find_clang().command)
    flags = ("-shared", "-fPIC", "-O2", "-w", "-DHAVE_UNISTD_H")  # as the example's page says

    def make(to: Path) -> None:
        sources = sorted((crate_folders()["libz-sys"] / "src" / "zlib").glob("*.c"))
        compiled.build([*CC, *flags, "-o", to / "libz.so", *sources])
        compiled.build([*clang, *flags, "-o", to / "plain.so", *sources])

    inputs = [ROOT / "experiments" / "libraries" / "sources" / "Cargo.lock", ROOT / "llvm_pass", ROOT / "pseudoptr"]
    return compiled.kept("python-host-zlib", inputs, [*flags, compiled.version(clang)], make)


EXAMPLE = ROOT / "pseudoptr" / "examples" / "zlib_host.py"


@pytest.mark.slow
def test_the_example(built: Path, zlibs: Path, run: Run, backend: str) -> None:
    """zlib's round trips equal Python's own; an overflow corrupts undefended, and is stopped."""
    done = run([sys.executable, "-W", "error", EXAMPLE, zlibs / "libz.so", zlibs / "plain.so"], env=_environment(built))
    assert done.code == 0, done
    trips, undefended, defended = done.stdout.splitlines()
    assert re.fullmatch(r"round trips with zlib [\d.]+: equal", trips), done
    assert re.fullmatch(r"overflow, undefended: [1-9]\d* bytes of the neighbour changed", undefended), done
    assert re.fullmatch(
        r"overflow, defended:   0 bytes of the neighbour changed; spatial violation in compress2: write .*", defended
    ), done


def test_the_example_says_what_is_missing_in_a_line(built: Path, run: Run, tmp_path: Path) -> None:
    for words, said in (((), "usage: "), (("none.so",), "No such file"), ((built / "plain.so",), "not compiled by")):
        done = run([sys.executable, EXAMPLE, *words], env=_environment(built), cwd=tmp_path)
        assert (done.code, done.stdout) == (2, "") and said in done.stderr and done.stderr.count("\n") == 1, done
