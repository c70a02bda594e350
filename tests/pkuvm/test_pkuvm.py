"""The test machine itself: its CPU, its verdicts, what passes between it and the host.

Each test that boots takes about six seconds. Where the CPU has protection keys
already, the machine is not needed and only the self-test runs, natively.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, pku_available
from tests.pkuvm.image import Image, cpio, depends, directory_of
from tests.pkuvm.vm import VmFailureError, explain, verdict

HERE = ROOT / "tests" / "pkuvm"


def call(*arguments: str | Path, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HERE / "run", *arguments],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def machine() -> None:
    """Skips, visibly, where the machine is not needed or not there."""
    if pku_available():
        pytest.skip("this CPU has protection keys: nothing to emulate")
    if shutil.which("qemu-system-x86_64") is None or Image.load(directory_of(None)) is None:
        pytest.skip("no test machine here: run tests/pkuvm/setup")


@pytest.fixture
def selftest(tmp_path: Path) -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler here")
    program = tmp_path / "selftest"
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
    subprocess.run([compiler, *flags, HERE / "selftest.c", "-o", program], check=True)
    return program


# ---- CPU and kernel ----------------------------------------------------------


def test_native_cpu(selftest: Path) -> None:
    done = subprocess.run([selftest], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == pku_available(), done.stdout


@pytest.mark.usefixtures("machine")
def test_emulated_cpu(selftest: Path) -> None:
    done = call("--", selftest)
    rows = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "emulated by TCG; CPUID: PKU 1, OSPKE 1" in rows[0]
    assert len([row for row in rows if row.startswith("ok ")]) >= 17


@pytest.mark.usefixtures("machine")
def test_emulated_cpu_without_keys_fails(selftest: Path) -> None:
    done = call("--cpu", "Haswell", "--", selftest)
    assert done.returncode == 1
    assert "FAIL no protection keys" in done.stdout


# ---- between guest and host --------------------------------------------------


@pytest.mark.usefixtures("machine")
def test_streams_files_and_code(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("from the host\n")
    script = (
        'cat in; pwd; echo "$GALEED_POLICY $GALEED_REQUIRE_PKU $MORE" >/dev/stderr;'
        'echo back >"a, b/out"; echo lost >in; echo lost >lost; sleep 60 & kill -SEGV $$'
    )
    arguments = ["--output", "a, b", "--env", "MORE=it's more", "--", "sh", "-c", script]
    done = call(*arguments, cwd=tmp_path, GALEED_POLICY="two words")
    assert done.stdout == f"from the host\n{tmp_path}\n"
    assert done.stderr.startswith("two words 1 it's more\n")
    assert done.returncode == 128 + 11
    assert (tmp_path / "a, b" / "out").read_text() == "back\n"
    assert (tmp_path / "in").read_text() == "from the host\n"
    assert not (tmp_path / "lost").exists()


@pytest.mark.usefixtures("machine")
def test_timeout() -> None:
    done = call("--timeout", "8", "--", "sleep", "100")
    assert done.returncode == 124
    assert done.stderr.startswith("pkuvm: time ran out: ")


@pytest.mark.usefixtures("machine")
def test_machine_that_cannot_start() -> None:
    done = call("--cpu", "no-such-model", "--", "true")
    assert done.returncode == 125
    assert "pkuvm: the machine failed: QEMU ended with code 1" in done.stderr


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--timeout", "nan", "true"],
        ["--memory", "1", "true"],
        ["--kernel", "../x", "true"],
        ["--output", "/proc/x", "true"],
        ["--output", "/dev/null", "true"],
        ["--env", "no name=1", "true"],
        ["--env", "SURELY_NOT_SET_ANYWHERE", "true"],
    ],
)
def test_wrong_usage(arguments: list[str]) -> None:
    done = call(*arguments)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


# ---- parts -------------------------------------------------------------------


def test_verdict_and_explanation() -> None:
    assert verdict(b"start\nexit 7\n") == 7
    with pytest.raises(VmFailureError):
        verdict(b"start\nexit \n")
    assert explain(b"fail no output\n", b"", 0) == "no output"
    assert explain(b"", b"noise\r\npkuvm: no overlay\r\n[ 1.0] reboot\r\n", 0) == "no overlay"
    assert "Kernel panic" in explain(b"", b"[ 1.0] Kernel panic - not syncing\r\n", 0)
    assert "code 1" in explain(b"", b"", 1)
    assert "SeaBIOS" in explain(b"start\n", b"SeaBIOS\r\n\r\n", 0)


def test_archive_is_what_cpio_reads(tmp_path: Path) -> None:
    if shutil.which("cpio") is None:
        archive = cpio({"a": (0o100644, b"12345")})
        assert archive[:6] == b"070701"
        assert archive[110:112] == b"a\0"
        assert archive[112:117] == b"12345"
        assert len(archive) % 4 == 0
        return
    archive = cpio({"d": (0o040755, b""), "d/f": (0o100755, b"12345"), "l": (0o120777, b"d/f")})
    subprocess.run(["cpio", "-i", "--quiet"], input=archive, cwd=tmp_path, check=True)
    assert (tmp_path / "l").read_bytes() == b"12345"


def test_module_dependencies() -> None:
    assert depends(b"\0license=GPL\0depends=netfs,9pnet-x\0name=9p\0") == ["netfs", "9pnet_x"]
    assert depends(b"\0depends=\0name=netfs\0") == []
