; RUN: galeed-opt %s -S | filecheck %s
; RUN: galeed-opt %s -S | filecheck --check-prefix=HOST %s
; All passes: what stays true of loops, types and aliases is still there, also on lines that became calls.

define void @copies(ptr noalias noundef nonnull align 4096 %to, ptr noalias %from, i64 range(i64 1, 100) %n) !dbg !20 {
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %at = getelementptr inbounds i32, ptr %from, i64 %i
  %v = load i32, ptr %at, align 4, !tbaa !0, !alias.scope !4, !noalias !7, !llvm.access.group !9, !dbg !21
  %there = getelementptr inbounds i32, ptr %to, i64 %i
  store i32 %v, ptr %there, align 4, !tbaa !0, !alias.scope !7, !noalias !4, !llvm.access.group !9, !dbg !21
  %next = add nuw nsw i64 %i, 1
  %more = icmp ult i64 %next, %n, !dbg !21
  br i1 %more, label %loop, label %done, !llvm.loop !10, !dbg !21
done:
  ret void, !dbg !21
}

; The host gives the handle of the allocation for what it was given: perhaps not the same one.
define ptr @asks(ptr %call, ptr %p) {
  %r = call nonnull ptr %call(ptr noundef returned align 8 %p, i32 4)
  ret ptr %r
}
!llvm.module.flags = !{!15}
!llvm.dbg.cu = !{!16}
!0 = !{!1, !1, i64 0}
!1 = !{!"int", !2, i64 0}
!2 = !{!"omnipotent char", !3, i64 0}
!3 = !{!"Simple C/C++ TBAA"}
!4 = !{!5}
!5 = distinct !{!5, !6, !"copies: %from"}
!6 = distinct !{!6, !"copies"}
!7 = !{!8}
!8 = distinct !{!8, !6, !"copies: %to"}
!9 = distinct !{}
!10 = distinct !{!10, !11, !12}
!11 = !{!"llvm.loop.mustprogress"}
!12 = !{!"llvm.loop.parallel_accesses", !9}
!15 = !{i32 2, !"Debug Info Version", i32 3}
!16 = distinct !DICompileUnit(language: DW_LANG_C11, file: !17, emissionKind: FullDebug)
!17 = !DIFile(filename: "copies.c", directory: "/src")
!18 = !DISubroutineType(types: !19)
!19 = !{null}
!20 = distinct !DISubprogram(name: "copies", scope: !17, file: !17, line: 1, type: !18, unit: !16, spFlags: DISPFlagDefinition)
!21 = !DILocation(line: 3, column: 5, scope: !20)

; CHECK-LABEL: define hidden void @copies.foreign(ptr noalias noundef nonnull align 4096 %to, ptr noalias %from, i64 range(i64 1, 100) %n)
; CHECK:         %v = load i32, ptr %at, align 4, !dbg [[LINE:![0-9]+]], !tbaa [[INT:![0-9]+]], !alias.scope [[FROM:![0-9]+]], !noalias [[TO:![0-9]+]], !llvm.access.group [[GROUP:![0-9]+]]
; CHECK:         store i32 %v, ptr %there, align 4, !dbg [[LINE]], !tbaa [[INT]], !alias.scope [[TO]], !noalias [[FROM]], !llvm.access.group [[GROUP]]
; CHECK:         br i1 %more, label %loop, label %done, !dbg [[LINE]], !llvm.loop [[LOOP:![0-9]+]]
; The same of lent memory: on the access, and on the call in its place.
; CHECK:         @galeed_load4({{.*}}, !dbg [[LINE]], !alias.scope [[FROM]], !noalias [[TO]], !llvm.access.group [[GROUP]]
; CHECK:         load i32, ptr %galeed{{.*}}, align 4, !dbg [[LINE]], !tbaa [[INT]], !alias.scope [[FROM]], !noalias [[TO]], !llvm.access.group [[GROUP]]
; CHECK:         @galeed_store4({{.*}}, !dbg [[LINE]], !alias.scope [[TO]], !noalias [[FROM]], !llvm.access.group [[GROUP]]
; CHECK:         store i32 %{{.*}}, ptr %galeed{{.*}}, align 4, !dbg [[LINE]], !tbaa [[INT]], !alias.scope [[TO]], !noalias [[FROM]], !llvm.access.group [[GROUP]]
; CHECK:       [[LOOP]] = distinct !{[[LOOP]], [[PROGRESS:![0-9]+]], [[PARALLEL:![0-9]+]]}
; CHECK-NEXT:  [[PROGRESS]] = !{!"llvm.loop.mustprogress"}
; CHECK-NEXT:  [[PARALLEL]] = !{!"llvm.loop.parallel_accesses", [[GROUP]]}

; HOST-LABEL:  define hidden ptr @asks.foreign(
; HOST-NEXT:     %r = call nonnull ptr @galeed.callback.0(ptr noundef align 8 %p, i32 4, ptr nest %call)
