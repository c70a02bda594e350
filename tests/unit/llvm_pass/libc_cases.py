"""C source that calls each function of the table once, with memory of exactly the right size.

Generated from llvm_pass/libc: what a row says decides how long the memory is, what lies in
it, and how a call goes one byte beyond. Where the defaults (a length is 8, anything else
-1, a string "12") make no sensible call, OVERRIDES says what does.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

from llvm_pass import abi
from llvm_pass.libc.table import Shape, Use, builtin

_LENGTH = 8
_MOST = 4
_FILES = frozenset(
    "fprintf vfprintf fscanf vfscanf __isoc99_fscanf __isoc99_vfscanf freopen freopen64 fread fread_unlocked fwrite "
    "fwrite_unlocked fgets fgets_unlocked fputs fputs_unlocked fgetpos fsetpos __fprintf_chk __vfprintf_chk "
    "__fread_chk __fgets_chk".split()
)
# Not called: they would change the machine, end the test, or write to its output.
SKIPPED = frozenset(
    "system popen settimeofday syslog vsyslog __syslog_chk perror tempnam mbstowcs freopen freopen64 getgroups "
    "strptime scanf vscanf __isoc99_scanf __isoc99_vscanf".split()
)
# What they write is never twice the same.
_VARIES = frozenset(
    "time clock_gettime clock_getres gettimeofday getrandom getentropy times getrusage sysinfo timespec_get tmpnam "
    "asprintf vasprintf __asprintf_chk __vasprintf_chk pipe pipe2 posix_memalign statfs statvfs fgetpos fsetpos "
    "arc4random_buf strerror_r timegm mktime timelocal gmtime_r localtime_r".split()
)
# A path that names nothing, so that nothing happens to it.
_PATHS = frozenset(
    "fopen fopen64 remove rename open open64 openat openat64 __open_2 __open64_2 creat creat64 access faccessat stat "
    "stat64 lstat lstat64 fstatat fstatat64 statfs statvfs unlink unlinkat rmdir mkdir mkdirat mkfifo chdir chroot "
    "chmod chown lchown truncate truncate64 link symlink renameat readlink readlinkat realpath mkstemp mkstemp64 "
    "mkdtemp opendir utimes dlopen".split()
)
_VOID = frozenset(
    "bcopy bzero explicit_bzero swab sincos sincosf qsort qsort_r arc4random_buf __explicit_bzero_chk".split()
)
# function -> {argument: C expression}
OVERRIDES: dict[str, dict[int, str]] = {
    **{key: {1: "'2'"} for key in ("strchr", "strrchr", "index", "rindex", "strchrnul")},
    "memccpy": {2: "'2'"},
    "memchr": {1: "'2'"},
    "rawmemchr": {1: "'2'"},
    **{key: {1: "L'2'"} for key in ("wcschr", "wcsrchr")},
    **{
        f"{prefix}{name}": {2: "10"}
        for prefix in ("", "__isoc23_")
        for name in ("strtol", "strtoll", "strtoul", "strtoull", "strtoimax", "strtoumax")
    },
    "qsort": {3: "order"},
    "qsort_r": {3: "order_with", 4: "0"},
    "bsearch": {0: "0", 1: "0", 2: "0", 3: "1", 4: "order"},
    "lfind": {0: "0", 1: "0", 3: "1", 4: "order"},
    "__strerror_r": {0: "2"},
    "strerror_r": {0: "2"},
    "__xpg_strerror_r": {0: "2"},
    "getrandom": {2: "0"},
    **{key: {1: "0"} for key in ("__open_2", "__open64_2")},
    "poll": {1: "1", 2: "0"},
    "mbrtowc": {},
    "setlocale": {0: "LC_ALL"},
    "dlsym": {0: "0"},
    "getcwd": {1: "4096"},
    "gethostname": {1: "256"},
    "setbuf": {0: "0"},
}


def cases() -> Iterator[tuple[str, Shape]]:
    """The rows that are called here: those that this C library has."""
    library = ctypes.CDLL(None)
    for name, shape in sorted(builtin().items()):
        if name.startswith("_Z"):
            continue  # of C++, which this program is not: tests/integration/test_cxx_hosts.py
        memory = [use for use in shape.uses if use.memory]
        # What frees memory never frees lent memory: tests/integration/test_sharing.py.
        if shape.refused or name in SKIPPED or any(use.word in ("kept", "freed") for use in shape.uses):
            continue
        if any(use.extent in ("cursor", "vector") for use in shape.uses) or name in (
            "getline",
            "getdelim",
            "__getdelim",
        ):
            continue  # by hand
        if memory and hasattr(library, name):
            assert len(memory) <= _MOST, name
            yield name, shape


def source() -> str:
    """The whole C file. With -DPLAIN its list has another name."""
    functions, rows, prototypes = [], [], []
    for name, shape in cases():
        if name.startswith("__") or name in ("dirname",):
            prototypes.append(_prototype(name, shape))
        functions.append(_function(name, shape))
        rows.append(_row(name, shape))
    return _PREFACE + "\n".join([*prototypes, *functions, "struct call_case LIST[] = {", *rows, "{0}};", ""])


def _function(name: str, shape: Shape) -> str:
    arguments, memory = [], 0
    lists = [use for use in shape.uses if use.extent in ("list", "scan_list")]
    for number, use in enumerate(shape.uses):
        if use in lists:
            arguments.append("list")
        elif use.memory:
            arguments.append(f"m{memory}")
            memory += 1
        else:
            arguments.append(_value(name, shape, number))
    if name in _FILES:
        arguments[_file_argument(name, shape)] = "file()"
    parameters = "void *m0, void *m1, void *m2, void *m3"
    call = f"{name}({', '.join(arguments)})"
    into = -1 if shape.result == abi.NO_ARGUMENT else _memory_number(shape, shape.result)
    body = f"RESULT({call}, {f'm{into}' if into >= 0 else 'NULL'})" if name not in _VOID else f"({call}, 0L)"
    ignored = "(void)m0; (void)m1; (void)m2; (void)m3;"
    ended = next((use for use in shape.uses if use.extent == "end"), None)
    if ended:  # an offset can be compared
        cell, base = f"m{_memory_number(shape, shape.uses.index(ended))}", f"m{_memory_number(shape, ended.first)}"
        body = f"({{ long got = {body}; *(long *){cell} = of_pointer(*(char **){cell}, {base}); got; }})"
    if lists:
        return (
            f"static long with_{name}({parameters}, ...) {{\n    va_list list;\n    va_start(list, m3);\n"
            f"    long got = {body};\n    va_end(list);\n    {ignored}\n    return got;\n}}\n"
            f"static long case_{name}({parameters}) {{ return with_{name}(m0, m1, m2, m3, 1, 2); }}"
        )
    return f"static long case_{name}({parameters}) {{ {ignored} return {body}; }}"


def _memory_number(shape: Shape, argument: int) -> int:
    return sum(use.memory for use in shape.uses[:argument])


def _file_argument(name: str, shape: Shape) -> int:
    leading = ("fprintf", "vfprintf", "fscanf", "vfscanf", "fgetpos", "fsetpos", "__isoc", "__fpr", "__vfpr")
    return 0 if name.startswith(leading) else len(shape.uses) - 1


def _value(name: str, shape: Shape, number: int) -> str:
    given = OVERRIDES.get(name, {}).get(number)
    if given is not None:
        return given
    return str(_LENGTH) if number in shape.lengths else "-1"


def _number(name: str, shape: Shape, argument: int) -> int:
    value = _value(name, shape, argument)
    return int(value) if value.lstrip("-").isdecimal() else _LENGTH


def _row(name: str, shape: Shape) -> str:
    memory = [_memory(name, shape, use) for use in shape.uses if use.memory and use.extent not in ("list", "scan_list")]
    inside = ", ".join(memory) or "{0}"
    return f'{{"{name}", case_{name}, {len(memory)}, {int(name in _VARIES)}, {{{inside}}}}},'


def _memory(name: str, shape: Shape, use: Use) -> str:
    unit = use.unit if use.extent != "bytes" else 1
    text = "" if name in _PATHS else "12"
    nbytes, beyond, content = _LENGTH, 0, ""
    string = (len(text) + 1) * unit
    if use.extent == "bytes":
        nbytes = use.unit
        for argument in (use.first, use.second):
            if argument != abi.NO_ARGUMENT:
                nbytes *= _number(name, shape, argument)
    elif use.extent in ("string", "found", "format", "scan"):
        nbytes, beyond, content = string - (use.extent == "found"), 1, text
    elif use.extent in ("copied", "printed"):
        nbytes = string
    elif use.extent == "appended":
        nbytes, beyond, content = string + unit, 2, "a"
    literal = f'"{content}"' if unit == 1 else f'(const char *)L"{content}"'
    filled = 0 if not content and not beyond else min(nbytes, (len(content) + 1) * unit)
    return f"{{{nbytes}, {int(use.writes)}, {beyond}, {unit}, {literal}, {filled}}}"


def _prototype(name: str, shape: Shape) -> str:
    kinds = ["va_list" if u.extent in ("list", "scan_list") else "void *" if u.memory else "long" for u in shape.uses]
    if name in _FILES:
        kinds[_file_argument(name, shape)] = "FILE *"
    dots = ", ..." if shape.variadic else ""
    pointer = shape.result != abi.NO_ARGUMENT or name in ("__strdup", "__strndup")
    return f"{'char *' if pointer else 'int '}{name}({', '.join(kinds)}{dots});"


_PREFACE = """\
#define _GNU_SOURCE
#include "calls.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <iconv.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <poll.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#ifdef PLAIN
#define LIST plain_list
#else
#define LIST call_list
#endif

static FILE *file(void) { static FILE *made; if (!made) made = tmpfile(); rewind(made); return made; }
static int order(const void *a, const void *b) { return *(const char *)a - *(const char *)b; }
static int order_with(const void *a, const void *b, void *c) { (void)c; return order(a, b); }
static long of_pointer(const volatile void *p, const char *base) {
    long offset = (const char *)p - base;
    return base && p && offset >= 0 && offset < 1 << 16 ? offset : p != NULL;
}
static long of_number(long value, const char *base) { (void)base; return value; }
static long of_real(long double value, const char *base) { (void)base; return (long)(value * 1000); }
/* A number as it is; a pointer as its offset, or as whether it is null. */
#define RESULT(call, base) ({                                                                             \\
    __auto_type r = (call);                                                                               \\
    _Generic(r, float: of_real, double: of_real, long double: of_real, int: of_number, long: of_number,   \\
             unsigned: of_number, unsigned long: of_number, long long: of_number,                         \\
             unsigned long long: of_number, default: of_pointer)(r, base); })
"""
