; RUN: galeed-opt %s --policy %S/entries.toml --passes=callback-gates -S | filecheck %s

define void @calls_back(ptr %f) {
  call void %f()
  ret void
}
define void @other(ptr %f) {
  call void %f()
  ret void
}

; CHECK-LABEL: define void @calls_back(ptr %f)
; CHECK-NEXT:    call void @galeed.callback.0(ptr nest %f)
; A code handle is no address that could be jumped to: this call traps on one.
; CHECK-LABEL: define void @other(ptr %f)
; CHECK-NEXT:    call void %f()
