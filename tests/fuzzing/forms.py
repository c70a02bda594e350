"""Pieces of LLVM 22 IR, by family: what a generated function is made of.

In a piece {p} and {q} are pointers, {n} an i64, {w} an i32, {s} a pointer of address space 1,
{T} a type that memory can hold, {P} one without pointers, {r0} to {r3} names of results
(quoted oddly, or not), {x0} to {x3} names of blocks (with the colon of their label), {g} a
global, {f} a function `void (ptr)`, {t} a named type, {z} text inside of quotes, {k} small
numbers, {a} an alignment. Every piece starts in a block and ends in one.

Source: LLVM LangRef 22; lib/AsmParser's tests for the odder forms.
"""

from __future__ import annotations

MEMORY = """
  {r0} = load {T}, ptr {p}, align {a}
  store {T} {r0}, ptr {q}, align {a}
---
  {r0} = load volatile {T}, ptr {p}, align {a}, !nontemporal !2
  store volatile {T} {r0}, ptr {g}, align 1
---
  {r0} = load {t}, ptr {p}, align {a}, !tbaa !3
  store {t} {r0}, ptr {q}, align {a}, !noalias !6, !alias.scope !6
---
  {r0} = load atomic i32, ptr {p} syncscope("{z}") acquire, align 4
  store atomic volatile i64 {n}, ptr {p} release, align 8
---
  {r0} = load atomic ptr, ptr {p} monotonic, align 8
  store atomic ptr {r0}, ptr {q} syncscope("{z}") seq_cst, align 8
---
  {r0} = load i32, ptr addrspace(1) {s}, align {a}
  store i32 {r0}, ptr addrspace(1) {s}, align {a}
  {r1} = load ptr addrspace(1), ptr {p}, align 8
  store ptr addrspace(1) {s}, ptr {p}, align 8
---
  {r0} = atomicrmw volatile xchg ptr {p}, ptr {q} syncscope("{z}") seq_cst, align 8
  {r1} = atomicrmw fadd ptr {p}, double 1.5 monotonic, align 8
  {r2} = atomicrmw uinc_wrap ptr addrspace(1) {s}, i16 {k} acq_rel, align 2
  {r3} = atomicrmw fmaximum ptr {p}, <2 x half> zeroinitializer monotonic, align 4
---
  {r0} = cmpxchg weak volatile ptr {p}, ptr {q}, ptr {g} syncscope("{z}") acq_rel monotonic, align 8
  {r1} = cmpxchg ptr {p}, i64 {n}, i64 {k} seq_cst seq_cst, align 8, !dbg !14
---
  fence syncscope("{z}") acquire
  fence seq_cst
---
  {r0} = va_arg ptr {p}, {P}
  {r1} = va_arg ptr {p}, ptr
---
  store ptr {g}, ptr {p}, align 8
  store ptr getelementptr inbounds (i8, ptr {g}, i64 {k}), ptr {g}, align 8
  store i64 ptrtoint (ptr {g} to i64), ptr getelementptr ({{ i8, ptr }}, ptr {g}, i64 0, i32 1), align 8
  {r0} = load i8, ptr inttoptr (i64 {k} to ptr), align 1
---
  store {{ ptr, [3 x i8] }} {{ ptr {g}, [3 x i8] c"\\22,)" }}, ptr {p}, align {a}
  store <2 x ptr> <ptr null, ptr {g}>, ptr {p}, align 16
  store [2 x {{ i8, ptr }}] [{{ i8, ptr }} zeroinitializer, {{ i8, ptr }} {{ i8 1, ptr {g} }}], ptr {p}, align {a}
---
  store ptr ptrauth (ptr {g}, i32 2, i64 {k}, ptr {g}), ptr {p}, align 8
  store ptr dso_local_equivalent {f}, ptr {p}, align 8
  store ptr no_cfi {f}, ptr {p}, align 8
---
  {r0} = load <vscale x 4 x i32>, ptr {p}, align {a}
  store <vscale x 4 x i32> {r0}, ptr {q}, align {a}
  {r1} = load <vscale x 2 x ptr>, ptr {p}, align {a}
---
  {r0} = alloca {T}, align {a}
  {r1} = alloca i8, i64 {n}, align 1
  {r2} = load {T}, ptr {r0}, align {a}
  store {T} {r2}, ptr {r1}, align 1
---
  {r0} = load i8388608, ptr {p}, align 1
  store i8388608 {r0}, ptr {q}, align 1
---
  {r0} = alloca target("spirv.Image", void, 1, 0), align 8
"""

POINTERS = """
  {r0} = getelementptr inbounds nuw {t}, ptr {p}, i64 {n}
  {r1} = getelementptr [4 x {T}], ptr {r0}, i64 0, i64 {k}
  store i8 0, ptr {r1}, align 1
---
  {r0} = getelementptr i8, ptr {p}, <2 x i64> <i64 1, i64 2>
  {r1} = extractelement <2 x ptr> {r0}, i64 1
  store i8 0, ptr {r1}, align 1
---
  {r0} = select i1 true, ptr {p}, ptr {q}
  {r1} = select i1 trunc (i64 ptrtoint (ptr {g} to i64) to i1), ptr {g}, ptr {r0}
  {r2} = select i1 false, ptr getelementptr (i8, ptr {g}, i64 {k}), ptr null, !prof !7
  store i8 1, ptr {r2}, align 1
---
  {r0} = freeze ptr {p}
  {r1} = bitcast ptr {r0} to ptr
  {r2} = call ptr @llvm.ptrmask.p0.i64(ptr nonnull align {a} {r1}, i64 -8)
  {r3} = call ptr @llvm.launder.invariant.group.p0(ptr {r2})
---
  {r0} = addrspacecast ptr {p} to ptr addrspace(1)
  {r1} = getelementptr i8, ptr addrspace(1) {r0}, i64 {k}
  {r2} = addrspacecast ptr addrspace(1) {r1} to ptr
  store i8 1, ptr {r2}, align 1
---
  {r0} = ptrtoint ptr {p} to i64
  {r1} = add i64 {r0}, {k}
  {r2} = inttoptr i64 {r1} to ptr
  {r3} = icmp samesign ult ptr {r2}, {q}
---
  br label {b2}
{x2}
  br label {b0}
{x0}
  {r0} = phi ptr [ {q}, {b0} ], [ {p}, {b2} ]
  br i1 true, label {b0}, label {b1}, !llvm.loop !8
{x1}
---
  br i1 poison, label {b0}, label {b1}
{x0}
  br label {b2}
{x1}
  br label {b2}
{x2}
  {r0} = phi ptr [ {p}, {b0} ], [ getelementptr (i8, ptr {g}, i64 1), {b1} ]
  {r1} = phi {T} [ zeroinitializer, {b1} ], [ undef, {b0} ]
  {r2} = phi nnan float [ 1.5, {b0} ], [ 0x7FF8000000000000, {b1} ]
  store i8 1, ptr {r0}, align 1
---
  {r0} = insertvalue {{ ptr, i32 }} poison, ptr {p}, 0
  {r1} = extractvalue {{ ptr, i32 }} {r0}, 0
  store ptr {r1}, ptr {p}, align 8
"""

CALLS = """
  call void {f}(ptr {p})
  tail call void {f}(ptr noundef nonnull align 8 dereferenceable(4) captures(none) {q}), !srcloc !7
  notail call void {f}(ptr {g}) #1
---
  {r0} = call range(i32 0, 5) i32 {p}(ptr {q}, i32 range(i32 -3, 7) {w})
  {r1} = call fastcc noundef align 8 dereferenceable_or_null(8) ptr {p}(ptr initializes((0, 4), (8, 12)) {p})
  {r2} = tail call nnan ninf nofpclass(zero) float {p}(float nofpclass(nan inf) 1.0)
---
  {r0} = call {t} {p}({t} zeroinitializer, ptr {q})
  call void {p}(ptr sret({t}) align {a} {q}, ptr byval({t}) align {a} {p})
  call void {p}(ptr swiftself {q}, ptr nest {p})
---
  {r0} = call i32 (ptr, ...) {p}(ptr {p}, i32 {w}) [ "deopt"(ptr {p}, i32 3), "{z}"(ptr {f}), "align"() ]
  call void (...) @variadic(i32 {w}, ptr {p}, {T} zeroinitializer)
---
  call void inttoptr (i64 {k} to ptr)(ptr {p})
  call void null(ptr {f})
  call void poison()
  call void getelementptr (i8, ptr {f}, i64 {k})(ptr {p})
  call void dso_local_equivalent {f}(ptr {p})
  call void no_cfi {f}(ptr {q})
  call void ptrauth (ptr {f}, i32 0)(ptr {p}) [ "ptrauth"(i32 0, i64 5) ]
---
  call void asm sideeffect "{z}", "r,~{{memory}}"(ptr {p})
  {r0} = call i64 asm alignstack inteldialect "mov $0, $1 {z}", "=r,r"(i64 {n})
  call void asm "{z}", "=*m,*m,~{{dirflag}}"(ptr elementtype({t}) {p}, ptr elementtype(i32) {q})
  {r1} = call {{ i32, ptr }} asm sideeffect unwind "", "=r,=r"()
---
  callbr void asm sideeffect "{z}", "r,!i,!i"(ptr {p})
          to label {b0} [label {b1}, label {b2}]
{x0}
  br label {b2}
{x1}
  br label {b2}
{x2}
---
  {r0} = callbr ptr asm "{z}", "=r,r,!i"(ptr {p})
          to label {b0} [label {b1}]
{x0}
  store i8 1, ptr {r0}, align 1
  br label {b1}
{x1}
---
  switch i64 {n}, label {b2} [
    i64 1, label {b0}
    i64 -7, label {b1}
  ]
{x0}
  br label {b2}
{x1}
  br label {b2}
{x2}
---
  switch i128 5, label {b0} [
  ]
{x0}
  indirectbr ptr {p}, [label {b0}, label {b1}]
{x1}
---
  {r0} = call {{ i64, i1 }} @llvm.sadd.with.overflow.i64(i64 {n}, i64 {k})
  call void @llvm.memcpy.p0.p0.i64(ptr align {a} {p}, ptr readonly {q}, i64 {n}, i1 false), !tbaa.struct !9
  call void @llvm.memset.inline.p0.i64(ptr {p}, i8 0, i64 {k}, i1 true)
  call void @llvm.prefetch.p0(ptr {p}, i32 0, i32 3, i32 1)
---
  {r0} = call <4 x ptr> @llvm.masked.load.v4p0.p0(ptr align 8 {p}, <4 x i1> splat (i1 true), <4 x ptr> zeroinitializer)
  call void @llvm.masked.scatter.v4p0.v4p0(<4 x ptr> {r0}, <4 x ptr> align 8 {r0}, <4 x i1> <i1 1, i1 0, i1 1, i1 0>)
  {r1} = call i64 @llvm.objectsize.i64.p0(ptr {p}, i1 false, i1 true, i1 false)
---
  call void @llvm.assume(i1 true) [ "align"(ptr {p}, i64 16), "nonnull"(ptr {q}) ]
  {r0} = call ptr @llvm.invariant.start.p0(i64 4, ptr {p})
  call void @llvm.invariant.end.p0(ptr {r0}, i64 4, ptr {p})
  call void @llvm.experimental.noalias.scope.decl(metadata !6)
---
  {r0} = call i64 @llvm.read_register.i64(metadata !10)
  {r1} = call float @llvm.experimental.constrained.fadd.f32(float 1.0, float 2.0, metadata !"round.dynamic", metadata !"fpexcept.strict") #2
"""

ITANIUM = """
  invoke void {f}(ptr {p})
          to label {b0} unwind label {b1}
{x1}
  {r0} = landingpad {{ ptr, i32 }}
          cleanup
          catch ptr {f}
          filter [2 x ptr] [ptr {f}, ptr null]
  {r1} = extractvalue {{ ptr, i32 }} {r0}, 0
  store i8 1, ptr {r1}, align 1
  resume {{ ptr, i32 }} {r0}
{x0}
---
  {r0} = invoke fastcc noundef ptr {p}(ptr byval({t}) align 8 {q}, i32 {w}) [ "deopt"(i32 {k}) ]
          to label {b0} unwind label {b1}, !prof !7
{x1}
  {r1} = landingpad {{ ptr, i32 }}
          cleanup
  unreachable
{x0}
  store i8 1, ptr {r0}, align 1
---
  {r0} = invoke i32 asm sideeffect unwind "{z}", "=r,r"(ptr {p})
          to label {b0} unwind label {b1}
{x1}
  {r1} = landingpad {{ ptr, i32 }}
          catch ptr null
  br label {b0}
{x0}
"""

FUNCLETS = """
  invoke void {f}(ptr {p})
          to label {b2} unwind label {b0}
{x0}
  {r0} = catchswitch within none [label {b1}] unwind to caller
{x1}
  {r1} = catchpad within {r0} [ptr null, i32 64, ptr {g}]
  {r2} = load {T}, ptr {p}, align {a}
  call void {f}(ptr {p}) [ "funclet"(token {r1}) ]
  catchret from {r1} to label {b2}
{x2}
---
  invoke void {f}(ptr {p})
          to label {b1} unwind label {b0}
{x0}
  {r0} = cleanuppad within none []
  store ptr {p}, ptr {q}, align 8
  call void {f}(ptr {p}) [ "funclet"(token {r0}) ]
  cleanupret from {r0} unwind to caller
{x1}
"""

DEBUG = """
    #dbg_value(ptr {p}, !13, !DIExpression(), !14)
    #dbg_value(!DIArgList(ptr {p}, i64 {n}), !13, !DIExpression(DW_OP_LLVM_arg, 0, DW_OP_LLVM_arg, 1, DW_OP_plus), !14)
  store i8 1, ptr {p}, align 1, !dbg !14
---
  {r0} = load ptr, ptr {p}, align 8, !dbg !14, !annotation !15, !odd.kind !7
    #dbg_declare(ptr {r0}, !13, !DIExpression(), !14)
    #dbg_label(!16, !14)
  call void {f}(ptr {r0}), !dbg !14
---
  br label {b0}, !dbg !14
{x0}
    #dbg_assign(i32 0, !13, !DIExpression(), !17, ptr {p}, !DIExpression(), !14)
  store i32 1, ptr {p}, align 4, !dbg !14, !DIAssignID !17
"""


def pieces(text: str) -> tuple[str, ...]:
    """The pieces of a family."""
    return tuple(part.strip("\n") for part in text.split("---\n"))
