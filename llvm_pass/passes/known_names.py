"""Functions that LLVM knows by their names, and expands, folds or inlines where it sees one.

Renaming a call of these would cost what LLVM knows. A name missing here costs one jump
for each call, one too many costs a gate's question; neither is ever wrong.
"""

from __future__ import annotations

from functools import cache

from llvm_pass.analysis.roots import OWN_MEMORY
from llvm_pass.libc.table import builtin

_MATHEMATICS = (
    "acos acosh asin asinh atan atan2 atanh cabs cbrt ceil copysign cos cosh cospi erf erfc exp exp10 exp2 expm1 fabs "
    "fdim floor fma fmax fmin fmod frexp hypot ilogb ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround "
    "modf nan nearbyint nextafter pow remainder remquo rint round roundeven scalbln scalbn sin sincos sinh sinpi sqrt "
    "tan tanh tgamma trunc"
).split()
_OTHERS = (
    "abort abs exit ffs ffsl ffsll fls flsl flsll free isalnum isalpha isascii isblank iscntrl isdigit isgraph islower "
    "isprint ispunct isspace isupper isxdigit labs llabs longjmp _longjmp siglongjmp setjmp _setjmp sigsetjmp "
    "toascii tolower toupper vfork"
).split()
# Reserved for the compiler and its run time; operators new and delete.
_PREFIXES = ("llvm.", "galeed", "mpk_", "__", "_Unwind_", "_Zna", "_Znw", "_Zda", "_Zdl")


@cache
def _names() -> frozenset[str]:
    mathematics = (name + kind for name in _MATHEMATICS for kind in ("", "f", "l"))
    return frozenset((*mathematics, *_OTHERS, *builtin(), *(name[1:] for name in OWN_MEMORY)))


def known(name: str) -> bool:
    """Is it one of those? name: bare, as in the object."""
    return name.startswith(_PREFIXES) or name in _names()
