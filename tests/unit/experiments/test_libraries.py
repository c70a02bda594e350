"""The libraries' figures: what is compiled, what counts, and that a wrong output is no figure."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from experiments.libraries import build, experiment, measure, summary
from experiments.libraries.build import Compiled
from experiments.libraries.measure import Case
from experiments.libraries.recipes import LIBRARIES, Recipe
from experiments.libraries.rewriting import Rewriting
from experiments.libraries.sources import PINS
from experiments.libraries.summary import Measured
from experiments.libraries.usage import Usage, measured
from experiments.model import LabError, Options, chosen

if TYPE_CHECKING:
    from experiments.model import Json

DRIVERS = Path(experiment.__file__).parent / "drivers"


def _case(name: str, plain: float, raw: float, lent: float) -> Case:
    return Case("lib", name, "c0", {"plain": [plain, 9.0], "raw": [9.0, raw], "lent": [lent]})


def _compiled(factor: int) -> Compiled:
    once = Usage(cpu_s=2.0, wall_s=3.0, own_s=0.0, peak_bytes=1 << 20)
    ours = Usage(cpu_s=2.0 * factor, wall_s=6.0, own_s=0.5, peak_bytes=factor << 20)
    return Compiled({"clang": 100, "galeed-cc": 100 * factor}, {"a.c": {"clang": once, "galeed-cc": ours}})


def test_each_library_is_pinned_and_has_its_driver() -> None:
    lock = (PINS / "Cargo.lock").read_text()
    manifest = (PINS / "Cargo.toml").read_text()
    for one in LIBRARIES:
        assert f'name = "{one.crate}"' in lock
        assert f'{one.crate} = "=' in manifest, "pinned to one version"
        assert (DRIVERS / one.driver).is_file()
        assert {each.name for each in LIBRARIES} >= set(one.needs)


def test_only_names_libraries() -> None:
    assert [one.name for one in chosen(LIBRARIES, ("png", "zlib"), "library")] == ["zlib", "png"]
    assert len(chosen(LIBRARIES, None, "library")) == len(LIBRARIES)
    with pytest.raises(LabError, match="no library 'zlob'"):
        chosen(LIBRARIES, ("zlib", "zlob"), "library")


def test_what_a_library_needs_is_compiled_too() -> None:
    assert [one.name for one in experiment.with_needed(chosen(LIBRARIES, ("png",), "library"))] == ["zlib", "png"]


def test_the_least_time_of_each_way_counts() -> None:
    case = _case("x", 2.0, 3.0, 5.0)
    assert (case.ratio("raw"), case.ratio("lent")) == (1.5, 2.5)
    assert case.as_object()["lent_over_plain"] == 2.5


def test_figures_are_geometric_means_and_name_the_worst() -> None:
    cases = [_case("a", 1.0, 1.0, 2.0), _case("b", 1.0, 4.0, 2.0)]
    rewriting = Rewriting(lines=1000, own_s=0.01, llvm_s=5.0)
    one = Measured("lib", cases, _compiled(4), rewriting)
    other = Measured("sqlite", [_case("c", 1.0, 4.5, 2.0)], _compiled(1), rewriting)
    found = {figure.name: figure for figure in summary.figures([one, other], "mprotect")}
    assert found["raw / plain"].value == pytest.approx(3.0)  # 2 and 4.5
    assert found["raw / plain"].note == "geometric mean of 2 libraries'; of all 3 cases 2.62x"
    assert found["lent / plain"].value == pytest.approx(2.0)
    assert (found["worst case / plain"].value, found["worst case / plain"].note) == (4.5, "lib c, raw")
    assert found["code size / clang -O2"].value == pytest.approx(2.0)
    assert found["compile time (CPU) / clang -O2"].value == pytest.approx(2.0)
    assert found["passes"].value == pytest.approx(100_000)
    assert found["passes"].status == "met"
    assert found["sqlite amalgamation: own time"].value == 0.5
    assert found["sqlite amalgamation: peak memory"].value == 1.0
    assert "1.00x" in summary.tables([one, other])


def test_a_build_that_gives_something_else_is_no_figure() -> None:
    cases: dict[str, Case] = {}
    measure.add(cases, "zlib", "plain", {"deflate": (1.0, "aa")})
    measure.add(cases, "zlib", "raw", {"deflate": (1.5, "aa")})
    with pytest.raises(LabError, match="zlib, deflate: the lent build gives bb, another aa"):
        measure.add(cases, "zlib", "lent", {"deflate": (1.5, "bb")})


def test_a_drivers_line() -> None:
    line: dict[str, Json] = {"cases": [{"case": "fib", "user_s": 0.5, "check": "01"}]}
    assert measure.read(line) == {"fib": (0.5, "01")}
    assert measure.read({}) == {}


def test_usage_tells_our_own_time_from_a_childs() -> None:
    busy = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"
    shell = shutil.which("sh")
    assert shell is not None
    child = busy.format(0.3) + "import subprocess, sys\n"
    # The shell's loop is no Python's: its time counts, but is not our own.
    child += f"subprocess.run([{shell!r}, '-c', 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'], check=True)\n"
    began = time.perf_counter()
    used = measured([sys.executable, "-c", child], "a test")
    assert 0.25 < used.own_s < used.cpu_s - 0.02
    assert used.cpu_s <= used.wall_s + 0.1 <= time.perf_counter() - began + 0.2
    assert used.peak_bytes > 4 << 20


def test_what_fails_is_named_with_its_error() -> None:
    with pytest.raises(LabError, match=r"^zlib: cc on a\.c failed: a\.c:1: error: no$"):
        measured(["sh", "-c", "echo note; echo a.c:1: error: no >&2; exit 1"], "zlib: cc on a.c")


def test_nothing_compiled_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "PLACE", tmp_path)
    one = Recipe("one", "crate", ".", ("*.c",))
    (tmp_path / "a.c").write_text("int a;\n")
    options = Options(tmp_path, ("mprotect",), build=False, say=lambda _line: None)
    with pytest.raises(LabError, match="one was not compiled before; run without --no-build"):
        build.compile_library(one, {"crate": tmp_path}, options)
    with pytest.raises(LabError, match="no sources of one in"):
        build.sources(Recipe("one", "crate", ".", ("*.cc",)), {"crate": tmp_path})


def test_executable_sections_are_counted_and_no_others(tmp_path: Path) -> None:
    source = tmp_path / "a.s"
    source.write_text('.text\n.fill 10,1,0x90\n.section galeed_text,"ax"\n.fill 7,1,0x90\n.data\n.fill 100,1,1\n')
    subprocess.run(["cc", "-c", source, "-o", tmp_path / "a.o"], check=True)
    assert build.text_bytes(tmp_path / "a.o") == 17
