"""Every attribute and kind of metadata of LLVM 22, and what the rewrite makes of it.

The rewrite changes what code does in four ways: an access may become a *call* of the
runtime (which reads tables, reports, and may never come back); a pointer may be a
*handle*, which no instruction can dereference and which keeps 12 low bits of the address;
memory may be lent for *reading only*; and an indirect call may leave and enter the
*host*, which gives other handles for addresses. Whatever a claim says that one of the
four can make false is dropped, and LLVM infers again what is still so.

`kept` claims have their reason too: most are about code generation, or about the value
and not about memory. Source: LLVM LangRef, "Function Attributes", "Parameter Attributes",
"Metadata"; llvm/IR/Attributes.td and FixedMetadataKinds.def of LLVM 22.
"""

from __future__ import annotations

from dataclasses import dataclass

DROPPED, KEPT, BOUNDED = "dropped", "kept", "bounded"


@dataclass(frozen=True, slots=True)
class Claim:
    """name: as it is printed. verdict: BOUNDED is dropped beyond what the reason says."""

    name: str
    verdict: str
    why: str


def _claims(verdict: str, why: str, names: str) -> tuple[Claim, ...]:
    return tuple(Claim(name, verdict, why) for name in names.split())


# Of functions and call sites.
FUNCTION: tuple[Claim, ...] = (
    *_claims(
        DROPPED,
        "an access that became a call reads the table and the runtime's state, and reports",
        "memory readnone readonly writeonly argmemonly inaccessiblememonly inaccessiblemem_or_argmemonly",
    ),
    *_claims(DROPPED, "the runtime frees copies, and the host that a callback reaches may free anything", "nofree"),
    *_claims(DROPPED, "leases are looked up with fences, and gates wait for other threads on mprotect", "nosync"),
    *_claims(DROPPED, "a violation ends the process, or jumps to mpk_try", "willreturn"),
    *_claims(DROPPED, "a checked call of the C library calls back", "nocallback norecurse"),
    *_claims(DROPPED, "where the source makes no call, there may be no report", "speculatable"),
    *_claims(KEPT, "makes new undefined values no more often than its operands say", "nocreateundeforpoison"),
    # Exceptions pass C's frames through gates that LLVM cannot see to be nounwind (entry_gates.py).
    *_claims(KEPT, "accessors do not unwind: a violation jumps; gates are not nounwind", "nounwind"),
    *_claims(KEPT, "loops are what they were; calls of the runtime are progress", "mustprogress"),
    *_claims(KEPT, "what never returned still does not; what returns twice still does", "noreturn returns_twice"),
    *_claims(KEPT, "of the allocator, whose memory is C's own; its groups are left whole", "allockind allocsize"),
    *_claims(KEPT, "is asked of library functions by name", "builtin nobuiltin"),
    *_claims(
        KEPT,
        "says how code is made, not what it does",
        """alignstack alwaysinline cold convergent coro_elide_safe coro_only_destroy_when_complete
        disable_sanitizer_instrumentation fn_ret_thunk_extern hot hybrid_patchable inlinehint jumptable minsize naked
        nocf_check nodivergencesource noduplicate noimplicitfloat noinline nomerge nonlazybind noprofile noredzone
        nosanitize_bounds nosanitize_coverage null_pointer_is_valid optdebug optforfuzzing optnone optsize
        presplitcoroutine safestack sanitize_address sanitize_alloc_token sanitize_hwaddress sanitize_memory
        sanitize_memtag sanitize_numerical_stability sanitize_realtime sanitize_realtime_blocking sanitize_thread
        sanitize_type shadowcallstack skipprofile speculative_load_hardening ssp sspreq sspstrong strictfp uwtable
        vscale_range""",
    ),
)

# Of parameters, arguments and results.
VALUE: tuple[Claim, ...] = (
    *_claims(
        DROPPED,
        "no load from a handle may be made where the source makes none: it would trap",
        "dereferenceable dereferenceable_or_null",
    ),
    *_claims(DROPPED, "a handle is handed to the runtime as a number, which is a capture", "captures nocapture"),
    *_claims(DROPPED, "the runtime reads and writes on behalf of the pointer", "readnone readonly writeonly"),
    *_claims(DROPPED, "the runtime may be what frees it", "nofree"),
    *_claims(DROPPED, "the memory may be lent for reading only: no store may be added", "writable"),
    *_claims(DROPPED, "a store that is refused and only reported initialises nothing", "initializes"),
    *_claims(
        BOUNDED, "a handle has the low 12 bits of the address: 4096 at most; of byval copies it is all kept", "align"
    ),
    # callback_gates.py takes it away there.
    *_claims(
        BOUNDED,
        "within foreign code a function returns the handle that it got; the host returns the allocation's own",
        "returned",
    ),
    *_claims(KEPT, "accesses of two handles overlap where those of their addresses would", "noalias"),
    *_claims(KEPT, "null is never lent, and no handle is null", "nonnull"),
    *_claims(
        KEPT,
        "about the value's bits, which for numbers are the same and for pointers defined",
        "noundef range nofpclass",
    ),
    *_claims(
        KEPT, "the language's promise about memory that nobody looks at afterwards", "dead_on_return dead_on_unwind"
    ),
    *_claims(KEPT, "of the allocator", "allocalign allocptr"),
    *_claims(
        KEPT,
        "decides where the value travels, or its type",
        """byref byval elementtype immarg inalloca inreg nest noext preallocated signext sret swiftasync swifterror
        swiftself zeroext""",
    ),
)

# Of instructions. An access that became a call keeps what is said of the memory it touches;
# of the rest only what stays on the lines that are not touched matters.
METADATA: tuple[Claim, ...] = (
    *_claims(
        DROPPED,
        "about the memory behind a pointer that may be a handle",
        "dereferenceable dereferenceable_or_null nofree align",
    ),
    *_claims(
        KEPT, "the access has the same type; the load or store bears it, the runtime's call in its place none", "tbaa"
    ),
    *_claims(
        KEPT,
        "on the call that stands for the access: what it touches of foreign memory is what the access touched",
        "alias.scope noalias llvm.access.group",
    ),
    *_claims(
        KEPT, "loops are what they were; they are no longer parallel where a call has no access group", "llvm.loop"
    ),
    *_claims(KEPT, "about the value", "nonnull noundef range nofpclass"),
    *_claims(KEPT, "says which fields are pointers, which the membrane wants to know", "tbaa.struct"),
    *_claims(KEPT, "foreign code does not change what it declared constant", "invariant.load invariant.group"),
    *_claims(
        KEPT, "about branches, calls and places in the source", "dbg prof unpredictable callees heapallocsite srcloc"
    ),
)


def dropped(claims: tuple[Claim, ...]) -> list[str]:
    """The names that go whatever they say, longest first, so that no one hides another."""
    names = {claim.name for claim in claims if claim.verdict == DROPPED}
    return sorted(names, key=lambda name: (-len(name), name))
