"""Pass `profile`: what was learnt is used for the same code alone, and bad files are one clear error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llvm_pass.ir.module import Module
from llvm_pass.passes.profile import read_profile, unit_of
from llvm_pass.pipeline import Options, rewrite
from llvm_pass.policy import Policy, PolicyError

TEXT = """\
source_filename = "dir/two words.c"

define i32 @f(ptr %p, ptr %q) {
  %a = load i32, ptr %p, align 4
  %b = load i32, ptr %q, align 4
  store i32 %b, ptr %p, align 4
  %s = add i32 %a, %b
  ret i32 %s
}
"""
PASSES = ("profile", "pseudo-pointers")


def _policy(tmp_path: Path, rows: list[object]) -> Policy:
    file = tmp_path / "seen.profile"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Policy(str(tmp_path / "galeed.toml"), "", {"profile": "seen.profile"})


def _unit(text: str = TEXT) -> str:
    result = rewrite(text.encode(), Options(()))
    return unit_of(Module(result.text))


def _rewritten(policy: Policy) -> tuple[str, dict[str, int], list[str]]:
    result = rewrite(TEXT.encode(), Options(PASSES, policy=policy))
    return result.text, dict(result.stats), [remark.name for remark in result.remarks]


def test_only_what_met_a_handle_is_asked(tmp_path: Path) -> None:
    rows: list[object] = [
        {"profile": 1, "module": "x", "offset": "0x1", "count": 3},  # of a served trap
        {"profile": 1, "unit": _unit(), "sites": 3, "hit": []},
        {"profile": 1, "unit": _unit(), "sites": 3, "hit": [1]},
    ]
    text, stats, remarks = _rewritten(_policy(tmp_path, rows))
    assert text.count("@galeed_load4(i64 %") == 1
    assert "@galeed_store4" not in text
    assert (stats["profile: accesses asked"], stats["profile: accesses not asked"]) == (1, 2)
    assert remarks == []


@pytest.mark.parametrize("row", [{}, {"unit": "two_words.c:0", "sites": 3, "hit": [1]}, {"sites": 4}])
def test_a_profile_of_other_code_asks_everything(tmp_path: Path, row: dict[str, object]) -> None:
    rows: list[object] = [{"profile": 1, "unit": _unit(), "sites": 3, "hit": [1], **row}] if row else []
    text, stats, remarks = _rewritten(_policy(tmp_path, rows))
    assert text.count("call preserve_mostcc i64 @galeed_load4(") == 2
    assert "profile: accesses not asked" not in stats
    assert remarks == ["NoProfile"]


def test_a_unit_is_its_code() -> None:
    assert _unit() == _unit()
    assert _unit() != _unit(TEXT.replace("add", "sub"))
    assert _unit().startswith("two_words.c:")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no line of a profile"),
        ("[]\n[1]", "no line of a profile"),
        ('{"unit": "a", "sites": 1}', "no line of a profile"),
        ('{"unit": "a", "sites": 1, "hit": [null]}', "no line of a profile"),
        ('{"unit": "a", "sites": 1, "hit": []}\n{"unit": "a", "sites": 2, "hit": []}', "2 accesses here, 1 before"),
        (b"\xff\xfe", "not UTF-8"),
        (None, "No such file"),
    ],
)
def test_bad_profiles(tmp_path: Path, content: str | bytes | None, said: str) -> None:
    file = tmp_path / "bad.profile"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PolicyError, match=said):
        read_profile(file, "galeed.toml:1")


def test_an_option_of_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    policy = Policy().with_word("profile", "learm")
    with pytest.raises(PolicyError, match=r"^--profile: learm: No such file or directory; did you mean 'learn'\?$"):
        rewrite(TEXT.encode(), Options(PASSES, policy=policy))


def test_what_never_ends_is_no_profile() -> None:
    with pytest.raises(PolicyError, match=r"^galeed\.toml:1: /dev/zero: no ordinary file$"):
        read_profile(Path("/dev/zero"), "galeed.toml:1")
