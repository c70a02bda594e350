; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; What stays true of an access is said of the call that serves it: LLVM's inliner hands it on;
; the raw copy says all of it. Other address spaces are the same memory on x86.

define void @scoped(ptr noalias %p, ptr noalias %q) {
  %v = load i32, ptr %p, align 4, !alias.scope !0, !noalias !3
  store i32 %v, ptr %q, align 4, !alias.scope !3, !noalias !0, !llvm.access.group !5
  call void @llvm.memcpy.p0.p0.i64(ptr %p, ptr %q, i64 16, i1 false), !noalias !0
  ret void
}
; CHECK-LABEL: define void @scoped(
; CHECK:         call preserve_mostcc i64 @galeed_load4({{.*}}), !alias.scope [[P:![0-9]+]], !noalias [[Q:![0-9]+]]
; CHECK:         call preserve_mostcc void @galeed_store4({{.*}}), !alias.scope [[Q]], !noalias [[P]], !llvm.access.group [[G:![0-9]+]]
; CHECK:         call void @galeed_memmove({{.*}}, i64 16)
; CHECK:         load i32, ptr %p, align 4, !alias.scope [[P]], !noalias [[Q]]
; CHECK-NEXT:    store i32 {{.*}}, ptr %q, align 4, !alias.scope [[Q]], !noalias [[P]], !llvm.access.group [[G]]
; CHECK-NEXT:    call void @llvm.memcpy.p0.p0.i64({{.*}}), !noalias [[P]]

define i32 @space(ptr %p) {
  %s = addrspacecast ptr %p to ptr addrspace(1)
  %g = getelementptr i8, ptr addrspace(1) %s, i64 4
  %v = load i32, ptr addrspace(1) %g, align 4
  ret i32 %v
}
; CHECK-LABEL: define i32 @space(
; CHECK:         [[FLAT:%galeed.[0-9]+]] = addrspacecast ptr addrspace(1) %g to ptr
; CHECK-NEXT:    [[BITS:%galeed.[0-9]+]] = ptrtoint ptr [[FLAT]] to i64
; CHECK-NEXT:    [[WORD:%galeed.[0-9]+]] = call preserve_mostcc i64 @galeed_load4(i64 [[BITS]])
; CHECK-NEXT:    %v = trunc i64 [[WORD]] to i32

define ptr @inner({ <2 x ptr>, i32 } %unused, ptr %p) {
  %v = load { <2 x ptr>, i32 }, ptr %p, align 16
  %w = extractvalue { <2 x ptr>, i32 } %v, 0
  %x = extractelement <2 x ptr> %w, i32 1
  ret ptr %x
}
; CHECK-LABEL: define internal { <2 x ptr>, i32 } @galeed.load.
; CHECK:         %result.p0 = extractvalue { <2 x ptr>, i32 } %value, 0
; CHECK:         %result.q0.p1 = extractelement <2 x ptr> %result.p0, i64 1

!0 = !{!1}
!1 = distinct !{!1, !2}
!2 = distinct !{!2}
!3 = !{!4}
!4 = distinct !{!4, !2}
!5 = distinct !{}
