"""The servers, which are those of the tests, and how each is served and driven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.workshop import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CONNECTIONS, REQUESTS, BYTES = 8, 100, 16384
# Of the Tokio server: one call of C with a callback.
_KIND = 0


@dataclass(frozen=True)
class Server:
    """folder: of its workspace. serve: its words. Its first line on stdout has the ports."""

    name: str
    folder: Path
    serve: tuple[str, ...]

    def drive(self, ports: list[str]) -> list[str]:
        """The words of the load, which says on stdout how many requests were answered."""
        plan = [str(CONNECTIONS), str(REQUESTS), str(BYTES)]
        return ["drive", *ports, *plan, str(_KIND)] if self.name == "tokio" else ["drive", *plan, *ports]


SERVERS = (
    Server("tokio", ROOT / "tests" / "integration" / "async", ("serve",)),
    Server("monoio", ROOT / "tests" / "integration" / "uring", ("serve", "2")),
)
