; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s

define ptr @all(ptr %p, ptr %q, i64 %n, i32 %v) {
  %a = alloca [64 x i8], align 16
  call void @llvm.memmove.element.unordered.atomic.p0.p0.i64(ptr align 4 %p, ptr align 4 %a, i64 %n, i32 4)
  call void @llvm.memcpy.element.unordered.atomic.p0.p0.i64(ptr align 4 %a, ptr align 4 %a, i64 %n, i32 4)
  call void @llvm.memset.element.unordered.atomic.p0.i64(ptr align 2 %p, i8 1, i64 %n, i32 2)
  call void @llvm.experimental.memset.pattern.p0.i32.i64(ptr align 4 %p, i32 %v, i64 %n, i1 false)
  %r = call ptr @llvm.load.relative.i64(ptr %q, i64 %n)
  ret ptr %r
}
; CHECK-LABEL: define ptr @all(
; CHECK:         call void @galeed.elements.copy.i32.i64(ptr %p, ptr %a, i64 %n)
; CHECK-NEXT:    call void @llvm.memcpy.element.unordered.atomic.p0.p0.i64(ptr align 4 %a
; CHECK-NEXT:    [[WIDE:%galeed.[0-9]+]] = zext i8 1 to i16
; CHECK-NEXT:    [[BOTH:%galeed.[0-9]+]] = mul i16 [[WIDE]], 257
; CHECK-NEXT:    call void @galeed.elements.fill.i16.i64.atomic(ptr %p, i16 [[BOTH]], i64 %n)
; CHECK-NEXT:    [[BYTES:%galeed.[0-9]+]] = mul i64 %n, 4
; CHECK-NEXT:    call void @galeed.elements.fill.i32.i64(ptr %p, i32 %v, i64 [[BYTES]])
; CHECK-NEXT:    [[E:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %q)
; CHECK-NEXT:    [[AT:%galeed.[0-9]+]] = getelementptr i8, ptr %q, i64 %n
; CHECK-NEXT:    [[FAR:%galeed.[0-9]+]] = call i32 @galeed.load.i32.4(ptr [[AT]], ptr [[E]])
; CHECK-NEXT:    [[WAY:%galeed.[0-9]+]] = sext i32 [[FAR]] to i64
; CHECK-NEXT:    %r = getelementptr i8, ptr %q, i64 [[WAY]]

; Each element whole; overlapping memory from its end.
; CHECK-LABEL: define internal void @galeed.elements.copy.i32.i64(
; CHECK:         %back = icmp ult i64 %apart, %bytes
; CHECK:         %value = call i32 @galeed.load.i32.4.atomic.unordered(ptr %source, ptr %from.entry)
; CHECK-NEXT:    call void @galeed.store.i32.4.atomic.unordered(ptr %target, ptr %to.entry, i32 %value)
