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
; CHECK:         br i1
; CHECK:         [[P:%galeed.[0-9]+]] = ptrtoint ptr %p to i64
; CHECK-NEXT:    [[Q:%galeed.[0-9]+]] = ptrtoint ptr %q to i64
; CHECK-NEXT:    call void @galeed_memmove(i64 [[P]], i64 [[Q]], i64 %n)
; CHECK-NEXT:    [[A:%galeed.[0-9]+]] = ptrtoint ptr %a to i64
; CHECK-NEXT:    [[Q2:%galeed.[0-9]+]] = ptrtoint ptr %q to i64
; CHECK-NEXT:    call void @galeed_memmove(i64 [[A]], i64 [[Q2]], i64 64)
; CHECK:         call void @llvm.memcpy.p0.p0.i64(ptr align 8 %p, ptr align 4 %q, i64 %n, i1 false)
; CHECK-NEXT:    call void @llvm.memcpy.p0.p0.i64(ptr %a, ptr %q, i64 64, i1 false)
; CHECK:         call void @llvm.memset.p0.i64(ptr %a, i8 0, i64 64, i1 false)
; CHECK-NEXT:    ptrtoint ptr %p to i64
; CHECK:         [[ONE:%galeed.[0-9]+]] = zext i8 1 to i32
; CHECK-NEXT:    call void @galeed_memset(i64 {{%galeed.[0-9]+}}, i32 [[ONE]], i64 %n)
; CHECK:         [[M:%galeed.[0-9]+]] = zext i32 %m to i64
; CHECK-NEXT:    call void @galeed_memmove(i64 {{%galeed.[0-9]+}}, i64 {{%galeed.[0-9]+}}, i64 [[M]])
; CHECK:         call void @galeed_memmove(i64 {{%galeed.[0-9]+}}, i64 {{%galeed.[0-9]+}}, i64 16)
; CHECK:         call void @galeed_memset(i64 {{%galeed.[0-9]+}}, i32 %byte, i64 %n)
; CHECK-NEXT:    [[S:%galeed.[0-9]+]] = getelementptr i8, ptr %p, i64 0
; CHECK:         call void @llvm.memset.p0.i64(ptr %p, i8 1, i64 %n, i1 true)
; CHECK-NEXT:    call void @llvm.memmove.p0.p0.i32(ptr %p, ptr %a, i32 %m, i1 false)
; CHECK-NEXT:    call void @llvm.memcpy.inline.p0.p0.i64(ptr %p, ptr %q, i64 16, i1 false)
; CHECK-NEXT:    [[R:%galeed.[0-9]+]] = call ptr @memset(ptr %p, i32 %byte, i64 %n)
; CHECK:         %r = phi ptr [ [[S]], {{.*}} ], [ [[R]], {{.*}} ]
