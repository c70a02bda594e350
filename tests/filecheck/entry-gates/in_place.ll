; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s
; Arguments that the caller builds where the callee finds them: foreign code may jump, the host is told.

define void @place(ptr inalloca(i32) %p) {
  ret void
}
define void @allocated(ptr preallocated(i32) %p) {
  ret void
}
define i32 @referred(ptr byref(i32) %p) {
  %v = load i32, ptr %p, align 4
  ret i32 %v
}
; CHECK-LABEL: define void @place(ptr inalloca(i32) %a0)
; CHECK:         musttail call void @place.foreign(ptr inalloca(i32) %a0)
; CHECK:       host:
; CHECK-NEXT:    call void @galeed_unsupported(ptr @galeed.unsupported.place)
; CHECK-LABEL: define void @allocated(ptr preallocated(i32) %a0)
; CHECK:         call void @galeed_unsupported(ptr @galeed.unsupported.allocated)
; byref copies nothing: the pointer is lent like any other.
; CHECK-LABEL: define i32 @referred(ptr byref(i32) %a0)
