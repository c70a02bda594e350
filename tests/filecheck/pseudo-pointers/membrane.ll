; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; Pointers that are loaded through a handle are lent when they are the host's, those that are
; stored are turned back: the runtime's functions for pointers do it, helpers in wider types.
; Raw memory holds none of the host's.

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
; CHECK:         [[D:%galeed.[0-9]+]] = call preserve_mostcc i64 @galeed_load_pointer(
; CHECK-NEXT:    inttoptr i64 [[D]] to ptr
; CHECK:         load ptr, ptr %p, align 8, !tbaa
; CHECK-LABEL: define ptr @anything(
; CHECK:         call preserve_mostcc i64 @galeed_load_pointer(
; CHECK:         load ptr, ptr %p, align 8, !tbaa
; CHECK-LABEL: define { ptr, i64 } @pair(
; CHECK:         call { ptr, i64 } @galeed.load.s.ptr.i64.8(
; CHECK:         load { ptr, i64 }, ptr %p, align 8
; CHECK-LABEL: define <2 x ptr> @vector(
; CHECK:         call <2 x ptr> @galeed.load.v2.x.ptr.8(
; CHECK:         load <2 x ptr>, ptr %p, align 8
; CHECK-LABEL: define void @copied(
; CHECK:         [[W:%galeed.[0-9]+]] = call preserve_mostcc i64 @galeed_load_pointer(
; CHECK-NEXT:    [[V:%galeed.[0-9]+]] = bitcast i64 [[W]] to i64
; CHECK:         [[X:%galeed.[0-9]+]] = bitcast i64 [[V]] to i64
; CHECK-NEXT:    call preserve_mostcc void @galeed_store_pointer(i64 {{%galeed.[0-9]+}}, i64 [[X]])
; CHECK:         [[R:%galeed.[0-9]+]] = load i64, ptr %q, align 8, !tbaa
; CHECK-NEXT:    store i64 [[R]], ptr %p, align 8, !tbaa
; CHECK-LABEL: define ptr @cast(
; CHECK:         call preserve_mostcc void @galeed_store_pointer(
; CHECK:         call preserve_mostcc i64 @galeed_load_pointer(
; CHECK:         store i64 %i, ptr %p, align 8
; CHECK-NEXT:    load i64, ptr %p, align 8
; CHECK-LABEL: define void @number(
; CHECK:         call preserve_mostcc i64 @galeed_load8(
; CHECK:         call preserve_mostcc void @galeed_store8(
; CHECK-LABEL: define internal ptr @galeed.lend.any(
; CHECK:         %above = sub i64 %bits, 35184372088832
; CHECK-NEXT:    %window = lshr i64 %above, 36
; CHECK:         load i64, ptr inttoptr (i64 35253494218752 to ptr), align 8, !invariant.load
; CHECK:         call preserve_mostcc i64 @galeed_lend_loaded(i64 %from, i64 %bits)
; CHECK-LABEL: define internal { ptr, i64 } @galeed.load.s.ptr.i64.8(
; CHECK:         [[FIELD:%[a-z0-9.]+]] = extractvalue { ptr, i64 } %value, 0
; CHECK-NEXT:    [[LENT:%[a-z0-9.]+]] = call ptr @galeed.lend.any(i64 %from, ptr [[FIELD]])
; CHECK-NEXT:    %result = insertvalue { ptr, i64 } %value, ptr [[LENT]], 0
; CHECK-LABEL: define internal <2 x ptr> @galeed.load.v2.x.ptr.8(
; CHECK:         extractelement <2 x ptr> %value, i64 0
; CHECK:         extractelement <2 x ptr> %value, i64 1
