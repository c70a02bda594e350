; RUN: galeed-opt %s --passes=pseudo-pointers --verify-each -S | filecheck %s
; An access in another address space between two others is rewritten by itself: it stands once.

@"50%p" = global ptr null

define i32 @between(ptr %p, ptr addrspace(1) %s) {
  store i32 1, ptr %p, align 4
  %v = load i32, ptr addrspace(1) %s, align 4
  store i32 %v, ptr addrspace(1) %s, align 4
  %q = getelementptr i8, ptr addrspace(1) %s, i64 4
  %r = getelementptr i8, ptr %p, i64 4
  store i32 2, ptr %r, align 4
  %w = load i32, ptr addrspace(1) %q, align 4
  ret i32 %w
}
; A value has the letters of a global's name.
define void @names(ptr %p) {
  %a = load ptr, ptr %p, align 8
  %b = getelementptr i8, ptr %a, i64 1
  %c = getelementptr i8, ptr @"50%p", i64 0
  store ptr %b, ptr @"50%p", align 8
  %d = load ptr, ptr %p, align 8
  store ptr %d, ptr %c, align 8
  ret void
}
; CHECK-LABEL: define i32 @between(
; CHECK:       addrspacecast ptr addrspace(1) %s to ptr
; CHECK:       %v = trunc
; CHECK-NOT:   %v = {{(load|call|phi|trunc)}}
; CHECK-LABEL: define void @names(
; CHECK:       store ptr {{.*}}, ptr @"50%p", align 8
