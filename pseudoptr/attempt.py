"""Foreign calls that come back from a violation as an exception.

The call goes to galeed_attempt in the function's place, with one argument in front, by the
function's own type: ctypes or cffi convert the arguments and give up the interpreter's lock as
ever, and the library's function returns to them whatever happened. So no frame of Python's is
dropped but in a callback: past one of those nothing unwinds, the process aborts. A function that C
calls without a lease came through no gate; it is known by the interpreter's lock, which the thread
holds.

Source: [psABI 3.2.3] for what can be passed on by registers and words.
"""

from __future__ import annotations

import ctypes
from _ctypes import CFuncPtr
from typing import Any

import _cffi_backend

from pseudoptr.abi import Access, Kind
from pseudoptr.errors import Facts, ForeignException, Violation
from pseudoptr.lent import address_of
from pseudoptr.library import Native

_MOST_WORDS, _MOST_FLOATING = 12, 8  # galeed_attempt's
_RETURNED, _VIOLATION = 0, 1
_FLOATING = (ctypes.c_float, ctypes.c_double)
_BY_VALUE = (ctypes.Structure, ctypes.Union, ctypes.c_longdouble)


def attempt(native: Native, function: Any, arguments: tuple[Any, ...]) -> Any:
    """``function(*arguments)``. raises: Violation, ForeignException, TypeError, and what the call raises."""
    record: Any = native.ffi.new("struct galeed_attempt_call *")
    record.function = native.ffi.cast("void *", address_of(native, function))
    record.host_runs = native.ffi.cast("int (*)(void)", address_of(native, ctypes.pythonapi.PyGILState_Check))
    if isinstance(function, CFuncPtr):
        result = _by_ctypes(native, function, record, arguments)
    else:
        result = _by_cffi(native, function, record, arguments)
    if record.outcome == _RETURNED:
        return result
    if record.outcome == _VIOLATION:
        raise Violation(_facts(native, record.violation))
    raise ForeignException(native.text(record.message))


def _by_ctypes(native: Native, function: Any, record: Any, arguments: tuple[Any, ...]) -> Any:
    declared: list[Any] = list(function.argtypes or ())
    # ctypes asks a value that it does not know for another one.
    kinds = [*declared, *(type(getattr(value, "_as_parameter_", value)) for value in arguments[len(declared) :])]
    classes = [kind for kind in kinds if isinstance(kind, type)]
    result = function.restype if isinstance(function.restype, type) else ctypes.c_int
    if any(issubclass(each, _BY_VALUE) for each in (*classes, result)):
        raise TypeError("structures, unions and long doubles by value cannot be passed by attempt")
    if issubclass(result, ctypes.py_object):
        raise TypeError("attempt gives back no py_object: after a violation there is none")
    _require_room(len(kinds), sum(issubclass(each, (float, *_FLOATING)) for each in classes))
    stub = type(function)(native.attempts[issubclass(result, _FLOATING)])
    stub.restype = function.restype
    stub.argtypes = None if function.argtypes is None else [ctypes.c_void_p, *declared]
    after = getattr(function, "errcheck", None)
    if after is not None:
        stub.errcheck = lambda value, _, given: value if record.outcome else after(value, function, given[1:])
    address = int(native.ffi.cast("uintptr_t", record))
    return stub(ctypes.c_void_p(address), *arguments)


def _by_cffi(native: Native, function: Any, record: Any, arguments: tuple[Any, ...]) -> Any:
    kind: Any = native.ffi.typeof(function)
    types = (*kind.args, kind.result)
    if any(each.kind in ("struct", "union") or each.cname == "long double" for each in types):
        raise TypeError("structures, unions and long doubles by value cannot be passed by attempt")
    if kind.ellipsis:
        raise TypeError("functions with variable arguments cannot be called by attempt")
    if len(arguments) != len(kind.args):  # cffi's own message would count one more
        raise TypeError(f"{kind.cname} takes {len(kind.args)} arguments, and was given {len(arguments)}")
    _require_room(len(kind.args), sum(_is_floating(each) for each in kind.args))
    first: Any = native.ffi.typeof("void *")
    longer: Any = _cffi_backend.new_function_type((first, *kind.args), kind.result, False, kind.abi)
    return native.ffi.cast(longer, native.attempts[_is_floating(kind.result)])(record, *arguments)


def _is_floating(kind: Any) -> bool:
    return kind.cname in ("float", "double")


def _require_room(together: int, floating: int) -> None:
    if together - floating > _MOST_WORDS or floating > _MOST_FLOATING:
        raise TypeError(
            f"attempt passes {_MOST_WORDS} integers and pointers and {_MOST_FLOATING} floating-point numbers at most"
        )


def _detail(native: Native, raw: Any) -> str | None:
    clause, subject = native.text(raw.detail), native.text(raw.subject)
    return f"{clause} ({subject})" if clause and subject else clause


def _facts(native: Native, raw: Any) -> Facts:
    return Facts(
        kind=Kind(raw.kind),
        access=Access(raw.access) if raw.access else None,
        function=native.text(raw.function),
        detail=_detail(native, raw),
        handle=int(raw.handle),
        address=int(raw.address),
        access_bytes=int(raw.bytes),
        offset=int(raw.offset),
        bound=int(raw.bound),
        lease=int(raw.lease) - 1 if raw.lease else None,
        mapped=bool(raw.mapped),
        pc=int(raw.pc),
        thread=int(raw.thread),
    )
