; RUN: galeed-opt %s --passes=entry-gates -S --pass-remarks-output=/dev/stderr 2>&1 | filecheck %s
; The body takes its further arguments as a list, which lies in the frame of whoever made it.

declare void @llvm.va_start.p0(ptr)
declare void @llvm.va_end.p0(ptr)

define i32 @sum(i32 %n, ...) #0 {
  %list = alloca [24 x i8], align 16
  call void @llvm.va_start.p0(ptr nonnull %list)
  call void @llvm.va_end.p0(ptr nonnull %list)
  ret i32 %n
}
define weak void @ignores(ptr %p, ...) {
  %n = call i32 (i32, ...) @sum(i32 1, ptr %p)
  ret void
}
; Hands its dots on in a jump: they must lie where they are.
define i32 @hands_on(i32 %n, ...) #0 {
  %v = musttail call i32 (i32, ...) @sum(i32 %n, ...)
  ret i32 %v
}
attributes #0 = { nounwind }

; CHECK:       Name:            Variadic
; CHECK:       Function:        'hands_on'
; CHECK-NOT:   Variadic
; CHECK:       @galeed.unsupported.hands_on = private unnamed_addr constant [94 x i8] c"variadic function hands_on was called from Rust: wrap it in a C function with fixed arguments\00"

; CHECK-LABEL: define internal i32 @sum.listed(i32 %n, ptr %galeed.list)
; CHECK:         call void @llvm.va_copy.p0(ptr nonnull %list, ptr %galeed.list)
; CHECK:         call void @llvm.va_end.p0(ptr nonnull %list)
; CHECK-LABEL: define internal void @ignores.listed(ptr %p, ptr %galeed.list)
; CHECK:         call i32 (i32, ...) @sum.foreign(i32 1, ptr %p)
; CHECK-LABEL: define hidden i32 @hands_on.foreign(i32 %n, ...)

; CHECK-LABEL: define internal i32 @sum.gate(i32 %a0, ptr %a1)
; CHECK:         musttail call i32 @sum.listed(i32 %a0, ptr %a1)
; CHECK-LABEL: define internal i32 @sum.gate.host(i32 %a0, ptr %a1)
; CHECK-NEXT:    %token = alloca
; A copy of the list whose areas are lent: memory of the host, in which pointers are lent as they are read.
; CHECK-NEXT:    %list = alloca [24 x i8], align 16
; CHECK-NEXT:    call void @llvm.va_copy.p0(ptr %list, ptr %a1)
; CHECK-NEXT:    %overflow = getelementptr i8, ptr %list, i64 8
; CHECK-NEXT:    %overflow.own = load ptr, ptr %overflow, align 8
; CHECK-NEXT:    %overflow.lent = call ptr @galeed.word.galeed_gate_argument(ptr %overflow.own)
; CHECK-NEXT:    store ptr %overflow.lent, ptr %overflow, align 8
; CHECK-NEXT:    %saved = getelementptr i8, ptr %list, i64 16
; CHECK:         store ptr %saved.lent, ptr %saved, align 8
; CHECK-NEXT:    call void @galeed_gate_enter(
; CHECK-NEXT:    %inside.body = call ptr asm "", "=r,0"(ptr @sum.listed)
; CHECK-NEXT:    invoke i32 %inside.body(i32 %a0, ptr %list)
; CHECK-LABEL: define i32 @sum(i32 %a0, ...)
; CHECK-NEXT:    %list = alloca [24 x i8], align 16
; CHECK-NEXT:    call void @llvm.va_start.p0(ptr %list)
; CHECK-NEXT:    %same = call i32 @sum.gate(i32 %a0, ptr %list)
; CHECK-LABEL: define hidden i32 @sum.foreign(i32 %a0, ...)
; CHECK:         %same = call i32 @sum.listed(i32 %a0, ptr %list)
; CHECK-LABEL: define internal void @ignores.gate(ptr %a0, ptr %a1)
; CHECK-LABEL: define internal void @ignores.gate.host(ptr %a0, ptr %a1)
; CHECK-NEXT:    %token = alloca
; CHECK-NEXT:    call ptr @galeed.word.galeed_gate_argument(ptr %a0)
; CHECK-NOT:     @galeed.word.galeed_gate_argument(ptr %a1)
; CHECK-LABEL: define weak void @ignores(ptr %a0, ...)
; CHECK-LABEL: define internal void @ignores.foreign(ptr %a0, ...)
; CHECK-LABEL: define i32 @hands_on(i32 %a0, ...)
; CHECK:         musttail call i32 (i32, ...) @hands_on.foreign(i32 %a0, ...)
; CHECK:       host:
; CHECK-NEXT:    call void @galeed_unsupported(ptr @galeed.unsupported.hands_on)
