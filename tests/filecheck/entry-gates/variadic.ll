; RUN: galeed-opt %s --passes=entry-gates -S --pass-remarks-output=/dev/stderr 2>&1 | filecheck %s
; Foreign callers go on as before; the host is told.

define i32 @sum(i32 %n, ...) #0 {
  ret i32 %n
}
attributes #0 = { nounwind }
; CHECK:       Name:            Variadic
; CHECK:       @galeed.unsupported.sum = private unnamed_addr constant [89 x i8] c"variadic function sum was called from Rust: wrap it in a C function with fixed arguments\00"
; CHECK-LABEL: define i32 @sum(i32 %a0, ...)
; CHECK:         %same = musttail call i32 (i32, ...) @sum.foreign(i32 %a0, ...)
; CHECK-NEXT:    ret i32 %same
; CHECK:       host:
; CHECK-NEXT:    call void @galeed_unsupported(ptr @galeed.unsupported.sum)
; CHECK-NEXT:    unreachable
