; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; Pointers that are loaded are lent when they are the host's. Where the type says "data",
; the question about code is not asked.

define ptr @data(ptr %p) {
  %v = load ptr, ptr %p, align 8, !tbaa !0
  ret ptr %v
}
define ptr @anything(ptr %p) {
  %v = load ptr, ptr %p, align 8, !tbaa !4
  ret ptr %v
}
define { ptr, i64 } @pair(ptr %p) {
  %v = load { ptr, i64 }, ptr %p, align 8
  ret { ptr, i64 } %v
}
define <2 x ptr> @vector(ptr %p) {
  %v = load <2 x ptr>, ptr %p, align 8
  ret <2 x ptr> %v
}
; Integers that are pointers: by type, or because the code around makes them so.
define void @copied(ptr %p, ptr %q) {
  %v = load i64, ptr %q, align 8, !tbaa !0
  store i64 %v, ptr %p, align 8, !tbaa !0
  ret void
}
define ptr @cast(ptr %p, ptr %q) {
  %i = ptrtoint ptr %q to i64
  store i64 %i, ptr %p, align 8
  %v = load i64, ptr %p, align 8
  %w = inttoptr i64 %v to ptr
  ret ptr %w
}
define void @number(ptr %p, ptr %q) {
  %v = load i64, ptr %q, align 8
  store i64 %v, ptr %p, align 8
  ret void
}
!0 = !{!1, !1, i64 0}
!1 = !{!"p1 int", !2, i64 0}
!2 = !{!"any pointer", !3, i64 0}
!3 = !{!"Simple C/C++ TBAA"}
!4 = !{!5, !5, i64 0}
!5 = !{!"p1 void", !2, i64 0}
; CHECK-LABEL: define ptr @data(
; CHECK:         call ptr @galeed.load.ptr.8.tbaa.0.data(
; CHECK-LABEL: define ptr @anything(
; CHECK:         call ptr @galeed.load.ptr.8.tbaa.{{[0-9]+}}(
; CHECK-LABEL: define void @copied(
; CHECK:         %v = call i64 @galeed.load.i64.8.tbaa.{{[0-9]+}}.pointer.data(
; CHECK:         call void @galeed.store.i64.8.tbaa.{{[0-9]+}}.pointer.any(
; CHECK-LABEL: define ptr @cast(
; CHECK:         call void @galeed.store.i64.8.pointer.any(
; CHECK:         %v = call i64 @galeed.load.i64.8.pointer.any(
; CHECK-LABEL: define void @number(
; CHECK:         %v = call i64 @galeed.load.i64.8(
; CHECK:         call void @galeed.store.i64.8(
; CHECK-LABEL: define internal ptr @galeed.lend.data(i64 %from, ptr %value)
; CHECK:         %above = sub i64 %bits, 35184372088832
; CHECK-NEXT:    %window = lshr i64 %above, 36
; CHECK-NOT:     35253494218752
; CHECK:         call preserve_mostcc i64 @galeed_lend_loaded(i64 %from, i64 %bits)
; CHECK-LABEL: define internal ptr @galeed.load.ptr.8.tbaa.0.data(
; CHECK:         %direct = load ptr, ptr %address, align 8, !tbaa
; CHECK:         %result = call ptr @galeed.lend.data(i64 %from, ptr %value)
; CHECK-LABEL: define internal ptr @galeed.lend.any(
; CHECK:         load i64, ptr inttoptr (i64 35253494218752 to ptr), align 8, !invariant.load
; CHECK-LABEL: define internal { ptr, i64 } @galeed.load.s.ptr.i64.8(
; CHECK:         extractvalue { ptr, i64 } %value, 0
; CHECK:         %result = insertvalue { ptr, i64 } %value, ptr
; CHECK-LABEL: define internal <2 x ptr> @galeed.load.v2.x.ptr.8(
; CHECK:         extractelement <2 x ptr> %value, i64 0
; CHECK:         extractelement <2 x ptr> %value, i64 1
