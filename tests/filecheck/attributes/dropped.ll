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
!0 = !{}
!1 = !{i64 8}
; CHECK:      declare noalias ptr @malloc(i64) [[MALLOC:#[0-9]+]]
; CHECK:      declare void @other(ptr)
; CHECK:      define void @f(ptr noalias noundef %p) [[F:#[0-9]+]]
; CHECK-NEXT:   %q = load ptr, ptr %p, align 8, !nonnull !{{[0-9]+}}
; CHECK-NEXT:   call void @other(ptr nonnull %q) [[CALL:#[0-9]+]]
; CHECK-DAG:  attributes [[MALLOC]] = { nofree nounwind willreturn allockind("alloc,uninitialized") allocsize(0) memory(inaccessiblemem: readwrite)
; CHECK-DAG:  attributes [[F]] = { mustprogress nounwind uwtable "frame-pointer"="all" }
; CHECK-DAG:  attributes [[CALL]] = { nounwind }
