; RUN: galeed-opt %s --passes=lend-calls --policy %S/missed.toml -S --verify-each | filecheck %s
; RUN: galeed-opt %s --passes=lend-calls --policy %S/missed.toml --disable-output --pass-remarks-missed=lend --pass-remarks-analysis=lend 2>&1 | filecheck %s --check-prefix=REMARK
; What no gate can pass on ends the process when the host comes to it: never a call without one.

%holder = type { ptr, i64 }

declare i32 @lib_print(ptr, ...)
declare i32 @lib_long(ptr, i64)
declare i32 @lib_number(ptr, double)
declare i32 @lib_wide(<8 x float>)
declare fastcc i32 @lib_fast(ptr)
declare void @lib_in_place(ptr inalloca(%holder))
declare void @lib_by_value(ptr byval(%holder) align 8)
declare void @lib_in_registers({ ptr, i64 })
declare void @lib_each(ptr, ptr)
declare i32 @written_here(ptr)

define internal fastcc void @odd(ptr %p) {
  ret void
}
define internal void @even(ptr %p) {
  ret void
}
define i32 @lib_own(ptr %p) {
  ret i32 0
}

define i32 @all(ptr %p, ptr %f, <8 x float> %v) !dbg !5 {
  %a = call i32 (ptr, ...) @lib_print(ptr %p, i32 1), !dbg !8
  %b = call i32 @lib_long(ptr %p, i64 1), !dbg !9
  %c = call i32 @lib_number(ptr %p, double 1.0), !dbg !9
  %d = call i32 @lib_wide(<8 x float> %v), !dbg !9
  %e = call fastcc i32 @lib_fast(ptr %p), !dbg !9
  %s = alloca inalloca %holder, align 8
  call void @lib_in_place(ptr inalloca(%holder) %s), !dbg !9
  call void @lib_by_value(ptr byval(%holder) align 8 %p), !dbg !9
  call void @lib_in_registers({ ptr, i64 } zeroinitializer), !dbg !9
  call void @lib_each(ptr %p, ptr @odd), !dbg !9
  call void @lib_each(ptr %p, ptr %f), !dbg !9
  call void @lib_each(ptr %p, ptr @even), !dbg !9
  %g = call i32 %f(ptr %p), !dbg !10
  %h = call i32 @lib_own(ptr %p), !dbg !10
  ret i32 %a, !dbg !10
}
; CHECK-LABEL: define i32 @all(
; CHECK:         %a = notail call i32 @galeed.host.lib_print(ptr %p, i32 1), !dbg
; CHECK:         %e = notail call fastcc i32 @galeed.host.lib_fast(ptr %p), !dbg
; A function with a body here is the host's own.
; CHECK:         %h = call i32 @lib_own(ptr %p)

; CHECK-LABEL: define internal i32 @galeed.host.lib_print(ptr %a0, i32 %a1)
; CHECK:       foreign:
; CHECK-NEXT:    %same = tail call i32 (ptr, ...) @lib_print(ptr %a0, i32 %a1)
; CHECK:       host:
; CHECK:         call void @galeed_unsupported(ptr @galeed.text.host.reason.lib_print)
; CHECK-NEXT:    unreachable

; REMARK: remark: host.c:7:3: all: lib_print cannot be called by the host, which ends there: it is variadic, and its row in calls does not say what the arguments behind the dots are [lend-calls]
; REMARK: remark: host.c:8:3: all: lib_long cannot be called by the host, which ends there: its row in calls has 1 arguments, the call 2
; REMARK: all: lib_number cannot be called by the host, which ends there: argument 1 is no number, as its row in calls says
; REMARK: all: lib_wide cannot be called by the host, which ends there: a vector of more than 16 bytes is passed
; REMARK: all: lib_fast cannot be called by the host, which ends there: its calling convention is fastcc
; REMARK: all: lib_in_place cannot be called by the host, which ends there: an argument is built in place
; REMARK: all: pointers inside a structure that lib_by_value gets by value stay addresses, which trap there
; REMARK: all: pointers inside a structure that lib_in_registers gets by value stay addresses, which trap there
; REMARK: all: odd cannot be called back by lib_each: no gate can pass its arguments
; REMARK: all: which function lib_each is given is known at run time only
; REMARK: remark: host.c:9:3: all: a call through a pointer is not gated

!llvm.dbg.cu = !{!0}
!llvm.module.flags = !{!3}
!0 = distinct !DICompileUnit(language: DW_LANG_C11, file: !1, emissionKind: FullDebug)
!1 = !DIFile(filename: "host.c", directory: "/x")
!3 = !{i32 2, !"Debug Info Version", i32 3}
!5 = distinct !DISubprogram(name: "all", scope: !1, file: !1, line: 6, type: !6, unit: !0, spFlags: DISPFlagDefinition)
!6 = !DISubroutineType(types: !7)
!7 = !{null}
!8 = !DILocation(line: 7, column: 3, scope: !5)
!9 = !DILocation(line: 8, column: 3, scope: !5)
!10 = !DILocation(line: 9, column: 3, scope: !5)
