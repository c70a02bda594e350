; RUN: galeed-opt %s --passes=pseudo-pointers -S | filecheck %s
; Inserted calls have a place in functions with debug information; records stay where they were.

define i32 @f(ptr %p) !dbg !3 {
    #dbg_value(ptr %p, !7, !DIExpression(), !6)
  %v = load i32, ptr %p, align 4, !dbg !6
    #dbg_value(i32 %v, !8, !DIExpression(), !6)
  ret i32 %v, !dbg !6
}

define void @inside(ptr %p) !dbg !9 {
  %v = load i32, ptr %p, align 4, !dbg !10
    #dbg_value(i32 %v, !12, !DIExpression(), !10)
  store i32 %v, ptr %p, align 4, !dbg !11
  ret void, !dbg !11
}

define x86_fp80 @without(ptr %p) !dbg !13 {
  %v = load x86_fp80, ptr %p, align 16
  ret x86_fp80 %v
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
!9 = distinct !DISubprogram(name: "inside", file: !1, line: 7, type: !4, unit: !0, spFlags: DISPFlagDefinition)
!10 = !DILocation(line: 8, column: 5, scope: !9)
!11 = !DILocation(line: 9, column: 3, scope: !9)
!12 = !DILocalVariable(name: "v", scope: !9, file: !1)
!13 = distinct !DISubprogram(name: "without", file: !1, line: 7, type: !4, unit: !0, spFlags: DISPFlagDefinition)

; CHECK-LABEL: define i32 @f(
; CHECK-NEXT:      #dbg_value(ptr %p,
; CHECK:         call preserve_mostcc i64 @galeed_load4({{.*}}), !dbg [[OWN:![0-9]+]]
; CHECK:         [[A:%galeed.[0-9]+]] = load i32, ptr %p, align 4, !dbg [[OWN]]
; CHECK:         %v = phi i32
; CHECK-NEXT:      #dbg_value(i32 %v,

; Records inside a segment stand in both copies, each with that copy's value.
; CHECK-LABEL: define void @inside(
; CHECK:         [[S:%galeed.[0-9]+]] = trunc i64
; CHECK-NEXT:      #dbg_value(i32 [[S]], [[V:![0-9]+]],
; CHECK:         call preserve_mostcc void @galeed_store4({{.*}}), !dbg [[LATER:![0-9]+]]
; CHECK:         [[R:%galeed.[0-9]+]] = load i32, ptr %p, align 4
; CHECK-NEXT:      #dbg_value(i32 [[R]], [[V]],
; CHECK-NEXT:    store i32 [[R]], ptr %p, align 4, !dbg [[LATER]]
; CHECK-NOT:     phi
; CHECK:         ret void

; A call of a helper that is inlined has a place, too, where the access has none.
; CHECK-LABEL: define x86_fp80 @without(
; CHECK:         call ptr @galeed.entry(ptr %p), !dbg [[ZERO:![0-9]+]]
; CHECK-NEXT:    call x86_fp80 @galeed.load.x86_fp80.16({{.*}}), !dbg [[ZERO]]
; CHECK-DAG: [[OWN]] = !DILocation(line: 8, column: 3
; CHECK-DAG: [[LATER]] = !DILocation(line: 9, column: 3
; CHECK-DAG: [[ZERO]] = !DILocation(line: 0
