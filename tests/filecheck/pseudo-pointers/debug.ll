; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; Inserted calls have a place in functions with debug information; records stay where they were.

define i32 @f(ptr %p) !dbg !3 {
    #dbg_value(ptr %p, !7, !DIExpression(), !6)
  %v = load i32, ptr %p, align 4, !dbg !6
    #dbg_value(i32 %v, !8, !DIExpression(), !6)
  ret i32 %v, !dbg !6
}
!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!2}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, producer: "none", emissionKind: FullDebug)
!1 = !DIFile(filename: "a.c", directory: "/src")
!2 = !{i32 2, !"Debug Info Version", i32 3}
!3 = distinct !DISubprogram(name: "f", file: !1, line: 7, type: !4, unit: !0, spFlags: DISPFlagDefinition)
!4 = !DISubroutineType(types: !5)
!5 = !{null}
!6 = !DILocation(line: 8, column: 3, scope: !3)
!7 = !DILocalVariable(name: "p", arg: 1, scope: !3, file: !1)
!8 = !DILocalVariable(name: "v", scope: !3, file: !1)
; CHECK-LABEL: define i32 @f(
; CHECK-NEXT:    call ptr @galeed.entry(ptr %p), !dbg [[ZERO:![0-9]+]]
; CHECK-NEXT:      #dbg_value(ptr %p,
; CHECK-NEXT:    %v = call i32 @galeed.load.i32.4({{.*}}), !dbg [[OWN:![0-9]+]]
; CHECK-NEXT:      #dbg_value(i32 %v,
; CHECK-DAG: [[OWN]] = !DILocation(line: 8, column: 3
; CHECK-DAG: [[ZERO]] = !DILocation(line: 0
