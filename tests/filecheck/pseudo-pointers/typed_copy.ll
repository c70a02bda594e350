; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; A struct assignment: the pointers in it cross the membrane behind the served copy.

define void @out(ptr %p) {
  %own = alloca [24 x i8], align 8
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %own, ptr align 8 %p, i64 24, i1 false), !tbaa.struct !0
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr align 8 %own, i64 24, i1 false), !tbaa.struct !0
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr align 8 %own, i64 12, i1 false), !tbaa.struct !0
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr align 8 %own, i64 24, i1 false)
  ret void
}
; CHECK-LABEL: define void @out(
; CHECK:         [[E:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    call void @galeed.memcpy.from.8.8.false(ptr %own, ptr %p, ptr [[E]], i64 24)
; CHECK-NEXT:    [[A:%galeed.[0-9]+]] = getelementptr i8, ptr %p, i64 8
; CHECK-NEXT:    [[B:%galeed.[0-9]+]] = getelementptr i8, ptr %own, i64 8
; CHECK-NEXT:    [[V:%galeed.[0-9]+]] = call ptr @galeed.load.ptr.1(ptr [[A]], ptr [[E]])
; CHECK-NEXT:    store ptr [[V]], ptr [[B]], align 1
; CHECK-NEXT:    [[F:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    call void @galeed.memcpy.to.8.8.false(ptr %p, ptr [[F]], ptr %own, i64 24)
; CHECK-NEXT:    [[O:%galeed.[0-9]+]] = getelementptr i8, ptr %own, i64 8
; CHECK-NEXT:    [[T:%galeed.[0-9]+]] = getelementptr i8, ptr %p, i64 8
; CHECK-NEXT:    [[W:%galeed.[0-9]+]] = load ptr, ptr [[O]], align 1
; CHECK-NEXT:    call void @galeed.store.ptr.1(ptr [[T]], ptr [[F]], ptr [[W]])
; What the copy does not reach, and copies of bytes, stay.
; CHECK-NEXT:    [[G:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    call void @galeed.memcpy.to.8.8.false(ptr %p, ptr [[G]], ptr %own, i64 12)
; CHECK-NEXT:    [[H:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    call void @galeed.memcpy.to.8.8.false(ptr %p, ptr [[H]], ptr %own, i64 24)
; CHECK-NEXT:    br label
; Raw memory holds no pointer that must be turned.
; CHECK:         call void @llvm.memcpy.p0.p0.i64(ptr align 8 %own, ptr align 8 %p, i64 24, i1 false), !tbaa.struct [[S:![0-9]+]]
; CHECK-NEXT:    call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr align 8 %own, i64 24, i1 false), !tbaa.struct [[S]]
; CHECK-NEXT:    call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr align 8 %own, i64 12, i1 false), !tbaa.struct [[S]]
; CHECK-NEXT:    call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr align 8 %own, i64 24, i1 false)
; CHECK-NEXT:    br label

!0 = !{i64 0, i64 4, !1, i64 8, i64 8, !4, i64 16, i64 8, !1}
!1 = !{!2, !2, i64 0}
!2 = !{!"int", !3, i64 0}
!3 = !{!"omnipotent char", !6, i64 0}
!4 = !{!5, !5, i64 0}
!5 = !{!"p1 int", !7, i64 0}
!6 = !{!"Simple C/C++ TBAA"}
!7 = !{!"any pointer", !3, i64 0}
