; RUN: galeed-opt %s --passes=entry-gates -S | filecheck %s
; -fsemantic-interposition: what another library may replace is called by its name.

@again = alias void (), ptr @replaced

define void @replaced() {
  ret void
}
define dso_local void @own() {
  call void @replaced()
  ret void
}
define protected void @guarded() {
  call void @own()
  call void @guarded()
  ret void
}
!llvm.module.flags = !{!0}
!0 = !{i32 1, !"SemanticInterposition", i32 1}

; CHECK-NOT:   @again.foreign
; CHECK-LABEL: define internal void @replaced.foreign()
; CHECK-LABEL: define hidden void @own.foreign()
; CHECK-NEXT:    call void @replaced()
; CHECK-LABEL: define hidden void @guarded.foreign()
; CHECK-NEXT:    call void @own.foreign()
; CHECK-NEXT:    call void @guarded.foreign()
; CHECK-LABEL: define protected void @guarded()
