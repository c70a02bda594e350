"""What `galeed-cc --help` says, and `galeed-ar --help` before the archiver's own text.

Invariant: the compiler's page is ours alone and fits a screen; clang's options, a
thousand lines of them, are one `--help-hidden` away.
"""

from llvm_pass.driver.clang import LLVM_MAJOR

COMPILER = f"""{{name}}: a {{language}} compiler in the place of cc, gcc or clang, whose code cannot reach host memory.
{{language}} is compiled by clang {LLVM_MAJOR} and rewritten; assembler, headers and linking are left to clang.
For a whole Rust program use `cargo galeed` instead.

Usage: {{name}} [OPTIONS] [CLANG'S OPTIONS] FILE...

Options:
  --galeed-policy=FILE the policy (default: galeed.toml here or upward); empty: none
  --galeed-entries=A,B in place of the policy's entries: names, with * and ?, or @FILE (version script or list)
  --galeed-verbose     say on stderr which clang is used, and each command that is run
  --galeed-save-temps  keep FILE.galeed-0.bc (before rewriting), FILE.galeed-1.bc and FILE.galeed-1.ll (after)
  --help               show this
Every option of clang {LLVM_MAJOR} is taken too; `{{name}} --help-hidden` lists them.

Environment:
  GALEED_CLANG         the clang {LLVM_MAJOR} to use (default: clang-{LLVM_MAJOR}, clang, ziglang's)
  GALEED_POLICY        stands for --galeed-policy
  GALEED_CC_LOG        a file to which a JSON line is appended for each source compiled
  GALEED_BUILD_ROOT    set by cargo galeed: what build scripts compile for the build machine is left alone
  GALEED_DEBUG         1: an internal error shows its traceback
Exit status: clang's; 2 when a source cannot be rewritten or something is missing; 128 + n when signal n ended clang.
"""

ARCHIVER = """galeed-ar: an archiver that writes the same bytes for the same objects, and needs no system toolchain.
Objects of galeed-cc are ordinary ELF: any other ar serves too. All options are the archiver's (its own help follows);
`galeed-ar s FILE` is ranlib.

Usage: galeed-ar OPERATION[MODIFIERS] ARCHIVE [FILE...]

Environment:
  GALEED_AR            the archiver to use (default: ziglang's llvm-ar, llvm-ar, ar)
  GALEED_DEBUG         1: an internal error shows its traceback
Exit status: the archiver's; 2 when there is none.

"""


def compiler(cxx: bool) -> str:
    """galeed-cc's or galeed-c++'s page."""
    return COMPILER.format(name="galeed-c++" if cxx else "galeed-cc", language="C++" if cxx else "C")
