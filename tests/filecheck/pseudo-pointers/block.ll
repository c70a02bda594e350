; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare void @llvm.memmove.p0.p0.i32(ptr, ptr, i32, i1)
declare void @llvm.memcpy.inline.p0.p0.i64(ptr, ptr, i64, i1)
declare ptr @memset(ptr, i32, i64)

define ptr @all(ptr %p, ptr %q, i64 %n, i32 %m, i32 %byte) {
  %a = alloca [64 x i8], align 16
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr align 4 %q, i64 %n, i1 false)
  call void @llvm.memcpy.p0.p0.i64(ptr %a, ptr %q, i64 64, i1 false)
  call void @llvm.memset.p0.i64(ptr %a, i8 0, i64 64, i1 false)
  call void @llvm.memset.p0.i64(ptr %p, i8 1, i64 %n, i1 true)
  call void @llvm.memmove.p0.p0.i32(ptr %p, ptr %a, i32 %m, i1 false)
  call void @llvm.memcpy.inline.p0.p0.i64(ptr %p, ptr %q, i64 16, i1 false)
  %r = call ptr @memset(ptr %p, i32 %byte, i64 %n)
  ret ptr %r
}
; CHECK-LABEL: define ptr @all(
; CHECK:         call void @galeed.memcpy.to.from.8.4.false(ptr %p, ptr [[P:%galeed.[0-9]+]], ptr %q, ptr [[Q:%galeed.[0-9]+]], i64 %n)
; CHECK-NEXT:    call void @galeed.memcpy.from.1.1.false(ptr %a, ptr %q, ptr [[Q]], i64 64)
; CHECK-NEXT:    call void @llvm.memset.p0.i64(ptr %a, i8 0, i64 64, i1 false)
; CHECK-NEXT:    call void @galeed.memset.to.1.true(ptr %p, ptr [[P]], i8 1, i64 %n)
; CHECK-NEXT:    call void @galeed.memmove.to.1.1.false.i32(ptr %p, ptr [[P]], ptr %a, i32 %m)
; CHECK-NEXT:    call void @galeed.memcpy.inline.to.from.1.1.false.16(
; CHECK-NEXT:    [[B:%galeed.[0-9]+]] = trunc i32 %byte to i8
; CHECK-NEXT:    call void @galeed.memset.to.1.false(ptr %p, ptr [[P]], i8 [[B]], i64 %n)
; CHECK-NEXT:    %r = getelementptr i8, ptr %p, i64 0

; CHECK-LABEL: define internal void @galeed.memcpy.to.from.8.4.false(
; CHECK:         %last = sub i64 %bytes, 1
; CHECK:         %to.limit.at = getelementptr inbounds i8, ptr %to.entry, i64 16
; CHECK:         %to.bound = call i64 @llvm.usub.sat.i64(i64 %to.limit, i64 %last)
; CHECK:         %from.limit.at = getelementptr inbounds i8, ptr %from.entry, i64 8
; CHECK:         %inside = and i1 %to.inside, %from.inside
; CHECK:         call void @llvm.memcpy.p0.p0.i64(ptr align 8 %to.address, ptr align 4 %from.address, i64 %bytes, i1 false)
; CHECK:         call void @galeed_memmove(i64 %to.word, i64 %from.word, i64 %bytes)
