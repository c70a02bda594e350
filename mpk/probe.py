"""``galeed-probe``: what this machine offers, which backend is used and why, what things cost.

``galeed-probe --scan`` looks for instructions that change rights (mpk.scanner).

Exit code 0; 1 when a scan found some; 2 when the runtime cannot start in this
environment (everything else is shown all the same), when what was to be scanned could
not be read or understood, or for bad usage.
"""

import argparse
import io
import json
import os
import platform
import sys
from typing import TYPE_CHECKING, Any

import mpk

if TYPE_CHECKING:
    from mpk.machine import Feature
    from mpk.toolchain import Compiler

_FEATURE_TITLES = {
    "pku_cpu": "PKU in the CPU (CPUID)",
    "pku_enabled": "PKU switched on by the kernel (OSPKE)",
    "pku_alloc": "pkey_alloc gives a key",
    "fsgsbase": "RDFSBASE for user code (FSGSBASE)",
    "mseal": "mseal",
    "memfd_secret": "memfd_secret",
    "landlock_abi": "Landlock, ABI version",
    "seccomp": "seccomp filters",
    "rseq": "rseq",
    "rseq_registered": "rseq registered by the C library",
}
_COST_TITLES = {
    "rdpkru": "RDPKRU",
    "wrpkru": "WRPKRU",
    "getpid": "getpid (system call)",
    "mprotect_page": "mprotect, one page",
    "pkey_mprotect_page": "pkey_mprotect, one page",
    "gate_round_trip": "gate, enter and exit",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="galeed-probe",
        description="Show which backend isolates memory on this machine and why, what CPU and kernel offer, "
        "which compilers there are, and what the runtime's steps cost.",
        epilog="GALEED_BACKEND=auto|pku|mprotect chooses the backend. Exit code: 0, or 2 when the runtime "
        "cannot start in this environment. With --scan: 0 no gadget, or only those that are guarded or fault in "
        "user mode; 1 others; 2 unread: damaged, not understood, or not to be had. Guarded is what the file lists itself "
        "and compares as galeed's gates do: sure of galeed's own copy, no proof for other files.",
    )
    parser.add_argument(
        "--scan",
        metavar="FILE|PID|-",
        help="find WRPKRU, XRSTOR(S) and WR*BASE at every offset of a file's code (all of it, if it is no ELF file), of "
        "a process, or of standard input, and say what stands there; write ./123 for a file named 123",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    parser.add_argument("--no-costs", action="store_true", help="measure nothing (saves about a second)")
    parser.add_argument("--version", action="version", version=f"galeed {mpk.__version__}")
    return parser


def _backend() -> dict[str, Any]:
    """The backend as JSON shows it; "error" is set when the runtime cannot start."""
    from mpk.errors import MpkError

    try:
        chosen = mpk.backend()
    except MpkError as error:
        return {"name": None, "reason": None, "foreign_rights": None, "error": str(error)}
    return {
        "name": chosen.name.lower(),
        "reason": mpk.backend_reason(),
        "foreign_rights": mpk.foreign_rights().name.lower(),
        "error": None,
    }


def _feature_json(feature: "Feature") -> dict[str, Any]:
    return {"available": feature.value > 0, "value": feature.value, "detail": feature.detail}


def _compiler_json(compiler: "Compiler") -> dict[str, Any]:
    return {
        "name": compiler.name,
        "path": compiler.path,
        "version": compiler.version,
        "from": compiler.source,
        "problem": compiler.problem,
    }


def gather(measure: bool = True) -> dict[str, Any]:
    """Everything as one JSON-ready object. Raises ImportError when the native part is not built.

    Shape: {"galeed", "backend": {"name", "reason", "foreign_rights", "error"},
    "keys_free", "cpu", "kernel", "features": {name: {"available", "value", "detail"}},
    "compilers": [{"name", "path", "version", "from", "problem"}], "costs_ns": {name: number or null}}.
    """
    from mpk import machine, toolchain

    keys_free = mpk.keys_free()  # before the runtime takes some
    backend = _backend()
    costs: dict[str, float | None] = dict.fromkeys(machine.COSTS)
    for name in machine.COSTS if measure else ():
        if name != "gate_round_trip" or backend["error"] is None:
            costs[name] = machine.cost_ns(name)
    return {
        "galeed": mpk.__version__,
        "backend": backend,
        "keys_free": keys_free,
        "cpu": machine.cpu_model(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "features": {feature.name: _feature_json(feature) for feature in machine.features()},
        "compilers": [_compiler_json(compiler) for compiler in toolchain.compilers()],
        "costs_ns": costs,
    }


def render(facts: dict[str, Any], measured: bool = True) -> str:
    """The object of gather() as aligned plain text."""
    backend = facts["backend"]
    sections: list[tuple[str, list[tuple[str, str]]]] = [
        (
            "Backend",
            [
                ("chosen", backend["name"] or "none"),
                ("because", backend["reason"] or backend["error"]),
                ("foreign code may", _rights_in_words(backend["foreign_rights"])),
                ("hardware keys free", str(facts["keys_free"])),
            ],
        ),
        (
            "CPU and kernel, by trial",
            [
                ("CPU", facts["cpu"]),
                ("kernel", facts["kernel"]),
                *((_FEATURE_TITLES[name], feature["detail"]) for name, feature in facts["features"].items()),
            ],
        ),
        ("Compilers", [(_compiler_label(one, facts["compilers"]), _compiler_line(one)) for one in facts["compilers"]]),
    ]
    if measured:
        costs = [(_COST_TITLES[name], _cost_line(value)) for name, value in facts["costs_ns"].items()]
        sections.append(("Costs, medians", costs))
    width = max(len(label) for _, rows in sections for label, _ in rows)
    blocks = ("\n".join([title, *(f"  {a:<{width}}  {b}" for a, b in rows)]) for title, rows in sections)
    return f"galeed {facts['galeed']}\n\n" + "\n\n".join(blocks)


def _rights_in_words(rights: str | None) -> str:
    words = {"none": "neither read nor write host memory", "read": "read host memory, not write it"}
    return words.get(rights or "", "unknown")


def _compiler_label(compiler: dict[str, Any], compilers: list[dict[str, Any]]) -> str:
    """One that is looked for in several places says where."""
    alone = sum(one["name"] == compiler["name"] for one in compilers) == 1
    return compiler["name"] if alone else f"{compiler['name']}, {compiler['from']}"


def _compiler_line(compiler: dict[str, Any]) -> str:
    if compiler["problem"]:
        return f"unavailable ({compiler['problem']}; looked in {compiler['from']})"
    return f"{compiler['version'] or 'version unknown'}  {compiler['path']} (from {compiler['from']})"


def _cost_line(value: float | None) -> str:
    return "unavailable" if value is None else f"{value:10.1f} ns"


def main(argv: list[str] | None = None) -> int:
    """Entry point of ``galeed-probe``. Returns the exit code."""
    options = _parser().parse_args(argv)
    if sys.stdout is None:
        print("galeed-probe: standard output is closed; send it to a file or to /dev/null", file=sys.stderr)
        return 2
    try:
        if options.scan is not None:
            text, code = _scan(options.scan, options.json)
        else:
            text, code = _facts(options)
    except ImportError as error:
        print(
            f"galeed-probe: the native part is missing ({error}); run 'make setup' or 'pip install .'",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        return 130
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):  # names in what was scanned may be of any script
            sys.stdout.reconfigure(errors="backslashreplace")
        if text:
            print(text, flush=True)
    except OSError as error:
        # What is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has seen enough
            return 0 if options.scan is None else code
        print(f"galeed-probe: cannot write the result: {error.strerror}", file=sys.stderr)
        return 2
    return code


def _facts(options: argparse.Namespace) -> tuple[str, int]:
    facts = gather(measure=not options.no_costs)
    text = json.dumps(facts, indent=2) if options.json else render(facts, measured=not options.no_costs)
    if facts["backend"]["error"]:
        print(f"galeed-probe: {facts['backend']['error']}", file=sys.stderr)
        return text, 2
    return text, 0


def _scan(target: str, json_wanted: bool) -> tuple[str, int]:
    from mpk.scanner import command
    from mpk.scanner.code import ScanError

    try:
        return command.run(target, json_wanted)
    except ScanError as error:
        print(f"galeed-probe: {error}", file=sys.stderr)
        return "", 2


if __name__ == "__main__":
    sys.exit(main())
