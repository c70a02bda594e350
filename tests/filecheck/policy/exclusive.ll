; RUN: galeed-opt %s --policy %S/exclusive.toml --passes=entry-gates -S | filecheck %s

define void @alone_with_it(ptr %p) {
  ret void
}
define void @among_others(ptr %p) {
  ret void
}
; CHECK-LABEL: define internal void @alone_with_it.host(ptr %a0)
; CHECK-NEXT:    %token = alloca i64, align 16
; CHECK-NEXT:    %x0 = call ptr @galeed.word.galeed_gate_argument(ptr %a0)
; CHECK-NEXT:    call void @galeed_gate_exclusive(ptr %token)
; CHECK-NEXT:    call void @galeed_gate_enter(ptr %token, ptr @galeed.name.alone_with_it)
; CHECK-LABEL: define internal void @among_others.host(ptr %a0)
; CHECK-NOT:     @galeed_gate_exclusive
; CHECK:         ret void
