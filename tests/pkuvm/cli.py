"""The commands tests/pkuvm/run and tests/pkuvm/setup.

Invariant: whatever a user gets wrong ends in one line on stderr and exit code 2,
never in a traceback; the command's own exit code is passed on unchanged.

Trusts its caller, as whose user everything runs.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
from pathlib import Path
from types import FrameType

from tests.pkuvm.image import PkuvmError, ensure_image, ensure_qemu, say
from tests.pkuvm.vm import CPU, Job, Vm, VmFailureError, VmTimeoutError

LEAST_MIB = 512
USAGE_CODE, TIMEOUT_CODE, VM_CODE = 2, 124, 125
PASSED_ON = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TERM", "VIRTUAL_ENV",
    "CARGO_HOME", "CARGO_TARGET_DIR", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "RUST_BACKTRACE",
)  # fmt: skip
DESCRIPTION = """\
Run CMD in a small virtual machine whose CPU, emulated by QEMU, has protection
keys (PKU), whatever this machine's CPU is.

CMD sees this machine's files at the same paths and starts in the same
directory. What it writes stays in the guest's memory and is gone afterwards,
except below the --output directories. It runs as root, on 2 CPUs, with no
network and an empty standard input. One boot can run much: make CMD a script.

Its environment: PATH, HOME and the like, every GALEED_* variable, what --env
names, and GALEED_REQUIRE_PKU=1, so that a test that finds no PKU fails.
"""
EPILOG = """\
exit code: CMD's own (128 + N when signal N killed it); 2 wrong usage or
something missing on this machine; 124 time ran out; 125 the machine failed.
The last three come with a line on stderr that starts with "pkuvm:".

The emulation says whether code is right, never how fast it is: protection key
changes there cost hundreds of times what they cost in hardware, everything else
ten times or so, unevenly. Do not measure in it.

examples:
  tests/pkuvm/run -- make test
  tests/pkuvm/run --timeout 300 --output build/vm -- sh -c './a && ./b >build/vm/log'
  tests/pkuvm/run --kernel linux-image-amd64 -- uname -r
"""


def environment(extra: list[str]) -> dict[str, str]:
    """What the command gets. Raises PkuvmError on a variable that is not there."""
    found = {
        name: text
        for name, text in os.environ.items()
        if name in PASSED_ON or (name.startswith("GALEED_") and name.isidentifier())
    }
    for item in extra:
        name, given, text = item.partition("=")
        if not (name.isascii() and name.isidentifier()):
            raise PkuvmError(f"--env {item}: {name!r} is not a variable's name")
        if not given and name not in os.environ:
            raise PkuvmError(f"--env {name}: no such variable here")
        found[name] = text if given else os.environ[name]
    return {**found, "GALEED_REQUIRE_PKU": "1"}


def output_directory(text: str) -> Path:
    """Made if need be. Raises PkuvmError where it cannot serve."""
    path = Path(text).absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PkuvmError(f"--output {text}: {error.strerror}") from error
    if "\n" in str(path):
        raise PkuvmError("--output: a path with a line break cannot be passed on")
    return path.resolve()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests/pkuvm/run",
        usage="%(prog)s [options] [--] CMD [ARGUMENT...]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--timeout", metavar="SECONDS", type=float, default=1800.0,
        help="give up after this long, boot included; 0: never (default 1800)")  # fmt: skip
    add("--output", metavar="DIR", action="append", default=[],
        help="what CMD writes below DIR reaches this machine; may be repeated")  # fmt: skip
    add("--env", metavar="NAME[=VALUE]", action="append", default=[],
        help="pass one more variable on, or set it; may be repeated")  # fmt: skip
    add("--memory", metavar="MIB", type=int, default=4096,
        help="memory of the guest in MiB; three quarters may hold files (default 4096)")  # fmt: skip
    add("--kernel", metavar="PACKAGE", help="a Debian kernel package other than the default")
    add("--cpu", metavar="MODEL", default=CPU, help=f"QEMU's CPU model (default {CPU})")
    add("--verbose", action="store_true", help="show the guest's console and the boot time")
    add("command", metavar="CMD", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.command[:1] == ["--"]:
        del parsed.command[0]
    if not parsed.command:
        parser.error("no command given")
    if not 0 <= parsed.timeout < math.inf or parsed.memory < LEAST_MIB:
        parser.error(f"--timeout takes seconds, 0 or more; --memory at least {LEAST_MIB}")
    return parsed


def stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def run() -> int:
    """tests/pkuvm/run. Returns the exit code."""
    options = arguments()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        vm = Vm(
            qemu=ensure_qemu(),
            image=ensure_image(options.kernel),
            cpu=options.cpu,
            memory_mib=options.memory,
            timeout_seconds=options.timeout or None,
            verbose=options.verbose,
        )
        job = Job(
            command=options.command,
            directory=Path.cwd(),
            environment=environment(options.env),
            outputs=[output_directory(text) for text in options.output],
        )
        code = vm.run(job)
    except VmTimeoutError as error:
        say(f"time ran out: {error}")
        return TIMEOUT_CODE
    except VmFailureError as error:
        say(f"the machine failed: {error}")
        return VM_CODE
    except BrokenPipeError:
        return 128 + signal.SIGPIPE
    except (PkuvmError, OSError) as error:
        say(str(error))
        return USAGE_CODE
    if options.verbose and vm.boot_seconds is not None:
        say(f"the command started {vm.boot_seconds:.1f} s after QEMU")
    return code


def setup() -> int:
    """tests/pkuvm/setup. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="tests/pkuvm/setup",
        description="Fetch the kernel and build the initramfs that tests/pkuvm/run boots. "
        "Nothing is installed but QEMU, and that only where it is missing. Safe to run again.",
    )
    parser.add_argument("--kernel", metavar="PACKAGE", help="a Debian kernel package other than the default")
    options = parser.parse_args()
    try:
        ensure_qemu()
        image = ensure_image(options.kernel)
    except (PkuvmError, OSError) as error:
        say(str(error))
        return USAGE_CODE
    say(f"Linux {image.release} is in {image.kernel.parent}")
    return 0
