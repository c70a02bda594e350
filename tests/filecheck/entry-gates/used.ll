; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s
; used and retain: somebody beyond the compiler's sight has the address, perhaps the host.

@llvm.compiler.used = appending global [1 x ptr] [ptr @used], section "llvm.metadata"
@llvm.used = appending global [2 x ptr] [ptr @retained, ptr @visible], section "llvm.metadata"
@llvm.global_dtors = appending global [1 x { i32, ptr, ptr }] [{ i32, ptr, ptr } { i32 65535, ptr @at_end, ptr null }]

define internal void @used() {
  ret void
}
define internal void @retained() {
  call void @used()
  ret void
}
define void @visible() {
  ret void
}
define internal void @at_end() {
  ret void
}

; CHECK:       @llvm.compiler.used = appending global [1 x ptr] [ptr @used]
; CHECK:       @llvm.used = appending global [2 x ptr] [ptr @retained, ptr @visible]
; CHECK-LABEL: define internal void @used.foreign()
; CHECK-LABEL: define internal void @retained.foreign()
; CHECK-NEXT:    call void @used.foreign()
; CHECK-LABEL: define internal void @used()
; CHECK:         call void @galeed_gate_enter(
; CHECK-LABEL: define internal void @retained()
; CHECK:         call void @galeed_gate_enter(
; CHECK-LABEL: define internal void @at_end()
; CHECK:         call void @galeed_gate_enter(
