; RUN: galeed-opt %s --passes='print<boundary>' --disable-output 2>&1 | filecheck %s
; RUN: galeed-opt %s --passes='print<boundary>' --disable-output --json 2>&1 | filecheck %s --check-prefix=JSON
; RUN: diff <(galeed-opt %s --passes='print<boundary>' -S 2>/dev/null) <(galeed-opt %s --passes='' -S)
; Which pointers can be pseudo, through which field: clang -O1 -g of this, names from debug information.
;   #include <stdlib.h>
;   typedef struct stream_s {
;     const unsigned char *next_in;
;     unsigned avail_in;
;     struct { int mode; unsigned char *window[2]; } *state;
;     void *(*zalloc)(void *, unsigned);
;   } stream;
;   static int own[10];
;   unsigned char *run(stream *s, int n) {
;     if (!s->state) s->state = s->zalloc(s, 64);
;     char *m = malloc(n);
;     m[0] = 1; m[n - 1] = 2;
;     own[n] = (int)(long)m;
;     s->state->window[1][n] = *s->next_in++;
;     return s->state->window[1];
;   }

; CHECK:      Printing analysis 'boundary' for function 'run' (stream.c:9), which the host may call by name:
; CHECK-NEXT:   pseudo   argument 0 's': 5 loads, passed to a call through a pointer, 2 stores (stream.c:10, 14, 15)
; CHECK-NEXT:   pseudo   argument 0 's' -> field 'next_in' of stream_s at offset 0: 1 load (stream.c:14)
; CHECK-NEXT:   pseudo   argument 0 's' -> field 'state' of stream_s at offset 16: 2 loads (stream.c:14, 15)
; CHECK-NEXT:   pseudo   argument 0 's' -> field 'state' of stream_s at offset 16 -> field 'window[1]' at offset 16: 1 store (stream.c:14)
; CHECK-NEXT:   callback argument 0 's' -> field 'zalloc' of stream_s at offset 24: called (stream.c:10)
; CHECK-NEXT:   result   argument 0 's' -> field 'state' of stream_s at offset 16 -> field 'window[1]' at offset 16: returned (stream.c:15)
; CHECK-NOT:  {{.}}

; JSON: {"input": "{{.*}}debug.ll", "functions": [{"function": "run", "file": "stream.c", "line": 9, "entry": "visible", "pseudo": [{"chain": [{"kind": "argument", "others": 0, "index": 0, "name": "s"}], "accesses": [{"what": "load", "bytes": 8, "file": "stream.c", "line": 10, "column": 11, "one-of-several": false},
; JSON-SAME: {"chain": [{"kind": "argument", "others": 0, "index": 0, "name": "s"}, {"kind": "field", "others": 0, "struct": "stream_s", "name": "next_in", "offset": 0}], "accesses": [{"what": "load", "bytes": 1,
; JSON-SAME: "callbacks-open": true, "callbacks": [{"chain": [{"kind": "argument", "others": 0, "index": 0, "name": "s"}, {"kind": "field", "others": 0, "struct": "stream_s", "name": "zalloc", "offset": 24}], "accesses": [{"what": "call",
; JSON-SAME: "raw": []}]}

; Function Attrs: nounwind uwtable
define dso_local ptr @run(ptr noundef %0, i32 noundef %1) local_unnamed_addr #0 !dbg !23 {
    #dbg_value(ptr %0, !52, !DIExpression(), !57)
    #dbg_value(i32 %1, !53, !DIExpression(), !57)
  %3 = getelementptr inbounds nuw i8, ptr %0, i64 16, !dbg !58
  %4 = load ptr, ptr %3, align 8, !dbg !58, !tbaa !60
  %5 = icmp eq ptr %4, null, !dbg !64
  br i1 %5, label %6, label %10, !dbg !65

6:                                                ; preds = %2
  %7 = getelementptr inbounds nuw i8, ptr %0, i64 24, !dbg !66
  %8 = load ptr, ptr %7, align 8, !dbg !67, !tbaa !68
  %9 = tail call ptr %8(ptr noundef %0, i32 noundef 64) #1, !dbg !69
  store ptr %9, ptr %3, align 8, !dbg !70, !tbaa !60
  br label %10, !dbg !71

10:                                               ; preds = %6, %2
  %11 = sext i32 %1 to i64, !dbg !72
    #dbg_value(ptr poison, !54, !DIExpression(), !57)
  %12 = load ptr, ptr %0, align 8, !dbg !73, !tbaa !74
  %13 = getelementptr inbounds nuw i8, ptr %12, i64 1, !dbg !75
  store ptr %13, ptr %0, align 8, !dbg !76, !tbaa !74
  %14 = load i8, ptr %12, align 1, !dbg !77, !tbaa !78
  %15 = load ptr, ptr %3, align 8, !dbg !79, !tbaa !60
  %16 = getelementptr inbounds nuw i8, ptr %15, i64 16, !dbg !80
  %17 = load ptr, ptr %16, align 8, !dbg !80, !tbaa !81
  %18 = getelementptr inbounds i8, ptr %17, i64 %11, !dbg !80
  store i8 %14, ptr %18, align 1, !dbg !82, !tbaa !78
  %19 = load ptr, ptr %3, align 8, !dbg !83, !tbaa !60
  %20 = getelementptr inbounds nuw i8, ptr %19, i64 16, !dbg !84
  %21 = load ptr, ptr %20, align 8, !dbg !85, !tbaa !81
  ret ptr %21, !dbg !86
}

attributes #0 = { nounwind uwtable }
attributes #1 = { nounwind }

!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!11, !12, !13, !14, !15, !16, !17}
!llvm.ident = !{!18}
!llvm.errno.tbaa = !{!19}

!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, producer: "clang version 22.1.8", isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, retainedTypes: !2, globals: !5, splitDebugInlining: false, nameTableKind: None)
!1 = !DIFile(filename: "stream.c", directory: "/src")
!2 = !{!3, !4}
!3 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
!4 = !DIBasicType(name: "long", size: 64, encoding: DW_ATE_signed)
!5 = !{!6}
!6 = !DIGlobalVariableExpression(var: !7, expr: !DIExpression())
!7 = distinct !DIGlobalVariable(name: "own", scope: !0, file: !1, line: 8, type: !8, isLocal: true, isDefinition: true)
!8 = !DICompositeType(tag: DW_TAG_array_type, baseType: !3, size: 320, elements: !9)
!9 = !{!10}
!10 = !DISubrange(count: 10)
!11 = !{i32 7, !"Dwarf Version", i32 5}
!12 = !{i32 2, !"Debug Info Version", i32 3}
!13 = !{i32 1, !"wchar_size", i32 4}
!14 = !{i32 8, !"PIC Level", i32 2}
!15 = !{i32 7, !"PIE Level", i32 2}
!16 = !{i32 7, !"uwtable", i32 2}
!17 = !{i32 7, !"debug-info-assignment-tracking", i1 true}
!18 = !{!"clang version 22.1.8"}
!19 = !{!20, !20, i64 0}
!20 = !{!"int", !21, i64 0}
!21 = !{!"omnipotent char", !22, i64 0}
!22 = !{!"Simple C/C++ TBAA"}
!23 = distinct !DISubprogram(name: "run", scope: !1, file: !1, line: 9, type: !24, scopeLine: 9, flags: DIFlagPrototyped | DIFlagAllCallsDescribed, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !0, retainedNodes: !51, keyInstructions: true)
!24 = !DISubroutineType(types: !25)
!25 = !{!26, !28, !3}
!26 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !27, size: 64)
!27 = !DIBasicType(name: "unsigned char", size: 8, encoding: DW_ATE_unsigned_char)
!28 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !29, size: 64)
!29 = !DIDerivedType(tag: DW_TAG_typedef, name: "stream", file: !1, line: 7, baseType: !30)
!30 = distinct !DICompositeType(tag: DW_TAG_structure_type, name: "stream_s", file: !1, line: 2, size: 256, elements: !31)
!31 = !{!32, !35, !37, !46}
!32 = !DIDerivedType(tag: DW_TAG_member, name: "next_in", scope: !30, file: !1, line: 3, baseType: !33, size: 64)
!33 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !34, size: 64)
!34 = !DIDerivedType(tag: DW_TAG_const_type, baseType: !27)
!35 = !DIDerivedType(tag: DW_TAG_member, name: "avail_in", scope: !30, file: !1, line: 4, baseType: !36, size: 32, offset: 64)
!36 = !DIBasicType(name: "unsigned int", size: 32, encoding: DW_ATE_unsigned)
!37 = !DIDerivedType(tag: DW_TAG_member, name: "state", scope: !30, file: !1, line: 5, baseType: !38, size: 64, offset: 128)
!38 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !39, size: 64)
!39 = distinct !DICompositeType(tag: DW_TAG_structure_type, scope: !30, file: !1, line: 5, size: 192, elements: !40)
!40 = !{!41, !42}
!41 = !DIDerivedType(tag: DW_TAG_member, name: "mode", scope: !39, file: !1, line: 5, baseType: !3, size: 32)
!42 = !DIDerivedType(tag: DW_TAG_member, name: "window", scope: !39, file: !1, line: 5, baseType: !43, size: 128, offset: 64)
!43 = !DICompositeType(tag: DW_TAG_array_type, baseType: !26, size: 128, elements: !44)
!44 = !{!45}
!45 = !DISubrange(count: 2)
!46 = !DIDerivedType(tag: DW_TAG_member, name: "zalloc", scope: !30, file: !1, line: 6, baseType: !47, size: 64, offset: 192)
!47 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !48, size: 64)
!48 = !DISubroutineType(types: !49)
!49 = !{!50, !50, !36}
!50 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: null, size: 64)
!51 = !{!52, !53, !54}
!52 = !DILocalVariable(name: "s", arg: 1, scope: !23, file: !1, line: 9, type: !28)
!53 = !DILocalVariable(name: "n", arg: 2, scope: !23, file: !1, line: 9, type: !3)
!54 = !DILocalVariable(name: "m", scope: !23, file: !1, line: 11, type: !55)
!55 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !56, size: 64)
!56 = !DIBasicType(name: "char", size: 8, encoding: DW_ATE_signed_char)
!57 = !DILocation(line: 0, scope: !23)
!58 = !DILocation(line: 10, column: 11, scope: !59)
!59 = distinct !DILexicalBlock(scope: !23, file: !1, line: 10, column: 7)
!60 = !{!61, !63, i64 16}
!61 = !{!"stream_s", !62, i64 0, !20, i64 8, !63, i64 16, !63, i64 24}
!62 = !{!"p1 omnipotent char", !63, i64 0}
!63 = !{!"any pointer", !21, i64 0}
!64 = !DILocation(line: 10, column: 8, scope: !59, atomGroup: 1, atomRank: 2)
!65 = !DILocation(line: 10, column: 7, scope: !59, atomGroup: 1, atomRank: 1)
!66 = !DILocation(line: 10, column: 32, scope: !59)
!67 = !DILocation(line: 10, column: 29, scope: !59)
!68 = !{!61, !63, i64 24}
!69 = !DILocation(line: 10, column: 29, scope: !59, atomGroup: 2, atomRank: 2)
!70 = !DILocation(line: 10, column: 27, scope: !59, atomGroup: 2, atomRank: 1)
!71 = !DILocation(line: 10, column: 18, scope: !59)
!72 = !DILocation(line: 11, column: 20, scope: !23)
!73 = !DILocation(line: 14, column: 39, scope: !23)
!74 = !{!61, !62, i64 0}
!75 = !DILocation(line: 14, column: 39, scope: !23, atomGroup: 8, atomRank: 2)
!76 = !DILocation(line: 14, column: 39, scope: !23, atomGroup: 8, atomRank: 1)
!77 = !DILocation(line: 14, column: 28, scope: !23, atomGroup: 7, atomRank: 2)
!78 = !{!21, !21, i64 0}
!79 = !DILocation(line: 14, column: 6, scope: !23)
!80 = !DILocation(line: 14, column: 3, scope: !23)
!81 = !{!62, !62, i64 0}
!82 = !DILocation(line: 14, column: 26, scope: !23, atomGroup: 7, atomRank: 1)
!83 = !DILocation(line: 15, column: 13, scope: !23)
!84 = !DILocation(line: 15, column: 10, scope: !23)
!85 = !DILocation(line: 15, column: 10, scope: !23, atomGroup: 10, atomRank: 2)
!86 = !DILocation(line: 15, column: 3, scope: !23, atomGroup: 10, atomRank: 1)
