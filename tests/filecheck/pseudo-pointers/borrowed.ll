; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; Instructions that want an address get one of the object, or of a copy that goes home.

declare i32 @_setjmp(ptr) returns_twice
declare void @longjmp(ptr, i32) noreturn

define void @lists(ptr %p, ptr %q, ...) {
  call void @llvm.va_start.p0(ptr %p)
  call void @llvm.va_copy.p0(ptr %q, ptr %p)
  %v = va_arg ptr %q, i32
  call void @llvm.va_end.p0(ptr %q)
  ret void
}
; CHECK-LABEL: define void @lists(
; CHECK:         [[SLOT:%galeed.[0-9]+]] = alloca [24 x i8], align 64
; CHECK:         [[A:%galeed.[0-9]+]] = call ptr @galeed.borrow.24.write(ptr %p, ptr {{%galeed.[0-9]+}}, ptr [[SLOT]])
; CHECK-NEXT:    call void @llvm.va_start.p0(ptr [[A]])
; CHECK-NEXT:    call void @galeed.give_back.24(ptr %p, ptr [[SLOT]], ptr [[A]], i1 true)
; CHECK:         [[TO:%galeed.[0-9]+]] = call ptr @galeed.borrow.24.write(ptr %q
; CHECK-NEXT:    [[FROM:%galeed.[0-9]+]] = call ptr @galeed.borrow.24(ptr %p
; CHECK-NEXT:    call void @llvm.va_copy.p0(ptr [[TO]], ptr [[FROM]])
; CHECK:         [[B:%galeed.[0-9]+]] = call ptr @galeed.borrow.24.write(ptr %q
; CHECK-NEXT:    %v = va_arg ptr [[B]], i32
; CHECK:         call void @llvm.va_end.p0(ptr %q)

; The second return finds the copy as it was at the first: it does not go home again.
define i32 @jumps(ptr %p) {
  %r = call i32 @_setjmp(ptr %p) returns_twice
  call void @longjmp(ptr %p, i32 1)
  unreachable
}
; CHECK-LABEL: define i32 @jumps(
; CHECK:         [[J:%galeed.[0-9]+]] = call ptr @galeed.borrow.200.write(
; CHECK-NEXT:    %r = call i32 @_setjmp(ptr [[J]])
; CHECK-NEXT:    [[FIRST:%galeed.[0-9]+]] = icmp eq i32 %r, 0
; CHECK-NEXT:    call void @galeed.give_back.200(ptr %p, {{.*}}, i1 [[FIRST]])
; CHECK-NEXT:    {{%galeed.[0-9]+}} = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    [[L:%galeed.[0-9]+]] = call ptr @galeed.borrow.200(
; CHECK-NEXT:    call void @longjmp(ptr [[L]], i32 1)

define void @states(ptr %p) {
  call void @llvm.x86.sse.ldmxcsr(ptr %p)
  call void @llvm.x86.fxsave64(ptr %p)
  ret void
}
; CHECK-LABEL: define void @states(
; CHECK:         [[S:%galeed.[0-9]+]] = call ptr @galeed.borrow.4(
; CHECK-NEXT:    call void @llvm.x86.sse.ldmxcsr(ptr [[S]])
; CHECK-NEXT:    {{%galeed.[0-9]+}} = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    [[T:%galeed.[0-9]+]] = call ptr @galeed.borrow.512.write(
; CHECK-NEXT:    call void @llvm.x86.fxsave64(ptr [[T]])
; CHECK-NEXT:    call void @galeed.give_back.512(

define void @assembly(ptr %p, ptr %q) {
  call void asm sideeffect "incl $0; movl $2, %eax", "=*m,*m,*m,~{eax}"(ptr elementtype(i32) %p, ptr elementtype(i32) %p, ptr elementtype(i64) %q)
  call void asm sideeffect "lock incl $0", "=*m,~{memory}"(ptr elementtype(i32) %p)
  ret void
}
; "+m" is one operand twice, with one address.
; CHECK-LABEL: define void @assembly(
; CHECK:         [[IO:%galeed.[0-9]+]] = call ptr @galeed.borrow.4.write(ptr %p
; CHECK-NEXT:    [[IN:%galeed.[0-9]+]] = call ptr @galeed.borrow.8(ptr %q
; CHECK-NEXT:    call void asm {{.*}}(ptr elementtype(i32) [[IO]], ptr elementtype(i32) [[IO]], ptr elementtype(i64) [[IN]])
; CHECK-NEXT:    call void @galeed.give_back.4(ptr %p
; CHECK-NEXT:    {{%galeed.[0-9]+}} = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    {{%galeed.[0-9]+}} = call ptr @galeed.borrow.4.write.pinned(ptr %p

; An operand that is only read needs nothing behind the jump.
define void @goto(ptr %p) {
  callbr void asm sideeffect "cmpl $$0, $0; je ${1:l}", "*m,!i"(ptr elementtype(i32) %p) to label %a [label %b]
a:
  ret void
b:
  ret void
}
; CHECK-LABEL: define void @goto(
; CHECK:         [[G:%galeed.[0-9]+]] = call ptr @galeed.borrow.4(ptr %p
; CHECK-NEXT:    callbr void asm sideeffect {{.*}}(ptr elementtype(i32) [[G]])

%struct.plain = type { i64, i64, i64 }
%struct.linked = type { i64, ptr }
declare void @takes(ptr byval(%struct.plain) align 8, ptr byval(%struct.linked) align 8)

; The call copies: plain bytes from where they lie, pointers through the membrane.
define i64 @copies(ptr byval(%struct.plain) %own, ptr %p, ptr %q) {
  call void @takes(ptr byval(%struct.plain) align 8 %p, ptr byval(%struct.linked) align 8 %q)
  call void @takes(ptr byval(%struct.plain) align 8 %own, ptr byval(%struct.linked) align 8 %own)
  %v = load i64, ptr %own, align 8
  ret i64 %v
}
; CHECK-LABEL: define i64 @copies(
; CHECK:         [[P:%galeed.[0-9]+]] = call ptr @galeed.borrow.24(ptr %p
; CHECK-NEXT:    [[Q:%galeed.[0-9]+]] = ptrtoint ptr %q to i64
; CHECK-NEXT:    [[TO:%galeed.[0-9]+]] = ptrtoint ptr [[C:%galeed.[0-9]+]] to i64
; CHECK-NEXT:    call void @galeed_memmove(i64 [[TO]], i64 [[Q]], i64 16)
; CHECK:         {{%galeed.*}} = call ptr @galeed.lend.any(i64
; CHECK:         call void @takes(ptr byval(%struct.plain) align 8 [[P]], ptr byval(%struct.linked) align 8 [[C]])
; What was passed so is the callee's own.
; CHECK-NEXT:    call void @takes(ptr byval(%struct.plain) align 8 %own, ptr byval(%struct.linked) align 8 %own)
; CHECK-NEXT:    %v = load i64, ptr %own, align 8

; CHECK-LABEL: define internal ptr @galeed.borrow.24.write(ptr %p, ptr %entry, ptr %slot)
; CHECK:         %limit.at = getelementptr inbounds i8, ptr %entry, i64 16
; CHECK:         %bound = call i64 @llvm.usub.sat.i64(i64 %limit, i64 23)
; CHECK:         call void @galeed_load_bytes(ptr %slot, i64 %word, i64 24)

; CHECK-LABEL: define internal void @galeed.give_back.24(
; CHECK:         call void @galeed_store_bytes(i64 %to, ptr %slot, i64 24)

; CHECK-LABEL: define internal ptr @galeed.borrow.4.write.pinned(
; CHECK:         call void @galeed_unsupported(
