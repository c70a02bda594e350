declare void @f(ptr)
define void @d(ptr %p, i32 %n) !dbg !9 {
    #dbg_value(ptr %p, !12, !DIExpression(), !13)
  %a = alloca i32, align 4
    #dbg_declare(ptr %a, !12, !DIExpression(), !13)
  %b = alloca i64, align 8
    #dbg_assign(i32 0, !12, !DIExpression(), !14, ptr %a, !DIExpression(), !13)
    #dbg_value(!DIArgList(ptr %p, i32 %n), !12, !DIExpression(DW_OP_LLVM_arg, 0, DW_OP_LLVM_arg, 1, DW_OP_plus), !13)
  store i32 %n, ptr %a, align 4, !dbg !13, !DIAssignID !14
  %v = load i32, ptr %p, align 4, !dbg !13, !annotation !15, !foo !11, !nosanitize !11
  call void @llvm.foo(metadata !"a, !dbg !77 %p"), !dbg !13
  call void @llvm.experimental.noalias.scope.decl(metadata !18), !dbg !13
  br label %x, !dbg !13
x:
    #dbg_label(!16, !13)
    #dbg_value(i32 poison, !12, !DIExpression(), !13)
  ret void, !dbg !13
}
declare void @llvm.foo(metadata)
!llvm.module.flags = !{!5}
!llvm.dbg.cu = !{!6}
!5 = !{i32 2, !"Debug Info Version", i32 3}
!6 = distinct !DICompileUnit(language: DW_LANG_C11, file: !7, producer: "clang", emissionKind: FullDebug)
!7 = !DIFile(filename: "a.c", directory: "/src")
!9 = distinct !DISubprogram(name: "x, file: !5, scope: !6", file: !7, line: 7, type: !10, unit: !6, spFlags: DISPFlagDefinition)
!10 = !DISubroutineType(types: !11)
!11 = !{null}
!12 = !DILocalVariable(name: "v", scope: !9, file: !7, type: !17)
!13 = !DILocation(line: 3, column: 4, scope: !9)
!14 = distinct !DIAssignID()
!15 = !{!"x"}
!16 = !DILabel(scope: !9, name: "l", file: !7, line: 4)
!17 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
!18 = !{!19}
!19 = distinct !{!19, !20}
!20 = distinct !{!20}
