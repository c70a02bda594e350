"""The child process that holds LLVM.

llvmlite's LLVM has its assertions on: hostile or merely odd input can abort
the process. So LLVM lives here, and the tool talks to it over two pipes:
a JSON line with the number of bytes that follow, and these bytes. The child
knows nothing of passes. ir.reader starts it.
"""

from __future__ import annotations

import json
import sys
from typing import Any, BinaryIO

sys.path += [folder for folder in sys.argv[1:] if folder not in sys.path]  # who starts us knows where packages are

import llvmlite.binding as llvm

LINK_BROKE = "cannot be linked: "


def _answer(out: BinaryIO, payload: bytes, **fields: object) -> None:
    out.write(json.dumps({**fields, "bytes": len(payload)}).encode() + b"\n" + payload)
    out.flush()


def _parse(kind: str, data: bytes, context: Any) -> Any:
    if kind == "bitcode":
        return llvm.parse_bitcode(data, context)
    # Not "strict": canonical text is ASCII with escapes, a user's own text may be anything.
    return llvm.parse_assembly(data.decode("utf-8", "replace"), context)


def _builder(speed_level: int = 2) -> Any:
    llvm.initialize_native_target()
    target = llvm.Target.from_default_triple()
    return llvm.create_pass_builder(target.create_target_machine(), llvm.create_pipeline_tuning_options(speed_level))


def _infer(module: Any) -> None:
    """Writes down what LLVM can tell of functions from their bodies: readonly, nounwind, nofree, captures."""
    passes = llvm.create_new_module_pass_manager()
    passes.add_post_order_function_attributes_pass()
    passes.add_rpo_function_attrs_pass()
    passes.run(module, _builder())


def _promote(module: Any) -> None:
    """Variables on the stack become values; nothing else changes."""
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.run(module, _builder())


def _simplify(module: Any) -> None:
    """What -O1 does: dead code goes, variables become values."""
    builder = _builder(1)
    builder.getModulePassManager().run(module, builder)


def _inline(module: Any) -> None:
    """Inlines what is marked alwaysinline, and nothing else."""
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.run(module, _builder())


def _close_loops(module: Any) -> None:
    """Loops get one edge in, exits of their own, and phis for what leaves them."""
    builder, passes = _builder(), llvm.create_new_function_pass_manager()
    passes.add_loop_simplify_pass()
    passes.add_lcssa_pass()
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)


def _strong(module: Any) -> set[str]:
    """The names that no other module may define."""
    values = (*module.functions, *module.global_variables)
    return {each.name for each in values if not each.is_declaration and each.linkage is llvm.Linkage.external}


def _link(module: Any, defined: set[str], other: Any) -> None:
    """Adds another module to the first. defined: what that defines, which grows. Raises ValueError with all as it was."""
    names = _strong(other)
    both = sorted(defined & names)
    if both:
        raise ValueError(f"both define {both[0]}")
    try:
        module.link_in(other)
    except RuntimeError as error:  # some of it may be in
        raise RuntimeError(f"{LINK_BROKE}{error}") from None
    defined |= names


_RUNS = {
    "inline": _inline,
    "close loops": _close_loops,
    "infer": _infer,
    "promote": _promote,
    "simplify": _simplify,
}


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    module: Any = None
    context: Any = None
    defined: set[str] = set()
    version = ".".join(str(part) for part in llvm.llvm_version_info)
    _answer(answers, b"", ok=True, version=version)
    while line := requests.readline():
        request = json.loads(line)
        data = requests.read(request["bytes"])
        try:
            if request["do"] == "read":
                # A context of its own: in a shared one the named types of the module before would
                # still hold their names, and this module's would be renamed.
                context = llvm.create_context()
                module = _parse(request["kind"], data, context)
                module.verify()
                defined = set()
                _answer(answers, b"", ok=True)
            elif request["do"] == "link":
                other = _parse(request["kind"], data, context)
                other.verify()
                defined = defined or _strong(module)
                _link(module, defined, other)
                _answer(answers, b"", ok=True)
            elif request["do"] in _RUNS:
                _RUNS[request["do"]](module)
                _answer(answers, b"", ok=True)
            elif request["do"] == "declared":
                names = (each.name for each in module.functions if each.is_declaration)
                _answer(answers, "\n".join(names).encode("utf-8", "replace"), ok=True)
            elif request["do"] == "text":
                _answer(answers, str(module).encode("utf-8", "replace"), ok=True)
            else:
                _answer(answers, module.as_bitcode(), ok=True)
        except (RuntimeError, ValueError) as error:
            _answer(answers, str(error).encode("utf-8", "replace"), ok=False)


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
