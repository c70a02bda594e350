; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s
; RUN: galeed-opt %s --passes=entry-gates -S --pass-remarks-missed=. 2>&1 >/dev/null | filecheck %s --check-prefix=SAID
; The loader calls a resolver before there is a runtime; what it returns are gates.

$many.resolver = comdat any

@chosen = ifunc i32 (i32), ptr @choose
@many = weak_odr ifunc i32 (i32), ptr @many.resolver

declare void @elsewhere()

define internal i32 @first(i32 %x) {
  call void @elsewhere()
  ret i32 %x
}
define internal ptr @choose() {
  ret ptr @first
}
define weak_odr ptr @many.resolver() comdat {
  ret ptr @many.v2
}
define i32 @many.v2(i32 %x) {
  %r = call i32 @chosen(i32 %x)
  ret i32 %r
}

; SAID:        the resolver 'choose' of 'chosen' runs with the host's rights, when it is loaded
; SAID:        the resolver 'many.resolver' of 'many' runs with the host's rights, when it is loaded

; CHECK:       @chosen = ifunc i32 (i32), ptr @choose
; CHECK-LABEL: define internal i32 @first.foreign(i32 %x)
; Somebody arrives in this file without a gate.
; CHECK-NEXT:    call void @elsewhere()
; CHECK-LABEL: define internal ptr @choose() section "galeed_text" {
; CHECK-NEXT:    ret ptr @first
; CHECK-LABEL: define weak_odr ptr @many.resolver() section "galeed_text" comdat {
; CHECK-NEXT:    ret ptr @many.v2
; CHECK-LABEL: define hidden i32 @many.v2.foreign(i32 %x)
; CHECK-NEXT:    call i32 @chosen(
; CHECK-LABEL: define internal i32 @first(i32 %a0)
; CHECK:         call preserve_allcc i32 @galeed_gate_side()
; CHECK-LABEL: define i32 @many.v2(i32 %a0)
