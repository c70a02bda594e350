; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s
; The host arrives here without a gate: what is called elsewhere must take its rights away.

declare void @elsewhere()

define void @mine() {
  call void @elsewhere()
  ret void
}
define i32 @main() {
  call void @elsewhere()
  ret i32 0
}
; CHECK-NOT:   @elsewhere.foreign
; CHECK-LABEL: define hidden void @mine.foreign()
; CHECK-NEXT:    call void @elsewhere()
; CHECK-LABEL: define i32 @main()
; CHECK-NEXT:    call void @elsewhere()
