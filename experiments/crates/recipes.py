"""The crates: which version and features, and what a policy says of their C.

Versions are exact, so that the tests are known. A feature turns off what would keep the C from
being compiled here: system libraries, assembler, a rewrite in Rust.
"""

from __future__ import annotations

from dataclasses import dataclass

GALEED_LINES = "\n#[global_allocator]\nstatic GALEED_HEAP: galeed::Heap = galeed::Heap;\n"


@dataclass(frozen=True)
class Crate:
    """One crate. targets: cargo's words for its tests. exclusive: of galeed.toml, for the C under it."""

    name: str
    version: str
    c: str
    features: tuple[str, ...]
    default_features: bool = True
    targets: tuple[str, ...] = ("--lib",)
    exclusive: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Of cargo test. One test at a time: on mprotect one thread runs foreign code."""
        defaults = () if self.default_features else ("--no-default-features",)
        features = ("--features", ",".join(self.features)) if self.features else ()
        return ("test", *self.targets, *defaults, *features, "--", "--test-threads=1")


CRATES = (
    Crate(
        "flate2", "1.1.11", "zlib", ("zlib", "libz-sys/static"), False, ("--tests",),
        exclusive=("inflate*", "deflate*"),
    ),
    Crate("rusqlite", "0.40.2", "sqlite", ("bundled",)),
    Crate("bzip2", "0.6.1", "bzip2", ("bzip2-sys", "static"), False, exclusive=("BZ2_*",)),
    Crate("lz4", "1.28.1", "lz4", ()),
    Crate("libdeflater", "1.26.1", "libdeflate", (), targets=("--tests",)),
)  # fmt: skip
