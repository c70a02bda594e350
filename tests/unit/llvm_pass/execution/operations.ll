; operations.ll - operations, addresses and endings that instructions.ll leaves out.
; In the build that is not rewritten, form_ reads plain_.
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-unknown-linux-gnu"

@kept = internal global [4 x ptr] zeroinitializer
@own = internal thread_local global [2 x ptr] zeroinitializer
@none = internal global i64 0
declare void @memset(ptr, i32, i64)
declare i32 @__gcc_personality_v0(...)

; ---- atomicrmw: what C's own operations (forms.c) do not say, at every size; results and memory count.
define void @form_rmw_and(ptr %p, ptr %out) {
  %a = atomicrmw and ptr %p, i8 -91 acq_rel, align 1
  %b = atomicrmw volatile and ptr %p, i8 17 syncscope("singlethread") monotonic, align 1
  store i8 %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store i8 %b, ptr %at, align 8
  ret void
}
define void @form_rmw_or(ptr %p, ptr %out) {
  %a = atomicrmw or ptr %p, i16 9000 acq_rel, align 2
  %b = atomicrmw volatile or ptr %p, i16 17 syncscope("singlethread") monotonic, align 2
  store i16 %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store i16 %b, ptr %at, align 8
  ret void
}
define void @form_rmw_xor(ptr %p, ptr %out) {
  %a = atomicrmw xor ptr %p, i32 123456789 acq_rel, align 4
  %b = atomicrmw volatile xor ptr %p, i32 17 syncscope("singlethread") monotonic, align 4
  store i32 %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store i32 %b, ptr %at, align 8
  ret void
}
define void @form_rmw_sub(ptr %p, ptr %out) {
  %a = atomicrmw sub ptr %p, i64 77 acq_rel, align 8
  %b = atomicrmw volatile sub ptr %p, i64 17 syncscope("singlethread") monotonic, align 8
  store i64 %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store i64 %b, ptr %at, align 8
  ret void
}
define void @form_rmw_max(ptr %p, ptr %out) {
  %a = atomicrmw max ptr %p, i8 3 acq_rel, align 1
  %b = atomicrmw volatile max ptr %p, i8 17 syncscope("singlethread") monotonic, align 1
  store i8 %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store i8 %b, ptr %at, align 8
  ret void
}
define void @form_rmw_min(ptr %p, ptr %out) {
  %a = atomicrmw min ptr %p, i16 -3 acq_rel, align 2
  %b = atomicrmw volatile min ptr %p, i16 17 syncscope("singlethread") monotonic, align 2
  store i16 %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store i16 %b, ptr %at, align 8
  ret void
}
define void @form_rmw_umax(ptr %p, ptr %out) {
  %a = atomicrmw umax ptr %p, i32 -5 acq_rel, align 4
  %b = atomicrmw volatile umax ptr %p, i32 17 syncscope("singlethread") monotonic, align 4
  store i32 %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store i32 %b, ptr %at, align 8
  ret void
}
define void @form_rmw_umin(ptr %p, ptr %out) {
  %a = atomicrmw umin ptr %p, i64 9 acq_rel, align 8
  %b = atomicrmw volatile umin ptr %p, i64 17 syncscope("singlethread") monotonic, align 8
  store i64 %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store i64 %b, ptr %at, align 8
  ret void
}
define void @form_rmw_nand(ptr %p, ptr %out) {
  %a = atomicrmw nand ptr %p, i32 255 acq_rel, align 4
  %b = atomicrmw volatile nand ptr %p, i32 17 syncscope("singlethread") monotonic, align 4
  store i32 %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store i32 %b, ptr %at, align 8
  ret void
}
define void @form_rmw_exchange(ptr %p, ptr %out) {
  %a = atomicrmw xchg ptr %p, float 2.5 seq_cst, align 4
  %i = bitcast float %a to i32
  store i32 %i, ptr %out, align 4
  ret void
}
define void @form_weak_exchange(ptr %p, ptr %out) {
  %old = load atomic volatile i16, ptr %p acquire, align 2
  br label %again
again:
  %c = cmpxchg weak volatile ptr %p, i16 %old, i16 300 release monotonic, align 2
  %done = extractvalue { i16, i1 } %c, 1
  br i1 %done, label %there, label %again
there:
  %d = cmpxchg ptr %p, i16 %old, i16 7 seq_cst acquire, align 2
  %seen = extractvalue { i16, i1 } %d, 0
  store i16 %seen, ptr %out, align 2
  store atomic volatile i16 9, ptr %p release, align 2
  ret void
}

; ---- Types.
define void @form_nested(ptr %p, ptr %out) {
  %v = load { [2 x { i16, i16 }], <2 x float> }, ptr %p, align 1
  store { [2 x { i16, i16 }], <2 x float> } %v, ptr %out, align 1
  %w = insertvalue { [2 x { i16, i16 }], <2 x float> } %v, i16 5, 0, 1, 0
  store { [2 x { i16, i16 }], <2 x float> } %w, ptr %p, align 1
  ret void
}
define void @form_wide_vector(ptr %p, ptr %out) {
  %v = load <8 x double>, ptr %p, align 1
  %w = shufflevector <8 x double> %v, <8 x double> poison, <8 x i32> <i32 7, i32 6, i32 5, i32 4, i32 3, i32 2, i32 1, i32 0>
  store <8 x double> %w, ptr %p, align 1, !nontemporal !0
  %e = extractelement <8 x double> %v, i64 3
  %i = bitcast double %e to i64
  store i64 %i, ptr %out, align 8
  ret void
}

; ---- Addresses: constant expressions and thread-locals that hold a pseudo-pointer; arithmetic on one.
define void @form_constant_address(ptr %p, ptr %out) {
  store ptr %p, ptr getelementptr ([4 x ptr], ptr @kept, i64 0, i64 2), align 8
  %i = load i64, ptr inttoptr (i64 ptrtoint (ptr getelementptr (i8, ptr @kept, i64 16) to i64) to ptr), align 8
  %q = inttoptr i64 %i to ptr
  %v = load volatile i32, ptr %q, align 4
  store i32 %v, ptr %out, align 4
  ret void
}
define void @form_thread_local_pointer(ptr %p, ptr %out) {
  %t = call ptr @llvm.threadlocal.address.p0(ptr @own)
  %at = getelementptr [2 x ptr], ptr %t, i64 0, i64 1
  store ptr %p, ptr %at, align 8
  %u = call ptr @llvm.threadlocal.address.p0(ptr @own)
  %as = getelementptr i8, ptr %u, i64 8
  %q = load ptr, ptr %as, align 8
  %v = load i32, ptr %q, align 4
  store i32 %v, ptr %out, align 4
  ret void
}
define void @form_masked_pointer(ptr %p, ptr %out) {
  %in = getelementptr i8, ptr %p, i64 13
  %q = call ptr @llvm.ptrmask.p0.i64(ptr %in, i64 -8)
  %v = load i64, ptr %q, align 1
  store i64 %v, ptr %out, align 8
  ret void
}
define void @form_compared(ptr %p, ptr %out) {
  %end = getelementptr i8, ptr %p, i64 8
  br label %loop
loop:
  %q = phi ptr [ %p, %0 ], [ %next, %loop ]
  %sum = phi i64 [ 0, %0 ], [ %more, %loop ]
  %b = load i8, ptr %q, align 1
  %z = zext i8 %b to i64
  %more = add i64 %sum, %z
  %next = getelementptr inbounds i8, ptr %q, i64 1
  %done = icmp uge ptr %next, %end
  br i1 %done, label %out.of, label %loop
out.of:
  %f = freeze ptr %p
  %same = icmp eq ptr %f, %p
  %null = icmp eq ptr %p, null
  %which = select i1 %null, ptr null, ptr %f
  %first = load i8, ptr %which, align 1
  %s = zext i1 %same to i64
  %all = add i64 %more, %s
  %y = zext i8 %first to i64
  %total = mul i64 %all, %y
  store i64 %total, ptr %out, align 8
  ret void
}
; Nothing is touched by a length of 0, also at the end.
define void @form_no_length(ptr %p, ptr %out) {
  %n = load volatile i64, ptr @none, align 8
  %end = getelementptr i8, ptr %p, i64 4
  call void @llvm.memcpy.p0.p0.i64(ptr %out, ptr %end, i64 %n, i1 false)
  call void @llvm.memmove.p0.p0.i64(ptr %end, ptr %p, i64 %n, i1 false)
  call void @llvm.memset.p0.i64(ptr %end, i8 1, i64 %n, i1 true)
  %v = load i32, ptr %p, align 1
  store i32 %v, ptr %out, align 4
  ret void
}
; What a function returns through sret, into memory that is not its caller's.
define internal void @returns(ptr noalias writable sret([3 x i32]) align 4 dead_on_unwind %r, i32 %n) noinline {
  store i32 %n, ptr %r, align 4
  %b = getelementptr i8, ptr %r, i64 4
  store i32 5, ptr %b, align 4
  %c = getelementptr i8, ptr %r, i64 8
  store i32 6, ptr %c, align 4
  ret void
}
define void @form_returned_in_memory(ptr %p, ptr %out) {
  %n = load i32, ptr %p, align 4
  call void @returns(ptr sret([3 x i32]) align 4 %p, i32 %n)
  ret void
}
define void @form_lifetimes(ptr %p, ptr %out) {
  %a = alloca [4 x i8], align 4
  call void @llvm.lifetime.start.p0(ptr %a)
  call void @llvm.memcpy.p0.p0.i64(ptr align 4 %a, ptr align 1 %p, i64 4, i1 false)
  %v = load i32, ptr %a, align 4
  call void @llvm.lifetime.end.p0(ptr %a)
  %known = call i64 @llvm.objectsize.i64.p0(ptr %p, i1 true, i1 true, i1 false)
  call void @llvm.prefetch.p0(ptr %p, i32 0, i32 3, i32 1)
  %w = trunc i64 %known to i32
  %x = add i32 %v, %w
  store i32 %x, ptr %out, align 4
  ret void
}

; ---- Not rewritten: these trap.
define void @form_odd_elements(ptr %p, ptr %out) {
  %n = load volatile i64, ptr @none, align 8
  %t = trunc i64 %n to i1
  %m = insertelement <4 x i1> splat (i1 true), i1 %t, i64 1
  call void @llvm.masked.store.v4i24.p0(<4 x i24> splat (i24 3), ptr align 1 %p, <4 x i1> %m)
  ret void
}
define void @form_assembly_goto_memory(ptr %p, ptr %out) {
  callbr void asm sideeffect "incl $0", "=*m,!i,~{cc}"(ptr elementtype(i32) %p) to label %a [label %b]
a:
  ret void
b:
  ret void
}
define void @form_narrow_space(ptr %p, ptr %out) {
  %a = addrspacecast ptr %p to ptr addrspace(270)
  store volatile i32 5, ptr addrspace(270) %a, align 4
  ret void
}
%struct.three = type { i64, i64, i64 }
define internal void @takes(ptr byval(%struct.three) align 8 %own, ptr %p, ptr %out) noinline {
  %v = load i64, ptr %own, align 8
  store i64 %v, ptr %out, align 8
  ret void
}
define internal void @jumps(ptr byval(%struct.three) align 8 %own, ptr %p, ptr %out) noinline {
  musttail call void @takes(ptr byval(%struct.three) align 8 %p, ptr %p, ptr %out)
  ret void
}
define void @form_jump_with_copy(ptr %p, ptr %out) {
  %a = alloca %struct.three, align 8
  call void @jumps(ptr byval(%struct.three) align 8 %a, ptr %p, ptr %out)
  ret void
}
define void @form_flush(ptr %p, ptr %out) {
  call void @llvm.x86.sse2.clflush(ptr %p)
  ret void
}

!0 = !{i32 1}
