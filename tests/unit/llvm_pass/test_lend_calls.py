"""Pass lend-calls: the policy it obeys, what it refuses, what it leaves alone."""

from __future__ import annotations

import pytest

from llvm_pass.errors import AlreadyRewritten, GaleedError, UsageError
from llvm_pass.pipeline import Options, Result, rewrite
from llvm_pass.policy import Policy, PolicyError, load

_MODULE = b"""
declare i64 @lib_sum(ptr, i64) nounwind
declare void @lib_each(ptr, ptr) nounwind
declare void @other(ptr)
declare void @galeed_gate_exit(ptr)
define i64 @host(ptr %p, ptr %f) {
  %a = call i64 @lib_sum(ptr %p, i64 1)
  call void @lib_each(ptr %p, ptr %f)
  call void @other(ptr %p)
  call void @galeed_gate_exit(ptr %p)
  ret i64 %a
}
"""


def _lent(policy: str, module: bytes = _MODULE) -> Result:
    return rewrite(module, Options(("lend-calls",), policy=load(policy.encode(), "galeed.toml")))


def _shape(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"@galeed.shape.{name}."))


def test_patterns_name_functions_of_libraries_only() -> None:
    text = _lent('lend-calls = ["*"]').text
    assert "@galeed.host.other" in text
    assert "call void @galeed_gate_exit(ptr %p)" in text
    assert _lent('lend-calls = ["nothing_*"]').text.count("galeed.host") == 0


def test_a_function_without_a_row() -> None:
    """All from each pointer on is copied, or nothing, or the module is refused."""
    assert _shape(_lent('lend-calls = ["lib_sum"]').text, "lib_sum").count("{ i8 14, i8 0") == 1
    lend = _lent('lend-calls = ["lib_sum"]\non-unrewritten-call = "lend"')
    assert "i8 14" not in _shape(lend.text, "lib_sum")
    assert [remark.name for remark in lend.remarks] == ["NoRow"]
    with pytest.raises(
        PolicyError, match=r"host calls lib_sum, which has no row in calls: galeed\.toml:2 refuses that"
    ):
        _lent('lend-calls = ["lib_sum"]\non-unrewritten-call = "refuse"')
    row = '\n[calls.lib_sum]\narguments = ["in(#1)", "-"]'
    assert _lent('lend-calls = ["lib_sum"]\non-unrewritten-call = "refuse"' + row).stats["lend-calls: calls"] == 1


def test_gates_for_functions_that_are_only_known_at_run_time() -> None:
    """With the word code: for those whose address the module takes, less the tables of types."""
    module = (
        _MODULE
        + b"""
@list = global [2 x ptr] [ptr @given, ptr @lib_sum]
@vtable.0 = constant [1 x ptr] [ptr @method]
define internal void @given(ptr %p) { ret void }
define internal void @method(ptr %p) { ret void }
"""
    )
    row = '\n[calls.lib_each]\narguments = ["-", "%s"]'
    with_code = _lent('lend-calls = ["lib_*"]' + row % "code", module)
    assert with_code.stats["lend-calls: callback gates"] == 1
    assert "{ ptr @given, ptr @galeed.host.gate.0" in with_code.text
    assert _lent('lend-calls = ["lib_*"]' + row % "-", module).stats["lend-calls: callback gates"] == 0


def test_what_is_wrong_is_refused() -> None:
    with pytest.raises(UsageError, match="no function to gate"):
        rewrite(_MODULE, Options(("lend-calls",)))
    with pytest.raises(PolicyError, match="lend-calls names galeed_gate_exit"):
        _lent('lend-calls = ["galeed_gate_exit"]')
    with pytest.raises(AlreadyRewritten):
        _lent('lend-calls = ["lib_*"]', _lent('lend-calls = ["lib_*"]').bitcode)
    with pytest.raises(GaleedError):  # what galeed-cc makes of C is no host
        _lent('lend-calls = ["lib_*"]', rewrite(_MODULE).bitcode)
    with pytest.raises(PolicyError, match=r"calls.lib_sum: '#3' is no argument"):
        _lent('lend-calls = ["lib_*"]\n[calls.lib_sum]\narguments = ["in(#3)", "-"]')


def test_names_of_an_option_join_the_policys() -> None:
    policy = load(b'lend-calls = ["a_*"]', "galeed.toml").with_names("lend-calls", ["b", ""])
    assert policy.names("lend-calls") == ("a_*", "b")
    assert Policy().with_names("lend-calls", ["c"]).names("lend-calls") == ("c",)
    with pytest.raises(PolicyError, match="--lend-calls: 'a b' in 'lend-calls' is no name"):
        Policy().with_names("lend-calls", ["a b"])


def test_the_same_input_gives_the_same_bytes() -> None:
    policy = 'lend-calls = ["*"]'
    assert _lent(policy).bitcode == _lent(policy).bitcode


def test_no_mention_is_left_however_it_stands() -> None:
    """In phis, comparisons, constant expressions; but not in strings, and not parts of other names."""
    module = b"""
@text = constant [9 x i8] c"@lib_sum\\00"
@number = global i64 ptrtoint (ptr @lib_sum to i64)
declare i64 @lib_sum(ptr)
declare i64 @lib_sum.more(ptr)
define i64 @host(i1 %c, ptr %p) {
start:
  br i1 %c, label %a, label %b
a:
  br label %b
b:
  %f = phi ptr [ @lib_sum, %start ], [ @other, %a ]
  %same = icmp eq ptr %f, @lib_sum
  %v = call i64 @lib_sum.more(ptr %p)
  ret i64 %v
}
declare void @other()
"""
    text = _lent('lend-calls = ["lib_sum"]', module).text
    assert 'c"@lib_sum\\00"' in text
    assert "global i64 ptrtoint (ptr @galeed.host.lib_sum to i64)" in text
    assert "phi ptr [ @galeed.host.lib_sum, %start ], [ @other, %a ]" in text
    assert "icmp eq ptr %f, @galeed.host.lib_sum" in text
    assert "call i64 @lib_sum.more(ptr %p)" in text


def test_names_that_end_alike_have_wrappers_of_their_own() -> None:
    module = b"""
declare void @f(ptr)
declare void @f.1(ptr)
define void @host(ptr %p) {
  call void @f(ptr %p)
  call void @f(ptr %p) nounwind
  call void @f.1(ptr %p)
  call void @f(i64 1)
  ret void
}
"""
    text = _lent('lend-calls = ["f", "f.1"]', module).text
    assert text.count("define internal void @galeed.host.f") == 4
    assert text.count(" call void @f.1(") == 1
    assert len({line.split(" = ")[0] for line in text.splitlines() if line.startswith("@galeed.shape.")}) == 4


def test_the_runtimes_own_modules_are_refused() -> None:
    with pytest.raises(UsageError, match="is of the runtime"):
        _lent('lend-calls = ["malloc"]', b"define void @mpk_gate_enter(ptr %t, ptr %f) {\n  ret void\n}\n")
