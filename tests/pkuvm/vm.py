"""One boot of the test machine: QEMU, its ports, its time-out, its verdict.

Invariant: the guest has no network and can write to the host only below the
--output directories; QEMU never outlives this process. `Vm.run` returns the
command's own exit code, or raises VmFailureError when there is none.

The guest is trusted as far as the tests in it are: it runs what the caller
could run anyway, and sees the files that the caller can read.
Sources: [QEMU System Emulation, Invocation], [Linux 9p].
"""

from __future__ import annotations

import ctypes
import os
import selectors
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.pkuvm.image import DIRECTORY, FILE, Image, PkuvmError, cpio

# `max` is every feature that TCG can do. Five-level paging is left out: one more
# level to walk in software, and no test of ours depends on it.
CPU = "max,-la57"
# mitigations=off: page-table isolation and its kind cost much in emulation and
# guard nothing here. panic=-1 with -no-reboot turns a panic into QEMU's exit.
# no_timer_check: the kernel else counts ticks of the timer for a moment, and panics
# ("IO-APIC + timer doesn't work") when a busy machine gave QEMU no time just then.
KERNEL_ARGUMENTS = "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off random.trust_cpu=on no_timer_check"
PORTS = ("out", "err", "status")
GRACE_SECONDS = 10.0  # between the guest's last word and its power-off
CONSOLE_BYTES = 64 * 1024
PR_SET_PDEATHSIG = 1


class VmFailureError(PkuvmError):
    """The machine, not the command, failed."""


class VmTimeoutError(PkuvmError):
    """Time ran out before the command ended."""


@dataclass(frozen=True)
class Job:
    """What to run in the guest, where, with what around it."""

    command: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    outputs: Sequence[Path] = ()

    def archive(self) -> bytes:
        """An initramfs of its own, which the kernel unpacks over the first."""
        # The paths go to a shell's `read` by lines: no newline in them.
        lines = [f"output{number} {path}\n" for number, path in enumerate(self.outputs)]
        exports = [f"export {name}={shlex.quote(text)}\n" for name, text in self.environment.items()]
        script = (
            "".join(exports)
            + f"cd {shlex.quote(str(self.directory))} || exit 125\n"
            + f"exec {shlex.join(self.command)}\n"
        )
        return cpio(
            {
                "pkuvm": (DIRECTORY, b""),
                "pkuvm/outputs": (FILE, os.fsencode("".join(lines))),
                "pkuvm/command": (FILE, os.fsencode(script)),
            }
        )


@dataclass
class Vm:
    """Settings of the machine. Memory in MiB, seconds of wall clock."""

    qemu: str
    image: Image
    cpu: str = CPU
    cpus: int = 2
    memory_mib: int = 4096
    timeout_seconds: float | None = 1800.0
    verbose: bool = False
    boot_seconds: float | None = field(default=None, init=False)

    def arguments(self, initramfs: Path, job: Job, descriptors: Mapping[str, int]) -> list[str]:
        arguments = [
            self.qemu,
            *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
            *("-machine", "q35,usb=off,smbus=off,hpet=off"),
            *("-accel", "tcg,thread=multi", "-cpu", self.cpu),
            *("-smp", str(self.cpus), "-m", f"{self.memory_mib}M", "-nic", "none"),
            *("-kernel", str(self.image.kernel), "-initrd", str(initramfs)),
            *("-append", KERNEL_ARGUMENTS),
            *export("host", Path("/"), "on"),
            *("-device", "virtio-serial-pci"),
        ]
        for number, path in enumerate(job.outputs):
            arguments += export(f"output{number}", path, "off")
        for number, (name, descriptor) in enumerate(descriptors.items()):
            arguments += ["-add-fd", f"fd={descriptor},set={number}"]
            # append: QEMU would truncate what it opens, and a pipe cannot be.
            arguments += ["-chardev", f"file,id={name},path=/dev/fdset/{number},append=on"]
            if name == "console":
                arguments += ["-serial", "chardev:console"]
            else:
                arguments += ["-device", f"virtserialport,chardev={name},name={name}"]
        return arguments

    def run(self, job: Job) -> int:
        """Boots, runs, returns the command's exit code.

        Raises VmFailureError, VmTimeoutError, and whatever a signal handler raises; QEMU
        is gone in every case.
        """
        pipes = {name: os.pipe() for name in (*PORTS, "console")}
        with tempfile.TemporaryDirectory(prefix="pkuvm-") as scratch:
            initramfs = Path(scratch) / "initramfs"
            initramfs.write_bytes(self.image.initramfs.read_bytes() + job.archive())
            writers = {name: pair[1] for name, pair in pipes.items()}
            started = time.monotonic()
            qemu = subprocess.Popen(
                self.arguments(initramfs, job, writers),
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=tuple(writers.values()),
                preexec_fn=die_with_parent,  # safe: this process has one thread
            )
            try:
                for descriptor in writers.values():
                    os.close(descriptor)
                readers = {pair[0]: name for name, pair in pipes.items()}
                return self.watch(qemu, readers, started)
            finally:
                qemu.kill()
                qemu.wait()
                for descriptor, _ in pipes.values():
                    os.close(descriptor)

    def watch(self, qemu: subprocess.Popen[bytes], readers: dict[int, str], started: float) -> int:
        """Passes output on until the guest is done."""
        deadline = None if self.timeout_seconds is None else started + self.timeout_seconds
        status, console = b"", b""
        code: int | None = None
        with selectors.DefaultSelector() as selector:
            for descriptor in readers:
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                events = selector.select(left)
                if not events and deadline is not None and time.monotonic() >= deadline:
                    break
                for key, _ in events:
                    name, data = readers[key.fd], os.read(key.fd, 1 << 16)
                    if not data:
                        selector.unregister(key.fd)
                    elif name == "console":
                        console = (console + data)[-CONSOLE_BYTES:]
                        if self.verbose:
                            write_all(2, data)
                    elif name == "status":
                        status += data
                        if code is None and b"exit " in status and status.endswith(b"\n"):
                            code = verdict(status)
                            deadline = time.monotonic() + GRACE_SECONDS
                        elif self.boot_seconds is None and status.startswith(b"start\n"):
                            self.boot_seconds = time.monotonic() - started
                    else:
                        write_all(1 if name == "out" else 2, data)
        if code is not None:
            return code
        if deadline is not None and time.monotonic() >= deadline:
            where = "the command" if status.startswith(b"start") else "the boot"
            raise VmTimeoutError(f"{where} was not done after {self.timeout_seconds:g} s")
        raise VmFailureError(explain(status, console, qemu.wait()))


def export(tag: str, path: Path, readonly: str) -> list[str]:
    """A directory of the host as a 9p file system that the guest mounts by tag."""
    text = str(path).replace(",", ",,")
    return [
        "-fsdev",
        f"local,id={tag},path={text},security_model=none,multidevs=remap,readonly={readonly}",
        "-device",
        f"virtio-9p-pci,fsdev={tag},mount_tag={tag}",
    ]


def verdict(status: bytes) -> int:
    """The code of the line "exit CODE"."""
    for line in status.decode(errors="replace").splitlines():
        word, _, text = line.partition(" ")
        if word == "exit" and text.isdecimal():
            return int(text)
    raise VmFailureError(f"the guest reported no exit code but {status!r}")


def explain(status: bytes, console: bytes, qemu_code: int) -> str:
    """Why a guest ended without a verdict, from what it left behind."""
    for line in status.decode(errors="replace").splitlines():
        if line.startswith("fail "):
            return line.removeprefix("fail ")
    lines = [line.strip() for line in console.decode(errors="replace").splitlines()]
    told = [line for line in lines if line.startswith("pkuvm: ") or "Kernel panic" in line]
    if told:
        return told[0].removeprefix("pkuvm: ")
    if qemu_code != 0:
        return f"QEMU ended with code {qemu_code} (its message is above)"
    last = next((line for line in reversed(lines) if line), "nothing")
    return f"the guest powered off without a verdict; the last line of its console: {last}"


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def die_with_parent() -> None:
    """In QEMU before exec: a killed harness must not leave a machine behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
