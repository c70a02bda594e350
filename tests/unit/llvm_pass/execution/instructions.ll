; instructions.ll - forms of access that C has no words for, or that depend on what LLVM makes of it.
; In the build that is not rewritten, form_ reads plain_. Masks come out of a volatile global, so
; that no lane is decided before the code runs.
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-unknown-linux-gnu"

@chosen = internal global i8 5
@length = internal global i32 3

define internal <4 x i1> @mask() noinline {
  %byte = load volatile i8, ptr @chosen, align 1
  %four = trunc i8 %byte to i4
  %mask = bitcast i4 %four to <4 x i1>
  ret <4 x i1> %mask
}
define internal <4 x i1> @all() noinline {
  %mask = call <4 x i1> @mask()
  %more = call <4 x i1> @mask()
  %other = xor <4 x i1> %more, splat (i1 true)
  %all = or <4 x i1> %mask, %other
  ret <4 x i1> %all
}
define internal i32 @three() noinline {
  %n = load volatile i32, ptr @length, align 4
  ret i32 %n
}

; ---- Types: loaded, stored beside, and stored back over something else.
define void @form_i24(ptr %p, ptr %out) {
  %v = load i24, ptr %p, align 1
  store i24 %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load i24, ptr %p, align 1
  store volatile i24 %w, ptr %p, align 1
  ret void
}
define void @form_i40(ptr %p, ptr %out) {
  %v = load i40, ptr %p, align 1
  store i40 %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load i40, ptr %p, align 1
  store volatile i40 %w, ptr %p, align 1
  ret void
}
define void @form_i256(ptr %p, ptr %out) {
  %v = load i256, ptr %p, align 1
  store i256 %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load i256, ptr %p, align 1
  store volatile i256 %w, ptr %p, align 1
  ret void
}
define void @form_half(ptr %p, ptr %out) {
  %v = load half, ptr %p, align 1
  store half %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load half, ptr %p, align 1
  store volatile half %w, ptr %p, align 1
  ret void
}
define void @form_fp128(ptr %p, ptr %out) {
  %v = load fp128, ptr %p, align 1
  store fp128 %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load fp128, ptr %p, align 1
  store volatile fp128 %w, ptr %p, align 1
  ret void
}
define void @form_fp80(ptr %p, ptr %out) {
  %v = load x86_fp80, ptr %p, align 1
  store x86_fp80 %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load x86_fp80, ptr %p, align 1
  store volatile x86_fp80 %w, ptr %p, align 1
  ret void
}
define void @form_pair(ptr %p, ptr %out) {
  %v = load { i32, i32 }, ptr %p, align 1
  store { i32, i32 } %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load { i32, i32 }, ptr %p, align 1
  store volatile { i32, i32 } %w, ptr %p, align 1
  ret void
}
define void @form_array(ptr %p, ptr %out) {
  %v = load [3 x i16], ptr %p, align 1
  store [3 x i16] %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load [3 x i16], ptr %p, align 1
  store volatile [3 x i16] %w, ptr %p, align 1
  ret void
}
define void @form_bits(ptr %p, ptr %out) {
  %v = load <8 x i1>, ptr %p, align 1
  store <8 x i1> %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load <8 x i1>, ptr %p, align 1
  store volatile <8 x i1> %w, ptr %p, align 1
  ret void
}
define void @form_bytes(ptr %p, ptr %out) {
  %v = load <3 x i8>, ptr %p, align 1
  store <3 x i8> %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load <3 x i8>, ptr %p, align 1
  store volatile <3 x i8> %w, ptr %p, align 1
  ret void
}
define void @form_unaligned_vector(ptr %p, ptr %out) {
  %v = load <4 x i32>, ptr %p, align 1
  store <4 x i32> %v, ptr %out, align 1
  store i8 77, ptr %p, align 1
  %w = load <4 x i32>, ptr %p, align 1
  store volatile <4 x i32> %w, ptr %p, align 1
  ret void
}
define void @form_i65(ptr %p, ptr %out) {
  %last = getelementptr i8, ptr %p, i64 8
  store i8 1, ptr %last, align 1 ; the bits above bit 64 are zero in memory
  %v = load i65, ptr %p, align 1
  %w = lshr i65 %v, 1
  store i65 %v, ptr %out, align 1
  store i65 %w, ptr %p, align 1
  ret void
}
define void @form_markers(ptr %p, ptr %out) {
  %i = call ptr @llvm.invariant.start.p0(i64 4, ptr %p)
  %l = call ptr @llvm.launder.invariant.group.p0(ptr %p)
  %v = load i32, ptr %l, align 4
  call void @llvm.invariant.end.p0(ptr %i, i64 4, ptr %p)
  store i32 %v, ptr %out, align 4
  ret void
}
define void @form_fences(ptr %p, ptr %out) {
  %v = load i32, ptr %p, align 4
  fence seq_cst
  %w = add i32 %v, 1
  store i32 %w, ptr %p, align 4
  fence syncscope("singlethread") acquire
  store i32 %v, ptr %out, align 4
  ret void
}

; ---- Atomics.
define void @form_atomic_float(ptr %p, ptr %out) {
  %v = load atomic double, ptr %p acquire, align 8
  store double %v, ptr %out, align 8
  store atomic double 2.5, ptr %p release, align 8
  %w = load atomic float, ptr %p monotonic, align 4
  %at = getelementptr i8, ptr %out, i64 8
  store float %w, ptr %at, align 4
  ret void
}
define void @form_fadd(ptr %p, ptr %out) {
  store float 1.5, ptr %p, align 4
  %a = atomicrmw fadd ptr %p, float 2.25 seq_cst, align 4
  %b = atomicrmw fadd ptr %p, float 2.25 monotonic, align 4
  store float %a, ptr %out, align 4
  %at = getelementptr i8, ptr %out, i64 8
  store float %b, ptr %at, align 4
  ret void
}
define void @form_fsub(ptr %p, ptr %out) {
  store double 1.5, ptr %p, align 8
  %a = atomicrmw fsub ptr %p, double 2.25 seq_cst, align 8
  %b = atomicrmw fsub ptr %p, double 2.25 monotonic, align 8
  store double %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store double %b, ptr %at, align 8
  ret void
}
define void @form_fmax(ptr %p, ptr %out) {
  store float 1.5, ptr %p, align 4
  %a = atomicrmw fmax ptr %p, float 2.25 seq_cst, align 4
  %b = atomicrmw fmax ptr %p, float 2.25 monotonic, align 4
  store float %a, ptr %out, align 4
  %at = getelementptr i8, ptr %out, i64 8
  store float %b, ptr %at, align 4
  ret void
}
define void @form_fmin(ptr %p, ptr %out) {
  store double 1.5, ptr %p, align 8
  %a = atomicrmw fmin ptr %p, double 2.25 seq_cst, align 8
  %b = atomicrmw fmin ptr %p, double 2.25 monotonic, align 8
  store double %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store double %b, ptr %at, align 8
  ret void
}
define void @form_fmaximum(ptr %p, ptr %out) {
  store float 1.5, ptr %p, align 4
  %a = atomicrmw fmaximum ptr %p, float -2.25 seq_cst, align 4
  %b = atomicrmw fmaximum ptr %p, float -2.25 monotonic, align 4
  store float %a, ptr %out, align 4
  %at = getelementptr i8, ptr %out, i64 8
  store float %b, ptr %at, align 4
  ret void
}
define void @form_fminimum(ptr %p, ptr %out) {
  store double 1.5, ptr %p, align 8
  %a = atomicrmw fminimum ptr %p, double -2.25 seq_cst, align 8
  %b = atomicrmw fminimum ptr %p, double -2.25 monotonic, align 8
  store double %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store double %b, ptr %at, align 8
  ret void
}
define void @form_uinc_wrap(ptr %p, ptr %out) {
  store i16 7, ptr %p, align 2
  %a = atomicrmw uinc_wrap ptr %p, i16 7 seq_cst, align 2
  %b = atomicrmw uinc_wrap ptr %p, i16 7 monotonic, align 2
  store i16 %a, ptr %out, align 2
  %at = getelementptr i8, ptr %out, i64 8
  store i16 %b, ptr %at, align 2
  ret void
}
define void @form_udec_wrap(ptr %p, ptr %out) {
  store i8 9, ptr %p, align 1
  %a = atomicrmw udec_wrap ptr %p, i8 4 seq_cst, align 1
  %b = atomicrmw udec_wrap ptr %p, i8 4 monotonic, align 1
  store i8 %a, ptr %out, align 1
  %at = getelementptr i8, ptr %out, i64 8
  store i8 %b, ptr %at, align 1
  ret void
}
define void @form_usub_cond(ptr %p, ptr %out) {
  store i32 9, ptr %p, align 4
  %a = atomicrmw usub_cond ptr %p, i32 4 seq_cst, align 4
  %b = atomicrmw usub_cond ptr %p, i32 4 monotonic, align 4
  store i32 %a, ptr %out, align 4
  %at = getelementptr i8, ptr %out, i64 8
  store i32 %b, ptr %at, align 4
  ret void
}
define void @form_usub_sat(ptr %p, ptr %out) {
  store i64 3, ptr %p, align 8
  %a = atomicrmw usub_sat ptr %p, i64 4 seq_cst, align 8
  %b = atomicrmw usub_sat ptr %p, i64 4 monotonic, align 8
  store i64 %a, ptr %out, align 8
  %at = getelementptr i8, ptr %out, i64 8
  store i64 %b, ptr %at, align 8
  ret void
}
define void @form_wide_atomic(ptr %p, ptr %out) #0 {
  %v = load atomic i128, ptr %p seq_cst, align 16
  %w = add i128 %v, 1
  %c = cmpxchg ptr %p, i128 %v, i128 %w seq_cst seq_cst, align 16
  %old = extractvalue { i128, i1 } %c, 0
  store i128 %old, ptr %out, align 16
  ret void
}

; ---- Masks: lanes 0 and 2 of four, so that the last lane may lie outside, or all.
define void @form_masked_load(ptr %p, ptr %out) {
  %m = call <4 x i1> @mask()
  %v = call <4 x i32> @llvm.masked.load.v4i32.p0(ptr align 4 %p, <4 x i1> %m, <4 x i32> <i32 1, i32 2, i32 3, i32 4>)
  store <4 x i32> %v, ptr %out, align 4
  ret void
}
define void @form_masked_store(ptr %p, ptr %out) {
  %m = call <4 x i1> @mask()
  call void @llvm.masked.store.v4i32.p0(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, ptr align 4 %p, <4 x i1> %m)
  ret void
}
define void @form_masked_load_all(ptr %p, ptr %out) {
  %m = call <4 x i1> @all()
  %v = call <4 x i32> @llvm.masked.load.v4i32.p0(ptr align 4 %p, <4 x i1> %m, <4 x i32> <i32 1, i32 2, i32 3, i32 4>)
  store <4 x i32> %v, ptr %out, align 4
  ret void
}
define void @form_masked_store_all(ptr %p, ptr %out) {
  %m = call <4 x i1> @all()
  call void @llvm.masked.store.v4i32.p0(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, ptr align 4 %p, <4 x i1> %m)
  ret void
}
define void @form_masked_doubles(ptr %p, ptr %out) {
  %m = call <4 x i1> @mask()
  %v = call <4 x double> @llvm.masked.load.v4f64.p0(ptr align 1 %p, <4 x i1> %m, <4 x double> zeroinitializer)
  store <4 x double> %v, ptr %out, align 1
  call void @llvm.masked.store.v4f64.p0(<4 x double> splat (double 2.0), ptr align 1 %p, <4 x i1> %m)
  ret void
}
define void @form_masked_none(ptr %p, ptr %out) {
  %m = call <4 x i1> @all()
  %none = xor <4 x i1> %m, splat (i1 true)
  %v = call <4 x i32> @llvm.masked.load.v4i32.p0(ptr align 4 %p, <4 x i1> %none, <4 x i32> <i32 1, i32 2, i32 3, i32 4>)
  store <4 x i32> %v, ptr %out, align 4
  call void @llvm.masked.store.v4i32.p0(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, ptr align 4 %p, <4 x i1> %none)
  ret void
}
define void @form_expand(ptr %p, ptr %out) {
  %m = call <4 x i1> @mask()
  %v = call <4 x i32> @llvm.masked.expandload.v4i32(ptr align 4 %p, <4 x i1> %m, <4 x i32> <i32 1, i32 2, i32 3, i32 4>)
  store <4 x i32> %v, ptr %out, align 4
  ret void
}
define void @form_expand_all(ptr %p, ptr %out) {
  %m = call <4 x i1> @all()
  %v = call <4 x i32> @llvm.masked.expandload.v4i32(ptr align 4 %p, <4 x i1> %m, <4 x i32> <i32 1, i32 2, i32 3, i32 4>)
  store <4 x i32> %v, ptr %out, align 4
  ret void
}
define void @form_compress(ptr %p, ptr %out) {
  %m = call <4 x i1> @mask()
  call void @llvm.masked.compressstore.v4i32(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, ptr align 4 %p, <4 x i1> %m)
  ret void
}
define void @form_gather(ptr %p, ptr %out) {
  %m = call <4 x i1> @mask()
  %q = getelementptr i8, ptr %p, <4 x i64> <i64 0, i64 8, i64 4, i64 12>
  %v = call <4 x i32> @llvm.masked.gather.v4i32.v4p0(<4 x ptr> align 4 %q, <4 x i1> %m, <4 x i32> <i32 1, i32 2, i32 3, i32 4>)
  store <4 x i32> %v, ptr %out, align 4
  ret void
}
define void @form_scatter(ptr %p, ptr %out) {
  %m = call <4 x i1> @mask()
  %q = getelementptr i8, ptr %p, <4 x i64> <i64 0, i64 8, i64 4, i64 12>
  call void @llvm.masked.scatter.v4i32.v4p0(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, <4 x ptr> align 4 %q, <4 x i1> %m)
  ret void
}
define void @form_gather_all(ptr %p, ptr %out) {
  %m = call <4 x i1> @all()
  %q = getelementptr i8, ptr %p, <4 x i64> <i64 0, i64 8, i64 4, i64 12>
  %v = call <4 x i32> @llvm.masked.gather.v4i32.v4p0(<4 x ptr> align 4 %q, <4 x i1> %m, <4 x i32> <i32 1, i32 2, i32 3, i32 4>)
  store <4 x i32> %v, ptr %out, align 4
  ret void
}
define void @form_scatter_all(ptr %p, ptr %out) {
  %m = call <4 x i1> @all()
  %q = getelementptr i8, ptr %p, <4 x i64> <i64 0, i64 8, i64 4, i64 12>
  call void @llvm.masked.scatter.v4i32.v4p0(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, <4 x ptr> align 4 %q, <4 x i1> %m)
  ret void
}
define void @form_gather_mixed(ptr %p, ptr %out) {
  %m = call <4 x i1> @all()
  store i64 81985529216486895, ptr %out, align 8
  %a = insertelement <4 x ptr> poison, ptr %out, i64 0
  %b = insertelement <4 x ptr> %a, ptr %p, i64 1
  %out4 = getelementptr i8, ptr %out, i64 4
  %p4 = getelementptr i8, ptr %p, i64 4
  %c = insertelement <4 x ptr> %b, ptr %p4, i64 2
  %q = insertelement <4 x ptr> %c, ptr %out4, i64 3
  %v = call <4 x i32> @llvm.masked.gather.v4i32.v4p0(<4 x ptr> align 4 %q, <4 x i1> %m, <4 x i32> <i32 1, i32 2, i32 3, i32 4>)
  store <4 x i32> %v, ptr %out, align 4
  call void @llvm.masked.scatter.v4i32.v4p0(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, <4 x ptr> align 4 %q, <4 x i1> %m)
  ret void
}

; ---- Lengths: three of four lanes.
define void @form_vp_load(ptr %p, ptr %out) {
  %m = call <4 x i1> @mask()
  %n = call i32 @three()
  %k = and <4 x i1> %m, <i1 true, i1 true, i1 true, i1 false>
  %v = call <4 x i32> @llvm.vp.load.v4i32.p0(ptr align 4 %p, <4 x i1> %m, i32 %n)
  %s = select <4 x i1> %k, <4 x i32> %v, <4 x i32> zeroinitializer
  store <4 x i32> %s, ptr %out, align 4
  ret void
}
define void @form_vp_store(ptr %p, ptr %out) {
  %m = call <4 x i1> @mask()
  %n = call i32 @three()
  call void @llvm.vp.store.v4i32.p0(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, ptr align 4 %p, <4 x i1> %m, i32 %n)
  ret void
}
define void @form_vp_gather(ptr %p, ptr %out) {
  %m = call <4 x i1> @all()
  %n = call i32 @three()
  %q = getelementptr i8, ptr %p, <4 x i64> <i64 0, i64 8, i64 4, i64 12>
  %k = and <4 x i1> %m, <i1 true, i1 true, i1 true, i1 false>
  %v = call <4 x i32> @llvm.vp.gather.v4i32.v4p0(<4 x ptr> align 4 %q, <4 x i1> %m, i32 %n)
  %s = select <4 x i1> %k, <4 x i32> %v, <4 x i32> zeroinitializer
  store <4 x i32> %s, ptr %out, align 4
  ret void
}
define void @form_vp_scatter(ptr %p, ptr %out) {
  %m = call <4 x i1> @all()
  %n = call i32 @three()
  %q = getelementptr i8, ptr %p, <4 x i64> <i64 0, i64 8, i64 4, i64 12>
  call void @llvm.vp.scatter.v4i32.v4p0(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, <4 x ptr> align 4 %q, <4 x i1> %m, i32 %n)
  ret void
}

; ---- x86's own.
define void @form_avx_load(ptr %p, ptr %out) #1 {
  %m = call <4 x i1> @mask()
  %w = sext <4 x i1> %m to <4 x i32>
  %v = call <4 x float> @llvm.x86.avx.maskload.ps(ptr %p, <4 x i32> %w)
  store <4 x float> %v, ptr %out, align 4
  ret void
}
define void @form_avx_store(ptr %p, ptr %out) #1 {
  %m = call <4 x i1> @mask()
  %w = sext <4 x i1> %m to <4 x i32>
  call void @llvm.x86.avx.maskstore.ps(ptr %p, <4 x i32> %w, <4 x float> splat (float 3.0))
  ret void
}
define void @form_avx2_load(ptr %p, ptr %out) #1 {
  %m = call <4 x i1> @mask()
  %w = sext <4 x i1> %m to <4 x i64>
  %v = call <4 x i64> @llvm.x86.avx2.maskload.q.256(ptr %p, <4 x i64> %w)
  store <4 x i64> %v, ptr %out, align 4
  ret void
}
define void @form_avx2_gather(ptr %p, ptr %out) #1 {
  %m = call <4 x i1> @mask()
  %w = sext <4 x i1> %m to <4 x i32>
  %v = call <4 x i32> @llvm.x86.avx2.gather.d.d(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, ptr %p, <4 x i32> <i32 0, i32 9, i32 1, i32 9>, <4 x i32> %w, i8 4)
  store <4 x i32> %v, ptr %out, align 4
  ret void
}
define void @form_avx2_gather_few(ptr %p, ptr %out) #1 {
  %m = call <4 x i1> @all()
  %w = sext <4 x i1> %m to <4 x i32>
  %f = bitcast <4 x i32> %w to <4 x float>
  %v = call <4 x float> @llvm.x86.avx2.gather.q.ps(<4 x float> splat (float 1.0), ptr %p, <2 x i64> <i64 2, i64 0>, <4 x float> %f, i8 4)
  store <4 x float> %v, ptr %out, align 4
  ret void
}
define void @form_byte_mask(ptr %p, ptr %out) {
  call void @llvm.x86.sse2.maskmov.dqu(<16 x i8> splat (i8 9), <16 x i8> <i8 -1, i8 0, i8 -1, i8 1, i8 -1, i8 -1, i8 0, i8 0, i8 0, i8 -128, i8 0, i8 0, i8 0, i8 0, i8 0, i8 0>, ptr %p)
  ret void
}
define void @form_control_word(ptr %p, ptr %out) {
  call void @llvm.x86.sse.stmxcsr(ptr %p)
  %v = load i32, ptr %p, align 4
  store i32 %v, ptr %out, align 4
  call void @llvm.x86.sse.ldmxcsr(ptr %p)
  ret void
}

; ---- Blocks, element by element.
define void @form_element_copy(ptr %p, ptr %out) {
  call void @llvm.memcpy.element.unordered.atomic.p0.p0.i64(ptr align 4 %out, ptr align 4 %p, i64 16, i32 4)
  store i32 1, ptr %out, align 4
  call void @llvm.memcpy.element.unordered.atomic.p0.p0.i32(ptr align 4 %p, ptr align 4 %out, i32 16, i32 4)
  ret void
}
define void @form_element_move(ptr %p, ptr %out) {
  %q = getelementptr i8, ptr %p, i64 4
  call void @llvm.memmove.element.unordered.atomic.p0.p0.i64(ptr align 4 %q, ptr align 4 %p, i64 12, i32 4)
  call void @llvm.memcpy.p0.p0.i64(ptr %out, ptr %p, i64 16, i1 false)
  call void @llvm.memmove.element.unordered.atomic.p0.p0.i64(ptr align 4 %p, ptr align 4 %q, i64 12, i32 4)
  ret void
}
define void @form_element_set(ptr %p, ptr %out) {
  call void @llvm.memset.element.unordered.atomic.p0.i64(ptr align 4 %p, i8 -91, i64 16, i32 4)
  ret void
}
define void @form_pattern(ptr %p, ptr %out) {
  %v = load i32, ptr %p, align 4
  call void @llvm.experimental.memset.pattern.p0.i32.i64(ptr align 4 %p, i32 %v, i64 3, i1 false)
  ret void
}

; ---- The rest.
define void @form_relative(ptr %p, ptr %out) {
  %r = call ptr @llvm.load.relative.i64(ptr %p, i64 4)
  %a = ptrtoint ptr %r to i64
  %b = ptrtoint ptr %p to i64
  %d = sub i64 %a, %b
  store i64 %d, ptr %out, align 8
  ret void
}
define internal i64 @arguments(ptr %list, ...) {
  call void @llvm.va_start.p0(ptr %list)
  %a = va_arg ptr %list, i64
  %b = va_arg ptr %list, double
  %c = va_arg ptr %list, i64
  call void @llvm.va_end.p0(ptr %list)
  %i = fptosi double %b to i64
  %d = mul i64 %a, %i
  %s = sub i64 %d, %c
  call void @llvm.memset.p0.i64(ptr %list, i8 0, i64 24, i1 false)
  ret i64 %s
}
define void @form_va_arg(ptr %p, ptr %out) {
  %v = call i64 (ptr, ...) @arguments(ptr %p, i64 6, double 7.5, i64 1)
  store i64 %v, ptr %out, align 8
  ret void
}
define void @form_space(ptr %p, ptr %out) {
  %a = addrspacecast ptr %p to ptr addrspace(1)
  %b = getelementptr i8, ptr addrspace(1) %a, i64 4
  %v = load i32, ptr addrspace(1) %b, align 4
  store i32 %v, ptr %out, align 4
  store i32 5, ptr addrspace(1) %b, align 4
  %w = atomicrmw add ptr addrspace(1) %a, i32 1 seq_cst, align 4
  ret void
}

; ---- Not rewritten: these trap.
define void @form_segment(ptr %p, ptr %out) {
  %a = addrspacecast ptr %p to ptr addrspace(257)
  %v = load i32, ptr addrspace(257) %a, align 4
  store i32 %v, ptr %out, align 4
  ret void
}
define void @form_histogram(ptr %p, ptr %out) {
  %m = call <4 x i1> @all()
  %o = insertelement <4 x ptr> poison, ptr %p, i64 0
  %q = shufflevector <4 x ptr> %o, <4 x ptr> poison, <4 x i32> zeroinitializer
  call void @llvm.experimental.vector.histogram.add.v4p0.i32(<4 x ptr> %q, i32 1, <4 x i1> %m)
  ret void
}
define void @form_xsave(ptr %p, ptr %out) #2 {
  call void @llvm.x86.xsave64(ptr %p, i32 0, i32 1)
  ret void
}

; ---- Pointers in the host's memory: lanes 0 and 2 of four are read through, and change places.
define void @swap_lanes(ptr %p, ptr %out) {
  %m = call <4 x i1> @mask()
  %v = call <4 x ptr> @llvm.masked.load.v4p0.p0(ptr align 8 %p, <4 x i1> %m, <4 x ptr> zeroinitializer)
  %a = extractelement <4 x ptr> %v, i64 0
  %b = extractelement <4 x ptr> %v, i64 2
  %x = load i32, ptr %a, align 4
  %y = load i32, ptr %b, align 4
  %s = sub i32 %x, %y
  store i32 %s, ptr %out, align 4
  %w = shufflevector <4 x ptr> %v, <4 x ptr> poison, <4 x i32> <i32 2, i32 poison, i32 0, i32 poison>
  call void @llvm.masked.store.v4p0.p0(<4 x ptr> %w, ptr align 8 %p, <4 x i1> %m)
  ret void
}

attributes #0 = { "target-features"="+cx16" }
attributes #1 = { "target-features"="+avx,+avx2" }
attributes #2 = { "target-features"="+xsave" }
