; strided.ll - forms that x86-64 code generation lacks: only rewritten they run at all. What is right
; stands in instructions.c.
target datalayout = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
target triple = "x86_64-unknown-linux-gnu"

@length = internal global i32 3

define internal i32 @three() noinline {
  %n = load volatile i32, ptr @length, align 4
  ret i32 %n
}

define void @form_strided_load(ptr %p, ptr %out) {
  %n = call i32 @three()
  %v = call <4 x i32> @llvm.experimental.vp.strided.load.v4i32.p0.i64(ptr align 4 %p, i64 12, <4 x i1> splat (i1 true), i32 %n)
  %s = select <4 x i1> <i1 true, i1 true, i1 true, i1 false>, <4 x i32> %v, <4 x i32> zeroinitializer
  store <4 x i32> %s, ptr %out, align 4
  ret void
}
define void @form_strided_store(ptr %p, ptr %out) {
  %n = call i32 @three()
  call void @llvm.experimental.vp.strided.store.v4i32.p0.i32(<4 x i32> <i32 1, i32 2, i32 3, i32 4>, ptr align 4 %p, i32 12, <4 x i1> splat (i1 true), i32 %n)
  ret void
}
