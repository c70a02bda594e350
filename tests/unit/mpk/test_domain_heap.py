"""mpk.Domain's limits and heap hardening on each backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conftest import RunPython

RAISES = """
import mpk

def raises(cls, body):
    try:
        body()
    except mpk.MpkError as error:
        assert type(error) is cls, repr(error)
        assert str(error) and "\\n" not in str(error), repr(error)
    else:
        raise AssertionError(f"{cls.__name__} was not raised")
"""


def passes(run_python: RunPython, code: str, heap: str | None = None) -> None:
    outcome = run_python(f"{RAISES}\n{code}\nprint('reached the end')", env={"GALEED_HEAP": heap})
    assert (outcome.code, outcome.stdout) == (0, "reached the end\n"), str(outcome)


def test_a_limit_is_an_error_of_its_own(run_python: RunPython, backend: str) -> None:
    passes(
        run_python,
        """
with mpk.Domain(limit_bytes=1 << 20) as domain, mpk.Domain(64 << 20) as other:
    assert domain.statistics().limit_bytes == 1 << 20
    kept = []
    def fill():
        while True:
            kept.append(domain.allocate(100))
    raises(mpk.LimitError, fill)
    assert len(kept) > 1000
    assert domain.statistics().used_bytes <= 1 << 20
    raises(mpk.LimitError, lambda: domain.allocate(1 << 19))
    raises(mpk.NoMemoryError, lambda: other.allocate(1 << 30))
    other.allocate(1 << 22)
    domain.set_limit(0)
    domain.allocate(1 << 22)
    raises(mpk.InvalidArgumentError, lambda: domain.set_limit(-1))
    for one in kept:
        one.free()
    domain.check_heap()
""",
    )


def test_hardening_is_chosen_per_domain_or_by_the_environment(run_python: RunPython, backend: str) -> None:
    passes(
        run_python,
        """
with mpk.Domain() as domain:
    assert domain.heap_parts is mpk.HeapParts.ZERO | mpk.HeapParts.GUARDS
with mpk.Domain(heap=mpk.HeapParts.HARDENED) as domain:
    assert domain.heap_parts is mpk.HeapParts.HARDENED
    huge = domain.allocate(1 << 20)
    domain.write(huge, b"x" * (1 << 20))
    assert domain.statistics().guard_bytes == 8192
    huge.free()
    assert domain.statistics().guard_bytes == 0
    domain.check_heap()
with mpk.Domain(heap=mpk.HeapParts.DEFAULT) as domain:
    assert domain.heap_parts is mpk.HeapParts.DEFAULT
raises(mpk.InvalidArgumentError, lambda: mpk.Domain(heap=1 << 20))
""",
        heap="zero,guards",
    )


def test_an_unknown_part_stops_the_start(run_python: RunPython, backend: str) -> None:
    outcome = run_python(
        "import mpk\ntry:\n mpk.start()\nexcept mpk.EnvironmentVariableError as e: print(e)",
        env={"GALEED_HEAP": "harder"},
    )
    assert outcome.code == 0, str(outcome)
    assert outcome.stdout.startswith('GALEED_HEAP is "harder"; it may be default, hardened, or'), str(outcome)
