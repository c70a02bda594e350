; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; A pointer for each lane; the shorter of data and indices decides how many.

define <8 x float> @avx2(ptr %p, <8 x i32> %i, <8 x float> %m) {
  %v = call <8 x float> @llvm.x86.avx2.gather.d.ps.256(<8 x float> undef, ptr %p, <8 x i32> %i, <8 x float> %m, i8 4)
  ret <8 x float> %v
}
; CHECK-LABEL: define <8 x float> @avx2(
; CHECK:         [[I:%galeed.[0-9]+]] = sext <8 x i32> %i to <8 x i64>
; CHECK-NEXT:    [[O:%galeed.[0-9]+]] = mul <8 x i64> [[I]], splat (i64 4)
; CHECK-NEXT:    [[P:%galeed.[0-9]+]] = getelementptr i8, ptr %p, <8 x i64> [[O]]
; CHECK-NEXT:    [[B:%galeed.[0-9]+]] = bitcast <8 x float> %m to <8 x i32>
; CHECK-NEXT:    [[M:%galeed.[0-9]+]] = icmp slt <8 x i32> [[B]], zeroinitializer
; CHECK-NEXT:    %v = call <8 x float> @galeed.pointers.load.v8.x.float.1(<8 x ptr> [[P]], <8 x i1> [[M]], <8 x float> undef)

define <4 x i32> @fewer_indices(ptr %p, <2 x i64> %i, <4 x i32> %m) {
  %v = call <4 x i32> @llvm.x86.avx2.gather.q.d(<4 x i32> zeroinitializer, ptr %p, <2 x i64> %i, <4 x i32> %m, i8 1)
  ret <4 x i32> %v
}
; CHECK-LABEL: define <4 x i32> @fewer_indices(
; CHECK:         [[S:%galeed.[0-9]+]] = call <2 x i32> @galeed.pointers.load.v2.x.i32.1(
; CHECK-NEXT:    %v = shufflevector <2 x i32> [[S]], <2 x i32> zeroinitializer, <4 x i32> <i32 0, i32 1, i32 2, i32 3>

define void @avx512(ptr %p, <8 x i1> %m, <8 x i32> %i, <8 x double> %v) {
  call void @llvm.x86.avx512.mask.scatter.dpd.512(ptr %p, <8 x i1> %m, <8 x i32> %i, <8 x double> %v, i32 8)
  %g = call <8 x double> @llvm.x86.avx512.mask.gather.dpd.512(<8 x double> %v, ptr %p, <8 x i32> %i, <8 x i1> %m, i32 8)
  ret void
}
; CHECK-LABEL: define void @avx512(
; CHECK:         call void @galeed.pointers.store.v8.x.double.1(<8 x ptr> {{%galeed.[0-9]+}}, <8 x i1> %m, <8 x double> %v)
; CHECK:         %g = call <8 x double> @galeed.pointers.load.v8.x.double.1(<8 x ptr> {{%galeed.[0-9]+}}, <8 x i1> %m, <8 x double> %v)
