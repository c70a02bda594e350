; RUN: galeed-opt %s --policy %S/structures.toml --passes=loop-versions,pseudo-pointers -S | filecheck %s
; RUN: galeed-opt %s --policy= --passes=loop-versions,pseudo-pointers -S | filecheck %s --check-prefix=WITHOUT

; A member of a structure that is not listed; one of a listed one; one of what that one holds.
define void @members(ptr %p, ptr %q, ptr %r, ptr %s) {
  store i32 1, ptr %p, align 4, !tbaa !0
  call void @between()
  store i32 2, ptr %q, align 4, !tbaa !1
  call void @between()
  store i32 3, ptr %r, align 4, !tbaa !2
  call void @between()
  store i32 4, ptr %s, align 4, !tbaa !3
  ret void
}
; CHECK-LABEL: define void @members(
; CHECK-NEXT:    store i32 1, ptr %p, align 4, !tbaa
; CHECK-NEXT:    call void @between()
; CHECK:         @galeed_store4(
; CHECK:         call void @between()
; CHECK:         @galeed_store4(
; CHECK:         call void @between()
; A structure without a name is always asked.
; CHECK:         @galeed_store4(
; CHECK:         ret void
; WITHOUT-LABEL: define void @members(
; WITHOUT:         @galeed_store4(
; WITHOUT:         call void @between()
; WITHOUT:         @galeed_store4(

; A pointer that is typed to point to an unlisted structure is raw, whatever is done through it.
define i32 @pointers(ptr %p) {
  %own = load ptr, ptr %p, align 8, !tbaa !4
  %byte = load i32, ptr %own, align 4
  call void @between()
  %theirs = load ptr, ptr %p, align 8, !tbaa !5
  call void @between()
  %word = load i32, ptr %theirs, align 4
  %sum = add i32 %byte, %word
  ret i32 %sum
}
; CHECK-LABEL: define i32 @pointers(
; CHECK-NEXT:    %own = load ptr, ptr %p, align 8, !tbaa
; CHECK-NEXT:    %byte = load i32, ptr %own, align 4
; CHECK-NEXT:    call void @between()
; CHECK-NEXT:    %theirs = load ptr, ptr %p, align 8, !tbaa
; CHECK-NEXT:    call void @between()
; CHECK:         @galeed_load4(
; WITHOUT-LABEL: define i32 @pointers(
; WITHOUT:         @galeed_load_pointer(

; A loop whose accesses are all spared stays single.
define void @loop(ptr %p, i64 %n) {
start:
  br label %again

again:
  %i = phi i64 [ 0, %start ], [ %next, %again ]
  %at = getelementptr i32, ptr %p, i64 %i
  store i32 0, ptr %at, align 4, !tbaa !0
  %next = add i64 %i, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %out, label %again

out:
  ret void
}
; CHECK-LABEL: define void @loop(
; CHECK-NOT:     galeed
; CHECK:         ret void
; WITHOUT-LABEL: define void @loop(
; WITHOUT:         icmp slt i64
; WITHOUT:         br i1

declare void @between()

!0 = !{!10, !20, i64 8}
!1 = !{!11, !20, i64 16}
!2 = !{!12, !20, i64 8}
!3 = !{!13, !20, i64 4}
!4 = !{!10, !14, i64 0}
!5 = !{!10, !15, i64 16}
!10 = !{!"own", !14, i64 0, !20, i64 8, !15, i64 16}
!11 = !{!"lent", !12, i64 0, !20, i64 16}
!12 = !{!"held", !16, i64 0, !20, i64 8}
!13 = !{!"", !20, i64 0, !20, i64 4}
!14 = !{!"p1 _ZTS3own", !16, i64 0}
!15 = !{!"p1 _ZTS4lent", !16, i64 0}
!16 = !{!"any pointer", !21, i64 0}
!20 = !{!"int", !21, i64 0}
!21 = !{!"omnipotent char", !22, i64 0}
!22 = !{!"Simple C/C++ TBAA"}
