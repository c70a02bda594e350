"""galeed.toml: what is right is read, what is wrong is said with its line, and the schema agrees."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpk
from llvm_pass.errors import UsageError
from llvm_pass.pipeline import DEFAULT_PASSES, passes_of
from llvm_pass.policy import Policy, PolicyError, find, load
from llvm_pass.policy.keys import KEYS, LEVELS, PARTS
from llvm_pass.policy.read import line_of
from llvm_pass.policy.schema import PUBLISHED, schema, text
from tests.conftest import ROOT

# As `galeed-audit --propose` is to write it: one line, one reason.
PROPOSED = b"""
entries = [
  "inflate",      # src/lib.rs:12 calls it
  "inflate*_",    # src/lib.rs:14
]
callbacks = ["inflateInit2_"]  # src/lib.rs:20 passes zalloc
structures = [
  "z_stream_s",  # src/lib.rs:31 makes one
]
on-unrewritten-call = "lend"
passes = ["pseudo-pointers", "callback-gates", "entry-gates"]
hardening = "strict,secretmem?"

[calls.SHA256_Update]  # libcrypto.so is not rewritten
arguments = ["kept", "in(#2)", "-"]

[calls]
strtok = { arguments = ["string+", "string"], result = "#0" }
setvbuf = { refused = "keeps the buffer" }
"""


def refused(policy: str) -> str:
    with pytest.raises(PolicyError) as caught:
        load(policy.encode(), "galeed.toml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_everything_in_one_file() -> None:
    policy = load(PROPOSED, "galeed.toml")
    assert policy.given == tomllib.loads(PROPOSED.decode())
    assert policy.allows("entries", "inflateEnd_") and not policy.allows("entries", "deflate")
    assert Policy().allows("entries", "anything")
    assert policy.calls["SHA256_Update"]["arguments"] == ["kept", "in(#2)", "-"]
    assert (policy.word("hardening"), Policy().word("hardening")) == ("strict,secretmem?", None)
    assert policy.where("calls", "setvbuf") == "galeed.toml:19"


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ('entrys = ["a"]', "galeed.toml:1: unknown key 'entrys'; did you mean 'entries'?"),
        ("\n\non_unrewritten_call = 'lend'", "galeed.toml:3: unknown key 'on_unrewritten_call'; did you mean 'on-un"),
        (
            "zzz = 1",
            "there are entries, callbacks, exclusive, structures, lend-calls, on-unrewritten-call, profile, passes, hardening, on",
        ),
        ("[calls.f]\nargumnets = ['-']\nrefused = 'x'", "galeed.toml:2: unknown key 'calls.f.argumnets'; did you mean"),
        ("[calls]\n\nf.x = 1\nf.refused = 'x'", "galeed.toml:3: unknown key 'calls.f.x'"),
        ("entries = [\n  'a',\n  'b c',\n]", "galeed.toml:3: 'b c' in 'entries' is no name of that kind"),
        ("entries = 'a'", "'entries' must be a list of names, like [\"inflate\"]"),
        ("hardening = 'strickt'", "'hardening' cannot be 'strickt'; right is, for example"),
        ("hardening = 'strict\\n'", "'hardening' cannot be"),
        ("on-unrewritten-call = 'cop'", "galeed.toml:1: 'on-unrewritten-call' is 'cop'; did you mean 'copy'?"),
        ("passes = 3", "'passes' must be a list of names"),
        ("calls = 3", "'calls' must be a table"),
        ("calls.f = 3", "'calls.f' must be a table"),
        ("calls.'a b'.refused = 'x'", "'a b' is no function's name"),
        ("[calls.f]", "'calls.f' needs either 'arguments' or a reason in 'refused'"),
        ("[calls.f]\nrefused = 'x'\narguments = []", "needs either"),
        ("a = [", "galeed.toml: Invalid value, at the end of the file"),
        ("entries = []\nentries = []\n", "galeed.toml:2:13: Cannot overwrite a value"),
        ("a = 1\nb = 2\nc = 3\nd = 4\ne = 5\nf = 6\ng = 7", "and 2 more"),
        ("x = " + "[" * 5000, "galeed.toml: "),
        ("x = 0000-01-01", "galeed.toml"),
    ],
)
def test_wrong_ones_are_told_with_their_line(policy: str, said: str) -> None:
    assert said in refused(policy)


def test_not_text() -> None:
    with pytest.raises(PolicyError, match=r"^galeed\.toml:2: not UTF-8$"):
        load(b"entries = []\n# \xff\n", "galeed.toml")


def test_keys_that_nothing_serves_and_passes_that_there_are_not() -> None:
    assert passes_of(Policy()) == DEFAULT_PASSES
    assert passes_of(load(b"passes = ['entry-gates']", "galeed.toml")) == ("entry-gates",)
    with pytest.raises(PolicyError, match=r"galeed\.toml:2: unknown pass 'entry-gate'; did you mean 'entry-gates'"):
        passes_of(load(b"\npasses = ['entry-gate']", "galeed.toml"))
    with pytest.raises(PolicyError, match=r"galeed\.toml:1: nothing in this version serves 'entries'"):
        load(b"entries = []", "galeed.toml").refuse_unserved(["passes"])


def test_the_nearest_one_upward_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GALEED_POLICY", raising=False)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "galeed.toml").write_text("hardening = 'basic'")
    monkeypatch.chdir(below)
    assert find().word("hardening") == "basic"
    (below.parent / "galeed.toml").write_text("hardening = 'none'")
    assert find().word("hardening") == "none"
    assert find("../../galeed.toml").word("hardening") == "basic"
    assert find("") == Policy()
    monkeypatch.setenv("GALEED_POLICY", str(tmp_path / "galeed.toml"))
    assert find().word("hardening") == "basic"
    monkeypatch.setenv("GALEED_POLICY", "")
    assert find() == Policy()
    monkeypatch.delenv("GALEED_POLICY")
    (below / "galeed.toml").symlink_to("nowhere")
    with pytest.raises(PolicyError, match="No such file"):
        find()
    with pytest.raises(PolicyError, match="directory"):
        find(str(tmp_path))
    with pytest.raises(PolicyError, match="longer than"):
        find("/dev/zero")
    with pytest.raises(PolicyError, match="null"):
        find("a\0b")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_one_that_another_user_planted_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GALEED_POLICY", raising=False)
    planted = tmp_path / "galeed.toml"
    planted.write_text("")
    os.chown(planted, 65534, -1)
    (tmp_path / "mine").mkdir()
    assert find(start=tmp_path / "mine").given == {}, "in a directory of our own, whoever we let in"
    tmp_path.chmod(0o1777)
    with pytest.raises(PolicyError, match="belongs to user 65534"):
        find(start=tmp_path / "mine")


def test_the_published_schema_is_the_tables() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == text(), "python -m llvm_pass.policy.schema > " + PUBLISHED.name
    jsonschema.Draft202012Validator.check_schema(schema())


def test_a_policy_may_say_every_row_of_the_c_librarys_table() -> None:
    rows: dict[str, Any] = {}
    for path in sorted((ROOT / "llvm_pass" / "libc").glob("*.toml")):
        found = tomllib.loads(path.read_text(encoding="utf-8"))["calls"]
        rows |= {name: row for name, row in found.items() if "instead" not in row}  # the runtime's own
    assert len(rows) > 200
    jsonschema.Draft202012Validator(schema()).validate({"calls": rows})


def test_levels_and_parts_are_the_runtimes() -> None:
    assert list(LEVELS) == [level.name.lower() for level in mpk.HardenLevel]
    assert {part.upper() for part in PARTS} | {"ALL"} >= {str(part.name) for part in mpk.HardenPart}


WORDS = st.one_of(
    st.sampled_from(
        ["inflate", "a b", "", "lend", "strict", "full?", "in(#1)", "...", "#0", "x.y", "pass", "a\n", "\u00fc"]
    ),
    st.text(max_size=5),
)
VALUES: st.SearchStrategy[Any] = st.one_of(WORDS, st.lists(WORDS, max_size=3), st.integers(), st.booleans())
NAMES = st.sampled_from([key.name for key in KEYS])
ROWS = st.dictionaries(st.sampled_from(["arguments", "result", "refused", "odd"]), VALUES, max_size=3)
TABLES = st.dictionaries(WORDS, st.one_of(ROWS, VALUES), max_size=2)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.dictionaries(st.one_of(NAMES, WORDS), st.one_of(VALUES, TABLES), max_size=3))
def test_the_schema_takes_what_the_reader_takes(policy: dict[str, Any]) -> None:
    written = "".join(f"{json.dumps(key)} = {_toml(value)}\n" for key, value in policy.items()).encode()
    try:
        taken = load(written, "galeed.toml").given == policy
    except PolicyError:
        taken = False
    assert taken == jsonschema.Draft202012Validator(schema()).is_valid(policy), written


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(
    st.one_of(
        st.text(max_size=60).map(str.encode),
        st.binary(max_size=60),
        st.text("[]{}=.\"'#\nacefilnrstu-", max_size=40).map(str.encode),
    )
)
def test_any_bytes_are_a_policy_or_one_line(data: bytes) -> None:
    try:
        said = ""
        given = load(data, "galeed.toml").given
    except PolicyError as error:
        said, given = str(error), {}
    assert not said or said.startswith("galeed.toml")
    assert set(given) <= {key.name for key in KEYS}


def test_lines_of_very_long_files_are_found_by_name() -> None:
    policy = "# padding\n" * 9000 + "entrys = 1\n"
    assert line_of(policy, ("entrys",)) == 9001


def test_unknown_pass_of_the_command_line() -> None:
    from llvm_pass.pipeline import chosen

    with pytest.raises(UsageError, match="did you mean 'attributes'"):
        chosen(("atributes",))
