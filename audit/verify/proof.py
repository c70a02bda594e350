"""What a check knows of a program, and where it says what it saw."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import mpk
from audit.facts.binary.references import Code, Owners, Reference, own_slots, references, slots
from audit.facts.platform import LIBRARIES, is_platform
from llvm_pass.driver.cargo_entries import BODY
from llvm_pass.driver.inspect_objects import REWRITTEN_SECTION

if TYPE_CHECKING:
    from audit.facts.binary.elf import Elf
    from audit.facts.binary.symbols import Symbol
    from audit.facts.binary.units import Unit
    from llvm_pass.policy import Policy

ENTER, EXIT = "galeed_gate_enter", "galeed_gate_exit"
CALLBACK, THUNK = "galeed_callback_enter", "galeed.callback."
HOST = ".host"  # a gate that the host may come through has its other half there
_SHOWN = 8


@dataclass
class Proof:
    """seen: what holds, a line each. missing: what does not, or could not be seen."""

    program: str
    seen: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def render(self) -> str:
        lines = [f"ok       {each}" for each in self.seen] + [f"missing  {each}" for each in self.missing]
        end = f"{len(self.missing)} missing" if self.missing else "all that was promised is there"
        return "\n".join([*lines, f"{self.program}: {end}"])

    def as_json(self) -> str:
        """Shape: {"program", "seen": [line], "missing": [line]}."""
        return json.dumps(asdict(self), indent=2)


@dataclass
class Built:
    """elf, data: the program. units: of its DWARF; why_no_units: why there are none. meant, ungated: what the user says of code
    that is not rewritten, and of functions that are called without a gate, as patterns."""

    elf: Elf
    data: bytes
    policy: Policy
    code: list[Code]
    units: list[Unit] = field(default_factory=list)
    why_no_units: str = ""
    meant: tuple[str, ...] = ()
    ungated: tuple[str, ...] = ()

    @cached_property
    def rewritten(self) -> tuple[int, int]:
        """Begin and end of the rewritten code; both 0 where there is none."""
        found = [each for each in self.elf.sections if each.name == REWRITTEN_SECTION]
        return (found[0].address, found[0].address + found[0].bytes) if found else (0, 0)

    def is_rewritten(self, address: int) -> bool:
        low, high = self.rewritten
        return low <= address < high

    @cached_property
    def functions(self) -> dict[str, Symbol]:
        """By name; those of several units that share one are one."""
        return {each.name: each for each in self.elf.symbols if each.is_defined and each.kind == "func"}

    @cached_property
    def owners(self) -> Owners:
        return Owners(self.elf.symbols)

    @cached_property
    def displaced(self) -> list[str]:
        """Names with a body in rewritten code that are another function's."""
        names = (each.removesuffix(BODY) for each in self.functions if each.endswith(BODY))
        return [
            each for each in names if each in self.functions and not self.is_rewritten(self.functions[each].address)
        ]

    @cached_property
    def foreign(self) -> dict[str, str]:
        """Functions of C that was not rewritten, and the source that they come from."""
        found = {}
        for unit in self.units:
            if is_rewritable(unit):
                for name, symbol in self.functions.items():
                    within = any(begin <= symbol.address < end for begin, end in unit.ranges)
                    if within and not self.is_rewritten(symbol.address):
                        found[name] = unit.name
        return found

    @cached_property
    def imports(self) -> frozenset[str]:
        """Functions of shared libraries that are not the platform's; where it loads none there are none."""
        if all(each.startswith(LIBRARIES) for each in self.elf.needed):
            return frozenset()
        return frozenset(
            each.name
            for each in self.elf.imports
            if each.kind != "object" and each.binding != "weak" and not is_platform(each.name)
        )

    @cached_property
    def found(self) -> dict[str, list[Reference]]:
        """Of every function that a check asks for: where it is called, or its address is taken."""
        asked = {ENTER, EXIT, CALLBACK, *self.displaced, *self.foreign}
        functions = {self.functions[each].address: each for each in asked if each in self.functions}
        thunks = (each for each in self.elf.symbols if each.name.startswith(THUNK) and each.kind == "func")
        functions |= {each.address: thunk_name(each) for each in thunks}
        wanted = {address: name for address, name in slots(self.elf).items() if name in asked | self.imports}
        wanted |= {slot: functions[at] for slot, at in own_slots(self.elf.path, self.data).items() if at in functions}
        found: dict[str, list[Reference]] = defaultdict(list)
        for each in references(self.code, functions, wanted):
            found[each.name].append(each)
        return found


def thunk_name(thunk: Symbol) -> str:
    """Each unit has thunks of the same names."""
    return f"{THUNK}{thunk.address:#x}"


def is_rewritable(unit: Unit) -> bool:
    """Is it C, C++ or assembler of somebody's: not Rust, nor what comes with it, nor galeed's own?"""
    place = PurePosixPath(unit.folder) / unit.name
    own = "csrc" in place.parts and place.name in own_sources()
    return not (unit.is_rust or own or str(place).startswith("/rustc/"))


@cache
def own_sources() -> frozenset[str]:
    return frozenset(each.name for each in (Path(mpk.__file__).parent / "csrc").iterdir())


def some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return " ".join(names[:_SHOWN]) + more
