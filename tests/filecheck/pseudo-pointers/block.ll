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
; CHECK:         [[P:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %p)
; CHECK-NEXT:    [[Q:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %q)
; CHECK-NEXT:    call void @galeed.memcpy.to.from.8.4.false(ptr %p, ptr [[P]], ptr %q, ptr [[Q]], i64 %n)
; CHECK-NEXT:    [[Q2:%galeed.[0-9]+]] = call ptr @galeed.entry(ptr %q)
; CHECK-NEXT:    call void @galeed.memcpy.from.1.1.false(ptr %a, ptr %q, ptr [[Q2]], i64 64)
; CHECK:         call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr align 4 %q, i64 %n, i1 false)
; CHECK-NEXT:    call void @llvm.memcpy.p0.p0.i64(ptr %a, ptr %q, i64 64, i1 false)
; CHECK:         call void @llvm.memset.p0.i64(ptr %a, i8 0, i64 64, i1 false)
; CHECK-NEXT:    ptrtoint ptr %p to i64
; CHECK:         call void @galeed.memset.to.1.true(ptr %p, ptr {{%galeed.[0-9]+}}, i8 1, i64 %n)
; CHECK:         call void @galeed.memmove.to.1.1.false.i32(ptr %p, ptr {{%galeed.[0-9]+}}, ptr %a, i32 %m)
; CHECK:         call void @galeed.memcpy.inline.to.from.1.1.false.16(
; CHECK:         [[B:%galeed.[0-9]+]] = trunc i32 %byte to i8
; CHECK-NEXT:    call void @galeed.memset.to.1.false(ptr %p, ptr {{%galeed.[0-9]+}}, i8 [[B]], i64 %n)
; CHECK-NEXT:    [[S:%galeed.[0-9]+]] = getelementptr i8, ptr %p, i64 0
; CHECK:         call void @llvm.memset.p0.i64(ptr %p, i8 1, i64 %n, i1 true)
; CHECK-NEXT:    call void @llvm.memmove.p0.p0.i32(ptr %p, ptr %a, i32 %m, i1 false)
; CHECK-NEXT:    call void @llvm.memcpy.inline.p0.p0.i64(ptr %p, ptr %q, i64 16, i1 false)
; CHECK-NEXT:    [[R:%galeed.[0-9]+]] = call ptr @memset(ptr %p, i32 %byte, i64 %n)
; CHECK:         %r = phi ptr [ [[S]], {{.*}} ], [ [[R]], {{.*}} ]

; CHECK-LABEL: define internal void @galeed.memcpy.to.from.8.4.false(
; CHECK:         %last = sub i64 %bytes, 1
; CHECK:         %to.limit.at = getelementptr inbounds i8, ptr %to.entry, i64 16
; CHECK:         %to.bound = call i64 @llvm.usub.sat.i64(i64 %to.limit, i64 %last)
; CHECK:         %from.limit.at = getelementptr inbounds i8, ptr %from.entry, i64 8
; CHECK:         %inside = and i1 %to.inside, %from.inside
; CHECK:         call void @llvm.memcpy.p0.p0.i64(ptr align 8 %to.address, ptr align 4 %from.address, i64 %bytes, i1 false)
; CHECK:         call void @galeed_memmove(i64 %to.word, i64 %from.word, i64 %bytes)
