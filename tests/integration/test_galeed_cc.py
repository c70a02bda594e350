"""galeed-cc in a C compiler's place: real compilations, held against clang's own behaviour."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llvm_pass.driver.clang import find_clang
from tests.conftest import Outcome, environment
from tests.integration.conftest import AR, CC, CXX, LIBRARY, Tool, is_rewritten


@pytest.mark.parametrize(
    "flags",
    [
        "-O0",
        "-O1 -g",
        "-O2 -fPIC -ffunction-sections",
        "-O3 -g -march=x86-64-v3",
        "-Os -Wall -Werror -pedantic -std=c11",
    ],
)
def test_object(tool: Tool, folder: Path, flags: str) -> None:
    done = tool(CC, *flags.split(), "-c", "lib.c", "-o", "sub.x/lib.o")
    assert (done.code, done.stderr) == (0, "")
    assert is_rewritten(folder / "sub.x/lib.o") is True
    debug = b".debug_info" in (folder / "sub.x/lib.o").read_bytes()
    assert debug == ("-g" in flags)


def test_default_names_and_several_inputs(tool: Tool, folder: Path) -> None:
    log = folder / "log"
    assert tool(CC, "-c", "lib.c", "main.c", "code.s", env={"GALEED_CC_LOG": str(log)}).code == 0
    assert is_rewritten(folder / "lib.o") is True
    assert is_rewritten(folder / "code.o") is False
    records = {Path(r["source"]).name: r for r in map(json.loads, log.read_text().splitlines())}
    assert records["lib.c"]["rewritten"] is True
    assert records["lib.c"]["object"] == str(folder / "lib.o")
    assert records["lib.c"]["stats"]
    assert "assembler" in records["code.s"]["reason"]
    assert records["code.s"]["rewritten"] is False


def test_same_bytes_each_time(tool: Tool, folder: Path) -> None:
    for name in ("a.o", "b.o"):
        assert tool(CC, "-O2", "-g", "-c", "lib.c", "-o", name).code == 0
    assert (folder / "a.o").read_bytes() == (folder / "b.o").read_bytes()


@pytest.mark.parametrize("optimise", ["-O0", "-O2"])
def test_compile_and_link_in_one_command(tool: Tool, folder: Path, optimise: str) -> None:
    assert tool(CC, optimise, "main.c", "lib.c", "code.s", "-lm", "-Wl,--as-needed", "-o", "prog").code == 0
    done = tool([str(folder / "prog")], "hello")
    assert (done.code, done.stdout) == (2, "hello\n")
    assert tool(CC, "main.c").code == 0
    assert (folder / "a.out").exists()


def test_link_separately_through_archive(tool: Tool, folder: Path) -> None:
    (folder / "use.c").write_text(
        "long total(const int *, unsigned long); int main(void) { int a[] = {40, 2}; return (int)total(a, 2); }"
    )
    assert tool(CC, "-O2", "-c", "lib.c", "use.c").code == 0
    assert tool(AR, "rcs", "liblib.a", "lib.o").code == 0
    assert tool(AR, "s", "liblib.a").code == 0
    assert tool(CC, "use.o", "-L.", "-llib", "-o", "prog").code == 0
    assert tool([str(folder / "prog")]).code == 42


def test_cxx(tool: Tool, folder: Path) -> None:
    source = (
        "#include <vector>\n#include <string>\n#include <iostream>\n#include <stdexcept>\n"
        "struct A { virtual int f() const { return 1; } virtual ~A() = default; };\n"
        "struct B : A { int f() const override { throw std::runtime_error(\"thrown\"); } };\n"
        "int main() { std::vector<std::string> v{\"a\", \"b\"}; B b; A *a = &b;\n"
        "  try { return a->f(); } catch (const std::exception &e) { std::cout << e.what() << v.size() << '\\n'; } }\n"
    )  # fmt: skip
    for suffix in (".cpp", ".cc", ".cxx", ".C"):
        (folder / f"p{suffix}").write_text(source)
        assert tool(CXX, "-std=c++17", "-O1", f"p{suffix}", "-o", "p").code == 0
        assert tool([str(folder / "p")]).stdout == "thrown2\n"
    # The C driver compiles C++ by the file's name, too.
    assert tool(CC, "-std=c++17", "-O1", "-c", "p.cpp").code == 0
    assert is_rewritten(folder / "p.o") is True


def test_standard_input_and_output(tool: Tool, folder: Path) -> None:
    assert tool(CC, "-x", "c", "-", "-c", "-o", "in.o", stdin=LIBRARY).code == 0
    assert is_rewritten(folder / "in.o") is True
    assert "galeed" in tool(CC, "-O1", "-S", "-emit-llvm", "-o", "-", "lib.c").stdout
    assert "galeed_text" in tool(CC, "-O1", "-S", "lib.c", "-o", "-").stdout
    assert tool(CC, "-c", "lib.c", "-o", "/dev/null").code == 0
    assert not Path("/dev/null").is_file()


def test_ir_in_and_out(tool: Tool, folder: Path) -> None:
    assert tool(CC, "-O1", "-c", "-emit-llvm", "lib.c").code == 0
    assert (folder / "lib.bc").read_bytes()[:4] == b"BC\xc0\xde"
    assert tool(CC, "-O1", "-S", "-emit-llvm", "lib.c").code == 0
    assert "galeed_text" in (folder / "lib.ll").read_text()
    for name in ("lib.bc", "lib.ll"):  # already rewritten: only compiled
        assert tool(CC, "-c", name, "-o", "again.o").code == 0
        assert is_rewritten(folder / "again.o") is True
    plain = subprocess.run(
        [*find_clang().command, "-O1", "-S", "-emit-llvm", "lib.c", "-o", "plain.ll"], cwd=folder, check=True
    )
    assert plain.returncode == 0
    assert tool(CC, "-c", "plain.ll", "-o", "plain.o").code == 0
    assert is_rewritten(folder / "plain.o") is True


@pytest.mark.parametrize(
    "words",
    [
        *["-MD -c main.c -o sub.x/foo.o", "-MMD -c main.c", "-MD -c lib.c main.c", "-MD -MF d.d -MT t -MP -c main.c"],
        *["-MD -MQ a$b -c main.c", "-Wp,-MD,w.d -c main.c -o y.o", "-MD main.c -o prog"],
        *["-MD main.c lib.c -o prog.exe", "-MD -S main.c", "-MD -c main.c -o odd"],
    ],
)
def test_dependency_files_are_clangs(tool: Tool, folder: Path, words: str) -> None:
    def dependencies() -> dict[str, str]:
        found = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*.d")}
        for path in folder.rglob("*.d"):
            path.unlink()
        return found

    subprocess.run([*find_clang().command, *words.split()], cwd=folder, check=True)
    wanted = dependencies()
    assert wanted
    assert tool(CC, *words.split()).code == 0
    assert dependencies() == wanted


@pytest.mark.parametrize(
    "words",
    [
        *["-E main.c", "-M main.c", "-MM main.c", "-dumpversion", "-dumpmachine", "-print-search-dirs", "--version"],
        *["-fsyntax-only main.c", "-print-file-name=crt1.o", "-E -dM -x c /dev/null"],
    ],
)
def test_questions_are_answered_by_clang(tool: Tool, folder: Path, words: str) -> None:
    wanted = subprocess.run(
        [*find_clang().command, *words.split()], cwd=folder, capture_output=True, text=True, check=True
    )
    assert tool(CC, *words.split()).stdout == wanted.stdout


@pytest.mark.parametrize(("command", "name"), [(CC, "galeed-cc"), (CXX, "galeed-c++")])
def test_help_is_a_page_of_our_own(tool: Tool, command: list[str], name: str) -> None:
    """Clang's own, a thousand lines, is where the page says; the page needs no clang."""
    done = tool(command, "--help", env={"GALEED_CLANG": "/nowhere"})
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{name}: ")
    assert done.stdout.count("\n") < 24
    for word in ("--galeed-verbose", "--galeed-save-temps", "Every option of clang", f"`{name} --help-hidden`"):
        assert word in done.stdout
    assert tool(command, "--help-hidden").stdout.count("\n") > 500


def test_help_of_the_archiver_is_ours_then_the_tools(tool: Tool) -> None:
    done = tool(AR, "--help")
    ours, _, theirs = done.stdout.partition("Exit status: ")
    assert done.code == 0
    assert ours.startswith("galeed-ar: ") and "GALEED_AR" in ours
    assert "OPTIONS:" in theirs


def test_response_file(tool: Tool, folder: Path) -> None:
    (folder / "words").write_text("-c lib.c\n-o 'spaced name.o' -DX=\\\"q\\\"")
    assert tool(CC, "@words").code == 0
    assert is_rewritten(folder / "spaced name.o") is True


def test_a_users_mistake_has_clangs_words_and_status(tool: Tool, folder: Path) -> None:
    (folder / "bad.c").write_text("int f( {")
    (folder / "bad.o").write_text("from before")
    done = tool(CC, "-c", "bad.c")
    assert done.code == 1
    assert "bad.c:1:" in done.stderr
    assert not (folder / "bad.o").exists(), "a stale object would be linked"
    assert tool(CC, "-c", "missing.c").code == 1
    assert tool(CC).code == 1
    assert "cannot specify -o" in tool(CC, "-c", "lib.c", "main.c", "-o", "x.o").stderr
    assert "unknown argument" in tool(CC, "-frobnicate", "-c", "lib.c").stderr
    assert tool(CC, "-c", "lib.c", "-o", "nowhere/x.o").code == 1


@pytest.mark.parametrize(
    ("words", "env", "message"),
    [
        ("-m32 -c lib.c", {}, "only 64-bit"),
        ("-fsanitize=memory -c lib.c", {}, "-fsanitize=memory"),
        ("--galeed-nonsense -c lib.c", {}, "unknown option"),
        ("-c lib.c", {"GALEED_CLANG": "/nowhere/clang"}, "/nowhere/clang: no such program"),
        ("-c lib.c", {"GALEED_CLANG": "/"}, "not an executable"),
        ("-c lib.c -o lib.c", {}, "would replace the source"),
        ("-c broken.bc", {}, ""),
    ],
)
def test_our_refusals_are_one_line_and_status_2(
    tool: Tool, folder: Path, words: str, env: dict[str, str], message: str
) -> None:
    (folder / "broken.bc").write_bytes(b"BC\xc0\xdegarbage")
    done = tool(CC, *words.split(), env=env)
    if message:
        assert done.code == 2
        assert done.stderr.startswith("galeed-cc: ")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    else:  # clang cannot read it either, and says so first
        assert done.code == 1
    assert (folder / "lib.c").read_text() == LIBRARY


def test_a_failing_pass_fails_the_compilation(tool: Tool, folder: Path) -> None:
    """LLVM of the pass dies: no object, one line that names the source."""
    broken = folder / "broken" / "llvmlite"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("import os\nos.abort()\n")
    (folder / "lib.o").write_text("from before")
    path = os.pathsep.join([str(folder / "broken"), *sys.path])
    done = tool(CC, "-c", "lib.c", env={"PYTHONPATH": path})
    assert done.code == 2, done
    assert "lib.c" in done.stderr
    assert not (folder / "lib.o").exists()


def test_no_warning_said_twice(tool: Tool) -> None:
    done = tool(CC, "-O2", "-Wnonsense", "-I.", "-DX", "-flto", "-gsplit-dwarf", "-g", "-c", "lib.c")
    assert done.code == 0
    assert done.stderr.count("-Wnonsense") == 1
    assert "unused" not in done.stderr


def test_lto_is_left_out_and_logged(tool: Tool, folder: Path) -> None:
    assert tool(CC, "-flto=thin", "-O2", "-c", "lib.c", env={"GALEED_CC_LOG": str(folder / "log")}).code == 0
    assert is_rewritten(folder / "lib.o") is True
    assert "without link-time optimisation" in (folder / "log").read_text()


def test_precompiled_header(tool: Tool, folder: Path) -> None:
    (folder / "h.h").write_text("#define VALUE 5\n")
    (folder / "uses.c").write_text("int f(void) { return VALUE; }\n")
    assert tool(CC, "-x", "c-header", "h.h", "-o", "h.pch").code == 0
    assert tool(CC, "-include-pch", "h.pch", "-c", "uses.c").code == 0
    assert is_rewritten(folder / "uses.o") is True


def test_saved_temporaries_and_words(tool: Tool, folder: Path) -> None:
    done = tool(CC, "--galeed-verbose", "--galeed-save-temps", "-c", "lib.c")
    assert done.stderr.count("galeed: ") >= 3
    assert {p.name for p in folder.glob("lib.galeed-*")} == {"lib.galeed-0.bc", "lib.galeed-1.bc", "lib.galeed-1.ll"}


def test_terminated_it_cleans_up(folder: Path) -> None:
    """A slow compilation is ended by a signal: same signal to the caller, nothing left."""
    scratch = folder / "tmp"
    scratch.mkdir()
    slow = "".join(
        f"int f{n}(int *p, int n) {{ while (n--) p[n] += {n} * p[n / 2]; return *p; }}\n" for n in range(3000)
    )
    (folder / "slow.c").write_text(slow)
    changes = {"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(scratch)}
    for number in (signal.SIGTERM, signal.SIGINT):
        # A shell starts what runs in its background with SIGINT ignored, and that is inherited.
        process = subprocess.Popen(
            [*CC, "-O2", "-c", "slow.c"],
            cwd=folder,
            env=environment(changes),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        deadline = time.monotonic() + 60
        while not list(scratch.glob("galeed-*/*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(timeout=60) == -number
        assert list(scratch.iterdir()) == []
        assert not list(folder.glob("slow.o*"))


def test_ar_refuses_in_one_line(tool: Tool) -> None:
    done = tool(AR, "rcs", "x.a", env={"GALEED_AR": "/nowhere/ar"})
    assert (done.code, done.stderr) == (2, "galeed-ar: GALEED_AR=/nowhere/ar: no such program, or not executable\n")


def test_a_closed_or_full_standard_output(tool: Tool) -> None:
    python = " ".join(CC)
    closed = tool(["sh", "-c"], f"{python} -c -emit-llvm lib.c -o - >&-")
    assert (closed.code, closed.stderr) == (2, "galeed-cc: standard output is closed; name a file with -o\n")
    assert "internal error" not in tool(["sh", "-c"], f"{python} --version >&-").stderr
    full = tool(["sh", "-c"], f"{python} -c -emit-llvm lib.c -o - >/dev/full")
    assert (full.code, full.stderr) == (2, "galeed-cc: system: No space left on device\n")
    assert tool(["sh", "-c"], f"{python} -c lib.c <&-").code == 0


@pytest.mark.parametrize(("path", "reason"), [("/dev/full", "No space left"), ("/nowhere/log", "No such file")])
def test_a_log_that_cannot_be_written_is_named(tool: Tool, folder: Path, path: str, reason: str) -> None:
    done = tool(CC, "-c", "lib.c", env={"GALEED_CC_LOG": path})
    assert done.code == 2
    assert done.stderr.startswith(f"galeed-cc: GALEED_CC_LOG={path}: {reason}")
    assert not (folder / "lib.o").exists()


def test_a_header_alone_is_compiled_without_a_warning(tool: Tool, folder: Path) -> None:
    (folder / "all.h").write_text("int all;\n")
    assert tool(CC, "-x", "c-header", "all.h") == Outcome(0, "", "")
    assert (folder / "all.h.pch").exists()
