; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s

; An atomic word of a pointer's size may be a pointer: clang exchanges pointers so.
define i64 @words(ptr %p, i64 %v) {
  %a = load atomic i64, ptr %p acquire, align 8
  %b = atomicrmw xchg ptr %p, i64 %v seq_cst, align 8
  ret i64 %b
}
; CHECK-LABEL: define i64 @words(
; CHECK:         call i64 @galeed.load.i64.8.atomic.acquire.pointer.any(
; CHECK:         [[S:%galeed.[0-9]+]] = call i64 @galeed.rmw.i64.8.seq_cst.xchg(
; CHECK:         load atomic i64, ptr %p acquire, align 8
; CHECK-NEXT:    [[R:%galeed.[0-9]+]] = atomicrmw xchg ptr %p, i64 %v seq_cst, align 8
; CHECK:         %b = phi i64 [ [[S]], {{.*}} ], [ [[R]], {{.*}} ]

define i32 @all(ptr %p, i32 %v, ptr %q) {
  %a = load atomic i32, ptr %p acquire, align 4
  store atomic i32 %v, ptr %p syncscope("singlethread") release, align 4
  %b = atomicrmw umax ptr %p, i32 %v monotonic, align 4
  %c = cmpxchg weak ptr %p, i32 %a, i32 %b acq_rel monotonic, align 4
  %d = atomicrmw xchg ptr %p, ptr %q seq_cst, align 8
  %e = atomicrmw fadd ptr %p, float 1.0 seq_cst, align 4
  %r = extractvalue { i32, i1 } %c, 0
  ret i32 %r
}
; CHECK-LABEL: define i32 @all(
; CHECK:         [[A:%galeed.[0-9]+]] = call i32 @galeed.load.i32.4.atomic.acquire(
; CHECK:         call void @galeed.store.i32.4.atomic.syncscope.singlethread.release(
; CHECK:         [[B:%galeed.[0-9]+]] = call i32 @galeed.rmw.i32.4.monotonic.umax(
; CHECK:         [[C:%galeed.[0-9]+]] = call { i32, i1 } @galeed.cmpxchg.i32.4.weak.acq_rel.monotonic({{.*}}, i32 [[A]], i32 [[B]])
; CHECK:         call ptr @galeed.rmw.ptr.8.seq_cst.xchg(
; CHECK:         call float @galeed.rmw.float.4.seq_cst.fadd(
; CHECK:         [[RA:%galeed.[0-9]+]] = load atomic i32, ptr %p acquire, align 4
; CHECK-NEXT:    store atomic i32 %v, ptr %p syncscope("singlethread") release, align 4
; CHECK-NEXT:    [[RB:%galeed.[0-9]+]] = atomicrmw umax ptr %p, i32 %v monotonic, align 4
; CHECK-NEXT:    [[RC:%galeed.[0-9]+]] = cmpxchg weak ptr %p, i32 [[RA]], i32 [[RB]] acq_rel monotonic, align 4
; CHECK-NEXT:    {{.*}} = atomicrmw xchg ptr %p, ptr %q seq_cst, align 8
; CHECK-NEXT:    {{.*}} = atomicrmw fadd ptr %p, float 1.000000e+00 seq_cst, align 4
; CHECK:         %c = phi { i32, i1 } [ [[C]], {{.*}} ], [ [[RC]], {{.*}} ]
; CHECK-NEXT:    %r = extractvalue { i32, i1 } %c, 0

; CHECK-LABEL: define internal i32 @galeed.load.i32.4.atomic.acquire(
; CHECK:         %direct = load atomic i32, ptr %address acquire, align 4
; CHECK:         call i64 @galeed_atomic_load(i64 %from, i32 4)

; CHECK-LABEL: define internal i32 @galeed.rmw.i32.4.monotonic.umax(
; CHECK:         %direct = atomicrmw umax ptr %address, i32 %operand monotonic, align 4
; CHECK:         call i64 @galeed_atomic_rmw(i64 %to, i32 4, i32 9, i64 %word)

; CHECK-LABEL: define internal { i32, i1 } @galeed.cmpxchg.i32.4.weak.acq_rel.monotonic(
; CHECK:         cmpxchg weak ptr %address, i32 %expected, i32 %desired acq_rel monotonic, align 4
; CHECK:         %old = call i64 @galeed_atomic_cmpxchg(
; CHECK:         %same = icmp eq i64 %old, %expected.word

; What the runtime has no function for is compared and exchanged until it holds.
; CHECK-LABEL: define internal float @galeed.retry.float.1.fadd(i64 %to, float %operand)
; CHECK:         %first = call i64 @galeed_atomic_load(i64 %to, i32 4)
; CHECK:         %new = fadd float %old, %operand
; CHECK:         %now = call i64 @galeed_atomic_cmpxchg(i64 %to, i32 4, i64 %seen, i64 %new.word)
; CHECK:         br i1 %same, label %done, label %again

; CHECK-LABEL: define internal float @galeed.rmw.float.4.seq_cst.fadd(
; CHECK:         %direct = atomicrmw fadd ptr %address, float %operand seq_cst, align 4
