"""Fuzzing by hand: `python -m tests.fuzzing lines` and `python -m tests.fuzzing broken`.

lines: modules that are generated (grammar), compilers' output (--corpus), and both with
changed words (mutate), each printed by LLVM, read by the line model and compared with
LLVM's own objects (oracle); --rewrite puts each through all passes as well.
broken: bitcode and text that is damaged, through galeed-opt (damage).

The same --seed and --trials give the same trials; --seconds ends a run by the clock. Each
finding is printed with the number of its trial, and kept as a file. Ends with 1 if there were any.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from llvm_pass.errors import GaleedError
from llvm_pass.pipeline import Options, rewrite
from tests.fuzzing import damage
from tests.fuzzing.child import Ended, alone
from tests.fuzzing.grammar import by_seed
from tests.fuzzing.mutate import mutated
from tests.fuzzing.oracle import canonical, differences

HERE = Path(__file__).parent
LARGEST = 200_000  # bytes of a corpus file that is mutated; larger ones are only compared


def _read(path: Path) -> str | bytes:
    data = path.read_bytes()
    return data if data.startswith(b"BC") else data.decode()


def rewritten(text: str) -> list[str]:
    """What the passes fail over; what they refuse by name is no failure."""
    try:
        rewrite(text.encode(), Options(round_trip=True))
    except GaleedError as error:
        return [f"{type(error).__name__}: {error}"]
    return []


class Lines:
    """The trials of the line model, by number."""

    def __init__(self, corpus: list[Path], seed: int, passes: bool) -> None:
        self._corpus, self._seed, self._passes = corpus, seed, passes
        self._small = [path for path in corpus if path.stat().st_size <= LARGEST]

    def source(self, number: int) -> str | bytes:
        """What the trial reads: the corpus as it is first, then every other module mutated."""
        if number < len(self._corpus):
            return _read(self._corpus[number])
        draw = random.Random(f"{self._seed} {number}")
        kind = draw.choice(("new", "new", "bent", "bent", "corpus"))
        if kind == "new" or (kind == "corpus" and not self._small):
            return by_seed(draw.randrange(1 << 62))
        start = _read(draw.choice(self._small)) if kind == "corpus" else by_seed(draw.randrange(1 << 62))
        return mutated(canonical(start)[1], draw)

    def trial(self, number: int) -> list[str]:
        """Raises RuntimeError when LLVM takes no such module."""
        source = self.source(number)
        found = differences(source)
        if self._passes and not found:
            found = rewritten(source if isinstance(source, str) else canonical(source)[1])
        return found


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("what", choices=("lines", "broken"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first trial's number")
    parser.add_argument("--trials", type=int, default=0, metavar="N", help="how many (default: by the clock)")
    parser.add_argument("--seconds", type=float, default=600.0, help="when to stop (default: 600)")
    parser.add_argument(
        "--corpus", type=Path, nargs="*", default=[HERE / "odd"], help="files or folders of .ll and .bc"
    )
    parser.add_argument("--rewrite", action="store_true", help="also put each module through all passes")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzzing"), help="folder for findings")
    words = parser.parse_args()
    corpus = sorted(path for each in words.corpus for path in ([each] if each.is_file() else each.rglob("*.[bl][cl]")))
    lines = Lines(corpus, words.seed, words.rewrite)
    if words.what == "lines":
        counts = _run(words, lambda number: alone(lambda: lines.trial(number)), lines.source)
    else:
        broken = damage.Broken(corpus, words.seed)
        counts = _run(words, broken.trial, broken.source)
    print(", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return 1 if counts["wrong"] else 0


def _run(
    words: argparse.Namespace, trial: Callable[[int], list[str] | None], source: Callable[[int], str | bytes]
) -> Counter[str]:
    counts: Counter[str] = Counter()
    end, number = time.monotonic() + words.seconds, words.first
    while time.monotonic() < end and not (words.trials and number >= words.first + words.trials):
        try:
            said = trial(number)
        except Ended as ended:
            counts[f"ended by {ended}"] += 1
            said = []
        else:
            counts["refused" if said is None else "wrong" if said else "right"] += 1
        if said:
            print(f"trial {number}: {said[0][:600]}", flush=True)
            words.keep.mkdir(parents=True, exist_ok=True)
            text = source(number)
            (words.keep / f"{words.what}-{words.seed}-{number}").write_bytes(
                text if isinstance(text, bytes) else text.encode()
            )
        number += 1
    return counts


if __name__ == "__main__":
    sys.exit(main())
