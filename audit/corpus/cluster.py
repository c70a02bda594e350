"""Units on a Dask cluster. Its workers must have galeed, cargo and, for crates, cargo's registry; files must be at the same paths.

Dask is imported here only: an optional extra.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit.corpus.unit import audited, lifeline
from audit.errors import AuditError
from audit.identity import own

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audit.corpus.store import Record
    from audit.corpus.unit import Limits
    from audit.corpus.units import Unit

_CONNECT_SECONDS = 30
_ADDRESS = re.compile(r"(?:\w+://)?[^\s/]+:\d+")


def _remote(unit: Unit, limits: Limits, made_by: str) -> tuple[Record, bytes | None]:
    """Runs on a worker."""
    if own() != made_by:
        raise AuditError(
            "the worker has another galeed, Python, parser or rustc than this machine; install the same there"
        )
    with tempfile.TemporaryDirectory(prefix="galeed-audit-") as folder, lifeline() as life:
        return audited(unit, limits, made_by, Path(folder) / "work", life)


def results(
    address: str, units: Iterable[Unit], limits: Limits, made_by: str
) -> Iterator[tuple[Unit, tuple[Record, bytes | None] | str]]:
    """As they are ready: a result, or why there is none. Raises AuditError where there is no Dask or no scheduler."""
    if not _ADDRESS.fullmatch(address):  # of which Dask's client would not let go for a minute
        raise AuditError(f"--scheduler {address}: is no address; right is, for example, tcp://127.0.0.1:8786")
    try:
        import distributed
    except ImportError as error:
        raise AuditError("--scheduler needs Dask: pip install 'galeed[dask]'") from error
    try:
        dask: Any = distributed  # it has types for few of its functions
        client = dask.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise AuditError(f"--scheduler {address}: cannot be reached: {error}".split("\n")[0]) from error
    with client:
        # Not pure: a unit's key is its name alone, and a killed worker's unit is tried elsewhere.
        tasks = {client.submit(_remote, each, limits, made_by, pure=False, retries=1): each for each in units}
        for task in dask.as_completed(tasks, loop=client.loop):
            failure = task.exception()
            yield tasks[task], (task.result() if failure is None else _line(failure))
            task.release()


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".split("\n")[0] if not isinstance(error, AuditError) else str(error)
