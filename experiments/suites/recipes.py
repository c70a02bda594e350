"""The suites: which source, how its own build system is told the compiler, what its tests say.

Sources are upstream's archives as Debian 12 carries them, without Debian's changes. A command
is a shell line in the unpacked folder; $CC and $CXX are the compilers, $OTHER_NAME the
unpacked folder of a second source.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Archive:
    """package: Debian's source package. file: upstream's archive in it."""

    package: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Suite:
    """One library's own tests.

    build, test: shell lines. counts: patterns over all that `test` says; of each match, group
    `passed` and `failed` are added, or `failed` of `total`; a match that has a group `bad` is a
    test that failed, one without groups a test that passed. what: which of its tests these are, for people. others: further archives.
    """

    name: str
    language: str
    archive: Archive
    build: tuple[str, ...]
    test: tuple[str, ...]
    counts: tuple[str, ...]
    what: str
    others: Mapping[str, Archive] = field(default_factory=dict)


AUTOMAKE = (r"^# PASS: +(?P<passed>\d+)", r"^# (?:FAIL|XPASS|ERROR): +(?P<failed>\d+)")
CMAKE = "cmake -S . -B out -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=$CC -DCMAKE_CXX_COMPILER=$CXX"
JOBS = "-j2"

# Of the TCL suite's 1,200 files those are left out that take long, run others, or make allocations,
# input and output, threads or processes fail in all places (how many tests that makes is not always
# the same). The rest, some 700, takes minutes.
SQLITE_LEFT_OUT = """
all async* quick veryquick memleak permutations soak fts3 mallocAll rtree full extraquick session rbu *malloc* *ioerr*
*fault* *crash* *_err *thread* speed* corrupt* fuzz* busy* wal* *shared* notify* backup* zip* shell* tester savepoint* big*
sort* mmap* vacuum* lock* fts4* e_* tkt2686 pager* journal* *crypt* external* loadext* temptable* sqllimits1 trans2
attach* misc7 autovac* incr*vac* rollback* nan oserror symlink* multiplex* quota* superlock func4 date* dbfuzz*
recover* btree* releasetest* atomic* auto* cache* chunk* dump* win32* minmax4
""".split()

SUITES = (
    Suite(
        "zlib",
        "C",
        Archive(
            "zlib",
            "zlib_1.2.13.dfsg.orig.tar.bz2",
            "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1",
        ),
        build=("CFLAGS=-O2 ./configure", f"make {JOBS}"),
        test=("make test",),
        counts=(r"\*\*\* zlib [\w -]*test OK \*\*\*", r"\*\*\* zlib [\w -]*test (?P<bad>FAILED) \*\*\*"),
        what="make test (static, shared and 64-bit)",
    ),
    Suite(
        "expat",
        "C",
        Archive(
            "expat",
            "expat_2.5.0.orig.tar.gz",
            "ab00ee05c7067fd10a35c5d2a4922ebba746ddd50ff83b79c828da17bbdf1757",
        ),
        build=(
            f"{CMAKE.replace('-S .', '-S expat')} -DEXPAT_BUILD_DOCS=OFF",
            f"cmake --build out {JOBS} --target runtests runtestspp",
        ),
        test=("out/tests/runtests || bad=1", "out/tests/runtestspp || bad=1", "exit $bad"),
        counts=(r"Checks: (?P<total>\d+), Failed: (?P<failed>\d+)",),
        what="runtests, runtestspp",
    ),
    Suite(
        "libpng",
        "C",
        Archive(
            "libpng1.6",
            "libpng1.6_1.6.39.orig.tar.gz",
            "a00e9d2f2f664186e4202db9299397f851aea71b36a35e74910b8820e380d441",
        ),
        build=("CFLAGS='-O2 -g0' ./configure --disable-static", f"make {JOBS}"),
        test=(f"make check {JOBS}",),
        counts=AUTOMAKE,
        what="make check",
    ),
    Suite(
        "lua",
        "C",
        Archive(
            "lua5.1", "lua5.1_5.1.5.orig.tar.gz", "2640fc56a795f29d28ef15e13c34a47e223960b0240e8cb0a82d9b0738695333"
        ),
        build=("make posix CC=$CC MYCFLAGS=-g0",),
        test=(
            # Those that need no copy of Lua with its test hooks (T). They speak of a driver, all.lua, that
            # sets things for them; each runs by itself here.
            "cp -r $OTHER_tests/_lua5.1-tests tests && mkdir -p tests/libs/P1 && cd tests",
            "for one in *.lua; do case $one in all.lua|main.lua|big.lua) continue;; esac",
            "if timeout 300 ../src/lua $one; then echo; echo FILE PASSED; else echo; echo FILE FAILED: $one; fi; done",
        ),
        counts=(r"^FILE PASSED", r"^FILE (?P<bad>FAILED)"),
        what="the official 5.1 suite (a copy made for another Lua), file by file",
        others={
            "tests": Archive(
                "golang-github-yuin-gopher-lua",
                "golang-github-yuin-gopher-lua_0.0~git20170915.0.eb1c729.orig.tar.xz",
                "4930565f2f9596a0a47bc84b8c4c535655e8c3206b0d8dd8d2728803dab996e7",
            )
        },
    ),
    Suite(
        "sqlite",
        "C",
        Archive(
            "sqlite3",
            "sqlite3_3.40.1.orig.tar.xz",
            "aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655",
        ),
        build=("CFLAGS='-O1 -g0' ./configure --disable-shared --disable-readline", "make testfixture"),
        test=(
            "mkdir -p tested && cd tested",
            "for one in ../test/*.test",
            f"do case $(basename $one .test) in {'|'.join(SQLITE_LEFT_OUT)}) continue;; esac",
            # 1: some tests failed, which it says itself.
            "code=0; timeout 600 ../testfixture $one || code=$?",
            "test $code -le 1 || echo FILE FAILED: $one",
            "done",
        ),
        counts=(r"(?P<failed>\d+) errors out of (?P<total>\d+) tests", r"^FILE (?P<bad>FAILED)"),
        what="TCL suite, some 700 of its 1,200 files",
    ),
    Suite(
        "jsoncpp",
        "C++",
        Archive(
            "libjsoncpp",
            "libjsoncpp_1.9.5.orig.tar.gz",
            "f409856e5920c18d0c2fb85276e24ee607d2a09b5e7d5f0a371368903c275da2",
        ),
        build=(
            f"{CMAKE} -DJSONCPP_WITH_POST_BUILD_UNITTEST=OFF -DBUILD_SHARED_LIBS=OFF -DBUILD_OBJECT_LIBS=OFF",
            f"cmake --build out {JOBS}",
        ),
        test=(
            "out/bin/jsoncpp_test || bad=1",
            "python3 test/runjsontests.py out/bin/jsontestrunner_exe test/data || bad=1",
            "python3 test/runjsontests.py --with-json-checker out/bin/jsontestrunner_exe test/data || bad=1",
            "exit $bad",
        ),
        counts=(
            r"All (?P<passed>\d+) tests passed",
            r"Test results: (?P<passed>\d+) passed, (?P<failed>\d+) failed",
            r"(?P<passed>\d+)/\d+ tests passed \((?P<failed>\d+) failure",
        ),
        what="jsoncpp_test, and its JSON files with and without json_checker's",
    ),
    Suite(
        "pugixml",
        "C++",
        Archive(
            "pugixml",
            "pugixml_1.13.orig.tar.gz",
            "5c5ad5d7caeb791420408042a7d88c2c6180781bf218feca259fd9d840a888e1",
        ),
        build=(f"{CMAKE} -DPUGIXML_BUILD_TESTS=ON", f"cmake --build out {JOBS}"),
        test=("out/pugixml-check",),
        counts=(
            r"Success: (?P<passed>\d+) tests passed",
            r"FAILURE: (?P<failed>\d+) out of (?P<total>\d+) tests failed",
        ),
        what="pugixml-check",
    ),
)
