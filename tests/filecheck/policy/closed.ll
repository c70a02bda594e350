; RUN: galeed-opt %s --policy %S/entries.toml --passes=entry-gates -S | filecheck %s

; The module's only function that could throw has a gate that calls nothing which throws.
define void @may_throw(ptr %p) {
  ret void
}
define void @in_place(ptr inalloca(i32) %p) {
  ret void
}

; CHECK-LABEL: define void @may_throw(ptr %a0)
; CHECK-NOT:   personality
; CHECK:       call void @galeed_unsupported(
; CHECK-LABEL: define void @in_place(
; CHECK:       call void @galeed_unsupported(
