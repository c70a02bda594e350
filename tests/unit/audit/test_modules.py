"""Which files nobody outside of a crate can name."""

from __future__ import annotations

from audit.facts.rust.modules import hidden
from audit.facts.rust.source import RustFile


def _crate(**texts: str) -> list[RustFile]:
    return [RustFile("it/src/" + path.replace("__", "/") + ".rs", text.encode()) for path, text in texts.items()]


def test_a_module_without_pub_hides_its_file_and_those_below() -> None:
    files = _crate(
        lib="mod inner;\npub mod open;\n",
        inner__mod="pub mod deep;\n",
        inner__deep="",
        open="mod shut;\n",
        open__shut="",
    )
    assert hidden(files) == {"it/src/inner/mod.rs", "it/src/inner/deep.rs", "it/src/open/shut.rs"}


def test_pub_use_shows_it() -> None:
    assert hidden(_crate(lib="mod inner;\npub use inner::Handle;\n", inner="")) == frozenset()
    assert hidden(_crate(lib="pub(crate) mod inner;\n", inner="")) == {"it/src/inner.rs"}


def test_what_is_above_must_be_here_and_declare_it() -> None:
    assert hidden(_crate(inner="", lib="")) == frozenset()
    assert hidden(_crate(open__shut="")) == frozenset()


def test_a_file_named_alone_has_nothing_above_it() -> None:
    assert hidden([RustFile("bad.rs", b""), RustFile("mod.rs", b"mod it;")]) == frozenset()
