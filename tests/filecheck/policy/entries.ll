; RUN: galeed-opt %s --policy %S/entries.toml -S --pass-remarks-output=/dev/null | filecheck %s
; RUN: galeed-opt %s --policy= -S | filecheck %s --check-prefix=WITHOUT

@pointer = global ptr @taken
@other = global ptr @not_taken_by_rust

define void @inflate_reset(ptr %p) {
  ret void
}
define void @helper(ptr %p) {
  ret void
}
define internal void @taken() {
  ret void
}
define internal void @not_taken_by_rust() {
  ret void
}
define void @inflate_with_callbacks(ptr %f) {
  call void %f()
  ret void
}
define void @calls_back(ptr %f) {
  call void %f()
  ret void
}
define i32 @dots(...) {
  ret i32 0
}

; An entry's gate has both sides.
; CHECK-LABEL: define void @inflate_reset(ptr
; CHECK:       host:
; CHECK:         call void @galeed_gate_enter(
; CHECK-LABEL: define void @helper(ptr
; Inside C nothing changes; the host is stopped.
; CHECK:       foreign:
; CHECK-NEXT:    musttail call void @helper.foreign(
; CHECK:       host:
; CHECK-NEXT:    call void @galeed_unsupported(
; CHECK-NEXT:    unreachable
; CHECK-LABEL: define internal void @taken()
; CHECK:         call void @galeed_gate_enter(
; CHECK-LABEL: define internal void @not_taken_by_rust()
; CHECK:         call void @galeed_unsupported(
; WITHOUT-NOT: none of the policy's entries
