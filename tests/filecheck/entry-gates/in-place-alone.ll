; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s

; A module with no other gate: nothing declares a personality.
define void @in_place(ptr inalloca(i32) %p) {
  ret void
}

; CHECK-LABEL: define void @in_place(ptr inalloca(i32) %a0)
; CHECK:       host:
; CHECK-NEXT:    call void @galeed_unsupported(
