"""What a pass has to say about a place in the code, in LLVM's YAML form.

A Missed remark is a promise not kept: the form stays as it was and traps when a
pseudo-pointer reaches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from llvm_pass.ir.metadata import Place


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark. name: a CamelCase word for the kind of form."""

    kind: Literal["Missed", "Passed", "Analysis"]
    pass_name: str
    name: str
    function: str
    reason: str
    place: Place | None = None

    def text(self) -> str:
        """One line for people."""
        where = f"{self.place.file}:{self.place.line}: " if self.place else ""
        return f"{where}{self.function}: {self.reason}"

    def yaml(self) -> str:
        """One YAML document, as LLVM's -pass-remarks-output writes them."""
        lines = [f"--- !{self.kind}", f"Pass:            {self.pass_name}", f"Name:            {self.name}"]
        if self.place:
            place = f"{{ File: {_quoted(self.place.file)}, Line: {self.place.line}, Column: {self.place.column} }}"
            lines.append(f"DebugLoc:        {place}")
        lines += [
            f"Function:        {_quoted(self.function)}",
            "Args:",
            f"  - String:          {_quoted(self.reason)}",
            "...",
        ]
        return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
