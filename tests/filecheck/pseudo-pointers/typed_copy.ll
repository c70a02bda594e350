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
; CHECK:         call void @galeed_memmove(i64 {{%galeed.[0-9]+}}, i64 {{%galeed.[0-9]+}}, i64 24)
; CHECK-NEXT:    [[A:%galeed.[0-9]+]] = getelementptr i8, ptr %p, i64 8
; CHECK-NEXT:    [[AT:%galeed.[0-9]+]] = ptrtoint ptr [[A]] to i64
; CHECK-NEXT:    [[B:%galeed.[0-9]+]] = getelementptr i8, ptr %own, i64 8
; CHECK-NEXT:    [[BT:%galeed.[0-9]+]] = ptrtoint ptr [[B]] to i64
; CHECK-NEXT:    [[V:%galeed.[0-9]+]] = call preserve_mostcc i64 @galeed_load_pointer(i64 [[AT]])
; CHECK-NEXT:    call preserve_mostcc void @galeed_store_pointer(i64 [[BT]], i64 [[V]])
; CHECK:         call void @galeed_memmove(i64 {{%galeed.[0-9]+}}, i64 {{%galeed.[0-9]+}}, i64 24)
; CHECK-NEXT:    [[O:%galeed.[0-9]+]] = getelementptr i8, ptr %own, i64 8
; CHECK-NEXT:    [[OT:%galeed.[0-9]+]] = ptrtoint ptr [[O]] to i64
; CHECK-NEXT:    [[T:%galeed.[0-9]+]] = getelementptr i8, ptr %p, i64 8
; CHECK-NEXT:    [[TT:%galeed.[0-9]+]] = ptrtoint ptr [[T]] to i64
; CHECK-NEXT:    [[W:%galeed.[0-9]+]] = call preserve_mostcc i64 @galeed_load_pointer(i64 [[OT]])
; CHECK-NEXT:    call preserve_mostcc void @galeed_store_pointer(i64 [[TT]], i64 [[W]])
; What the copy does not reach, and copies of bytes, stay.
; CHECK-NOT:     @galeed_load_pointer
; CHECK:         call void @galeed_memmove(i64 {{%galeed.[0-9]+}}, i64 {{%galeed.[0-9]+}}, i64 12)
; CHECK:         call void @galeed_memmove(i64 {{%galeed.[0-9]+}}, i64 {{%galeed.[0-9]+}}, i64 24)
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
