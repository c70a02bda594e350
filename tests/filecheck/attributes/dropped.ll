; RUN: galeed-opt %s --passes=attributes -S | filecheck %s
; What the rewrite makes false goes; what stays true, and the allocator's, stays.

declare noalias ptr @malloc(i64) #1
declare void @other(ptr readonly captures(none))

define void @f(ptr noalias noundef readonly captures(none) dereferenceable(8) initializes((0, 8)) %p) #0 {
  %q = load ptr, ptr %p, align 8, !nonnull !0, !dereferenceable !1
  call void @other(ptr nonnull readonly dereferenceable_or_null(4) %q) #2
  ret void
}
attributes #0 = { mustprogress nofree norecurse nosync nounwind speculatable willreturn memory(argmem: readwrite, inaccessiblemem: none) uwtable "frame-pointer"="all" }
attributes #1 = { nofree nounwind willreturn allockind("alloc,uninitialized") allocsize(0) memory(inaccessiblemem: readwrite) "alloc-family"="malloc" }
attributes #2 = { nounwind memory(read) nocallback }
declare void @llvm.assume(i1)

; Alignments that a handle cannot keep, and what is assumed of memory behind one.
define void @large(ptr align 8192 %p, ptr align 4096 %q, ptr byval(i64) align 8192 %copy) {
  %l = load ptr, ptr @here, align 8, !align !2, !noundef !0
  call void @llvm.assume(i1 true) [ "dereferenceable"(ptr %p, i64 8), "nonnull"(ptr %q), "align"(ptr %q, i64 64) ]
  call void @llvm.assume(i1 true) [ "align"(ptr %q, i64 65536) ]
  call void @other(ptr align 16384 %l)
  ret void
}
@here = global ptr null
!2 = !{i64 65536}
!0 = !{}
!1 = !{i64 8}
; CHECK:      declare noalias ptr @malloc(i64) [[MALLOC:#[0-9]+]]
; CHECK:      declare void @other(ptr)
; CHECK:      define void @f(ptr noalias noundef %p) [[F:#[0-9]+]]
; CHECK-NEXT:   %q = load ptr, ptr %p, align 8, !nonnull !{{[0-9]+}}
; CHECK-NEXT:   call void @other(ptr nonnull %q) [[CALL:#[0-9]+]]
; CHECK:      define void @large(ptr %p, ptr align 4096 %q, ptr byval(i64) align 8192 %copy)
; CHECK-NEXT:   %l = load ptr, ptr @here, align 8, !noundef !{{[0-9]+}}
; CHECK-NEXT:   call void @llvm.assume(i1 true) [ "ignore"(ptr %p, i64 8), "nonnull"(ptr %q), "align"(ptr %q, i64 64) ]
; CHECK-NEXT:   call void @llvm.assume(i1 true) [ "ignore"(ptr %q, i64 65536) ]
; CHECK-NEXT:   call void @other(ptr %l)
; CHECK-DAG:  attributes [[MALLOC]] = { nofree nounwind willreturn allockind("alloc,uninitialized") allocsize(0) memory(inaccessiblemem: readwrite)
; CHECK-DAG:  attributes [[F]] = { mustprogress nounwind uwtable "frame-pointer"="all" }
; CHECK-DAG:  attributes [[CALL]] = { nounwind }
