"""The one thing that pyproject.toml cannot say: how ``mpk._native`` finds a compiler.

With a C compiler on the machine ($CC, or the one this Python was built with,
or cc/gcc/clang in PATH) that one is used. Without, clang from the PyPI package
``ziglang`` is: it then becomes a build requirement, which setuptools reports to
pip before the build.
"""

import os
import shlex
import shutil
import sys
import sysconfig

from setuptools import setup
from setuptools.command.build_ext import build_ext

ZIGLANG = "ziglang==0.17.*"


def system_compiler() -> str | None:
    """The C compiler command to use, or None when the machine has none."""
    candidates = [os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc", "clang"]
    for command in filter(None, candidates):
        words = shlex.split(command)
        if words and shutil.which(words[0]):
            return str(command)
        if command == os.environ.get("CC"):
            sys.exit(f"galeed: CC={command}: no such compiler in PATH; unset CC to have one found")
    return None


class BuildNative(build_ext):
    """build_ext with a compiler that exists."""

    def build_extensions(self) -> None:
        compiler = system_compiler() or f"{shlex.quote(sys.executable)} -m ziglang cc"
        command = shlex.split(compiler)
        flags = ["-fPIC", "-pthread"]
        self.compiler.set_executables(
            compiler=[*command, *flags],
            compiler_so=[*command, *flags],
            linker_so=[*command, *flags, "-shared"],
            linker_exe=[*command, *flags],
        )
        super().build_extensions()


setup(
    cffi_modules=["mpk/_build.py:make_ffi"],
    cmdclass={"build_ext": BuildNative},
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    setup_requires=[] if system_compiler() else [ZIGLANG],
)
