"""Corpus mode: each unit one result, limits, a run that is killed and goes on, and what is named wrongly."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from audit import cli
from audit.corpus import command, store
from audit.corpus import unit as one
from audit.corpus.units import Unit, units
from audit.errors import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable

_RULES = Path(__file__).parents[3] / "tests" / "audit"
_PATIENCE_SECONDS = 150.0


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with two files of Rust source, and one that is none."""
    monkeypatch.chdir(tmp_path)
    for name in ("bad", "good"):
        shutil.copy(_RULES / "S05" / f"{name}.rs", f"{name}.rs")
    Path("none.rs").write_bytes(b"")
    Path("none.rs").chmod(0o644)
    Path("odd.o").write_bytes(b"\x7fELF and no more")
    Path("list").write_text("# two\nbad.rs\n\ngood.rs  # fine\nodd.o\n", encoding="utf-8")
    return tmp_path


def _records(out: str = "out") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(out, "summary.jsonl").read_text(encoding="utf-8").splitlines()]


def _corpus(*words: str) -> int:
    return cli.main(["corpus", *words, "--out", "out"])


def test_units(here: Path) -> None:
    (here / "tree" / "one" / "src").mkdir(parents=True)
    (here / "tree" / "one" / "Cargo.toml").touch()
    shutil.copy("odd.o", here / "tree" / "one" / "inside.o")
    shutil.copy("odd.o", here / "tree" / "z.o")
    (here / "tree" / "link.o").symlink_to("z.o")
    assert [each.word for each in units(["tree"])] == ["tree/one", "tree/z.o"]
    assert [each.word for each in units(["list", "bad.rs", "a-b==1.2.3+4"])] == [
        "bad.rs",
        "good.rs",
        "odd.o",
        "a-b==1.2.3+4",
    ]
    Path("list").write_text("x==1 features=a,b\n", encoding="utf-8")
    assert units(["list"]) == [Unit("x==1", ("a", "b"))]
    slugs = {Unit("a/b").slug, Unit("a-b").slug, Unit("a-b", ("c",)).slug, Unit("/" + "x" * 4000).slug}
    assert len(slugs) == 4 and all("/" not in each and len(each) < 100 for each in slugs)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x==1 a b", "list:1: a line is a path or NAME==VERSION, and perhaps features=A,B"),
        ("\nnowhere", "list:2: nowhere: no such file or folder, and no NAME==VERSION"),
        ("# nothing", "no unit: name a list, a folder with crates or binaries, or NAME==VERSION"),
        ("\udcff", "list: is no list of units, ELF file, archive or LLVM IR"),
    ],
)
def test_a_wrong_list(text: str, says: str, here: Path) -> None:
    Path("list").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(AuditError) as caught:
        units(["list"])
    assert str(caught.value) == says


def test_each_unit_has_a_result(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _corpus("list", "--jobs", "2") == 1
    said = capsys.readouterr()
    assert "3 units: 2 audited, 1 failed" in said.out and said.err.count("\n") == 3
    bad, good, odd = _records()
    assert (bad["status"], good["status"], odd["status"]) == ("audited", "audited", "failed")
    assert ["S05", "medium", 2] in bad["findings"] or ["S05", "high", 2] in bad["findings"]
    assert not [row for row in good["findings"] if row[0] == "S05"] and odd["reason"].startswith("odd.o: ")
    assert bad["seconds"] > 0 and bad["peak_bytes"] > 0 and not odd["report"]
    report = json.loads(Path("out", bad["report"]).read_bytes())
    assert {each["rule"] for each in report["findings"]} >= {"S05"}
    assert Path("out/summary.txt").read_text(encoding="utf-8").count("\n") == 4
    assert not list(Path("out/work").iterdir())


def test_what_is_done_is_not_done_again(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _corpus("list") == 1
    first, before = _records(), one.audited
    done: list[str] = []

    def counted(unit: Unit, *rest: Any) -> Any:
        done.append(unit.word)
        return before(unit, *rest)

    monkeypatch.setattr(command, "audited", counted)
    assert _corpus("list") == 1 and done == [] and _records() == first
    shutil.copy("good.rs", "bad.rs")
    Path("out", first[1]["report"]).unlink()
    assert _corpus("list") == 1 and done == ["bad.rs", "good.rs"]
    assert _corpus("list", "--retry") == 1 and done[2:] == ["odd.o"]
    next(Path("out/units").glob("good*")).write_bytes(b"{")
    assert _corpus("list") == 1 and done[3:] == ["good.rs"]
    monkeypatch.setattr(command, "own", lambda: "another galeed")
    assert _corpus("list", "-q") == 1 and len(done) == 7
    assert "3 of 3 units are done already" in capsys.readouterr().err


def test_one_run_at_a_time(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with store.Store(Path("out")).held():
        assert _corpus("list") == 2
    assert capsys.readouterr().err == "galeed-audit: out: another run writes there\n"


def test_where_results_cannot_be_written_that_is_said(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").touch()
    assert _corpus("list") == 2
    Path("out").unlink()
    Path("out/units").mkdir(parents=True)
    Path(f"out/units/{Unit('bad.rs').slug}.json").mkdir()
    assert _corpus("bad.rs") == 2
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "galeed-audit: out: cannot be written: Not a directory",
        "galeed-audit: out: cannot be written: Is a directory",
    ]


def _wait(what: Callable[[], object]) -> Any:
    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("nothing came of it")


def _running(mark: str) -> list[int]:
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = each.read_bytes()
        except OSError:
            continue
        if mark.encode() in words:
            found.append(int(each.parent.name))
    return found


@pytest.fixture
def hanging(here: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A crate whose build never ends, and has a part that left its group and lost its parent. What its process's command line has."""
    mark = f"600.0{os.getpid()}{time.monotonic_ns() % 10**6}"  # seconds
    Path("bin").mkdir()
    cargo = Path("bin/cargo")
    cargo.write_text(f"#!/bin/sh\n(setsid sleep {mark} &)\nexec sleep {mark}\n", encoding="utf-8")
    cargo.chmod(0o755)
    monkeypatch.delenv("CARGO", raising=False)
    monkeypatch.setenv("PATH", f"{here}/bin:{os.environ['PATH']}")
    Path("crate/src").mkdir(parents=True)
    shutil.copy("bad.rs", "crate/src/lib.rs")
    Path("crate/Cargo.toml").write_text('[package]\nname = "x"\n', encoding="utf-8")
    Path("list").write_text("bad.rs\ncrate\ngood.rs\n", encoding="utf-8")
    return mark


def test_a_unit_over_its_time_is_ended_and_the_others_go_on(hanging: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _corpus("list", "--time", "10") == 1
    assert [each["status"] for each in _records()] == ["audited", "time", "audited"]
    assert _records()[1]["reason"] == "took more than 10 s" and not _running(hanging)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_leaves_nothing_running_and_goes_on(how: signal.Signals, hanging: str) -> None:
    words = [sys.executable, "-m", "audit.cli", "corpus", "list", "--out", "out"]
    run = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    _wait(lambda: _running(hanging))
    run.send_signal(how)
    assert run.wait(_PATIENCE_SECONDS) == (130 if how is signal.SIGINT else -how)
    _wait(lambda: not _running(hanging))
    (kept,) = Path("out/units").glob("*.json")
    before = kept.stat().st_mtime_ns
    Path("bin/cargo").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    assert _corpus("list") == 1
    assert [each["status"] for each in _records()] == ["audited", "partly", "audited"]
    assert kept.stat().st_mtime_ns == before


def test_a_unit_that_crashes_takes_nobody_with_it(here: Path, hanging: str) -> None:
    with subprocess.Popen([sys.executable, "-m", "audit.cli", "corpus", "list", "--out", here / "out", "-q"]) as run:
        _wait(lambda: _running(hanging))
        of_crate = _running(f"{here}/out/work/crate")
        (worker,) = [each for each in of_crate if b"corpus.limits" not in _words(each)]
        os.kill(worker, signal.SIGSEGV)
        assert run.wait(_PATIENCE_SECONDS) == 1
    assert [each["status"] for each in _records()] == ["audited", "crashed", "audited"]
    assert _records()[1]["reason"].startswith("ended by signal 11") and not _running(hanging)


def _words(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _limited(seconds: float, memory: int, code: str) -> dict[str, Any]:
    keeper = [sys.executable, "-m", "audit.corpus.limits", str(seconds), str(memory)]
    held, holder = os.pipe()
    done = subprocess.run([*keeper, sys.executable, "-c", code], stdin=held, capture_output=True, check=True)
    os.close(held)
    os.close(holder)
    return dict(json.loads(done.stdout))


def test_limits() -> None:
    done = _limited(60, 1 << 30, "import sys; print('said', file=sys.stderr); sys.exit(3)")
    assert (done["ended"], done["code"], done["said"]) == ("itself", 3, "said\n")
    # Together they are over, one alone is not.
    many = "import os, time\nfor _ in range(4): os.fork()\nkept = b'x' * (16 << 20); time.sleep(60)"
    done = _limited(60, 128 << 20, many)
    assert done["ended"] == "memory" and done["seconds"] < 30 and done["peak_bytes"] > 128 << 20
    assert _limited(0.5, 1 << 30, "while True: pass")["ended"] == "time"


def test_on_a_cluster(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="tcp", host="127.0.0.1"
    ) as cluster:
        assert _corpus("list", "--scheduler", cluster.scheduler_address) == 1
    assert [each["status"] for each in _records()] == ["audited", "audited", "failed"]
    assert json.loads(Path("out", _records()[0]["report"]).read_bytes())["findings"]


def test_without_dask_that_is_said(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert _corpus("list", "--scheduler", "tcp://127.0.0.1:1") == 2
    assert capsys.readouterr().err == "galeed-audit: --scheduler needs Dask: pip install 'galeed[dask]'\n"


def test_odd_names(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["\U00020000" * 60, os.fsdecode(b"a\xff"), "a\n::error ::\x1b[31m"]
    for each in names:
        (here / "tree" / each / "src").mkdir(parents=True)
        (here / "tree" / each / "Cargo.toml").touch()
        shutil.copy("bad.rs", here / "tree" / each / "src" / "lib.rs")
    (here / "tree" / "link").symlink_to("a\n::error ::\x1b[31m")
    assert _corpus("tree", "--no-build") == 0
    assert sorted(each["unit"] for each in _records()) == sorted(f"tree/{each}" for each in names)
    told = Path("out", "summary.txt").read_text(encoding="utf-8")
    assert len(told.splitlines()) == 4 and "\x1b" not in told + capsys.readouterr().err


def test_a_folder_that_cannot_be_read_is_said(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "tree" / "secret").mkdir(parents=True)
    shutil.copy("odd.o", here / "tree" / "z.o")
    scandir = os.scandir

    def denied(path: str) -> object:
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert [each.word for each in units(["tree"])] == ["tree/z.o"]
    assert capsys.readouterr().err == "galeed-audit: tree/secret: Permission denied; what lies below it is left out\n"


def test_a_work_folder_that_cannot_be_made_is_one_line(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "audited", full)
    assert _corpus("bad.rs", "-q") == 2
    assert capsys.readouterr().err == "galeed-audit: out: cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--jobs", "0"), "argument --jobs: '0' is no number from 1 to 999999999"),
        (("--jobs", "9999999999"), "argument --jobs: '9999999999' is no number from 1 to 999999999"),
        (("--time", "nan"), "argument --time: 'nan' is no number above 0"),
        (("--scheduler", "x y"), "--scheduler x y: is no address; right is, for example, tcp://127.0.0.1:8786"),
    ],
)
def test_a_wrong_number_or_address(
    words: tuple[str, ...], says: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.suppress(SystemExit):  # argparse's
        assert _corpus("bad.rs", *words) == 2
    assert says in capsys.readouterr().err
