; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; Lanes chosen by masks and lengths: LLVM's intrinsic where all of it is inside, else lane by lane.

@table = global [256 x i32] zeroinitializer

define <4 x i32> @masked(ptr %p, <4 x i1> %m, <4 x i32> %v) {
  call void @llvm.masked.store.v4i32.p0(<4 x i32> %v, ptr align 16 %p, <4 x i1> %m), !tbaa !0
  %a = call <4 x i32> @llvm.masked.load.v4i32.p0(ptr align 4 %p, <4 x i1> %m, <4 x i32> %v)
  %b = tail call <4 x i32> @llvm.masked.expandload.v4i32(ptr %p, <4 x i1> %m, <4 x i32> poison)
  ret <4 x i32> %a
}
; CHECK-LABEL: define <4 x i32> @masked(
; CHECK-NEXT:    [[E:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    call void @galeed.masked.store.v4.x.i32.16.tbaa.[[TAG:[0-9]+]](ptr %p, ptr [[E]], <4 x i1> %m, <4 x i32> %v)
; CHECK-NEXT:    [[F:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    %a = call <4 x i32> @galeed.masked.load.v4.x.i32.4(ptr %p, ptr [[F]], <4 x i1> %m, <4 x i32> %v)
; CHECK-NEXT:    [[G:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    %b = call <4 x i32> @galeed.packed.load.v4.x.i32.1(ptr %p, ptr [[G]], <4 x i1> %m, <4 x i32> poison)

define <4 x i32> @pointers(<4 x ptr> %p, <4 x i64> %i, <4 x i1> %m) {
  %own = getelementptr [256 x i32], ptr @table, i64 0, <4 x i64> %i
  %a = call <4 x i32> @llvm.masked.gather.v4i32.v4p0(<4 x ptr> align 4 %own, <4 x i1> %m, <4 x i32> poison)
  %q = getelementptr i32, <4 x ptr> %p, <4 x i64> %i
  %b = call <4 x i32> @llvm.masked.gather.v4i32.v4p0(<4 x ptr> align 4 %q, <4 x i1> %m, <4 x i32> %a)
  %c = call <4 x ptr> @llvm.masked.gather.v4p0.v4p0(<4 x ptr> align 8 %p, <4 x i1> %m, <4 x ptr> poison)
  ret <4 x i32> %b
}
; CHECK-LABEL: define <4 x i32> @pointers(
; CHECK:         %a = call <4 x i32> @llvm.masked.gather.v4i32.v4p0(<4 x ptr> align 4 %own
; CHECK:         %b = call <4 x i32> @galeed.pointers.load.v4.x.i32.4(<4 x ptr> %q, <4 x i1> %m, <4 x i32> %a)
; CHECK-NEXT:    %c = call <4 x ptr> @galeed.pointers.load.v4.x.ptr.8.any(<4 x ptr> %p, <4 x i1> %m, <4 x ptr> poison)

define <4 x i32> @lengths(ptr %p, <4 x i1> %m, i32 %n) {
  %a = call <4 x i32> @llvm.vp.load.v4i32.p0(ptr align 4 %p, <4 x i1> %m, i32 %n)
  %b = call <4 x i32> @llvm.experimental.vp.strided.load.v4i32.p0.i32(ptr align 4 %p, i32 12, <4 x i1> %m, i32 %n)
  ret <4 x i32> %a
}
; CHECK-LABEL: define <4 x i32> @lengths(
; CHECK:         [[K:%galeed.[0-9]+]] = icmp ult <4 x i32> <i32 0, i32 1, i32 2, i32 3>,
; CHECK-NEXT:    [[M:%galeed.[0-9]+]] = and <4 x i1> %m, [[K]]
; CHECK-NEXT:    %a = call <4 x i32> @galeed.masked.load.v4.x.i32.4(ptr %p, ptr {{%galeed.[0-9]+}}, <4 x i1> [[M]], <4 x i32> poison)
; CHECK:         [[Q:%galeed.[0-9]+]] = getelementptr i8, ptr %p, <4 x i64>
; CHECK-NEXT:    %b = call <4 x i32> @galeed.pointers.load.v4.x.i32.4(<4 x ptr> [[Q]]

define <4 x float> @signs(ptr %p, <4 x i32> %w) {
  %a = call <4 x float> @llvm.x86.avx.maskload.ps(ptr %p, <4 x i32> %w)
  ret <4 x float> %a
}
; CHECK-LABEL: define <4 x float> @signs(
; CHECK:         [[S:%galeed.[0-9]+]] = icmp slt <4 x i32> %w, zeroinitializer
; CHECK-NEXT:    %a = call <4 x float> @galeed.masked.load.v4.x.float.1(ptr %p, ptr {{%galeed.[0-9]+}}, <4 x i1> [[S]], <4 x float> zeroinitializer)

; CHECK-LABEL: define internal void @galeed.lanes.masked.store.i32.4(ptr %p, ptr %mask, ptr %data)
; CHECK:         br i1 %on, label %lane, label %step
; CHECK:         call void @galeed.store.i32.1(ptr %at, ptr %entry, i32 %value)

; CHECK-LABEL: define internal void @galeed.masked.store.v4.x.i32.16.tbaa.
; CHECK:         %bound = call i64 @llvm.usub.sat.i64(i64 %limit, i64 15)
; CHECK:         call void @llvm.masked.store.v4i32.p0(<4 x i32> %value, ptr align 16 %address, <4 x i1> %mask), !tbaa
; CHECK:         call void @galeed.lanes.masked.store.i32.4(ptr %p, ptr %bits, ptr %data)

; All lanes that are chosen lie in one lease, or all are raw.
; CHECK-LABEL: define internal <4 x i32> @galeed.pointers.load.v4.x.i32.4(
; CHECK:         %alike = icmp eq <4 x i64> %tags, %tags.first
; CHECK:         %inside = call i1 @llvm.vector.reduce.and.v4i1(<4 x i1> %fine)

; Pointers cross the membrane one by one.
; CHECK-LABEL: define internal void @galeed.lanes.pointers.load.ptr.4.any(
; CHECK:         call ptr @galeed.load.ptr.1(ptr %at, ptr %entry)

!0 = !{!1, !1, i64 0}
!1 = !{!"int", !2, i64 0}
!2 = !{!"Simple C/C++ TBAA"}
